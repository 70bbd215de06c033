//! Crockford's base 32 in lower case, five bits a character, the last one filled up with zeros. What is read is what
//! would be written: no two texts are the same bytes.

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

pub(crate) fn write(bytes: &[u8]) -> String {
    let mut text = String::with_capacity((bytes.len() * 8).div_ceil(5));
    let (mut held, mut bits) = (0_u32, 0);
    for &byte in bytes {
        held = held << 8 | u32::from(byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            text.push(char::from(ALPHABET[(held >> bits & 31) as usize]));
        }
        held &= (1 << bits) - 1;
    }
    if bits > 0 {
        text.push(char::from(ALPHABET[(held << (5 - bits) & 31) as usize]));
    }
    text
}

pub(crate) fn read<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != (N * 8).div_ceil(5) {
        return None;
    }
    let mut bytes = [0; N];
    let (mut held, mut bits, mut at) = (0_u32, 0, 0);
    for character in text.bytes() {
        let digit = ALPHABET.iter().position(|&known| known == character)?;
        held = held << 5 | digit as u32;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            *bytes.get_mut(at)? = (held >> bits) as u8;
            at += 1;
            held &= (1 << bits) - 1;
        }
    }
    (held == 0 && at == N).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn bytes_read_back_and_no_other_text_is_the_same(bytes: [u8; 32], id: [u8; 10], flip in 0_usize..52) {
            let text = write(&bytes);
            prop_assert_eq!(text.len(), 52);
            prop_assert_eq!(read(&text), Some(bytes));
            prop_assert_eq!(read(&write(&id)), Some(id));
            let mut other = text.into_bytes();
            other[flip] = if other[flip] == b'1' { b'0' } else { b'1' };
            prop_assert_ne!(read(&String::from_utf8(other).expect("ASCII")), Some(bytes));
        }
    }

    #[test]
    fn what_is_not_base_32_of_that_length_is_none() {
        assert_eq!(read::<10>("0000000000000000"), Some([0; 10]));
        for bad in
            ["", "000000000000000", "00000000000000000", "000000000000000u", "000000000000000A", "é00000000000000"]
        {
            assert_eq!(read::<10>(bad), None, "{bad}");
        }
        // The last character of 256 bits has four bits too many.
        assert_eq!(read::<32>(&("0".repeat(51) + "1")), None);
    }
}
