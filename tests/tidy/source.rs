//! One source file, read just far enough: which bytes are code, which lines are tests, where functions and inline
//! modules begin and end. No parser: comments and literals are blanked, and then brackets are counted.

use std::ops::Range;

/// A file below `src/`.
pub(crate) struct Source {
    /// Path from `src/`, with `/`.
    pub path: String,
    /// As written.
    pub text: String,
    /// The same bytes, with comments made blank and literals made of quotes.
    pub code: String,
    /// Bytes of items under `#[cfg(test)]`; the whole file if it is a test file.
    pub tests: Vec<Range<usize>>,
}

impl Source {
    pub(crate) fn new(path: &str, text: &str) -> Self {
        let code = blank(text);
        let is_test_file = path.ends_with("/tests.rs") || path.contains("/tests/");
        let tests = if is_test_file { std::iter::once(0..text.len()).collect() } else { test_items(&code) };
        Self { path: path.to_owned(), text: text.to_owned(), code, tests }
    }

    /// The names of the modules from the crate's root to this file; none for `lib.rs` and `main.rs`.
    pub(crate) fn module(&self) -> Vec<&str> {
        let stem = self.path.trim_end_matches(".rs");
        let stem = stem.strip_suffix("/mod").unwrap_or(stem);
        if matches!(stem, "lib" | "main") { Vec::new() } else { stem.split('/').collect() }
    }

    /// The line of a byte, from 1.
    pub(crate) fn line_of(&self, offset: usize) -> usize {
        1 + self.text[..offset].bytes().filter(|byte| *byte == b'\n').count()
    }

    /// Whether the byte is in a test.
    pub(crate) fn is_test(&self, offset: usize) -> bool {
        self.tests.iter().any(|range| range.contains(&offset))
    }

    /// How many lines of `range` hold code: neither blank nor all comment, nor in a test.
    pub(crate) fn code_lines(&self, range: Range<usize>) -> usize {
        let mut offset = range.start;
        let mut count = 0;
        for line in self.code[range].split_inclusive('\n') {
            count += usize::from(!line.trim().is_empty() && !self.is_test(offset));
            offset += line.len();
        }
        count
    }

    /// Where `word` stands in the code, at the start of a path or name, outside tests.
    pub(crate) fn find(&self, word: &str) -> Vec<usize> {
        let starts_name = word.starts_with(|first: char| is_name(first as u8));
        self.code
            .match_indices(word)
            .map(|(at, _)| at)
            .filter(|at| !starts_name || *at == 0 || !is_name(self.code.as_bytes()[at - 1]))
            .filter(|at| !self.is_test(*at))
            .collect()
    }

    /// Name and bytes of each function outside tests, from `fn` to its closing bracket.
    pub(crate) fn functions(&self) -> Vec<(&str, Range<usize>)> {
        let with_name = |at: usize| Some((name_at(&self.code, at + 3)?, at..body(&self.code, at)?.end));
        self.find("fn ").into_iter().filter_map(with_name).collect()
    }

    /// Bytes of each module that is written in place, outside tests.
    pub(crate) fn inline_modules(&self) -> Vec<Range<usize>> {
        self.find("mod ").into_iter().filter_map(|at| body(&self.code, at)).collect()
    }

    /// Modules that are declared here and live in another file: name, and whether only tests have them.
    pub(crate) fn declared_modules(&self) -> Vec<(&str, bool)> {
        let declared = |(at, word): (usize, &str)| {
            let name = name_at(&self.code, at + word.len())?;
            let follows = self.code[at + word.len() + name.len()..].trim_start();
            let at_start = at == 0 || !is_name(self.code.as_bytes()[at - 1]);
            (at_start && follows.starts_with(';')).then(|| (name, self.is_test(at)))
        };
        self.code.match_indices("mod ").filter_map(declared).collect()
    }
}

pub(crate) fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// The name that begins at `at`.
pub(crate) fn name_at(code: &str, at: usize) -> Option<&str> {
    let rest = code.get(at..)?;
    let end = rest.bytes().position(|byte| !is_name(byte)).unwrap_or(rest.len());
    (end > 0).then(|| &rest[..end])
}

/// The bytes from `{` to its `}` of the item at `at`, or `None` if a semicolon ends it first.
fn body(code: &str, at: usize) -> Option<Range<usize>> {
    let mut depth = 0_i32;
    for (index, byte) in code.bytes().enumerate().skip(at) {
        match byte {
            b'(' | b'[' => depth += 1,
            b')' | b']' => depth -= 1,
            b';' if depth == 0 => return None,
            b'{' if depth == 0 => return Some(index..closing(code, index)),
            _ => {}
        }
    }
    None
}

/// One past the bracket that closes the one at `open`.
pub(crate) fn closing(code: &str, open: usize) -> usize {
    let mut depth = 0_i32;
    for (index, byte) in code.bytes().enumerate().skip(open) {
        match byte {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return index + 1;
        }
    }
    code.len()
}

fn test_items(code: &str) -> Vec<Range<usize>> {
    let item = |(at, _)| {
        let mut depth = 0_i32;
        for (index, byte) in code.bytes().enumerate().skip(at) {
            match byte {
                b'(' | b'[' => depth += 1,
                b')' | b']' => depth -= 1,
                b';' if depth == 0 => return at..index + 1,
                b'{' if depth == 0 => return at..closing(code, index),
                _ => {}
            }
        }
        at..code.len()
    };
    code.match_indices("#[cfg(test)]").map(item).collect()
}

/// The source with comments as blanks and literals as quotes; every newline stays, so that lines keep their numbers.
fn blank(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let rest = &text[at..];
        let in_name = at > 0 && is_name(bytes[at - 1]);
        let (length, filler) = if rest.starts_with("//") {
            (rest.find('\n').unwrap_or(rest.len()), b' ')
        } else if rest.starts_with("/*") {
            (block_comment(rest), b' ')
        } else if let Some(length) = raw_string(rest).filter(|_| !in_name) {
            (length, b'"')
        } else if rest.starts_with('"') {
            (string(rest), b'"')
        } else if let Some(length) = character(rest) {
            (length, b'"')
        } else {
            out.push(bytes[at]);
            at += 1;
            // The other bytes of a character that is longer than one.
            while at < bytes.len() && !text.is_char_boundary(at) {
                out.push(bytes[at]);
                at += 1;
            }
            continue;
        };
        out.extend(bytes[at..at + length].iter().map(|byte| if *byte == b'\n' { b'\n' } else { filler }));
        at += length;
    }
    String::from_utf8(out).expect("whole characters were kept or replaced")
}

fn block_comment(rest: &str) -> usize {
    let (mut at, mut depth) = (0, 0);
    while at < rest.len() {
        if rest.as_bytes()[at..].starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if rest.as_bytes()[at..].starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    rest.len()
}

fn raw_string(rest: &str) -> Option<usize> {
    let after = ["br", "cr", "r"].iter().find_map(|prefix| rest.strip_prefix(prefix))?;
    let hashes = after.bytes().take_while(|byte| *byte == b'#').count();
    let inside = after[hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let length = inside.find(&end).map_or(inside.len(), |at| at + end.len());
    Some(rest.len() - inside.len() + length)
}

fn string(rest: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in rest.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// The length of a character literal; `None` for a lifetime.
fn character(rest: &str) -> Option<usize> {
    let inside = rest.strip_prefix('\'')?;
    let first = inside.chars().next()?;
    let skip = if first == '\\' { 2 } else { first.len_utf8() };
    let end = inside.get(skip..)?.find('\'')?;
    (first == '\\' || end == 0).then_some(1 + skip + end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_are_not_code() {
        let text = "let a = \"tokio::\"; // tokio::\n\
                    /* x /* y */ tokio:: */ let b = r#\"\"tokio::\"#; let c = '\"'; f::<'a>();";
        let code = blank(text);
        assert!(!code.contains("tokio"), "{code}");
        assert_eq!(code.len(), text.len());
        assert!(code.contains("f::<'a>();"), "{code}");
    }

    #[test]
    fn functions_end_at_their_bracket() {
        let source = Source::new("a.rs", "fn one([a, b]: [u8; 2]) {\n    if a { b }\n}\ntrait T { fn two(); }\n");
        let functions = source.functions();
        assert_eq!(functions.len(), 1);
        assert_eq!(&source.text[functions[0].1.clone()], "fn one([a, b]: [u8; 2]) {\n    if a { b }\n}");
    }

    #[test]
    fn test_items_are_marked_and_their_lines_not_counted() {
        let source =
            Source::new("a.rs", "fn a() {}\n\n// Why.\n#[cfg(test)]\nmod tests {\n    fn b() {}\n}\nfn c() {}\n");
        assert_eq!(source.code_lines(0..source.text.len()), 2);
        assert_eq!(source.functions().len(), 2);
    }
}
