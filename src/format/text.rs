//! What a person reads, made plain.
//!
//! Some issuers write HTML into their texts, and escape entities twice. A phone shows neither as it was meant, so that
//! tags and entities that HTML knows are read here, and nothing else is: "wind < 50 km/h" stays what it is.

/// A text of one line: each run of blanks and line breaks is one blank.
pub(super) fn line(text: &str) -> String {
    let text = plain(text);
    let mut line = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    line
}

/// A text without markup and without control characters, but with its line breaks.
pub(super) fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(found) = rest.find(['<', '&']) {
        plain.extend(rest[..found].chars().filter(|found| shown(*found)));
        rest = &rest[found..];
        let read = if rest.starts_with('<') { tag(rest) } else { entity(rest) };
        let (instead, length) = read.unwrap_or_else(|| (rest.chars().next(), 1));
        plain.extend(instead.filter(|found| shown(*found)));
        rest = &rest[length..];
    }
    plain.extend(rest.chars().filter(|found| shown(*found)));
    plain.trim().to_owned()
}

/// A text that was made plain before, or never could have markup, without what cannot be shown.
pub(super) fn bare(text: &str) -> String {
    text.chars().filter(|found| shown(*found)).collect()
}

/// No controls but line breaks and tabs, and nothing that turns the direction of what follows: a text in a notice could
/// say the reverse of what was signed.
fn shown(character: char) -> bool {
    match character {
        '\n' | '\t' => true,
        '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' => false,
        other => !other.is_control(),
    }
}

/// Tags that end a line.
const BREAKING: [&str; 12] = ["br", "p", "div", "li", "ul", "ol", "tr", "h1", "h2", "h3", "h4", "h5"];

/// Tags that leave no trace.
const SILENT: [&str; 14] =
    ["a", "b", "i", "u", "em", "strong", "span", "font", "small", "sup", "sub", "td", "table", "tbody"];

/// What a tag at the beginning of a text stands for, and its length.
fn tag(text: &str) -> Option<(Option<char>, usize)> {
    let inside = text.strip_prefix('<')?;
    let length = inside.find(['<', '>']).filter(|&end| inside.as_bytes()[end] == b'>')?;
    let name = inside[..length].strip_prefix('/').unwrap_or(&inside[..length]);
    let name = &name[..name.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(name.len())];
    let known = |names: &[&str]| names.iter().any(|known| name.eq_ignore_ascii_case(known));
    let instead = match () {
        () if known(&BREAKING) => Some('\n'),
        () if known(&SILENT) => None,
        () => return None,
    };
    Some((instead, length + 2))
}

/// What an entity at the beginning of a text stands for, and its length.
fn entity(text: &str) -> Option<(Option<char>, usize)> {
    let length = text.bytes().take(10).position(|byte| byte == b';')?;
    let name = text.get(1..length)?;
    let character = match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => ' ',
        _ => {
            let digits = name.strip_prefix('#')?;
            let code = match digits.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16),
                None => digits.parse(),
            };
            char::from_u32(code.ok()?)?
        }
    };
    Some((Some(character), length + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn html_is_read_and_nothing_else_is() {
        let text =
            "Trails are passable.<br/>However, <b>caution</b>. &quot;Fire&quot;: <a href=\"tel:118\">118</a><BR>";
        assert_eq!(plain(text), "Trails are passable.\nHowever, caution. \"Fire\": 118");
        for text in ["wind < 50 km/h", "a <unknown> b", "R&D; x", "5 &lt 6", "&#xD800;", "<", "&", "a<b"] {
            assert_eq!(plain(text), text);
        }
        assert_eq!(plain("A&amp;lt;B"), "A&lt;B", "entities are read once");
    }

    #[test]
    fn what_cannot_be_seen_is_left_out() {
        assert_eq!(plain(" a\u{7}b\u{202E}c\u{2066}\r\nd\te&#7;&#8238; "), "abc\nd\te");
        assert_eq!(line("  Strong \n\t shaking<br/>expected "), "Strong shaking expected");
    }

    #[test]
    fn a_line_of_right_to_left_text_keeps_its_marks() {
        let text = "\u{200F}تحذير\u{200F}";
        assert_eq!(plain(text), text);
    }
}
