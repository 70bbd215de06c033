//! The durable store: keyspaces of sealed values, changed by one batch at a time.
//!
//! [`Store`] reads; [`Batch`] gathers changes and becomes durable as a whole.
//! All use of fjall is in this file, so that another engine can take its place.
//!
//! # What lies on disk
//!
//! One fjall database, one keyspace for each [`Space`]. A value is a version byte, a payload and a CRC-32 over
//! keyspace, key, version and payload: a value that was damaged, or that lies at another's key, is found when it is
//! read. Every commit is synced.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io;
use std::ops::{Bound, Deref};
use std::path::Path;

use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode, UserValue};
use foldhash::HashMap;

use super::RegistryError;

/// A kind of value, with a keyspace of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub(super) enum Space {
    Meta,
    Partners,
    Apps,
    Registrations,
    Tokens,
    Identifiers,
    Zones,
    Events,
    EventLogs,
    Endings,
    Webhooks,
}

impl Space {
    /// Every space, in the order of their numbers.
    pub(super) const ALL: [Self; 11] = [
        Self::Meta,
        Self::Partners,
        Self::Apps,
        Self::Registrations,
        Self::Tokens,
        Self::Identifiers,
        Self::Zones,
        Self::Events,
        Self::EventLogs,
        Self::Endings,
        Self::Webhooks,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Meta => "meta",
            Self::Partners => "partners",
            Self::Apps => "apps",
            Self::Registrations => "registrations",
            Self::Tokens => "tokens",
            Self::Identifiers => "identifiers",
            Self::Zones => "zones",
            Self::Events => "events",
            Self::EventLogs => "event_logs",
            Self::Endings => "endings",
            Self::Webhooks => "webhooks",
        }
    }

    /// The version that this build writes, and so far the only one there is.
    const VERSION: u8 = 1;
}

/// A key of up to 16 bytes: a number in big-endian order, or a keyed hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Key {
    length: u8,
    bytes: [u8; 16],
}

impl Key {
    pub(super) fn new(parts: &[&[u8]]) -> Self {
        let mut key = Self { length: 0, bytes: [0; 16] };
        for byte in parts.iter().copied().flatten() {
            key.bytes[usize::from(key.length)] = *byte;
            key.length += 1;
        }
        key
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }
}

/// A payload as it lies on disk or in a batch, already checked.
pub(super) struct Payload(UserValue);

impl Deref for Payload {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0[1..self.0.len() - 4]
    }
}

/// Version byte, payload, checksum.
fn seal(space: Space, key: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut value = Vec::with_capacity(payload.len() + 5);
    value.push(Space::VERSION);
    value.extend_from_slice(payload);
    let sum = checksum(space, key, &value);
    value.extend_from_slice(&sum);
    value
}

fn checksum(space: Space, key: &[u8], versioned: &[u8]) -> [u8; 4] {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(space.name().as_bytes());
    hasher.update(key);
    hasher.update(versioned);
    hasher.finalize().to_be_bytes()
}

fn unseal(space: Space, key: &[u8], value: UserValue) -> Result<Payload, RegistryError> {
    let Some((versioned, sum)) = value.split_last_chunk::<4>().filter(|(versioned, _)| !versioned.is_empty()) else {
        return Err(damaged(space, key, "too short"));
    };
    if checksum(space, key, versioned) != *sum {
        return Err(damaged(space, key, "checksum does not match"));
    }
    if versioned[0] != Space::VERSION {
        return Err(damaged(space, key, "of a later version"));
    }
    Ok(Payload(value))
}

/// The error that names a value which is not what was written.
pub(super) fn damaged(space: Space, key: &[u8], reason: &'static str) -> RegistryError {
    let mut hex = String::with_capacity(key.len() * 2);
    for byte in key {
        let _ = write!(hex, "{byte:02x}");
    }
    RegistryError::Damaged { keyspace: space.name(), key: hex, reason }
}

/// How much of a keyspace is gathered in memory before it is written and synced at once: little, since an alert's own
/// sync waits for what the disk has in hand.
const MEMTABLE: u64 = 16 << 20;

/// The open database.
pub(super) struct Store {
    database: Database,
    /// One for each of [`Space::ALL`].
    keyspaces: Vec<Keyspace>,
}

impl Store {
    /// Opens the store in `folder`, or makes it.
    ///
    /// # Why
    ///
    /// What fjall was making when the process was killed it does not open. So a new store is made beside its place, and
    /// put there when it is whole.
    pub(super) fn open(folder: &Path, cache_bytes: u64) -> Result<Self, RegistryError> {
        if !folder.try_exists().map_err(RegistryError::Folder)? {
            let draft = folder.with_extension("draft");
            if draft.try_exists().map_err(RegistryError::Folder)? {
                fs::remove_dir_all(&draft).map_err(RegistryError::Folder)?;
            }
            drop(Self::open_whole(&draft, cache_bytes)?);
            put_in_place(&draft, folder).map_err(RegistryError::Folder)?;
        }
        Self::open_whole(folder, cache_bytes)
    }

    fn open_whole(folder: &Path, cache_bytes: u64) -> Result<Self, RegistryError> {
        let database = Database::builder(folder).cache_size(cache_bytes).open()?;
        let options = || KeyspaceCreateOptions::default().max_memtable_size(MEMTABLE);
        let open = |space: Space| database.keyspace(space.name(), options);
        let keyspaces = Space::ALL.into_iter().map(open).collect::<Result<_, _>>()?;
        Ok(Self { database, keyspaces })
    }

    fn keyspace(&self, space: Space) -> &Keyspace {
        &self.keyspaces[space as usize]
    }

    /// One value, from disk.
    pub(super) fn get(&self, space: Space, key: Key) -> Result<Option<Payload>, RegistryError> {
        let value = self.keyspace(space).get(key.as_bytes())?;
        value.map(|value| unseal(space, key.as_bytes(), value)).transpose()
    }

    /// Every value of a keyspace, in the order of keys.
    pub(super) fn scan(&self, space: Space) -> impl Iterator<Item = Result<(UserValue, Payload), RegistryError>> {
        self.range(space, Key::new(&[]), None)
    }

    /// Every value of a keyspace from the key `first` on up to before the key `end`, in the order of keys.
    pub(super) fn range(
        &self,
        space: Space,
        first: Key,
        end: Option<Key>,
    ) -> impl Iterator<Item = Result<(UserValue, Payload), RegistryError>> {
        let end = end.as_ref().map_or(Bound::Unbounded, |end| Bound::Excluded(end.as_bytes()));
        let items = self.keyspace(space).range::<&[u8], _>((Bound::Included(first.as_bytes()), end));
        items.map(move |item| {
            let (key, value) = item.into_inner()?;
            let payload = unseal(space, &key, value)?;
            Ok((key, payload))
        })
    }

    /// Makes a batch durable: when this returns, it is on disk as a whole.
    pub(super) fn commit(&self, batch: Batch) -> Result<(), RegistryError> {
        let mut writes = self.database.batch().durability(Some(PersistMode::SyncData));
        for ((space, key), value) in batch.changes {
            let keyspace = self.keyspace(space);
            match value {
                Some(value) => writes.insert(keyspace, key.as_bytes(), value),
                None => writes.remove(keyspace, key.as_bytes()),
            }
        }
        Ok(writes.commit()?)
    }
}

fn put_in_place(draft: &Path, folder: &Path) -> io::Result<()> {
    fs::rename(draft, folder)?;
    folder.parent().map_or(Ok(()), |parent| File::open(parent)?.sync_all())
}

/// Changes that become durable together.
#[derive(Default)]
pub(super) struct Batch {
    changes: HashMap<(Space, Key), Option<UserValue>>,
}

impl Batch {
    pub(super) fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// A value with the batch's changes made to what is `below`.
    pub(super) fn get_or(
        &self,
        space: Space,
        key: Key,
        below: impl FnOnce() -> Result<Option<Payload>, RegistryError>,
    ) -> Result<Option<Payload>, RegistryError> {
        match self.changes.get(&(space, key)) {
            // Sealed by `put`, so it need not be checked again.
            Some(value) => Ok(value.clone().map(Payload)),
            None => below(),
        }
    }

    pub(super) fn put(&mut self, space: Space, key: Key, payload: &[u8]) {
        self.changes.insert((space, key), Some(seal(space, key.as_bytes(), payload).into()));
    }

    pub(super) fn remove(&mut self, space: Space, key: Key) {
        self.changes.insert((space, key), None);
    }

    /// Makes the changes of `later` too.
    pub(super) fn append(&mut self, later: Self) {
        self.changes.extend(later.changes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_that_was_not_made_to_the_end_is_made_anew() {
        let parent = tempfile::tempdir().unwrap();
        let (folder, draft) = (parent.path().join("store"), parent.path().join("store.draft"));
        fs::create_dir_all(draft.join("keyspaces")).unwrap();
        File::create(draft.join("0.jnl")).unwrap();
        let key = Key::new(&[b"k"]);
        for value in [None, Some(b"one".as_slice())] {
            let store = Store::open(&folder, 1 << 20).unwrap();
            assert_eq!(store.get(Space::Meta, key).unwrap().as_deref(), value);
            assert!(!draft.exists());
            let mut batch = Batch::default();
            batch.put(Space::Meta, key, b"one");
            store.commit(batch).unwrap();
        }
    }

    #[test]
    fn any_flipped_bit_and_any_other_key_is_found_and_named() {
        let key = Key::new(&[&7_u32.to_be_bytes()]);
        let sealed = seal(Space::Registrations, key.as_bytes(), b"payload");
        for bit in 0..sealed.len() * 8 {
            let mut flipped = sealed.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let error = unseal(Space::Registrations, key.as_bytes(), flipped.into()).err().unwrap();
            assert!(error.to_string().contains("keyspace registrations at key 00000007"), "{error}");
        }
        assert!(unseal(Space::Registrations, b"else", sealed.clone().into()).is_err());
        assert!(unseal(Space::Tokens, key.as_bytes(), sealed.clone().into()).is_err());
        assert_eq!(&*unseal(Space::Registrations, key.as_bytes(), sealed.into()).unwrap(), b"payload");
        assert!(unseal(Space::Registrations, b"", UserValue::from(b"1234".as_slice())).is_err());
    }

    #[test]
    fn a_batch_shows_its_own_changes_and_the_store_shows_them_after_the_commit() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("store"), 1 << 20).unwrap();
        let key = Key::new(&[b"k"]);
        let stored = |space| store.get(space, key).unwrap().map(|payload| payload.to_vec());
        let seen = |batch: &Batch, space| {
            batch.get_or(space, key, || store.get(space, key)).unwrap().map(|payload| payload.to_vec())
        };
        let mut batch = Batch::default();
        batch.put(Space::Meta, key, b"one");
        assert_eq!((seen(&batch, Space::Meta), stored(Space::Meta)), (Some(b"one".to_vec()), None));
        assert_eq!(seen(&batch, Space::Apps), None);
        store.commit(batch).unwrap();
        assert_eq!(stored(Space::Meta), Some(b"one".to_vec()));

        let (mut batch, mut later) = (Batch::default(), Batch::default());
        assert_eq!(seen(&batch, Space::Meta), Some(b"one".to_vec()));
        batch.put(Space::Meta, key, b"two");
        later.remove(Space::Meta, key);
        batch.append(later);
        assert_eq!((seen(&batch, Space::Meta), stored(Space::Meta)), (None, Some(b"one".to_vec())));
        store.commit(batch).unwrap();
        assert_eq!(stored(Space::Meta), None);
    }
}
