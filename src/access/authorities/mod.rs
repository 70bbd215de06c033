//! Authorities that the operator has admitted: in memory, where each alert asks, and on disk, a small file each.

mod codec;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};

use crate::decide;
use crate::domain::{
    AdmittedAuthority, AlertRate, AuthorityName, AuthorityTerms, Caller, Credential, Principal, Timestamp,
};
use crate::files::{self, Bad};

use super::store::{MOST_FILE, State, write_private};
use super::{Access, AccessError};

/// The most authorities that are kept, those that are revoked included.
const MOST: usize = 1_000;

type Book = BTreeMap<AuthorityName, Arc<Entry>>;

/// All authorities. They are changed only while the credentials' store is held.
pub(super) struct Authorities {
    dir: PathBuf,
    book: ArcSwap<Book>,
}

/// One of them, ready to be asked.
struct Entry {
    admitted: AdmittedAuthority,
    limits: Arc<decide::Limits>,
    /// What it has sent of late.
    sent: Option<Arc<DefaultDirectRateLimiter>>,
}

impl Entry {
    /// A new version goes on counting, if it may send as often as before.
    fn new(admitted: AdmittedAuthority, before: Option<&Self>) -> Self {
        let rate = admitted.terms.rate;
        let goes_on = before.filter(|before| before.admitted.terms.rate == rate).and_then(|before| before.sent.clone());
        let quota = |AlertRate { per_minute, burst }| Quota::per_minute(per_minute).allow_burst(burst);
        let sent = goes_on.or_else(|| rate.map(|rate| Arc::new(RateLimiter::direct(quota(rate)))));
        Self { limits: Arc::new(decide::Limits::new(admitted.terms.clone())), admitted, sent }
    }
}

impl Authorities {
    /// Reads all that are in the folder, which is made if it is not there. A file that is damaged is an error: without
    /// it its authority would have no limits.
    pub(super) fn open(dir: PathBuf) -> Result<Self, AccessError> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&dir).map_err(AccessError::file("make", &dir))?;
        let mut book = Book::new();
        for file in fs::read_dir(&dir).map_err(AccessError::file("read", &dir))? {
            let path = file.map_err(AccessError::file("read", &dir))?.path();
            // What a crash left half written has an ending.
            if path.extension().is_some() {
                continue;
            }
            let loaded = files::load(&path, MOST_FILE).map_err(AccessError::file("read", &path))?;
            let Some(bytes) = loaded else { continue };
            let admitted = codec::read(&bytes).map_err(AccessError::bad(&path))?;
            if path != path_of(&dir, &admitted.name) {
                return Err(AccessError::bad(&path)(Bad::Damaged("it is of another authority")));
            }
            book.insert(admitted.name.clone(), Arc::new(Entry::new(admitted, None)));
        }
        Ok(Self { dir, book: ArcSwap::from_pointee(book) })
    }

    /// Those that are revoked, and when.
    pub(super) fn revoked(&self) -> Vec<(AuthorityName, Timestamp)> {
        let revoked = |entry: &Arc<Entry>| entry.admitted.revoked.map(|at| (entry.admitted.name.clone(), at));
        self.book.load().values().filter_map(revoked).collect()
    }

    fn get(&self, name: &AuthorityName) -> Option<Arc<Entry>> {
        self.book.load().get(name).map(Arc::clone)
    }

    fn keep(&self, admitted: AdmittedAuthority) {
        let mut book = Book::clone(&self.book.load());
        let name = admitted.name.clone();
        let entry = Entry::new(admitted, book.get(&name).map(|entry| &**entry));
        book.insert(name, Arc::new(entry));
        self.book.store(Arc::new(book));
    }

    fn write(&self, admitted: &AdmittedAuthority) -> Result<(), AccessError> {
        write_private(&path_of(&self.dir, &admitted.name), &codec::write(admitted))
    }

    /// Whether no other authority that stands speaks for one of these senders: by its sender an alert is known, updated
    /// and cancelled (CAP 1.2, section 3.2.1), so that two could end each other's.
    fn has_its_own(&self, name: &AuthorityName, terms: &AuthorityTerms) -> Result<(), AccessError> {
        let book = self.book.load();
        let standing = book.values().filter(|entry| entry.admitted.revoked.is_none() && entry.admitted.name != *name);
        let shared = standing.flat_map(|entry| &entry.admitted.terms.senders).find(|of| terms.senders.contains(of));
        shared.map_or(Ok(()), |sender| Err(AccessError::SenderOfAnother(sender.as_str().to_owned())))
    }

    /// Whether a credential may be made that speaks for an authority: it is admitted, for these senders.
    pub(super) fn check(&self, principal: &Principal) -> Result<(), AccessError> {
        let Principal::Authority { name, senders } = principal else { return Ok(()) };
        let entry = self.get(name).ok_or(AccessError::NotAdmitted)?;
        if entry.admitted.revoked.is_some() {
            return Err(AccessError::AuthorityRevoked);
        }
        match senders.iter().find(|sender| !entry.admitted.terms.senders.contains(sender)) {
            Some(foreign) => Err(AccessError::ForeignSender(foreign.as_str().to_owned())),
            None => Ok(()),
        }
    }
}

fn path_of(dir: &Path, name: &AuthorityName) -> PathBuf {
    dir.join(name.id())
}

impl Access {
    /// The authority that a caller is, with its limits; `None` if it is none. One without a record has those of its
    /// credential alone: see [`decide::Authority::of`].
    pub fn authority_of(&self, caller: &Caller) -> Result<Option<decide::Authority>, AccessError> {
        let (Some(authority), name) = (decide::Authority::of(caller), caller.authority()) else { return Ok(None) };
        match name.and_then(|name| self.0.authorities.get(name)) {
            Some(entry) if entry.admitted.revoked.is_some() => Err(AccessError::AuthorityRevoked),
            Some(entry) => Ok(Some(authority.within(&entry.admitted, Arc::clone(&entry.limits)))),
            None => Ok(Some(authority)),
        }
    }

    /// What an admitted authority of that name may send now, whoever brings it; `None` if there is none, or it is
    /// revoked.
    pub fn admitted_authority(&self, name: &AuthorityName) -> Option<decide::Authority> {
        let entry = self.0.authorities.get(name).filter(|entry| entry.admitted.revoked.is_none())?;
        let whole = decide::Authority { name: name.id().to_owned(), senders: None, limits: None };
        Some(whole.within(&entry.admitted, Arc::clone(&entry.limits)))
    }

    /// Whether an authority of that name was admitted and is revoked.
    pub fn is_revoked(&self, name: &str) -> bool {
        let entry = AuthorityName::new(name).ok().and_then(|name| self.0.authorities.get(&name));
        entry.is_some_and(|entry| entry.admitted.revoked.is_some())
    }

    /// Counts one more alert of a caller's authority; if it sends too often, when the next may come.
    pub fn count_alert(&self, caller: &Caller) -> Result<(), Duration> {
        let sent =
            caller.authority().and_then(|name| self.0.authorities.get(name)).and_then(|entry| entry.sent.clone());
        match sent.map(|sent| sent.check()) {
            Some(Err(until)) => Err(until.wait_time_from(DefaultClock::default().now())),
            Some(Ok(())) | None => Ok(()),
        }
    }

    /// An authority.
    pub fn authority(&self, name: &AuthorityName) -> Option<AdmittedAuthority> {
        self.0.authorities.get(name).map(|entry| entry.admitted.clone())
    }

    /// Authorities by name, from `first` on, up to `most`.
    pub fn authorities(&self, first: Option<&AuthorityName>, most: usize) -> Vec<AdmittedAuthority> {
        let book = self.0.authorities.book.load();
        let from = book.values().filter(|entry| first.is_none_or(|first| entry.admitted.name >= *first));
        from.take(most).map(|entry| entry.admitted.clone()).collect()
    }

    /// Admits an authority; if `dry`, only says what that would be. Blocks until it is on disk.
    pub fn create_authority(
        &self,
        name: AuthorityName,
        terms: AuthorityTerms,
        dry: bool,
    ) -> Result<AdmittedAuthority, AccessError> {
        let _store = self.0.store.lock();
        let authorities = &self.0.authorities;
        if authorities.get(&name).is_some() {
            return Err(AccessError::AuthorityExists);
        }
        if authorities.book.load().len() >= MOST {
            return Err(AccessError::TooManyAuthorities);
        }
        authorities.has_its_own(&name, &terms)?;
        let now = self.now();
        let admitted = AdmittedAuthority { name, terms, created: now, updated: now, revoked: None, revision: 1 };
        if !dry {
            authorities.write(&admitted)?;
            authorities.keep(admitted.clone());
        }
        Ok(admitted)
    }

    /// Changes an authority's terms; if `dry`, only says what would come of it. Gives it as it was and as it is. Blocks
    /// until it is on disk.
    pub fn update_authority<E: From<AccessError>>(
        &self,
        name: &AuthorityName,
        revision: Option<u64>,
        change: impl FnOnce(&AuthorityTerms) -> Result<AuthorityTerms, E>,
        dry: bool,
    ) -> Result<[AdmittedAuthority; 2], E> {
        let _store = self.0.store.lock();
        let before = self.current(name, revision)?;
        if before.revoked.is_some() {
            return Err(AccessError::AuthorityRevoked.into());
        }
        let terms = change(&before.terms)?;
        if terms == before.terms {
            return Ok([before.clone(), before]);
        }
        self.0.authorities.has_its_own(name, &terms)?;
        let after = AdmittedAuthority { terms, updated: self.now(), revision: before.revision + 1, ..before.clone() };
        if !dry {
            self.0.authorities.write(&after)?;
            self.0.authorities.keep(after.clone());
        }
        Ok([before, after])
    }

    /// Revokes an authority and its credentials for good: it holds from now on, and on disk when this returns. Gives
    /// those credentials that held until now. Blocks until it is on disk.
    pub fn revoke_authority(
        &self,
        name: &AuthorityName,
        revision: Option<u64>,
    ) -> Result<(AdmittedAuthority, Vec<Credential>), AccessError> {
        let mut store = self.0.store.lock();
        let before = self.current(name, revision)?;
        let now = self.now();
        let revision = before.revision + u64::from(before.revoked.is_none());
        let revoked = AdmittedAuthority { revoked: before.revoked.or(Some(now)), revision, ..before };
        // In memory first: whatever becomes of the disk, it is not let in again by this run.
        self.0.authorities.keep(revoked.clone());
        let book = self.0.book.load_full();
        let ended = book.revoke_of(name, now);
        self.0.authorities.write(&revoked)?;
        store.write(&State::of(&book.all, book.begun))?;
        Ok((revoked, ended.into_iter().map(|holder| holder.credential()).collect()))
    }

    /// The time, as precisely as it is kept.
    fn now(&self) -> Timestamp {
        let now = self.0.clock.now();
        Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
    }

    fn current(&self, name: &AuthorityName, revision: Option<u64>) -> Result<AdmittedAuthority, AccessError> {
        let found = self.authority(name).ok_or(AccessError::AuthorityNotFound)?;
        let is_asked = revision.is_none_or(|revision| revision == found.revision);
        if is_asked { Ok(found) } else { Err(AccessError::AuthorityChanged) }
    }
}
