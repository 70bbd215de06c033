//! The first operator of a new server.
//!
//! A server without any credential is nobody's. It writes a token to a file that its own account alone can read, and
//! whoever can read that makes the first operator with it. The token does nothing else; it is over with that, or after
//! a day, and the file is then removed or of no use. It is in no log.

use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::Arc;

use crate::domain::{NewCredential, NewProof, Principal, SignedDuration};

use super::store::{State, write_private};
use super::{Access, AccessError, Book, Holder, made};

/// The file in the data folder that has the token.
pub const TOKEN_FILE: &str = "bootstrap.token";

/// How long the token holds: a new server is set up within a day, or started again.
const HOLDS: SignedDuration = SignedDuration::from_hours(24);

impl Access {
    /// Makes a bootstrap token if there has never been an operator and the one that was made before is over or its file
    /// is gone. Gives where the file is, if a token is waiting there. Blocks until it is on disk.
    pub fn bootstrap_if_new(&self) -> Result<Option<PathBuf>, AccessError> {
        let (begun, waits) = {
            let (book, now) = (self.0.book.load(), self.0.clock.now());
            let waits = |holder: &Arc<Holder>| {
                holder.credential.principal == Principal::Bootstrap && holder.over(now).is_none()
            };
            (book.begun, book.all.iter().any(waits))
        };
        if begun {
            return Ok(None);
        }
        if waits && self.0.token_file.exists() {
            return Ok(Some(self.0.token_file.clone()));
        }
        self.bootstrap().map(Some)
    }

    /// Makes a bootstrap token, in the place of any that was made before: for a new server, and for one whose operators
    /// have all lost their access. Gives where the file is. Blocks until it is on disk.
    pub fn bootstrap(&self) -> Result<PathBuf, AccessError> {
        let mut store = self.0.store.lock();
        let (book, now) = (self.0.book.load_full(), self.0.clock.now());
        let new = NewCredential {
            display_name: "Bootstrap".to_owned(),
            principal: Principal::Bootstrap,
            proof: NewProof::Token,
            expires: now.checked_add(HOLDS).ok(),
        };
        let (credential, token) = made(new, None, now)?;
        for holder in book.all.iter().filter(|holder| holder.credential.principal == Principal::Bootstrap) {
            holder.revoke(now);
        }
        let mut holders = book.all.clone();
        holders.push(Arc::new(Holder::new(credential, &self.0.limits)));
        // The file first: a token that nobody has is of no use, and a file whose token is not known yet does no harm.
        let text = token.map(|token| token.reveal().into_inner()).unwrap_or_default();
        write_private(&self.0.token_file, format!("{text}\n").as_bytes())?;
        store.write(&State::of(&holders, book.begun))?;
        self.0.book.store(Arc::new(Book::new(holders, book.begun)));
        Ok(self.0.token_file.clone())
    }

    /// The bootstrap is over: its token need not lie about.
    pub(super) fn remove_token_file(&self) {
        match fs::remove_file(&self.0.token_file) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                tracing::warn!(%error, path = %self.0.token_file.display(), "the used token could not be removed");
            }
            _ => {}
        }
    }
}
