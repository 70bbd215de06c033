//! What a signature covers: the alert's text without its signatures, its canonical form, and whether that reads the
//! same as the alert.

use std::borrow::Cow;
use std::ops::Range;

use bergshamra_c14n::{C14nMode, canonicalize};
use roxmltree::{Attribute, Document, Node, ParsingOptions};

use super::algorithm::NAMESPACE;

/// A text without parts of it, which are in their order and apart.
pub(super) fn without(text: &str, parts: &[Range<usize>]) -> String {
    let mut rest = String::with_capacity(text.len());
    let mut at = 0;
    for part in parts {
        rest.push_str(&text[at..part.start]);
        at = part.end;
    }
    rest.push_str(&text[at..]);
    rest
}

/// The canonical form of a document without signatures. What its digest is taken of in bytes is UTF-8.
pub(super) fn canonical(document: &str, (mode, prefixes): &(C14nMode, Vec<String>)) -> Option<String> {
    String::from_utf8(canonicalize(document, *mode, None, prefixes).ok()?).ok()
}

/// Whether a canonical form says the same as the alert that is read: the same elements of the same namespaces in the
/// same order, with the same attributes and texts. Comments, instructions and signatures are passed over, as the reader
/// of alerts does. The library that canonicalises has a parser of its own: this proves of each message that it saw what
/// the reader of alerts sees.
pub(super) fn reads_same(alert: Node, canonical: &str) -> bool {
    let options = ParsingOptions { allow_dtd: false, nodes_limit: u32::MAX, ..ParsingOptions::default() };
    Document::parse_with_options(canonical, options).is_ok_and(|signed| same(alert, signed.root_element()))
}

/// Whether two elements say the same.
pub(super) fn same(one: Node, other: Node) -> bool {
    one.tag_name() == other.tag_name()
        && attributes(one) == attributes(other)
        && pieces(one).len() == pieces(other).len()
        && pieces(one).into_iter().zip(pieces(other)).all(|pair| match pair {
            (Piece::Text(one), Piece::Text(other)) => one == other,
            (Piece::Element(one), Piece::Element(other)) => same(one, other),
            _ => false,
        })
}

fn attributes<'d>(element: Node<'d, 'd>) -> Vec<(Option<&'d str>, &'d str, &'d str)> {
    let triple = |attribute: Attribute<'d, 'd>| (attribute.namespace(), attribute.name(), attribute.value());
    let mut attributes: Vec<_> = element.attributes().map(triple).collect();
    attributes.sort_unstable();
    attributes
}

enum Piece<'d> {
    Text(Cow<'d, str>),
    Element(Node<'d, 'd>),
}

/// What an element holds, texts beside one another in one.
fn pieces<'d>(element: Node<'d, 'd>) -> Vec<Piece<'d>> {
    let mut pieces: Vec<Piece> = Vec::new();
    for child in element.children() {
        if let Some(text) = child.text().filter(|_| child.is_text()) {
            match pieces.last_mut() {
                Some(Piece::Text(before)) => before.to_mut().push_str(text),
                _ => pieces.push(Piece::Text(Cow::Borrowed(text))),
            }
        } else if child.is_element() && !child.has_tag_name((NAMESPACE, "Signature")) {
            pieces.push(Piece::Element(child));
        }
    }
    pieces
}
