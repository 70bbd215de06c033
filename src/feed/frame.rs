//! Where one XML document ends and the next begins, on a stream that says it nowhere else: behind the end tag of
//! `alert`. What stands in a section of character data, a comment or an instruction is no tag (XML 1.0, sections 2.5 to
//! 2.7), and `<` stands in no other text.

/// How far into the bytes behind `<` it is looked what they begin: the longest is `![CDATA[`.
const OPENING: usize = 8;

/// The longest end tag that is known as one, bytes: a prefix of a namespace may be of any length.
const LONGEST_TAG: usize = 256;

/// Cuts a stream of bytes into documents, however they come.
#[derive(Debug)]
pub struct Splitter {
    held: Vec<u8>,
    /// How much of what is held has been looked at.
    seen: usize,
    inside: Inside,
    most: usize,
}

/// A document that is longer than it may be: where the next begins cannot be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a document has more than {0} bytes")]
pub struct TooLong(pub usize);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Inside {
    Text,
    CharacterData,
    Comment,
    Instruction,
}

/// How far one look came.
enum Step {
    /// More has to come.
    Wait,
    /// There may be more to see.
    On,
    /// The document ends here.
    End(usize),
}

impl Inside {
    /// What ends it.
    const fn end(self) -> &'static [u8] {
        match self {
            Self::Text => b"<",
            Self::CharacterData => b"]]>",
            Self::Comment => b"-->",
            Self::Instruction => b"?>",
        }
    }
}

impl Splitter {
    /// For documents of at most so many bytes.
    pub fn new(most: usize) -> Self {
        Self { held: Vec::new(), seen: 0, inside: Inside::Text, most }
    }

    /// Takes what came.
    pub fn push(&mut self, bytes: &[u8]) {
        self.held.extend_from_slice(bytes);
    }

    /// The next whole document; `None` if it is not there yet.
    pub fn cut(&mut self) -> Result<Option<Vec<u8>>, TooLong> {
        loop {
            let end = match self.step() {
                Step::Wait => break,
                Step::On => continue,
                Step::End(end) => end,
            };
            let rest = self.held.split_off(end);
            let mut document = std::mem::replace(&mut self.held, rest);
            (self.seen, self.inside) = (0, Inside::Text);
            let blank = document.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
            document.drain(..blank);
            return if document.len() > self.most { Err(TooLong(self.most)) } else { Ok(Some(document)) };
        }
        // What is blank between documents is of none.
        if self.held.iter().all(u8::is_ascii_whitespace) {
            self.held.clear();
            self.seen = 0;
        }
        if self.held.len() > self.most { Err(TooLong(self.most)) } else { Ok(None) }
    }

    /// Looks on, past one mark.
    fn step(&mut self) -> Step {
        let end = self.inside.end();
        let rest = &self.held[self.seen..];
        let Some(at) = rest.windows(end.len()).position(|window| window == end) else {
            // The mark may have begun.
            self.seen = self.held.len().saturating_sub(end.len() - 1).max(self.seen);
            return Step::Wait;
        };
        if self.inside != Inside::Text {
            (self.seen, self.inside) = (self.seen + at + end.len(), Inside::Text);
            return Step::On;
        }
        let begin = self.seen + at;
        let tag = &self.held[begin + 1..];
        self.seen = begin;
        let opened = [
            (&b"![CDATA["[..], Inside::CharacterData),
            (&b"!--"[..], Inside::Comment),
            (&b"?"[..], Inside::Instruction),
        ];
        for (mark, inside) in opened {
            if tag.starts_with(mark) {
                (self.seen, self.inside) = (begin + 1 + mark.len(), inside);
                return Step::On;
            }
            if tag.len() < OPENING && mark.starts_with(tag) {
                return Step::Wait;
            }
        }
        if tag.first() != Some(&b'/') {
            self.seen = begin + 1;
            return Step::On;
        }
        match tag.iter().take(LONGEST_TAG).position(|&byte| byte == b'>') {
            Some(close) => {
                self.seen = begin + 1;
                if is_alert(&tag[1..close]) { Step::End(begin + close + 2) } else { Step::On }
            }
            None if tag.len() < LONGEST_TAG => Step::Wait,
            None => {
                self.seen = begin + 1;
                Step::On
            }
        }
    }
}

/// Whether an end tag is of an `alert`, of whatever namespace.
fn is_alert(name: &[u8]) -> bool {
    let name = name.trim_ascii_end();
    name.rsplit(|&byte| byte == b':').next() == Some(b"alert")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What comes of bytes that come in these pieces.
    fn split<'b>(pieces: impl IntoIterator<Item = &'b [u8]>, most: usize) -> Result<Vec<String>, TooLong> {
        let mut splitter = Splitter::new(most);
        let mut found = Vec::new();
        for piece in pieces {
            splitter.push(piece);
            while let Some(document) = splitter.cut()? {
                found.push(String::from_utf8(document).expect("text"));
            }
        }
        Ok(found)
    }

    const DOCUMENTS: [&str; 6] = [
        "<?xml version='1.0'?><alert><info>a &lt;/alert&gt;</info></alert>",
        "<cap:alert xmlns:cap='x'><cap:alert2/></cap:alert >",
        "<alert><![CDATA[</alert><alert>]]></alert>",
        "<alert><!-- </alert> --><?pi </alert> ?><alerts></alerts></alert>",
        "<alert a='b>c'></alert\n>",
        "<alert></alert>",
    ];

    #[test]
    fn a_document_ends_behind_its_own_end_tag_alone() {
        for document in DOCUMENTS {
            assert_eq!(split([document.as_bytes()], 1_000), Ok(vec![document.to_owned()]));
        }
        assert_eq!(split([&b"<alert>"[..], b" ", b"</info>"], 1_000), Ok(Vec::new()));
    }

    #[test]
    fn what_is_too_long_is_not_held() {
        let long = format!("<alert>{}", "x".repeat(100));
        assert_eq!(split([long.as_bytes()], 50), Err(TooLong(50)));
        assert_eq!(split([format!("{long}</alert>").as_bytes()], 50), Err(TooLong(50)));
        let blank = " ".repeat(1_000);
        assert_eq!(split([blank.as_bytes(), b"<alert></alert>"], 50), Ok(vec!["<alert></alert>".to_owned()]));
    }

    proptest! {
        #[test]
        fn documents_are_cut_alike_however_they_come(
            chosen in prop::collection::vec((0..DOCUMENTS.len(), "[ \\n]{0,3}"), 0..6),
            sizes in prop::collection::vec(1_usize..40, 1..60),
        ) {
            let stream: String = chosen.iter().flat_map(|(which, blank)| [blank.as_str(), DOCUMENTS[*which]]).collect();
            let mut pieces = Vec::new();
            let mut rest = stream.as_bytes();
            for size in sizes.iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let (piece, more) = rest.split_at((*size).min(rest.len()));
                pieces.push(piece);
                rest = more;
            }
            let expected: Vec<String> = chosen.iter().map(|(which, _)| DOCUMENTS[*which].to_owned()).collect();
            prop_assert_eq!(split(pieces, 1_000), Ok(expected));
        }

        #[test]
        fn whatever_comes_is_bounded_and_ends(
            bytes in prop::collection::vec(prop::sample::select(b"<>/!-[]?CDATAalert: ".to_vec()), 0..400),
        ) {
            let mut splitter = Splitter::new(100);
            for piece in bytes.chunks(7) {
                splitter.push(piece);
                while let Ok(Some(document)) = splitter.cut() {
                    prop_assert!(document.len() <= 100);
                }
                if splitter.held.len() > 100 {
                    prop_assert!(splitter.cut().is_err());
                    break;
                }
            }
        }
    }
}
