//! A value of a message with its place in it.

use std::borrow::Cow;

use serde_json::Value;

use crate::format::error::excerpt;
use crate::format::number::decimal;
use crate::format::path::Path;
use crate::format::{FormatError, Limits};

/// A value and its path. What is `null` is not there.
#[derive(Clone, Copy)]
pub(in crate::format) struct Field<'p, 'd> {
    /// Where it is.
    pub(in crate::format) path: Path<'p>,
    value: &'d Value,
    limits: &'d Limits,
}

impl<'d> Field<'_, 'd> {
    /// The whole message.
    pub(in crate::format) fn root(value: &'d Value, limits: &'d Limits) -> Self {
        Self { path: Path::ROOT, value, limits }
    }

    /// What it is, for whoever has to look at it before it is read.
    pub(in crate::format) fn value(&self) -> &'d Value {
        self.value
    }

    /// A member of an object.
    pub(in crate::format) fn member(&self, name: &'static str) -> Option<Field<'_, 'd>> {
        let value = self.value.get(name).filter(|value| !value.is_null())?;
        Some(Field { path: self.path.field(name), value, ..*self })
    }

    /// A member that must be there.
    pub(in crate::format) fn required(&self, name: &'static str) -> Result<Field<'_, 'd>, FormatError> {
        self.member(name).ok_or_else(|| FormatError::Missing { field: self.path.field(name).to_string() })
    }

    /// A member whose name ends with a number: `No1`, told of as `No[1]`.
    pub(in crate::format) fn numbered(&self, name: &'static str, number: usize) -> Option<Field<'_, 'd>> {
        let value = self.value.get(format!("{name}{number}")).filter(|value| !value.is_null())?;
        Some(Field { path: self.path.item(name, number), value, ..*self })
    }

    /// The items of a list under a name; none if it is not there or no list.
    pub(in crate::format) fn items(&self, name: &'static str) -> impl Iterator<Item = Field<'_, 'd>> {
        let list = self.value.get(name).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        list.iter().enumerate().map(move |(index, value)| Field { path: self.path.item(name, index), value, ..*self })
    }

    /// The items of a list under a name, or what else stands there by itself.
    pub(in crate::format) fn each(&self, name: &'static str) -> impl Iterator<Item = Field<'_, 'd>> {
        let alone = self.member(name).filter(|member| !member.value.is_array());
        alone.into_iter().chain(self.items(name))
    }

    /// The items of this list, which is named `name` where one of them is told of.
    pub(in crate::format) fn own_items(&self, name: &'static str) -> impl Iterator<Item = Field<'_, 'd>> {
        let list = self.value.as_array().map_or(&[][..], Vec::as_slice);
        list.iter().enumerate().map(move |(index, value)| Field { path: self.path.item(name, index), value, ..*self })
    }

    /// The items of this list, or what else this is by itself.
    pub(in crate::format) fn own_each(&self, name: &'static str) -> impl Iterator<Item = Field<'_, 'd>> {
        let alone = (!self.value.is_array()).then_some(*self);
        alone.into_iter().chain(self.own_items(name))
    }

    /// Every member with its name, in the order of the names. What is wrong with one is told of the object.
    pub(in crate::format) fn members(&self) -> impl Iterator<Item = (&'d str, Field<'_, 'd>)> {
        let members = self.value.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null());
        members.map(|(name, value)| (name.as_str(), Field { value, ..*self }))
    }

    /// The text of a member, trimmed: a text, or a number or truth value as it is written. `None` where it is absent
    /// or empty.
    pub(in crate::format) fn text(&self, name: &'static str) -> Result<Option<Cow<'d, str>>, FormatError> {
        self.member(name).map_or(Ok(None), |member| member.own_text()).map(|text| text.filter(|text| !text.is_empty()))
    }

    /// The text of a member that must be there and must not be empty.
    pub(in crate::format) fn required_text(&self, name: &'static str) -> Result<Cow<'d, str>, FormatError> {
        self.text(name)?.ok_or_else(|| FormatError::Missing { field: self.path.field(name).to_string() })
    }

    /// The value's own text, trimmed; `None` if it is a list or an object.
    pub(in crate::format) fn own_text(&self) -> Result<Option<Cow<'d, str>>, FormatError> {
        let text = match self.value {
            Value::String(text) => Cow::Borrowed(text.trim()),
            Value::Number(_) | Value::Bool(_) => Cow::Owned(self.value.to_string()),
            _ => return Ok(None),
        };
        if text.len() > self.limits.text {
            let (bytes, most) = (text.len(), self.limits.text);
            return Err(FormatError::TooLong { field: self.path.to_string(), bytes, most });
        }
        Ok(Some(text))
    }

    /// All of the value's text, not trimmed and not bounded: for what is read piece by piece. What is no text is as it
    /// is written.
    pub(in crate::format) fn whole_text(&self) -> Cow<'d, str> {
        match self.value {
            Value::String(text) => Cow::Borrowed(text),
            Value::Null => Cow::Borrowed(""),
            other => Cow::Owned(other.to_string()),
        }
    }

    /// What is said of a value that is none of those that it may be.
    pub(in crate::format) fn unknown(&self) -> FormatError {
        FormatError::UnknownValue { field: self.path.to_string(), value: excerpt(&self.value.to_string()) }
    }

    /// The number of a member: a number, or a text that is one. `None` where it is absent or an empty text.
    pub(in crate::format) fn number(&self, name: &'static str) -> Result<Option<f64>, FormatError> {
        self.member(name).map_or(Ok(None), |member| member.own_number())
    }

    /// Whether it is there and says nothing.
    pub(in crate::format) fn is_null(&self) -> bool {
        self.value.is_null()
    }

    /// The value's own number.
    pub(in crate::format) fn own_number(&self) -> Result<Option<f64>, FormatError> {
        let number = match self.value {
            Value::Number(number) => number.as_f64(),
            Value::String(text) if text.trim().is_empty() => return Ok(None),
            Value::String(text) => decimal(text.trim()),
            _ => None,
        };
        number.map(Some).ok_or_else(|| FormatError::NotANumber {
            field: self.path.to_string(),
            value: excerpt(&self.value.to_string()),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_may_be_texts_and_texts_numbers() {
        let value = json!({"a": "12.5", "b": 12.5, "c": " -3 ", "d": "", "e": null, "f": "1e9", "g": "NaN", "h": []});
        let limits = Limits::default();
        let root = Field::root(&value, &limits);
        let number = |name| root.number(name);
        assert_eq!((number("a"), number("b"), number("c")), (Ok(Some(12.5)), Ok(Some(12.5)), Ok(Some(-3.0))));
        assert_eq!((number("d"), number("e"), number("z")), (Ok(None), Ok(None), Ok(None)));
        for (name, value) in [("f", "\"1e9\""), ("g", "\"NaN\""), ("h", "[]")] {
            let expected = FormatError::NotANumber { field: name.to_owned(), value: value.to_owned() };
            assert_eq!(number(name), Err(expected));
        }
        assert_eq!(root.text("b"), Ok(Some("12.5".into())));
        assert_eq!(root.required_text("d"), Err(FormatError::Missing { field: "d".to_owned() }));
    }
}
