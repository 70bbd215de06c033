//! Bytes to text, by the encoding that they declare and no other.

use std::borrow::Cow;

use super::FormatError;
use super::error::excerpt;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Utf8,
    Utf16Le,
    Utf16Be,
    Ascii,
    Latin1,
    Windows1252,
}

/// The code points of Windows-1252 from 0x80 to 0x9F; zero where it has none.
const WINDOWS_1252: [u16; 32] = [
    0x20AC, 0, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160, 0x2039, 0x0152, 0, 0x017D, 0, 0,
    0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0, 0x017E, 0x0178,
];

/// Byte order marks, the longer ones first.
const MARKS: [(&[u8], Option<Encoding>); 5] = [
    (b"\xFF\xFE\0\0", None),
    (b"\0\0\xFE\xFF", None),
    (b"\xEF\xBB\xBF", Some(Encoding::Utf8)),
    (b"\xFF\xFE", Some(Encoding::Utf16Le)),
    (b"\xFE\xFF", Some(Encoding::Utf16Be)),
];

/// How far into a text its XML declaration is looked for, bytes.
const DECLARATION: usize = 256;

/// Whether bytes begin like XML in any encoding that is decoded here.
pub(super) fn looks_like_xml(bytes: &[u8]) -> bool {
    let mark = MARKS.iter().find(|(mark, _)| bytes.starts_with(mark));
    let after = &bytes[mark.map_or(0, |(mark, _)| mark.len())..];
    // In UTF-16 every other byte of what is expected here is zero.
    let first = after.iter().copied().find(|byte| !byte.is_ascii_whitespace() && *byte != 0);
    first == Some(b'<') || after.is_empty()
}

/// Decodes bytes. A byte order mark says how; else `charset`, what their carrier says; else the XML declaration; else
/// UTF-8. Those of them that are there must agree, since one that does not would make other words of the same bytes.
pub(super) fn decode<'x>(bytes: &'x [u8], charset: Option<&str>) -> Result<Cow<'x, str>, FormatError> {
    let (mark, begun) = match MARKS.iter().find(|(mark, _)| bytes.starts_with(mark)) {
        Some((_, None)) => return Err(FormatError::UnknownEncoding("UTF-32".to_owned())),
        Some((mark, encoding)) => (mark.len(), *encoding),
        None if bytes.starts_with(b"<\0") => (0, Some(Encoding::Utf16Le)),
        None if bytes.starts_with(b"\0<") => (0, Some(Encoding::Utf16Be)),
        None => (0, None),
    };
    let declared = declared(bytes.get(mark..).unwrap_or_default(), begun);
    let by_declaration = declared.as_deref().map(|name| Encoding::named(name, begun)).transpose()?;
    let by_carrier = charset.map(|name| Encoding::named(name, begun)).transpose()?;
    let encoding = begun.or(by_carrier).or(by_declaration).unwrap_or(Encoding::Utf8);
    for (name, other) in [(declared.as_deref(), by_declaration), (charset, by_carrier)] {
        if let (Some(name), Some(other)) = (name, other)
            && other != encoding
        {
            let found = encoding.name().to_owned();
            return Err(FormatError::EncodingConflict { declared: excerpt(name), found });
        }
    }
    // A text that declares UTF-16 in single bytes cannot be in it.
    if declared.is_some() && begun.is_none() && encoding.is_wide() {
        let found = "single bytes".to_owned();
        return Err(FormatError::EncodingConflict { declared: encoding.name().to_owned(), found });
    }
    encoding.decode(bytes, mark)
}

/// The encoding that an XML declaration names.
fn declared(bytes: &[u8], begun: Option<Encoding>) -> Option<String> {
    let wide = begun.is_some_and(Encoding::is_wide);
    let head: String = bytes
        .iter()
        .take(if wide { 2 * DECLARATION } else { DECLARATION })
        .filter(|byte| !wide || **byte != 0)
        .map(|byte| char::from(*byte))
        .collect();
    let declaration = head.strip_prefix("<?xml")?.split_once("?>")?.0;
    let after = declaration.split_once("encoding")?.1.trim_start().strip_prefix('=')?.trim_start();
    let quote = after.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
    Some(after[1..].split_once(quote)?.0.to_owned())
}

impl Encoding {
    /// The encoding of a name; UTF-16 without a byte order is in that in which the text has begun.
    fn named(name: &str, begun: Option<Self>) -> Result<Self, FormatError> {
        match name.trim().to_ascii_lowercase().as_str() {
            "utf-8" | "utf8" => Ok(Self::Utf8),
            "utf-16" => Ok(begun.filter(|begun| begun.is_wide()).unwrap_or(Self::Utf16Be)),
            "utf-16le" => Ok(Self::Utf16Le),
            "utf-16be" => Ok(Self::Utf16Be),
            "us-ascii" | "ascii" => Ok(Self::Ascii),
            "iso-8859-1" | "iso8859-1" | "iso_8859-1" | "latin1" => Ok(Self::Latin1),
            "windows-1252" | "cp1252" => Ok(Self::Windows1252),
            _ => Err(FormatError::UnknownEncoding(excerpt(name))),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Utf8 => "UTF-8",
            Self::Utf16Le => "UTF-16LE",
            Self::Utf16Be => "UTF-16BE",
            Self::Ascii => "US-ASCII",
            Self::Latin1 => "ISO-8859-1",
            Self::Windows1252 => "windows-1252",
        }
    }

    fn is_wide(self) -> bool {
        matches!(self, Self::Utf16Le | Self::Utf16Be)
    }

    /// Decodes what follows a mark of `mark` bytes.
    fn decode(self, bytes: &[u8], mark: usize) -> Result<Cow<'_, str>, FormatError> {
        let invalid = |offset| FormatError::InvalidEncoding { encoding: self.name(), offset: mark + offset };
        let bytes = &bytes[mark..];
        match self {
            Self::Utf8 => std::str::from_utf8(bytes).map(Cow::Borrowed).map_err(|error| invalid(error.valid_up_to())),
            Self::Ascii => match bytes.iter().position(|byte| !byte.is_ascii()) {
                Some(offset) => Err(invalid(offset)),
                None => Self::Utf8.decode(bytes, 0),
            },
            Self::Latin1 => Ok(bytes.iter().map(|byte| char::from(*byte)).collect()),
            Self::Windows1252 => {
                let character = |(offset, byte): (usize, &u8)| match byte {
                    0x80..=0x9F => char::from_u32(u32::from(WINDOWS_1252[usize::from(*byte) - 0x80]))
                        .filter(|found| *found != '\0')
                        .ok_or_else(|| invalid(offset)),
                    _ => Ok(char::from(*byte)),
                };
                bytes.iter().enumerate().map(character).collect::<Result<String, _>>().map(Cow::Owned)
            }
            Self::Utf16Le | Self::Utf16Be => {
                let unit = |pair: &[u8]| match self {
                    Self::Utf16Le => u16::from_le_bytes([pair[0], pair[1]]),
                    _ => u16::from_be_bytes([pair[0], pair[1]]),
                };
                let mut text = String::with_capacity(bytes.len());
                let mut offset = 0;
                for found in char::decode_utf16(bytes.chunks_exact(2).map(unit)) {
                    let found = found.map_err(|_| invalid(offset))?;
                    offset += 2 * found.len_utf16();
                    text.push(found);
                }
                if bytes.len() % 2 == 1 { Err(invalid(bytes.len() - 1)) } else { Ok(Cow::Owned(text)) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf16(text: &str, mark: bool, little: bool) -> Vec<u8> {
        let units = mark.then_some(0xFEFF).into_iter().chain(text.encode_utf16());
        units.flat_map(|unit: u16| if little { unit.to_le_bytes() } else { unit.to_be_bytes() }).collect()
    }

    #[test]
    fn bytes_are_decoded_as_they_declare() {
        let utf8 = "<?xml version='1.0' encoding='UTF-8'?><a>café €</a>";
        assert_eq!(decode(utf8.as_bytes(), None).expect("UTF-8"), utf8);
        assert_eq!(decode(format!("\u{FEFF}{utf8}").as_bytes(), Some("utf-8")).expect("a mark"), utf8);
        let latin1 = b"<?xml version=\"1.0\" encoding = \"ISO-8859-1\" ?><a>caf\xE9</a>";
        assert!(decode(latin1, None).expect("Latin-1").ends_with("<a>café</a>"));
        assert!(decode(b"<a>caf\xE9</a>", Some("iso-8859-1")).expect("by its carrier").ends_with("<a>café</a>"));
        assert!(decode(b"<?xml encoding='windows-1252'?>\x80", None).expect("euro").ends_with('€'));
        let text = "<?xml version='1.0' encoding='UTF-16'?><a>café 🌍</a>";
        for (mark, little) in [(true, true), (true, false), (false, true), (false, false)] {
            assert_eq!(decode(&utf16(text, mark, little), None).expect("UTF-16"), text);
        }
    }

    #[test]
    fn bytes_that_are_not_in_their_encoding_are_never_guessed_at() {
        let invalid = |bytes: &[u8], encoding, offset| {
            assert_eq!(decode(bytes, None), Err(FormatError::InvalidEncoding { encoding, offset }));
        };
        invalid(b"<a>caf\xE9</a>", "UTF-8", 6);
        invalid(b"\xEF\xBB\xBF<a>\xFF", "UTF-8", 6);
        invalid(b"<?xml encoding='us-ascii'?>\xE9", "US-ASCII", 27);
        invalid(b"<?xml encoding='windows-1252'?>\x81", "windows-1252", 31);
        invalid(b"\xFF\xFE<\0\0\xD8<\0", "UTF-16LE", 4);
        invalid(b"\xFE\xFF\0<\0", "UTF-16BE", 4);
    }

    #[test]
    fn encodings_that_contradict_each_other_or_are_not_known_are_refused() {
        let conflict = |bytes: &[u8], charset| {
            let error = decode(bytes, charset).expect_err("they do not agree");
            assert!(matches!(error, FormatError::EncodingConflict { .. }), "{error}");
        };
        conflict(b"<?xml encoding='UTF-16'?><a/>", None);
        conflict(b"<?xml encoding='ISO-8859-1'?><a/>", Some("utf-8"));
        conflict(b"\xEF\xBB\xBF<?xml encoding='ISO-8859-1'?><a/>", None);
        for (bytes, charset) in [
            (&b"<?xml encoding='UTF-7'?><a/>"[..], None),
            (b"<a/>", Some("GB2312")),
            (b"\xFF\xFE\0\0<\0\0\0", None),
            (b"\0\0\xFE\xFF\0\0\0<", None),
        ] {
            let error = decode(bytes, charset).expect_err("not decoded here");
            assert!(matches!(error, FormatError::UnknownEncoding(_)), "{error}");
        }
    }

    #[test]
    fn xml_is_known_by_its_first_character() {
        for bytes in [&b"<a/>"[..], b" \n<a/>", b"\xEF\xBB\xBF<a/>", b"\xFF\xFE<\0", b"\0<", b"\xEF\xBB\xBF"] {
            assert!(looks_like_xml(bytes), "{bytes:?}");
        }
        for bytes in [&b"{}"[..], b"\xFF\xFE{\0", b"PK\x03\x04", b"\0\0"] {
            assert!(!looks_like_xml(bytes), "{bytes:?}");
        }
    }
}
