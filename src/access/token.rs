//! Bearer tokens.

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use aws_lc_rs::{constant_time, digest};

use crate::domain::{CredentialId, Private, base32};

/// What a token begins with, so that it is known for one wherever it is found.
const PREFIX: &str = "hc_";

/// Told from any other use of the hash.
const LABEL: &[u8] = b"hazardcast token 1";

/// `hc_{credential id}_{secret}`: who holds it is the credential's. The secret is 256 random bits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// The credential that it is of.
    pub id: CredentialId,
    secret: Private<[u8; 32]>,
}

/// A text that is no token. It is not shown, since it may nearly be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a token: it begins with hc_ and has 72 characters")]
pub struct NotAToken;

impl Token {
    /// A new one.
    pub(super) fn random() -> Self {
        Self { id: CredentialId(random()), secret: Private::new(random()) }
    }

    /// Reads a token.
    pub fn parse(text: &str) -> Result<Self, NotAToken> {
        let (id, secret) = text.strip_prefix(PREFIX).and_then(|rest| rest.split_once('_')).ok_or(NotAToken)?;
        let id = CredentialId::from_id(id).map_err(|_| NotAToken)?;
        let secret = base32::read(secret).ok_or(NotAToken)?;
        Ok(Self { id, secret: Private::new(secret) })
    }

    /// The token itself, to be handed to whoever is to hold it.
    pub fn reveal(&self) -> Private<String> {
        Private::new(format!("{PREFIX}{}_{}", self.id.id(), base32::write(self.secret.expose())))
    }

    /// What is kept of it.
    pub(super) fn sha256(&self) -> [u8; 32] {
        let mut context = digest::Context::new(&digest::SHA256);
        for part in [LABEL, &self.id.0, self.secret.expose()] {
            context.update(part);
        }
        let mut sha256 = [0; 32];
        sha256.copy_from_slice(context.finish().as_ref());
        sha256
    }

    /// Whether it is the one that this was kept of. Takes as long whether it is or not, and if nothing was kept.
    pub(super) fn is_of(&self, kept: Option<&[u8; 32]>) -> bool {
        let nothing = [0; 32];
        let right = constant_time::verify_slices_are_equal(&self.sha256(), kept.unwrap_or(&nothing)).is_ok();
        right && kept.is_some()
    }
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).expect("the system's randomness does not fail once the process runs");
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_reads_back_and_is_never_shown_by_debug() {
        let token = Token::random();
        let text = token.reveal().into_inner();
        assert_eq!(text.len(), 72);
        assert_eq!(Token::parse(&text), Ok(token.clone()));
        let secret = text.rsplit('_').next().expect("a secret");
        assert!(!format!("{token:?} {:?}", token.reveal()).contains(secret));
        assert_ne!(Token::random(), token);
    }

    #[test]
    fn what_is_nearly_a_token_is_none() {
        let text = Token::random().reveal().into_inner();
        let cases = ["", "hc_", "hc__", &text[1..], &text[..71], &format!("{text}0"), &format!(" {text}")];
        for bad in cases.into_iter().chain([text.to_uppercase().as_str(), text.replacen("hc_", "hc-", 1).as_str()]) {
            assert_eq!(Token::parse(bad), Err(NotAToken), "{bad}");
        }
    }

    #[test]
    fn only_the_same_token_is_the_one_that_was_kept() {
        let (token, other) = (Token::random(), Token::random());
        assert!(token.is_of(Some(&token.sha256())));
        assert!(!token.is_of(Some(&other.sha256())) && !token.is_of(None));
        let same_secret = Token { id: other.id, ..token.clone() };
        assert!(!same_secret.is_of(Some(&token.sha256())));
    }
}
