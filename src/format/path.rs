//! Where in a message something stands.

use std::fmt;

/// The path of a field, from the message's root: `info[0].area[2].polygon[1]`. Positions count from 0 among elements
/// of the same name. It lives on the stack and becomes text only when something is to be told of the field.
#[derive(Debug, Clone, Copy)]
pub(super) struct Path<'p> {
    parent: Option<&'p Path<'p>>,
    name: &'static str,
    index: Option<usize>,
}

impl<'p> Path<'p> {
    /// The message itself, which is not written.
    pub(super) const ROOT: Path<'static> = Path { parent: None, name: "", index: None };

    /// A field that stands once.
    pub(super) fn field(&'p self, name: &'static str) -> Path<'p> {
        Path { parent: Some(self), name, index: None }
    }

    /// One of several fields of a name.
    pub(super) fn item(&'p self, name: &'static str, index: usize) -> Path<'p> {
        Path { parent: Some(self), name, index: Some(index) }
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(parent) = self.parent else { return Ok(()) };
        parent.fmt(f)?;
        if parent.parent.is_some() {
            f.write_str(".")?;
        }
        f.write_str(self.name)?;
        match self.index {
            Some(index) => write!(f, "[{index}]"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_written_from_the_root() {
        let root = Path::ROOT;
        let (info, sent) = (root.item("info", 0), root.field("sent"));
        let area = info.item("area", 2);
        assert_eq!(area.item("polygon", 1).to_string(), "info[0].area[2].polygon[1]");
        assert_eq!(sent.to_string(), "sent");
        assert_eq!(root.to_string(), "");
    }
}
