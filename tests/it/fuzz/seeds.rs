//! What is mutated.

use hazardcast::format;

use crate::real_alerts::{files_under, here};

/// A reader's messages: those that the project carries and those of the collection beside it.
pub(super) fn of(reader: &str) -> Vec<Vec<u8>> {
    [carried(reader), under("../shared/data/alerts", reader)].concat()
}

/// A reader's messages that the project carries.
pub(super) fn carried(reader: &str) -> Vec<Vec<u8>> {
    ["tests/data/alerts", "tests/data/earthquakes", "tests/data/japan", "tests/data/seeds"]
        .into_iter()
        .flat_map(|folder| under(folder, reader))
        .collect()
}

fn under(folder: &str, reader: &str) -> Vec<Vec<u8>> {
    let folder = here().join(folder);
    let files = if folder.exists() { files_under(&folder) } else { Vec::new() };
    let messages = files.iter().map(|file| std::fs::read(file).expect("it can be read"));
    messages.filter(|message| reader_of(message) == Some(reader)).collect()
}

/// Who reads a message; `None` of what is none.
fn reader_of(bytes: &[u8]) -> Option<&'static str> {
    let messages = format::messages(bytes, None).unwrap_or_default();
    let found = messages.iter().find_map(|message| Some((message.outline.as_ref().ok()?, !message.place.is_empty())));
    match found {
        Some((outline, true)) if outline.written.format.starts_with("CAP") => Some("envelope"),
        Some((outline, _)) => super::READERS.iter().copied().find(|reader| outline.written.format.starts_with(reader)),
        // What is refused whole is as good a beginning.
        None => bytes.starts_with(b"<").then_some("CAP"),
    }
}
