//! A list that has at least one element.

use std::ops::Deref;

/// A list that has at least one element, so that `first` needs no `Option`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct NonEmpty<T>(Vec<T>);

impl<T> NonEmpty<T> {
    /// A list of one.
    pub fn of(first: T) -> Self {
        Self(vec![first])
    }

    /// The list, or `None` if `items` is empty.
    pub fn new(items: Vec<T>) -> Option<Self> {
        (!items.is_empty()).then_some(Self(items))
    }

    /// The first element, which is always there.
    pub fn first(&self) -> &T {
        &self.0[0]
    }

    /// Adds an element at the end.
    pub fn push(&mut self, item: T) {
        self.0.push(item);
    }

    /// The elements as a plain list.
    pub fn into_vec(self) -> Vec<T> {
        self.0
    }
}

impl<T> Deref for NonEmpty<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<'a, T> IntoIterator for &'a NonEmpty<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}
