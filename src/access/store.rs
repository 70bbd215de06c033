//! Credentials on disk: one small file, written anew with each change and put in the place of the old one.
//!
//! The file is synced before it takes its place, and its folder after, so that one whole file is there at any instant.
//! No secret is in it; it is readable by the server's account alone all the same.

use std::fs::{self, File, TryLockError};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use prost::Message;

use crate::domain::{
    AuthorityName, Credential, CredentialId, NonEmpty, PartnerName, Principal, Proof, Role, Sender, Timestamp,
};
use crate::files::{self, Bad};
use crate::wire::storage_v1::credential_record::{Principal as PrincipalRecord, Proof as ProofRecord};
use crate::wire::storage_v1::{AccessState, AuthorityRecord, CredentialRecord};

use super::{AccessError, Holder};

const MAGIC: [u8; 8] = *b"\x97hzcred\n";

/// All that is on disk.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) credentials: Vec<Credential>,
    /// Whether there has been an operator.
    pub(super) begun: bool,
}

/// The file, held for this process.
pub(super) struct Store {
    path: PathBuf,
    _lock: File,
}

impl State {
    pub(super) fn of(holders: &[Arc<Holder>], begun: bool) -> Self {
        Self { credentials: holders.iter().map(|holder| holder.credential()).collect(), begun }
    }

    pub(super) fn revoke(&mut self, id: CredentialId, now: Timestamp) {
        for credential in self.credentials.iter_mut().filter(|credential| credential.id == id) {
            credential.revoked = Some(now);
        }
    }
}

impl Store {
    /// Takes the folder for this process, and reads the file if there is one. A file that is damaged is an error: to
    /// begin without it would be to let in whoever damaged it.
    pub(super) fn open(dir: &Path) -> Result<(Self, State), AccessError> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(AccessError::file("make", dir))?;
        let lock = lock(dir)?;
        let path = dir.join("credentials");
        let loaded = files::load(&path, MOST_FILE).map_err(AccessError::file("read", &path))?;
        let state = loaded.map(|bytes| read(&bytes).map_err(AccessError::bad(&path))).transpose()?;
        Ok((Self { path, _lock: lock }, state.unwrap_or_default()))
    }

    /// Puts `state` in the place of what is on disk. If it fails, one of the two is there, whole.
    pub(super) fn write(&mut self, state: &State) -> Result<(), AccessError> {
        write_private(&self.path, &write(state))
    }
}

/// The largest file that is read, bytes: far more than the most credentials take, or the most points.
pub(super) const MOST_FILE: u64 = 64 << 20;

/// Puts a file that this account alone can read in the place of any that is there, synced.
pub(super) fn write_private(path: &Path, bytes: &[u8]) -> Result<(), AccessError> {
    files::replace(path, bytes).map_err(AccessError::file("write", path))
}

fn lock(dir: &Path) -> Result<File, AccessError> {
    let path = dir.join("lock");
    let file = File::create(&path).map_err(AccessError::file("make", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(AccessError::Locked(dir.to_owned())),
        Err(TryLockError::Error(error)) => Err(AccessError::file("lock", path)(error)),
    }
}

fn write(state: &State) -> Vec<u8> {
    let credentials = state.credentials.iter().map(to_record).collect();
    let message = AccessState { credentials, begun: state.begun }.encode_to_vec();
    files::seal(MAGIC, &message).expect("the most credentials take far less than 4 GiB")
}

fn read(bytes: &[u8]) -> Result<State, Bad> {
    let message = files::unseal(MAGIC, bytes)?;
    let state = AccessState::decode(message).map_err(|_| Bad::Damaged("it cannot be decoded"))?;
    let credentials: Option<Vec<_>> = state.credentials.into_iter().map(from_record).collect();
    let credentials = credentials.ok_or(Bad::Damaged("a credential in it is malformed"))?;
    Ok(State { credentials, begun: state.begun })
}

fn to_record(credential: &Credential) -> CredentialRecord {
    let principal = match &credential.principal {
        Principal::Partner(partner) => PrincipalRecord::Partner(partner.id().to_owned()),
        Principal::Authority { name, senders } => PrincipalRecord::Authority(AuthorityRecord {
            id: name.id().to_owned(),
            senders: senders.iter().map(|sender| sender.as_str().to_owned()).collect(),
        }),
        Principal::Operator(role) => PrincipalRecord::Operator(match role {
            Role::View => 1,
            Role::Operate => 2,
            Role::Approve => 3,
            Role::Administer => 4,
        }),
        Principal::Bootstrap => PrincipalRecord::Bootstrap(true),
    };
    let proof = match &credential.proof {
        Proof::Token { sha256 } => ProofRecord::TokenSha256(sha256.to_vec().into()),
        Proof::Certificate(sha256) => ProofRecord::CertificateSha256(sha256.to_vec().into()),
        Proof::CertificateUri(uri) => ProofRecord::CertificateUri(uri.clone()),
    };
    CredentialRecord {
        id: credential.id.0.to_vec().into(),
        display_name: credential.display_name.clone(),
        principal: Some(principal),
        proof: Some(proof),
        created_us: credential.created.as_microsecond(),
        created_by: credential.created_by.map(|id| id.0.to_vec().into()).unwrap_or_default(),
        expires_us: credential.expires.as_microsecond(),
        revoked_us: credential.revoked.map(Timestamp::as_microsecond),
    }
}

fn from_record(record: CredentialRecord) -> Option<Credential> {
    let at = |us: i64| Timestamp::from_microsecond(us).ok();
    let id = |bytes: &[u8]| bytes.try_into().ok().map(CredentialId);
    let principal = match record.principal? {
        PrincipalRecord::Partner(partner) => Principal::Partner(PartnerName::new(&partner).ok()?),
        PrincipalRecord::Authority(authority) => {
            let senders: Option<Vec<_>> = authority.senders.iter().map(|sender| Sender::new(sender).ok()).collect();
            Principal::Authority { name: AuthorityName::new(&authority.id).ok()?, senders: NonEmpty::new(senders?)? }
        }
        PrincipalRecord::Operator(1) => Principal::Operator(Role::View),
        PrincipalRecord::Operator(2) => Principal::Operator(Role::Operate),
        PrincipalRecord::Operator(3) => Principal::Operator(Role::Approve),
        PrincipalRecord::Operator(4) => Principal::Operator(Role::Administer),
        PrincipalRecord::Operator(_) => return None,
        PrincipalRecord::Bootstrap(_) => Principal::Bootstrap,
    };
    let proof = match record.proof? {
        ProofRecord::TokenSha256(sha256) => Proof::Token { sha256: sha256[..].try_into().ok()? },
        ProofRecord::CertificateSha256(sha256) => Proof::Certificate(sha256[..].try_into().ok()?),
        ProofRecord::CertificateUri(uri) => Proof::CertificateUri(uri),
    };
    Some(Credential {
        id: id(&record.id)?,
        display_name: record.display_name,
        principal,
        proof,
        created: at(record.created_us)?,
        created_by: if record.created_by.is_empty() { None } else { Some(id(&record.created_by)?) },
        expires: at(record.expires_us)?,
        revoked: record.revoked_us.map(|us| at(us).ok_or(())).transpose().ok()?,
        used: None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn state() -> State {
        let at = Timestamp::constant(1_900_000_000, 1_000);
        let partner = PartnerName::new("acme").expect("an id");
        let name = AuthorityName::new("jma").expect("an id");
        let senders = NonEmpty::of(Sender::new("jma@example.org").expect("a sender"));
        let uri = Proof::CertificateUri("spiffe://example.org/jma".to_owned());
        let operator = |role| Principal::Operator(role);
        let kinds = [
            (Principal::Partner(partner), Proof::Token { sha256: [3; 32] }),
            (Principal::Authority { name, senders }, uri),
            (operator(Role::View), Proof::Certificate([4; 32])),
            (operator(Role::Operate), Proof::Token { sha256: [5; 32] }),
            (operator(Role::Approve), Proof::Token { sha256: [6; 32] }),
            (operator(Role::Administer), Proof::Token { sha256: [7; 32] }),
            (Principal::Bootstrap, Proof::Token { sha256: [8; 32] }),
        ];
        let credential = |(number, (principal, proof)): (u8, (Principal, Proof))| Credential {
            id: CredentialId([number; 10]),
            display_name: format!("Number {number}"),
            principal,
            proof,
            created: at,
            created_by: (number > 0).then_some(CredentialId([number; 10])),
            expires: at,
            revoked: (number % 2 == 0).then_some(at),
            used: None,
        };
        State { credentials: (0..).zip(kinds).map(credential).collect(), begun: true }
    }

    #[test]
    fn every_kind_of_credential_reads_back() {
        let written = state();
        let found = read(&write(&written)).expect("it reads");
        assert_eq!((found.credentials, found.begun), (written.credentials, true));
        assert_eq!(read(&write(&State::default())).expect("it reads").credentials, []);
    }

    #[test]
    fn a_later_version_is_told_from_damage() {
        let mut bytes = write(&State::default());
        bytes[8] = 2;
        let end = bytes.len() - 4;
        let checksum = crc32fast::hash(&bytes[..end]).to_le_bytes();
        bytes[end..].copy_from_slice(&checksum);
        assert_eq!(read(&bytes).err(), Some(Bad::LaterVersion(2)));
    }

    proptest! {
        #[test]
        fn a_flipped_bit_and_a_cut_are_never_read_as_good(
            at: prop::sample::Index,
            bit in 0..8,
            cut: prop::sample::Index,
        ) {
            let good = write(&state());
            let mut flipped = good.clone();
            flipped[at.index(good.len())] ^= 1_u8 << bit;
            prop_assert!(matches!(read(&flipped), Err(Bad::Damaged(_))));
            prop_assert!(matches!(read(&good[..cut.index(good.len())]), Err(Bad::Damaged(_))));
        }
    }

    #[test]
    fn a_damaged_file_is_named_and_nothing_is_begun_anew() {
        let folder = tempfile::tempdir().expect("a folder");
        let dir = folder.path().join("access");
        let (mut store, _) = Store::open(&dir).expect("it opens");
        store.write(&state()).expect("written");
        assert!(matches!(Store::open(&dir), Err(AccessError::Locked(_))));
        drop(store);
        let path = dir.join("credentials");
        let mut bytes = fs::read(&path).expect("there");
        bytes[40] ^= 1;
        fs::write(&path, bytes).expect("written");
        let error = Store::open(&dir).err().expect("refused").to_string();
        assert!(error.contains("credentials is damaged"), "{error}");
    }

    #[test]
    fn what_a_crash_left_half_written_is_written_over() {
        use std::os::unix::fs::PermissionsExt;

        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("credentials");
        fs::write(folder.path().join("credentials.new"), "half").expect("written");
        write_private(&path, b"whole").expect("written");
        assert_eq!(fs::read(&path).expect("there"), b"whole");
        assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
    }
}
