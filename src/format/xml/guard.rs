//! What a text of XML would cost to parse, found by running over its markup once, before anything is built.

use crate::format::{FormatError, Limits};

/// Checks a text's markup against the limits. It need not be well-formed: up to the first place where it is not, this
/// sees the same tags as the parser, and the parser stops there.
pub(super) fn check(text: &str, limits: &Limits) -> Result<(), FormatError> {
    // The parser sets room aside for as many nodes as there are `<` and as many attributes as there are `=`, wherever
    // these stand. Bounds with room for texts: markup has two `<` an element, and base64 ends with `=`.
    let count = |sign| text.bytes().filter(|&byte| byte == sign).count();
    if count(b'<') > 2 * limits.elements {
        return Err(too_many("signs of markup (<)", 2 * limits.elements));
    }
    if count(b'=') > 2 * limits.all_attributes {
        return Err(too_many("equals signs", 2 * limits.all_attributes));
    }
    Guard { text, at: 0, depth: 0, elements: 0, attributes: 0, limits }.run()
}

/// The local name of the first tag of a text, which need not be well-formed: of its root, if it is.
pub(in crate::format) fn root_name(text: &str) -> Option<&str> {
    let mut rest = text;
    loop {
        rest = &rest[rest.find('<')? + 1..];
        let passed = [("!--", "-->"), ("?", "?>")].into_iter().find(|(begin, _)| rest.starts_with(begin));
        let Some((_, end)) = passed else { break };
        rest = &rest[rest.find(end)?..];
    }
    let name = rest.split(|c: char| c.is_whitespace() || matches!(c, '>' | '/')).next()?;
    Some(name.rsplit(':').next().unwrap_or(name)).filter(|name| !name.is_empty())
}

struct Guard<'x> {
    text: &'x str,
    /// Bytes from the start; always at the beginning of a character.
    at: usize,
    depth: usize,
    elements: usize,
    attributes: usize,
    limits: &'x Limits,
}

impl Guard<'_> {
    fn run(mut self) -> Result<(), FormatError> {
        while let Some(found) = self.rest().find('<') {
            self.at += found;
            let rest = self.rest();
            if rest.starts_with("<!--") {
                self.pass(4, "-->")?;
            } else if rest.starts_with("<![CDATA[") {
                self.pass(9, "]]>")?;
            } else if rest.starts_with("<?") {
                self.pass(2, "?>")?;
            } else if rest.get(..9).is_some_and(|word| word.eq_ignore_ascii_case("<!doctype")) {
                return Err(FormatError::DocumentType { line: self.line() });
            } else if rest.starts_with("</") {
                self.pass(2, ">")?;
                self.depth = self.depth.saturating_sub(1);
            } else {
                self.start_tag()?;
            }
        }
        if self.depth > 0 {
            self.at = self.text.len();
            return Err(self.truncated());
        }
        Ok(())
    }

    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    /// Goes on behind the next `end`, which stands `skip` bytes or more from here.
    fn pass(&mut self, skip: usize, end: &str) -> Result<(), FormatError> {
        let found = self.rest()[skip..].find(end).ok_or_else(|| self.truncated())?;
        self.at += skip + found + end.len();
        Ok(())
    }

    fn start_tag(&mut self) -> Result<(), FormatError> {
        let limits = self.limits;
        let (mut quote, mut attributes, mut before, mut end) = (None, 0, b'<', None);
        for (offset, &byte) in self.rest().as_bytes().iter().enumerate().skip(1) {
            match quote {
                Some(open) if open == byte => quote = None,
                Some(_) => {}
                None => match byte {
                    b'"' | b'\'' => quote = Some(byte),
                    b'=' => attributes += 1,
                    b'>' => {
                        end = Some(offset + 1);
                        break;
                    }
                    _ => {}
                },
            }
            before = byte;
        }
        let end = end.ok_or_else(|| self.truncated())?;
        self.elements += 1;
        self.attributes += attributes;
        if self.elements > limits.elements {
            return Err(too_many("elements", limits.elements));
        }
        if attributes > limits.attributes {
            return Err(too_many("attributes of one element", limits.attributes));
        }
        if self.attributes > limits.all_attributes {
            return Err(too_many("attributes", limits.all_attributes));
        }
        if self.depth + 1 > limits.depth {
            return Err(FormatError::TooDeep { most: limits.depth, line: self.line() });
        }
        if before != b'/' {
            self.depth += 1;
        }
        self.at += end;
        Ok(())
    }

    fn line(&self) -> usize {
        super::lines(&self.text[..self.at])
    }

    fn truncated(&self) -> FormatError {
        FormatError::Truncated { line: self.line() }
    }
}

fn too_many(what: &'static str, most: usize) -> FormatError {
    FormatError::TooMany { field: "content".to_owned(), what, most }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard(text: &str) -> Result<(), FormatError> {
        check(text, &Limits::default())
    }

    #[test]
    fn markup_in_comments_sections_and_quotes_is_none() {
        let text = "<?xml version='1.0'?><!-- <!DOCTYPE a> <b> --><a b='<!DOCTYPE >' c=\"/>\"><![CDATA[<d><d>]]></a>";
        assert_eq!(guard(text), Ok(()));
    }

    #[test]
    fn the_root_is_found_behind_whatever_stands_before_it() {
        for text in ["<a/>", "<a>", "<a\nb='<c>'>", "\u{feff}<?xml version='1.0'?>\n<!-- <b> -->\n<c:a d='e'/>"] {
            assert_eq!(root_name(text), Some("a"), "{text}");
        }
        for text in ["", "a", "<", "<?a", "<!-- <a/>", "< a>", "</a>"] {
            assert_eq!(root_name(text), None, "{text}");
        }
        assert_ne!(root_name("<!DOCTYPE a><a/>"), Some("a"));
    }

    #[test]
    fn a_document_type_is_refused_wherever_it_stands() {
        for text in ["<!DOCTYPE a><a/>", "\n<!doctype a [<!ENTITY b 'c'>]><a>&b;</a>", "<a/>\n<!DOCTYPE b>"] {
            assert!(matches!(guard(text), Err(FormatError::DocumentType { .. })), "{text}");
        }
    }

    #[test]
    fn what_is_cut_off_is_named_with_its_line() {
        for text in ["<a>\n", "<a>\n<b", "<a>\n<b c='>", "<a>\n<!-- <b/>", "<a>\n<![CDATA[ ]]", "<a>\n<?b", "<a>\n</a"]
        {
            assert_eq!(guard(text), Err(FormatError::Truncated { line: 2 }), "{text}");
        }
    }

    #[test]
    fn depth_elements_and_attributes_are_bounded() {
        let limits = Limits::default();
        let nested = |depth| "<a>".repeat(depth) + &"</a>".repeat(depth);
        assert_eq!(guard(&nested(limits.depth)), Ok(()));
        assert!(matches!(guard(&nested(limits.depth + 1)), Err(FormatError::TooDeep { .. })));
        assert!(matches!(guard(&"<a>".repeat(100_000)), Err(FormatError::TooDeep { .. })));
        let many = |what: &str, text: String| match guard(&text) {
            Err(FormatError::TooMany { what: found, .. }) => assert_eq!(found, what),
            other => panic!("{what}: {other:?}"),
        };
        many("elements", format!("<a>{}</a>", "<b/>".repeat(limits.elements)));
        many("signs of markup (<)", "<".repeat(1 << 20));
        many("attributes of one element", format!("<a {}/>", "b='' ".repeat(limits.attributes + 1)));
        many("attributes", format!("<a>{}</a>", "<b c='' d=''/>".repeat(limits.all_attributes / 2 + 1)));
        many("equals signs", format!("<a>{}</a>", "=".repeat(1 << 20)));
    }
}
