//! Entries to bytes and back.

use proptest::prelude::*;
use prost::Message;

use super::*;
use crate::journal::codec::{decode_next, encode};
use crate::wire::storage_v1::JournalEntry;

fn decode(bytes: Vec<u8>) -> Result<Vec<Entry>, InvalidEntry> {
    let mut bytes = Bytes::from(bytes);
    std::iter::from_fn(|| decode_next(&mut bytes).transpose()).collect()
}

proptest! {
    #[test]
    fn an_entry_comes_back_as_it_was(entry in generate::entry()) {
        let decoded = decode(encode(&entry)).expect("it reads back");
        prop_assert_eq!(seen(&decoded), [see(&generate::sorted(entry))]);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode(bytes);
    }

    #[test]
    fn an_entry_with_a_byte_changed_is_read_or_refused(
        entry in generate::entry(), at in any::<prop::sample::Index>(), to in any::<u8>(),
    ) {
        let mut bytes = encode(&entry);
        let at = at.index(bytes.len());
        bytes[at] = to;
        let _ = decode(bytes);
    }
}

#[test]
fn an_entry_of_a_newer_server_is_refused() {
    let unknown = JournalEntry { event: None }.encode_length_delimited_to_vec();
    assert_eq!(decode(unknown).map(|entries| entries.len()), Err(InvalidEntry::Missing("event")));
}
