//! A feed and its cursor to the bytes of their files, and back.
//!
//! The message is sealed as all small files are ([`crate::files`]).

use std::collections::HashMap;
use std::time::Duration;

use prost::Message;

use crate::domain::{
    AlertId, AuthorityName, Feed, FeedKind, FeedName, FeedSettings, FeedUrl, Identifier, Mode, NonEmpty, Sender,
    SignedDuration, Timestamp, Vanished,
};
use crate::files::{self, Bad};
use crate::intake::MessageKey;
use crate::wire::storage_v1::{FeedAlert, FeedCursor, FeedEntry, FeedMirror, FeedRecord};

use super::cursor::{Cursor, Mirror, Seen, Standing, Validators};

const FEED: [u8; 8] = *b"\x97hzfeed\n";
const CURSOR: [u8; 8] = *b"\x97hzcurs\n";

const UNREADABLE: Bad = Bad::Damaged("its message cannot be read");

fn write(magic: [u8; 8], message: &impl Message) -> Vec<u8> {
    files::seal(magic, &message.encode_to_vec()).expect("the most entries take far less than 4 GiB")
}

/// Reads the bytes of a file. All of it, or none.
fn read<M: Message + Default>(magic: [u8; 8], bytes: &[u8]) -> Result<M, Bad> {
    let message = files::unseal(magic, bytes)?;
    M::decode(message).map_err(|_| UNREADABLE)
}

pub(super) fn feed_to_bytes(feed: &Feed) -> Vec<u8> {
    let Feed { name, settings, paused, created } = feed;
    let record = FeedRecord {
        id: name.id().to_owned(),
        kind: settings.kind as u32,
        urls: settings.urls.iter().map(|url| url.as_str().to_owned()).collect(),
        authority: settings.authority.id().to_owned(),
        interval_seconds: settings.interval.as_secs(),
        link_hosts: settings.link_hosts.clone(),
        most_bytes: settings.most_bytes as u64,
        most_entries: settings.most_entries as u64,
        answer_seconds: settings.answer_within.as_secs(),
        grace_seconds: settings.grace.as_secs(),
        vanished: settings.vanished as u32,
        silence_seconds: settings.silence.as_secs(),
        archive: settings.archive.as_ref().map(|url| url.as_str().to_owned()).unwrap_or_default(),
        paused: *paused,
        created_us: created.as_microsecond(),
    };
    write(FEED, &record)
}

pub(super) fn feed(bytes: &[u8]) -> Result<Feed, Bad> {
    let record: FeedRecord = read(FEED, bytes)?;
    of_record(record).ok_or(UNREADABLE)
}

/// Addresses may have been taken when more was allowed; whoever connects looks again.
fn of_record(record: FeedRecord) -> Option<Feed> {
    let kind = *FeedKind::ALL.iter().find(|kind| **kind as u32 == record.kind)?;
    let urls = record.urls.iter().map(|url| FeedUrl::read(kind, url, true).ok()).collect::<Option<Vec<_>>>()?;
    let archive = Some(record.archive).filter(|archive| !archive.is_empty());
    let settings = FeedSettings {
        kind,
        urls: NonEmpty::new(urls)?,
        authority: AuthorityName::new(&record.authority).ok()?,
        interval: Duration::from_secs(record.interval_seconds),
        link_hosts: record.link_hosts,
        most_bytes: record.most_bytes as usize,
        most_entries: record.most_entries as usize,
        answer_within: Duration::from_secs(record.answer_seconds),
        grace: SignedDuration::from_secs(record.grace_seconds),
        vanished: [Vanished::Told, Vanished::Ended].into_iter().find(|it| *it as u32 == record.vanished)?,
        silence: SignedDuration::from_secs(record.silence_seconds),
        archive: archive.map(|url| FeedUrl::read(FeedKind::Fetched, &url, true)).transpose().ok()?,
    };
    settings.check().ok()?;
    let created = Timestamp::from_microsecond(record.created_us).ok()?;
    Some(Feed { name: FeedName::new(&record.id).ok()?, settings, paused: record.paused, created })
}

const MODES: [(Mode, u32); 3] = [(Mode::Actual, 1), (Mode::Exercise, 2), (Mode::Test, 3)];

pub(super) fn cursor_to_bytes(cursor: &Cursor) -> Vec<u8> {
    let us = |at: Timestamp| at.as_microsecond();
    let mirror = |mirror: &Mirror| FeedMirror {
        etag: mirror.validators.etag.clone(),
        last_modified: mirror.validators.last_modified.clone(),
        newest_us: mirror.newest.map(us),
    };
    let alert = |alert: &Standing| FeedAlert {
        sender: alert.id.sender.as_str().to_owned(),
        identifier: alert.id.identifier.as_str().to_owned(),
        sent_us: us(alert.id.sent),
        mode: MODES.iter().find(|(mode, _)| *mode == alert.mode).map_or(0, |(_, number)| *number),
        expires_us: alert.expires.map(us),
    };
    let entry = |(key, seen): (&MessageKey, &Seen)| FeedEntry {
        key: key.0.to_vec().into(),
        settled_us: us(seen.settled),
        present: seen.present.into(),
        missing_us: seen.missing.map(us),
        told: seen.told,
        alert: seen.alert.as_ref().map(alert),
    };
    let mirrors = cursor.mirrors.iter().map(mirror).collect();
    write(CURSOR, &FeedCursor { mirrors, entries: cursor.entries().iter().map(entry).collect() })
}

pub(super) fn cursor(bytes: &[u8]) -> Result<Cursor, Bad> {
    let record: FeedCursor = read(CURSOR, bytes)?;
    let mirrors = record.mirrors.into_iter().map(mirror).collect::<Option<_>>();
    let entries = record.entries.into_iter().map(entry).collect::<Option<HashMap<_, _>>>();
    mirrors.zip(entries).map(|(mirrors, entries)| Cursor::kept(mirrors, entries)).ok_or(UNREADABLE)
}

fn instant(us: Option<i64>) -> Result<Option<Timestamp>, jiff::Error> {
    us.map(Timestamp::from_microsecond).transpose()
}

fn mirror(record: FeedMirror) -> Option<Mirror> {
    let validators = Validators { etag: record.etag, last_modified: record.last_modified };
    Some(Mirror { validators, newest: instant(record.newest_us).ok()? })
}

fn entry(record: FeedEntry) -> Option<(MessageKey, Seen)> {
    let alert = |alert: FeedAlert| {
        let id = AlertId {
            sender: Sender::new(&alert.sender).ok()?,
            identifier: Identifier::new(&alert.identifier).ok()?,
            sent: Timestamp::from_microsecond(alert.sent_us).ok()?,
        };
        let (mode, _) = *MODES.iter().find(|(_, number)| *number == alert.mode)?;
        Some(Standing { id, mode, expires: instant(alert.expires_us).ok()? })
    };
    let seen = Seen {
        settled: Timestamp::from_microsecond(record.settled_us).ok()?,
        present: u8::try_from(record.present).ok()?,
        missing: instant(record.missing_us).ok()?,
        told: record.told,
        alert: match record.alert {
            Some(record) => Some(alert(record)?),
            None => None,
        },
    };
    Some((MessageKey(record.key.as_ref().try_into().ok()?), seen))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn seen() -> impl Strategy<Value = Seen> {
        let instant = || (0_i64..4_000_000_000).prop_map(|second| Timestamp::from_second(second).expect("in range"));
        let standing = ("[a-z]{1,9}", "[a-z]{1,9}", instant(), 0_usize..3, prop::option::of(instant()));
        let standing = standing.prop_map(|(sender, identifier, sent, mode, expires)| {
            let (sender, identifier) = (Sender::new(&sender).expect("a name"), Identifier::new(&identifier));
            let id = AlertId { sender, identifier: identifier.expect("a name"), sent };
            Standing { id, mode: MODES[mode].0, expires }
        });
        let rest = (instant(), any::<u8>(), prop::option::of(instant()), any::<bool>());
        (rest, prop::option::of(standing)).prop_map(|((settled, present, missing, told), alert)| Seen {
            settled,
            present,
            missing,
            told,
            alert,
        })
    }

    proptest! {
        #[test]
        fn a_cursor_is_read_as_it_was_written_and_never_when_it_is_damaged(
            entries in prop::collection::hash_map(any::<[u8; 16]>().prop_map(MessageKey), seen(), 0..9),
            etag in prop::option::of("[ -~]{0,20}"), at in any::<prop::sample::Index>(), by in 1_u8..,
        ) {
            let validators = Validators { etag, last_modified: None };
            let cursor = Cursor::kept(vec![Mirror { validators, newest: None }, Mirror::default()], entries);
            let mut bytes = cursor_to_bytes(&cursor);
            prop_assert_eq!(super::cursor(&bytes), Ok(cursor));
            let at = at.index(bytes.len());
            bytes[at] ^= by;
            prop_assert!(super::cursor(&bytes).is_err());
            prop_assert!(super::cursor(&bytes[..at]).is_err());
        }
    }

    #[test]
    fn a_feed_is_read_as_it_was_written() {
        let read = |url: &str| FeedUrl::read(FeedKind::TcpStream, url, true).expect("a URL");
        let mut urls = NonEmpty::of(read("tcp://example.org:8080"));
        urls.push(read("tcp://example.net:8080"));
        let settings = FeedSettings {
            kind: FeedKind::TcpStream,
            urls,
            authority: AuthorityName::new("naad").expect("an id"),
            interval: Duration::from_mins(1),
            link_hosts: vec!["example.com".to_owned()],
            most_bytes: 1 << 20,
            most_entries: 20,
            answer_within: Duration::from_secs(9),
            grace: SignedDuration::from_mins(10),
            vanished: Vanished::Told,
            silence: SignedDuration::from_mins(2),
            archive: FeedUrl::read(FeedKind::Fetched, "https://example.org/", false).ok(),
        };
        let created = Timestamp::from_second(7).expect("in range");
        let written = Feed { name: FeedName::new("naad").expect("an id"), settings, paused: true, created };
        let bytes = feed_to_bytes(&written);
        assert_eq!(feed(&bytes), Ok(written));
        assert_eq!(cursor(&bytes), Err(Bad::Damaged("it is another kind of file")));
    }
}
