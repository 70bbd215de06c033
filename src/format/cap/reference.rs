//! CAP's `references`.

use crate::domain::{AlertId, AlertRef, Identifier, Sender, Timestamp};

use super::time::{Instant, instant};

/// One of the references as written, with what it refers to if that can be told.
#[derive(Debug, PartialEq)]
pub(in crate::format) struct Reference {
    pub(in crate::format) written: String,
    pub(in crate::format) to: Option<AlertRef>,
}

/// Reads `sender,identifier,sent` by blanks. An identifier may hold blanks or be a URN, a sender may hold blanks, an
/// instant holds neither blank nor comma: so words belong together until one ends in an instant, and a reference is
/// split at its first and its last comma. One that cannot be read spoils no other.
pub(in crate::format) fn references(text: &str) -> Vec<Reference> {
    let mut found = Vec::new();
    let mut words: Vec<&str> = Vec::new();
    for word in text.split_whitespace() {
        words.push(word);
        let commas = |word: &str| word.bytes().filter(|&byte| byte == b',').count();
        let ends = word.rsplit_once(',').is_some_and(|(_, sent)| when(sent).is_some());
        // Three parts in one word are a reference, even where the last is no instant.
        if commas(word) >= 2 && !ends && words.len() > 1 {
            words.pop();
            found.push(reference(&words.join(" ")));
            words = vec![word];
        }
        if commas(word) >= 2 || (ends && words.iter().map(|word| commas(word)).sum::<usize>() >= 2) {
            found.push(reference(&words.join(" ")));
            words.clear();
        }
    }
    if !words.is_empty() {
        found.push(reference(&words.join(" ")));
    }
    found
}

fn reference(text: &str) -> Reference {
    Reference { written: text.to_owned(), to: parse(text) }
}

fn parse(text: &str) -> Option<AlertRef> {
    let (sender, rest) = text.split_once(',')?;
    let (identifier, sent) = rest.rsplit_once(',')?;
    let (sender, identifier) = (Sender::new(sender).ok()?, Identifier::new(identifier).ok()?);
    Some(AlertRef { id: AlertId { sender, identifier, sent: when(sent)? } })
}

/// References are told apart by sender and identifier first, so that an instant without offset is good enough.
fn when(text: &str) -> Option<Timestamp> {
    match instant(text).ok()? {
        Instant::Exact(at) | Instant::Local(at) => Some(at),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<Option<[String; 3]>> {
        let parts = |to: AlertRef| {
            let AlertId { sender, identifier, sent } = to.id;
            [sender.as_str().to_owned(), identifier.as_str().to_owned(), sent.to_string()]
        };
        references(text).into_iter().map(|reference| reference.to.map(parts)).collect()
    }

    fn to(sender: &str, identifier: &str, sent: &str) -> [String; 3] {
        [sender, identifier, sent].map(str::to_owned)
    }

    #[test]
    fn references_are_split_at_the_first_and_the_last_comma() {
        let text = "\n a@b.c,urn:oid:2.49.0.1.840.0.x,2024-11-02T12:00:00-06:00\n\t d,e:f,2024-11-02T12:00:00Z ";
        let first = to("a@b.c", "urn:oid:2.49.0.1.840.0.x", "2024-11-02T18:00:00Z");
        assert_eq!(read(text), [Some(first), Some(to("d", "e:f", "2024-11-02T12:00:00Z"))]);
        assert_eq!(read(" \n "), []);
    }

    #[test]
    fn a_sender_or_identifier_with_blanks_is_kept_together() {
        let text = "NWS Alaska,PAAQ 1,2024-11-02T12:00:00Z a,b,2024-11-02T13:00:00Z";
        let first = to("NWS Alaska", "PAAQ 1", "2024-11-02T12:00:00Z");
        assert_eq!(read(text), [Some(first), Some(to("a", "b", "2024-11-02T13:00:00Z"))]);
    }

    #[test]
    fn one_that_cannot_be_read_spoils_no_other() {
        let good = Some(to("a", "b", "2024-11-02T12:00:00Z"));
        for bad in ["c,d,yesterday", "c,d", "c", ",,2024-11-02T12:00:00Z", "c,d,e,2024-11-02T12:00:00Z"] {
            let good_text = "a,b,2024-11-02T12:00:00Z";
            assert_eq!(read(&format!("{good_text} {bad}")), [good.clone(), None], "{bad}");
        }
        assert_eq!(read("c,d,yesterday a,b,2024-11-02T12:00:00Z"), [None, good]);
    }
}
