//! An element of a message with its place in it.

use std::borrow::Cow;

use roxmltree::Node;

use crate::format::error::excerpt;
use crate::format::number::double;
use crate::format::path::Path;
use crate::format::{FormatError, Limits};

/// An element and its path. Children are found by name within one namespace, in whatever order they stand.
#[derive(Clone, Copy)]
pub(in crate::format) struct Element<'p, 'd> {
    /// Where it is.
    pub(in crate::format) path: Path<'p>,
    node: Node<'d, 'd>,
    namespace: &'d str,
    limits: &'d Limits,
}

impl<'p, 'd> Element<'p, 'd> {
    /// An element that lies in others of which nothing is read.
    pub(in crate::format) fn at(path: Path<'p>, node: Node<'d, 'd>, namespace: &'d str, limits: &'d Limits) -> Self {
        Self { path, node, namespace, limits }
    }
}

impl<'d> Element<'_, 'd> {
    /// The root of a message whose format has one namespace, which is empty where elements have none.
    pub(in crate::format) fn root(node: Node<'d, 'd>, namespace: &'d str, limits: &'d Limits) -> Self {
        Self { path: Path::ROOT, node, namespace, limits }
    }

    /// Children of a name, in their order.
    pub(in crate::format) fn all(&self, name: &'static str) -> impl Iterator<Item = Element<'_, 'd>> {
        let namespace = self.namespace;
        let named = move |child: &Node| {
            let tag = child.tag_name();
            child.is_element() && tag.name() == name && tag.namespace().unwrap_or_default() == namespace
        };
        let with_path = move |(index, node)| Element { path: self.path.item(name, index), node, ..*self };
        self.node.children().filter(named).enumerate().map(with_path)
    }

    /// A child that may stand once.
    pub(in crate::format) fn once(&self, name: &'static str) -> Result<Option<Element<'_, 'd>>, FormatError> {
        let mut found = self.all(name);
        let Some(first) = found.next() else { return Ok(None) };
        let path = self.path.field(name);
        if found.next().is_some() {
            return Err(FormatError::Repeated { field: path.to_string() });
        }
        Ok(Some(Element { path, ..first }))
    }

    /// A child that must stand once.
    pub(in crate::format) fn sole(&self, name: &'static str) -> Result<Element<'_, 'd>, FormatError> {
        self.once(name)?.ok_or_else(|| FormatError::Missing { field: self.path.field(name).to_string() })
    }

    /// An attribute, trimmed; `None` where it is absent or empty.
    pub(in crate::format) fn attribute(&self, name: &'static str) -> Result<Option<Cow<'d, str>>, FormatError> {
        let Some(attribute) = self.node.attribute_node(name) else { return Ok(None) };
        let text = bounded(&self.path.field(name), Cow::Owned(attribute.value().to_owned()), self.limits)?;
        Ok(Some(text).filter(|text| !text.is_empty()))
    }

    /// An attribute that must be there and must not be empty.
    pub(in crate::format) fn required_attribute(&self, name: &'static str) -> Result<Cow<'d, str>, FormatError> {
        self.attribute(name)?.ok_or_else(|| FormatError::Missing { field: self.path.field(name).to_string() })
    }

    /// The number of an attribute.
    pub(in crate::format) fn attribute_number(&self, name: &'static str) -> Result<Option<f64>, FormatError> {
        self.attribute(name)?.map(|text| number(&self.path.field(name), &text)).transpose()
    }

    /// The number of a child that may stand once; `None` where it is absent or empty.
    pub(in crate::format) fn number(&self, name: &'static str) -> Result<Option<f64>, FormatError> {
        self.text(name)?.map(|text| number(&self.path.field(name), &text)).transpose()
    }

    /// The same element, whose children are looked for in another namespace.
    pub(in crate::format) fn with_namespace(self, namespace: &'d str) -> Self {
        Self { namespace, ..self }
    }

    /// Whether it has an attribute of this value.
    pub(in crate::format) fn has_attribute(&self, name: &str, value: &str) -> bool {
        self.node.attribute(name) == Some(value)
    }

    /// The text of a child that may stand once, trimmed; `None` where it is absent or empty.
    pub(in crate::format) fn text(&self, name: &'static str) -> Result<Option<Cow<'d, str>>, FormatError> {
        Ok(self.text_or_empty(name)?.filter(|text| !text.is_empty()))
    }

    /// The text of a child that may stand once, trimmed; it may be there and empty.
    pub(in crate::format) fn text_or_empty(&self, name: &'static str) -> Result<Option<Cow<'d, str>>, FormatError> {
        let mut found = self.all(name);
        let Some(first) = found.next() else { return Ok(None) };
        if found.next().is_some() {
            return Err(FormatError::Repeated { field: self.path.field(name).to_string() });
        }
        bounded(&self.path.field(name), first.whole_text(), self.limits).map(Some)
    }

    /// The text of a child that must stand once and must not be empty.
    pub(in crate::format) fn required(&self, name: &'static str) -> Result<Cow<'d, str>, FormatError> {
        self.text(name)?.ok_or_else(|| FormatError::Missing { field: self.path.field(name).to_string() })
    }

    /// The element's own text, trimmed.
    pub(in crate::format) fn own_text(&self) -> Result<Cow<'d, str>, FormatError> {
        bounded(&self.path, self.whole_text(), self.limits)
    }

    /// All text inside, also that of elements inside: an issuer may put markup into a description. Not trimmed and not
    /// bounded: for what is read piece by piece.
    pub(in crate::format) fn whole_text(&self) -> Cow<'d, str> {
        let mut texts = self.node.descendants().filter(Node::is_text).filter_map(|text| text.text());
        let first = texts.next().map_or(Cow::Borrowed(""), Cow::Borrowed);
        texts.fold(first, |all, more| all + more)
    }
}

fn number(path: &Path, text: &str) -> Result<f64, FormatError> {
    double(text).ok_or_else(|| FormatError::NotANumber { field: path.to_string(), value: excerpt(text) })
}

fn bounded<'d>(path: &Path, text: Cow<'d, str>, limits: &Limits) -> Result<Cow<'d, str>, FormatError> {
    let text = match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
        Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
    };
    if text.len() > limits.text {
        return Err(FormatError::TooLong { field: path.to_string(), bytes: text.len(), most: limits.text });
    }
    Ok(text)
}
