//! JSON from outside: bounded while it is parsed (RFC 8259).
//!
//! [`parse`] makes a tree of a text. A name that stands twice in an object is refused, since it cannot be known which
//! is meant. [`Field`] is a value with its path, through which the formats read: sources write numbers as texts and the
//! reverse.

mod field;
mod guard;

use serde::de::DeserializeSeed;
use serde_json::Value;

use super::{FormatError, Limits};

pub(super) use field::Field;

/// Whether bytes begin like JSON that can be a message: with an object or a list.
pub(super) fn looks_like_json(bytes: &[u8]) -> bool {
    let text = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes).trim_ascii_start();
    matches!(text.first(), Some(b'{' | b'[')) || text.starts_with(b"var ")
}

/// The value of a script that does nothing but assign it to a variable, `var name={...};`, as weather.cn writes it
/// (`weathercn-alarm-zhaosu-lightning-yellow.jsonp`); any other text as it is.
fn assigned(text: &str) -> &str {
    let value = || {
        let (name, value) = text.trim().strip_prefix("var ")?.split_once('=')?;
        let is_name = name.trim().bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        is_name.then(|| value.strip_suffix(';').unwrap_or(value))
    };
    value().unwrap_or(text)
}

/// Parses a text within limits.
pub(super) fn parse(text: &str, limits: &Limits) -> Result<Value, FormatError> {
    if text.trim_ascii().is_empty() {
        return Err(FormatError::Empty);
    }
    let mut guard = guard::Guard::new(limits);
    let mut deserializer = serde_json::Deserializer::from_str(assigned(text));
    let parsed = guard.at(0).deserialize(&mut deserializer);
    let parsed = parsed.and_then(|value| deserializer.end().map(|()| value));
    parsed.map_err(|error| guard.fault.take().unwrap_or_else(|| fault(&error)))
}

fn fault(error: &serde_json::Error) -> FormatError {
    let line = error.line();
    if error.is_eof() { FormatError::Truncated { line } } else { FormatError::NotJson { line, column: error.column() } }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Value, FormatError> {
        parse(text, &Limits::default())
    }

    #[test]
    fn what_is_json_reads_as_it_is() {
        let text = r#" {"a": [1, -2.5, 1e3, "x\u00e9", true, null, {}], "b": {"a": 18446744073709551615}} "#;
        assert_eq!(parsed(text), Ok(serde_json::from_str(text).expect("JSON")));
    }

    #[test]
    fn a_value_may_be_assigned_to_a_variable_and_nothing_else_is_run() {
        assert_eq!(parsed("var alarminfo={\"a\": 1};\n"), parsed("{\"a\": 1}"));
        assert_eq!(parsed(" var a = [2]"), parsed("[2]"));
        for text in ["var a={}; b()", "var a()={};", "var a={};;", "a={}", "var a"] {
            assert!(matches!(parsed(text), Err(FormatError::NotJson { .. })), "{text}");
        }
    }

    #[test]
    fn a_name_that_stands_twice_is_refused() {
        let twice = parsed(r#"{"a": {"b": 1, "c": 2, "b": 3}}"#);
        assert_eq!(twice, Err(FormatError::Repeated { field: "b".to_owned() }));
        let nameless = parse(r#"{"": 1, "": 2}"#, &Limits::default()).map(drop);
        assert_eq!(nameless, Err(FormatError::Repeated { field: "\"\"".to_owned() }));
    }

    #[test]
    fn depth_values_and_texts_are_bounded_while_they_are_read() {
        let limits = Limits::default();
        let nested = |depth| "[".repeat(depth) + &"]".repeat(depth);
        assert!(parsed(&nested(limits.depth)).is_ok());
        assert!(matches!(parsed(&nested(limits.depth + 1)), Err(FormatError::TooDeep { .. })));
        assert!(matches!(parsed(&"[".repeat(1_000_000)), Err(FormatError::TooDeep { .. })));
        let many = format!("[{}0]", "0,".repeat(limits.values));
        assert!(matches!(parsed(&many), Err(FormatError::TooMany { what: "values", .. })));
    }

    #[test]
    fn what_is_no_json_is_told_with_its_place() {
        assert_eq!(parsed("{\n\"a\": tru}"), Err(FormatError::NotJson { line: 2, column: 9 }));
        assert_eq!(parsed("{\n\"a\": [1,"), Err(FormatError::Truncated { line: 2 }));
        assert!(matches!(parsed("{} {}"), Err(FormatError::NotJson { .. })));
        for text in ["{\"a\": NaN}", "{\"a\": 01}", "{\"a\": 1e999}", "{'a': 1}", "{\"a\": 1,}"] {
            assert!(matches!(parsed(text), Err(FormatError::NotJson { .. })), "{text}");
        }
        assert_eq!(parsed(" \n"), Err(FormatError::Empty));
    }
}
