//! Keyed hashes: what is kept of an identifier, and the pseudonyms that partners see.
//!
//! An identifier that a device offers (R-B2) is turned into an HMAC-SHA256 at once and dropped. The key lies in the
//! data directory in a file of its own, so that a copy of the store alone cannot be searched for an identifier. A store
//! is never opened without the key that its hashes were made with: every phone would silently be a new one.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use aws_lc_rs::{constant_time, digest, hmac};

use super::RegistryError;
use crate::domain::{AppSlot, DeviceIdentifier, Gid, LinkSecret, PartnerName, Slot};

/// What is kept of an identifier: 128 bits of its keyed hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct IdentifierHash(pub(super) [u8; 16]);

/// The server's own name for a device; pseudonyms are made of it. Random, so it says nothing by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct DeviceId(pub(super) [u8; 16]);

/// What a hash is for. It is the first byte of what is hashed, so that no hash for one purpose is one for another.
#[derive(Clone, Copy)]
#[repr(u8)]
pub(super) enum Label {
    Identifier = 1,
    Pseudonym = 2,
    Page = 3,
    Request = 4,
    Event = 5,
    Seal = 6,
    Receipt = 7,
}

/// The server's identity key.
pub(super) struct Keys {
    id: u32,
    hmac: hmac::Key,
}

impl Keys {
    /// Reads the key file. When there is none and `may_create`, draws a key and writes it, synced, readable by this
    /// account alone.
    pub(super) fn open(path: &Path, may_create: bool) -> Result<Self, RegistryError> {
        let failed = |source| RegistryError::KeyFile { path: path.into(), source };
        match File::open(path) {
            Ok(file) => {
                if file.metadata().map_err(failed)?.permissions().mode() & 0o077 != 0 {
                    return Err(RegistryError::KeyExposed(path.into()));
                }
                let mut text = String::new();
                file.take(256).read_to_string(&mut text).map_err(failed)?;
                Self::parse(&text).ok_or_else(|| RegistryError::KeyMalformed(path.into()))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound && may_create => Self::create(path).map_err(failed),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(RegistryError::KeyMissing(path.into())),
            Err(error) => Err(failed(error)),
        }
    }

    /// The key's number, which the store remembers.
    pub(super) fn id(&self) -> u32 {
        self.id
    }

    /// The hash under which an identifier is kept, or `None` where its value is one that many devices report
    /// because they have none.
    pub(super) fn identifier(&self, identifier: &DeviceIdentifier) -> Option<IdentifierHash> {
        // The same phone's identifier comes in either case, depending on the SDK that read it.
        let value = identifier.value.expose().trim().to_ascii_lowercase();
        if says_nothing(&value) {
            return None;
        }
        Some(IdentifierHash(first_half(self.sign(Label::Identifier, &[&[identifier.kind as u8], value.as_bytes()]))))
    }

    /// The hash under which it is kept which registration of an app a request asked for.
    pub(super) fn request(&self, app: AppSlot, request: &str) -> IdentifierHash {
        IdentifierHash(first_half(self.sign(Label::Request, &[&app.0.to_be_bytes(), request.as_bytes()])))
    }

    /// The GID by which a partner knows a device (R-B1): two partners' GIDs of one device cannot be compared.
    pub(super) fn pseudonym(&self, partner: &PartnerName, device: DeviceId) -> Gid {
        // A partner's id holds no zero byte, so the two parts cannot run together.
        Gid(first_half(self.sign(Label::Pseudonym, &[partner.id().as_bytes(), &[0], &device.0])))
    }

    /// A page token: where a listing of an app's registrations goes on. A slot says how many registrations there
    /// are, other partners' included, so it is masked.
    pub(super) fn page_token(&self, app: AppSlot, next: Slot, nonce: [u8; 8]) -> String {
        let mask = self.page_mask(app, nonce);
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&nonce);
        bytes[8..12].copy_from_slice(&(next.0 ^ mask.0).to_be_bytes());
        bytes[12..].copy_from_slice(&(next.0.rotate_left(16) ^ mask.1).to_be_bytes());
        format!("{:032x}", u128::from_be_bytes(bytes))
    }

    /// The slot that [`Keys::page_token`] masked.
    pub(super) fn page_slot(&self, app: AppSlot, token: &str) -> Option<Slot> {
        if token.len() != 32 {
            return None;
        }
        let bytes = u128::from_str_radix(token, 16).ok()?.to_be_bytes();
        let (nonce, rest) = bytes.split_first_chunk::<8>()?;
        let word = |at: usize| u32::from_be_bytes([rest[at], rest[at + 1], rest[at + 2], rest[at + 3]]);
        let mask = self.page_mask(app, *nonce);
        let slot = word(0) ^ mask.0;
        (word(4) ^ mask.1 == slot.rotate_left(16)).then_some(Slot(slot))
    }

    fn page_mask(&self, app: AppSlot, nonce: [u8; 8]) -> (u32, u32) {
        let tag = first_half(self.sign(Label::Page, &[&app.0.to_be_bytes(), &nonce]));
        let word = |at: usize| u32::from_be_bytes([tag[at], tag[at + 1], tag[at + 2], tag[at + 3]]);
        (word(0), word(4))
    }

    pub(super) fn sign(&self, label: Label, parts: &[&[u8]]) -> hmac::Tag {
        let mut context = hmac::Context::with_key(&self.hmac);
        context.update(&[label as u8]);
        for part in parts {
            context.update(part);
        }
        context.sign()
    }

    /// `hazardcast-identity-key 1 <key id, 8 hex digits> <key, 64 hex digits>`.
    fn parse(text: &str) -> Option<Self> {
        let mut words = text.trim_end().split(' ');
        if words.next()? != "hazardcast-identity-key" || words.next()? != "1" {
            return None;
        }
        let id = u32::from_str_radix(words.next()?, 16).ok()?;
        let hex = words.next().filter(|hex| hex.len() == 64 && hex.is_ascii())?;
        let mut key = [0; 32];
        for (byte, digits) in key.iter_mut().zip(hex.as_bytes().chunks_exact(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
        }
        words.next().is_none().then(|| Self { id, hmac: hmac::Key::new(hmac::HMAC_SHA256, &key) })
    }

    fn create(path: &Path) -> io::Result<Self> {
        let id: u32 = rand::random();
        let key: [u8; 32] = rand::random();
        let [high, low] = [0, 16].map(|at| {
            let mut half = [0; 16];
            half.copy_from_slice(&key[at..at + 16]);
            u128::from_be_bytes(half)
        });
        // Written beside and renamed: a crash leaves a whole key or none.
        let draft = path.with_extension("draft");
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
        writeln!(file, "hazardcast-identity-key 1 {id:08x} {high:032x}{low:032x}")?;
        file.sync_all()?;
        std::fs::rename(&draft, path)?;
        if let Some(folder) = path.parent() {
            File::open(folder)?.sync_all()?;
        }
        Ok(Self { id, hmac: hmac::Key::new(hmac::HMAC_SHA256, &key) })
    }
}

/// What is kept of a link secret. It is 256 random bits, so a plain hash cannot be searched.
pub(super) fn secret_hash(secret: &LinkSecret) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, secret.0.expose()).as_ref());
    hash
}

/// Whether `secret` is the one that `hash` was made of, in a time that says nothing of how much of it fits.
pub(super) fn is_secret(secret: &LinkSecret, hash: &[u8]) -> bool {
    constant_time::verify_slices_are_equal(&secret_hash(secret), hash).is_ok()
}

/// Values that stand for no identifier at all. Taken for one, they would make one device of all that report them: iOS
/// and Android give zeros for an advertising id that the person has switched off, `02:00:00:00:00:00` for a
/// hardware address that apps may not see, and a fault of Android 2.2 gave many phones the same `ANDROID_ID`.
fn says_nothing(folded: &str) -> bool {
    folded.bytes().all(|byte| !byte.is_ascii_alphanumeric() || byte == b'0')
        || folded.bytes().all(|byte| !byte.is_ascii_alphanumeric() || byte == b'f')
        || matches!(folded, "unknown" | "null" | "none" | "02:00:00:00:00:00" | "020000000000" | "9774d56d682e549c")
}

fn first_half(tag: hmac::Tag) -> [u8; 16] {
    let mut half = [0; 16];
    half.copy_from_slice(&tag.as_ref()[..16]);
    half
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{IdentifierKind, Private};

    fn keys() -> (tempfile::TempDir, Keys) {
        let folder = tempfile::tempdir().unwrap();
        let keys = Keys::open(&folder.path().join("identity.key"), true).unwrap();
        (folder, keys)
    }

    fn identifier(kind: IdentifierKind, value: &str) -> DeviceIdentifier {
        DeviceIdentifier { kind, value: Private::new(value.into()) }
    }

    #[test]
    fn the_key_is_made_once_for_this_account_alone_and_read_again() {
        let (folder, first) = keys();
        let path = folder.path().join("identity.key");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let again = Keys::open(&path, false).unwrap();
        let oaid = identifier(IdentifierKind::Oaid, "abc-123");
        assert_eq!((again.id(), again.identifier(&oaid)), (first.id(), first.identifier(&oaid)));

        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(Keys::open(&path, true), Err(RegistryError::KeyExposed(_))));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        std::fs::write(&path, "hazardcast-identity-key 1 00000001 beef").unwrap();
        assert!(matches!(Keys::open(&path, true), Err(RegistryError::KeyMalformed(_))));
        std::fs::remove_file(&path).unwrap();
        assert!(matches!(Keys::open(&path, false), Err(RegistryError::KeyMissing(_))));
    }

    #[test]
    fn identifiers_differ_by_kind_and_value_but_not_by_case() {
        let (_folder, keys) = keys();
        let hash = |kind, value| keys.identifier(&identifier(kind, value));
        let known = hash(IdentifierKind::Idfv, "E621E1F8-C36C");
        assert!(known.is_some());
        assert_eq!(known, hash(IdentifierKind::Idfv, " e621e1f8-c36c "));
        assert_ne!(known, hash(IdentifierKind::Idfa, "E621E1F8-C36C"));
        assert_ne!(known, hash(IdentifierKind::Idfv, "E621E1F8-C36D"));
    }

    #[test]
    fn a_value_that_stands_for_no_identifier_makes_no_two_devices_one() {
        let (_folder, keys) = keys();
        for value in ["", "00000000-0000-0000-0000-000000000000", "0", "02:00:00:00:00:00", "unknown", "ffffffff"] {
            assert_eq!(keys.identifier(&identifier(IdentifierKind::Idfa, value)), None, "{value}");
        }
    }

    #[test]
    fn two_partners_see_different_gids_of_one_device() {
        let (_folder, keys) = keys();
        let [news, maps] = ["news", "maps"].map(|id| PartnerName::new(id).unwrap());
        let [one, two] = [1, 2].map(|byte| DeviceId([byte; 16]));
        assert_eq!(keys.pseudonym(&news, one), keys.pseudonym(&news, one));
        assert_ne!(keys.pseudonym(&news, one), keys.pseudonym(&maps, one));
        assert_ne!(keys.pseudonym(&news, one), keys.pseudonym(&news, two));
    }

    #[test]
    fn a_page_token_is_good_for_its_app_alone() {
        let (_folder, keys) = keys();
        let token = keys.page_token(AppSlot(3), Slot(77), [9; 8]);
        assert_eq!(keys.page_slot(AppSlot(3), &token), Some(Slot(77)));
        assert_eq!(keys.page_slot(AppSlot(4), &token), None);
        assert_eq!(keys.page_slot(AppSlot(3), "zz"), None);
        assert_eq!(keys.page_slot(AppSlot(3), &token.replace(&token[30..], "zz")), None);
    }
}
