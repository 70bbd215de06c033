//! Base64 (RFC 4648, section 4), strictly.

/// Decodes base64 with XML's white space anywhere in it, as XML Signature has it. Padding must be there and right, and
/// bits that no byte takes must be zero (section 3.5): else one signature could be written in several ways, and
/// implementations differ in what they accept.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    let signs: Vec<u8> = text.bytes().filter(|byte| !matches!(byte, b' ' | b'\t' | b'\n' | b'\r')).collect();
    if signs.is_empty() || !signs.len().is_multiple_of(4) {
        return None;
    }
    let padding = signs.iter().rev().take_while(|sign| **sign == b'=').count();
    let digits = &signs[..signs.len() - padding];
    if padding > 2 {
        return None;
    }
    let mut bytes = Vec::with_capacity(signs.len() / 4 * 3);
    let (mut held, mut bits) = (0_u32, 0);
    for sign in digits {
        held = held << 6 | digit(*sign)?;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push((held >> bits) as u8);
            held &= (1 << bits) - 1;
        }
    }
    (held == 0).then_some(bytes)
}

fn digit(sign: u8) -> Option<u32> {
    let value = match sign {
        b'A'..=b'Z' => sign - b'A',
        b'a'..=b'z' => sign - b'a' + 26,
        b'0'..=b'9' => sign - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    };
    Some(u32::from(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_the_rfc() {
        for (text, bytes) in [("Zg==", "f"), ("Zm8=", "fo"), ("Zm9v", "foo"), ("Zm9v\r\n YmFy\t", "foobar")] {
            assert_eq!(decode(text).as_deref(), Some(bytes.as_bytes()), "{text}");
        }
        assert_eq!(decode("+/+/"), Some(vec![0xfb, 0xff, 0xbf]));
    }

    #[test]
    fn nothing_can_be_written_in_two_ways() {
        for text in ["", "Zg", "Zg=", "Zh==", "Zm9=", "Z===", "====", "Zm=v", "Zm9v=", "Zm9v====", "Zm-_", "Zmé="] {
            assert_eq!(decode(text), None, "{text}");
        }
    }
}
