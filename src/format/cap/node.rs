//! What CAP's elements are written in.

use std::borrow::Cow;

use crate::format::FormatError;
use crate::format::json::Field;
use crate::format::path::Path;
use crate::format::xml::Element;

/// An element of CAP with its place: one of XML, or a value of JSON by the same names, as many services write it. What
/// stands once may stand alone there, and what may stand more than once in a list.
#[derive(Clone, Copy)]
pub(in crate::format) struct Node<'p, 'd> {
    /// Where it is.
    pub(in crate::format) path: Path<'p>,
    written: Written<'p, 'd>,
}

#[derive(Clone, Copy)]
enum Written<'p, 'd> {
    Xml(Element<'p, 'd>),
    Json(Field<'p, 'd>),
}

impl<'p, 'd> From<Element<'p, 'd>> for Node<'p, 'd> {
    fn from(element: Element<'p, 'd>) -> Self {
        Self { path: element.path, written: Written::Xml(element) }
    }
}

impl<'p, 'd> From<Field<'p, 'd>> for Node<'p, 'd> {
    fn from(field: Field<'p, 'd>) -> Self {
        Self { path: field.path, written: Written::Json(field) }
    }
}

impl<'d> Node<'_, 'd> {
    /// Children of a name, in their order.
    pub(in crate::format) fn all(&self, name: &'static str) -> impl Iterator<Item = Node<'_, 'd>> {
        let (element, field) = match &self.written {
            Written::Xml(element) => (Some(element), None),
            Written::Json(field) => (None, Some(field)),
        };
        let elements = element.into_iter().flat_map(move |element| element.all(name)).map(Node::from);
        elements.chain(field.into_iter().flat_map(move |field| field.each(name)).map(Node::from))
    }

    /// The text of a child that may stand once, trimmed; `None` where it is absent or empty.
    pub(in crate::format) fn text(&self, name: &'static str) -> Result<Option<Cow<'d, str>>, FormatError> {
        match &self.written {
            Written::Xml(element) => element.text(name),
            Written::Json(field) => {
                let mut found = field.each(name);
                let Some(first) = found.next() else { return Ok(None) };
                if found.next().is_some() {
                    return Err(FormatError::Repeated { field: field.path.field(name).to_string() });
                }
                Ok(Some(Node::from(first).own_text()?).filter(|text| !text.is_empty()))
            }
        }
    }

    /// The text of a child that must stand once and must not be empty.
    pub(in crate::format) fn required(&self, name: &'static str) -> Result<Cow<'d, str>, FormatError> {
        match &self.written {
            Written::Xml(element) => element.required(name),
            Written::Json(field) => {
                self.text(name)?.ok_or_else(|| FormatError::Missing { field: field.path.field(name).to_string() })
            }
        }
    }

    /// The element's own text, trimmed.
    pub(in crate::format) fn own_text(&self) -> Result<Cow<'d, str>, FormatError> {
        match &self.written {
            Written::Xml(element) => element.own_text(),
            Written::Json(field) => field.own_text()?.ok_or_else(|| field.unknown()),
        }
    }

    /// All text inside, not trimmed and not bounded: for what is read piece by piece.
    pub(in crate::format) fn whole_text(&self) -> Cow<'d, str> {
        match &self.written {
            Written::Xml(element) => element.whole_text(),
            Written::Json(field) => field.whole_text(),
        }
    }
}
