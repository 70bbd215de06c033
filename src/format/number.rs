//! Numbers that stand in a text.

/// The most characters of a number. A double needs 17 digits; what is longer is no number of a source's.
const LONGEST: usize = 24;

/// A decimal of a few characters, finite and without the words that programs have for numbers that are none.
pub(super) fn decimal(text: &str) -> Option<f64> {
    of(text, |byte| matches!(byte, b'0'..=b'9' | b'.' | b'-' | b'+'))
}

/// A finite number as XML Schema's `double` has it (part 2, 3.2.5): a decimal that may have an exponent.
pub(super) fn double(text: &str) -> Option<f64> {
    of(text, |byte| matches!(byte, b'0'..=b'9' | b'.' | b'-' | b'+' | b'e' | b'E'))
}

fn of(text: &str, may_stand: impl Fn(u8) -> bool) -> Option<f64> {
    let is_number = text.len() <= LONGEST && text.bytes().all(may_stand);
    is_number.then(|| text.parse().ok())?.filter(|number: &f64| number.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_finite_numbers_of_few_digits_are_read() {
        assert_eq!((decimal("-12.5"), decimal("1e2"), double("1e2")), (Some(-12.5), None, Some(100.0)));
        for text in ["", "NaN", "inf", "1e400", "0x1", "1,5", "１", "1 2", "1234567890123456789012345"] {
            assert_eq!(double(text), None, "{text}");
        }
    }
}
