//! What a partner's log and webhook need of the identity key: proofs of cursors, and sealed secrets.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

use crate::domain::{EventCursor, Private, WebhookSecret};

use super::identity::{Keys, Label};

impl Keys {
    /// The place behind an event of a partner's log.
    pub(super) fn event_cursor(&self, partner: u16, number: u64) -> EventCursor {
        let tag = self.sign(Label::Event, &[&partner.to_be_bytes(), &number.to_be_bytes()]);
        let mut proof = [0; 8];
        proof.copy_from_slice(&tag.as_ref()[..8]);
        EventCursor { number, proof: u64::from_be_bytes(proof) }
    }

    /// A secret as it lies on disk: a nonce, and what is sealed for that partner alone.
    pub(super) fn seal(&self, partner: u16, secret: &WebhookSecret) -> Vec<u8> {
        let nonce: [u8; NONCE_LEN] = rand::random();
        let mut sealed = secret.0.expose().to_vec();
        let aad = Aad::from(partner.to_be_bytes());
        self.sealing()
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut sealed)
            .expect("32 bytes are not too long to be sealed");
        [&nonce, &*sealed].concat()
    }

    /// The secret that was sealed for that partner.
    pub(super) fn unseal(&self, partner: u16, sealed: &[u8]) -> Option<WebhookSecret> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_LEN>()?;
        let mut opened = sealed.to_vec();
        let aad = Aad::from(partner.to_be_bytes());
        let secret = self.sealing().open_in_place(Nonce::assume_unique_for_key(*nonce), aad, &mut opened).ok()?;
        Some(WebhookSecret(Private::new(<[u8; 32]>::try_from(&*secret).ok()?)))
    }

    fn sealing(&self) -> LessSafeKey {
        let key = self.sign(Label::Seal, &[b"webhook secret"]);
        LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key.as_ref()).expect("HMAC-SHA256 gives the 32 bytes of a key"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_opened_for_its_partner_alone_and_only_as_it_was_sealed() {
        let folder = tempfile::tempdir().unwrap();
        let keys = Keys::open(&folder.path().join("identity.key"), true).unwrap();
        let secret = WebhookSecret(Private::new([7; 32]));
        let sealed = keys.seal(3, &secret);
        assert!(sealed.windows(8).all(|window| window != [7; 8]));
        assert_eq!(keys.unseal(3, &sealed), Some(secret.clone()));
        assert_eq!(keys.unseal(4, &sealed), None);
        assert_ne!(keys.seal(3, &secret), sealed);
        for byte in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[byte] ^= 1;
            assert_eq!(keys.unseal(3, &changed), None);
        }
        assert_eq!(keys.unseal(3, &sealed[..20]), None);
    }

    #[test]
    fn a_cursor_is_good_for_its_partner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let keys = Keys::open(&folder.path().join("identity.key"), true).unwrap();
        assert_eq!(keys.event_cursor(1, 5), keys.event_cursor(1, 5));
        assert_ne!(keys.event_cursor(1, 5).proof, keys.event_cursor(2, 5).proof);
        assert_ne!(keys.event_cursor(1, 5).proof, keys.event_cursor(1, 6).proof);
    }
}
