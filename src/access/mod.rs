//! Who may call: credentials, their proofs, and how much each may ask (R-P9).
//!
//! A [`Credential`] binds a proof (a bearer [`Token`], or a client certificate) to whom it stands for (a
//! [`Principal`]), until it expires or is revoked. [`Access`] keeps them all in memory, where a call asks, and on
//! disk, where only hashes of tokens are; what [`Access::create`] and [`Access::revoke`] answer is on disk.
//! [`Access::authenticate`] gives the [`Holder`] of a good proof, which counts its calls and is told when it ends.
//!
//! A new server has no credential. [`Access::bootstrap_if_new`] then writes one token to a file that only the server's
//! account can read; it makes the first operator, and is over with that, or after a day.
//!
//! An authority is more than its credentials: [`Access::authority_of`] has the limits within which the operator has
//! admitted it, and whoever is revoked there is let in by no credential.
//!
//! What each caller may do is not decided here: the table of calls is the doors' (`grpc/rules.rs`).

mod authorities;
mod bootstrap;
mod error;
mod holder;
mod limits;
mod store;
#[cfg(test)]
mod tests;
mod token;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use crate::domain::{
    AuthorityName, Caller, Clock, Credential, CredentialId, InvalidCredential, NewCredential, NewProof, Principal,
    Proof, Role, SignedDuration, Timestamp,
};
use crate::listen::{Network, Peer, ShownCertificate};
use crate::metrics::Metrics;

pub use bootstrap::TOKEN_FILE;
pub use error::{AccessError, Denied};
pub use holder::{Holder, Limited, Open};
pub use limits::{Allowance, Limits};
pub use token::{NotAToken, Token};

use authorities::Authorities;
use limits::Networks;
use store::{State, Store};

/// The most credentials that are kept, those that are over included.
const MOST: usize = 10_000;

/// How long a credential that is over is still shown.
const SHOWN_AFTER: SignedDuration = SignedDuration::from_hours(400 * 24);

/// How often what has expired is looked for.
const LOOK: Duration = Duration::from_secs(1);

/// All credentials. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Access(Arc<Inner>);

struct Inner {
    /// What calls ask; replaced as a whole.
    book: ArcSwap<Book>,
    /// Held while a change is made and written.
    store: Mutex<Store>,
    /// Who may warn.
    authorities: Authorities,
    /// Where a bootstrap's token waits.
    token_file: PathBuf,
    clock: Arc<dyn Clock>,
    metrics: Arc<Metrics>,
    limits: Limits,
    networks: Networks,
}

/// Every credential, by what it is found by.
#[derive(Default)]
struct Book {
    /// In the order in which they were made.
    all: Vec<Arc<Holder>>,
    by_id: HashMap<CredentialId, Arc<Holder>>,
    by_certificate: HashMap<[u8; 32], Arc<Holder>>,
    by_uri: HashMap<String, Arc<Holder>>,
    begun: bool,
}

impl Access {
    /// Opens the credentials in `data_dir`, which is made if it is not there. Another server that has them open is an
    /// error.
    pub fn open(
        data_dir: &Path,
        limits: Limits,
        clock: Arc<dyn Clock>,
        metrics: Arc<Metrics>,
    ) -> Result<Self, AccessError> {
        let (store, State { credentials, begun }) = Store::open(&data_dir.join("access"))?;
        let authorities = Authorities::open(data_dir.join("access").join("authorities"))?;
        let holders = credentials.into_iter().map(|credential| Arc::new(Holder::new(credential, &limits))).collect();
        let book = Book::new(holders, begun);
        // A crash may have come between an authority's file and that of its credentials.
        for (name, at) in authorities.revoked() {
            book.revoke_of(&name, at);
        }
        let book = ArcSwap::from_pointee(book);
        let networks = Networks::new(&limits);
        let token_file = data_dir.join(TOKEN_FILE);
        let store = Mutex::new(store);
        let inner = Inner { book, store, authorities, token_file, clock, metrics, limits, networks };
        Ok(Self(Arc::new(inner)))
    }

    /// The holder of the proof that a call came with: a token if it has one, else the certificate of its connection.
    /// `None` if it came with neither.
    ///
    /// A wrong token is looked at for as long as a right one. A peer that keeps showing wrong ones loses its
    /// connection; right ones are never kept out, however many wrong ones come from the same network: 256 random bits
    /// cannot be guessed, and a lock-out would be a weapon.
    pub fn authenticate(&self, token: Option<&str>, peer: Option<&Peer>) -> Result<Option<Arc<Holder>>, Denied> {
        let (proof, found) = match (token, peer.and_then(Peer::certificate)) {
            (Some(token), _) => ("token", self.by_token(token)),
            (None, Some(shown)) => ("certificate", self.by_certificate(shown)),
            (None, None) => return Ok(None),
        };
        match found {
            Ok(holder) => {
                holder.seen(self.0.clock.now());
                Ok(Some(holder))
            }
            Err(denied) => {
                self.failed(proof, peer);
                Err(denied)
            }
        }
    }

    /// A proof of that kind was wrong: counted, and held against the peer.
    pub fn failed(&self, proof: &'static str, peer: Option<&Peer>) {
        self.0.metrics.authentications_failed(proof).inc();
        if let Some(peer) = peer
            && !self.0.networks.may_fail(peer.network())
        {
            peer.cut();
        }
    }

    /// Whether one more link may be opened from there, or call made that needs no credential.
    pub fn may_call_unknown(&self, network: Network) -> bool {
        self.0.networks.may_call_unknown(network)
    }

    fn by_token(&self, text: &str) -> Result<Arc<Holder>, Denied> {
        let token = Token::parse(text).map_err(|_| Denied::Unknown)?;
        let holder = self.0.book.load().by_id.get(&token.id).map(Arc::clone);
        let right = token.is_of(holder.as_ref().and_then(|holder| holder.token_sha256()));
        match holder {
            Some(holder) if right => self.usable(holder),
            _ => Err(Denied::Unknown),
        }
    }

    fn by_certificate(&self, shown: &ShownCertificate) -> Result<Arc<Holder>, Denied> {
        let book = self.0.book.load();
        let by_uri = || shown.uris.iter().find_map(|uri| book.by_uri.get(uri));
        let holder = book.by_certificate.get(&shown.sha256).or_else(by_uri).ok_or(Denied::Unknown)?;
        self.usable(Arc::clone(holder))
    }

    fn usable(&self, holder: Arc<Holder>) -> Result<Arc<Holder>, Denied> {
        match holder.over(self.0.clock.now()) {
            Some(denied) => Err(denied),
            None => Ok(holder),
        }
    }

    /// Makes a credential, on behalf of `by`. If its proof is a token, this is the only time that the token is told.
    /// Blocks until it is on disk.
    pub fn create(&self, new: NewCredential, by: &Caller) -> Result<(Credential, Option<Token>), AccessError> {
        let mut store = self.0.store.lock();
        let now = self.0.clock.now();
        let is_first = matches!(by, Caller::Known { principal: Principal::Bootstrap, .. });
        if is_first && new.principal != Principal::Operator(Role::Administer) {
            return Err(AccessError::FirstIsAdministrator);
        }
        let book = self.0.book.load_full();
        let maker = by.credential().and_then(|id| book.by_id.get(&id));
        // It was usable when the call came. With the lock held it must still be: a bootstrap is used once.
        if let Some(denied) = maker.and_then(|maker| maker.over(now)) {
            return Err(AccessError::Denied(denied));
        }
        self.0.authorities.check(&new.principal)?;
        let (credential, token) = made(new, by.credential(), now)?;
        if book.is_bound(&credential.proof, now) {
            return Err(AccessError::Bound);
        }
        let mut holders: Vec<Arc<Holder>> = book.all.iter().filter(|holder| holder.is_shown(now)).cloned().collect();
        if holders.len() >= MOST {
            return Err(AccessError::Full);
        }
        holders.push(Arc::new(Holder::new(credential.clone(), &self.0.limits)));
        let mut state = State::of(&holders, book.begun || matches!(credential.principal, Principal::Operator(_)));
        if is_first && let Some(maker) = maker {
            state.revoke(maker.credential.id, now);
        }
        store.write(&state)?;
        self.0.book.store(Arc::new(Book::new(holders, state.begun)));
        if is_first && let Some(maker) = maker {
            maker.revoke(now);
            self.remove_token_file();
        }
        Ok((credential, token))
    }

    /// Revokes a credential: it holds from now on, and on disk when this returns. Its open streams end. Revoking what
    /// is revoked changes nothing. Blocks until it is on disk.
    pub fn revoke(&self, id: CredentialId) -> Result<Credential, AccessError> {
        let mut store = self.0.store.lock();
        let now = self.0.clock.now();
        let book = self.0.book.load_full();
        let holder = book.by_id.get(&id).ok_or(AccessError::NotFound)?;
        if book.is_last_administrator(id, now) {
            return Err(AccessError::LastAdministrator);
        }
        // In memory first: whatever becomes of the disk, it is not let in again by this run.
        holder.revoke(now);
        store.write(&State::of(&book.all, book.begun))?;
        Ok(holder.credential())
    }

    /// A credential.
    pub fn get(&self, id: CredentialId) -> Option<Credential> {
        self.0.book.load().by_id.get(&id).map(|holder| holder.credential())
    }

    /// Credentials in the order in which they were made, from `first` on, up to `most`.
    pub fn list(&self, first: Option<CredentialId>, most: usize) -> Vec<Credential> {
        let book = self.0.book.load();
        let before = |holder: &&Arc<Holder>| first.is_some_and(|first| holder.credential.id != first);
        book.all.iter().skip_while(before).take(most).map(|holder| holder.credential()).collect()
    }

    /// Ends the streams of what expires, until `stop`.
    pub async fn watch_expiry(self, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LOOK) => {}
            }
            let now = self.0.clock.now();
            for holder in self.0.book.load().all.iter().filter(|holder| holder.over(now).is_some()) {
                holder.end();
            }
            self.0.networks.tidy();
        }
    }
}

/// A credential, and its token if that is its proof.
fn made(
    new: NewCredential,
    created_by: Option<CredentialId>,
    now: Timestamp,
) -> Result<(Credential, Option<Token>), InvalidCredential> {
    let expires = new.check(now)?;
    let NewCredential { display_name, principal, proof, .. } = new;
    let token = Token::random();
    let id = token.id;
    let (proof, token) = match proof {
        NewProof::Token => (Proof::Token { sha256: token.sha256() }, Some(token)),
        NewProof::Certificate(sha256) => (Proof::Certificate(sha256), None),
        NewProof::CertificateUri(uri) => (Proof::CertificateUri(uri), None),
    };
    let (created, revoked, used) = (now, None, None);
    Ok((Credential { id, display_name, principal, proof, created, created_by, expires, revoked, used }, token))
}

impl Book {
    fn new(all: Vec<Arc<Holder>>, begun: bool) -> Self {
        let mut book = Self { begun, ..Self::default() };
        for holder in &all {
            book.by_id.insert(holder.credential.id, Arc::clone(holder));
            // Two may have the same certificate if one is over; the later one counts.
            match &holder.credential.proof {
                Proof::Token { .. } => {}
                Proof::Certificate(sha256) => drop(book.by_certificate.insert(*sha256, Arc::clone(holder))),
                Proof::CertificateUri(uri) => drop(book.by_uri.insert(uri.clone(), Arc::clone(holder))),
            }
        }
        book.all = all;
        book
    }

    /// Whether a credential that is not over has the same certificate.
    fn is_bound(&self, proof: &Proof, now: Timestamp) -> bool {
        let holder = match proof {
            Proof::Token { .. } => None,
            Proof::Certificate(sha256) => self.by_certificate.get(sha256),
            Proof::CertificateUri(uri) => self.by_uri.get(uri),
        };
        holder.is_some_and(|holder| holder.over(now).is_none())
    }

    /// Revokes the credentials of an authority; gives those that held until then.
    fn revoke_of(&self, name: &AuthorityName, now: Timestamp) -> Vec<Arc<Holder>> {
        let is_of = |holder: &&Arc<Holder>| {
            matches!(&holder.credential.principal, Principal::Authority { name: of, .. } if of == name)
                && holder.over(now).is_none()
        };
        let held: Vec<_> = self.all.iter().filter(is_of).cloned().collect();
        for holder in &held {
            holder.revoke(now);
        }
        held
    }

    /// Without it nobody could make a credential any more.
    fn is_last_administrator(&self, id: CredentialId, now: Timestamp) -> bool {
        let administers = |holder: &&Arc<Holder>| {
            holder.credential.principal == Principal::Operator(Role::Administer) && holder.over(now).is_none()
        };
        let mut administrators = self.all.iter().filter(administers).map(|holder| holder.credential.id);
        administrators.next() == Some(id) && administrators.next().is_none()
    }
}
