//! Signatures of Standard Webhooks: `v1,` and the base64 of HMAC-SHA256 over id, timestamp and payload.

use aws_lc_rs::hmac;

use crate::domain::{Private, WebhookSecret};

/// What a receiver verifies with, as it is shown to it: `whsec_` and base64.
pub fn shown(secret: &WebhookSecret) -> Private<String> {
    Private::new(format!("whsec_{}", base64(secret.0.expose())))
}

/// The header `webhook-signature` of a message: a signature by each secret, the newest first.
pub fn signature(secrets: &[WebhookSecret], id: &str, timestamp: i64, payload: &[u8]) -> String {
    let signed: Vec<String> = secrets.iter().map(|secret| sign(secret.0.expose(), id, timestamp, payload)).collect();
    signed.join(" ")
}

fn sign(secret: &[u8], id: &str, timestamp: i64, payload: &[u8]) -> String {
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, secret));
    context.update(format!("{id}.{timestamp}.").as_bytes());
    context.update(payload);
    format!("v1,{}", base64(context.sign().as_ref()))
}

/// RFC 4648, section 4.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let word = chunk.iter().fold(0_u32, |word, byte| word << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for digit in 0..4 {
            let is_there = digit <= chunk.len();
            let index = (word >> (18 - 6 * digit) & 63) as usize;
            text.push(if is_there { char::from(ALPHABET[index]) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification's own libraries.
    #[test]
    fn the_published_example_is_signed_as_published() {
        let secret =
            [49, 242, 144, 246, 191, 6, 41, 138, 171, 79, 8, 212, 60, 63, 8, 44, 246, 72, 163, 98, 218, 45, 164, 176];
        assert_eq!(base64(&secret), "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let signed = sign(&secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, b"{\"test\": 2432232314}");
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn base64_is_that_of_the_rfc() {
        for (bytes, text) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")] {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
        assert_eq!(base64(&[0xfb, 0xff, 0xfe]), "+//+");
    }

    #[test]
    fn while_a_secret_is_replaced_both_sign() {
        let secrets = [1, 2].map(|byte| WebhookSecret(Private::new([byte; 32])));
        let both = signature(&secrets, "evt_1", 7, b"{}");
        let each = secrets.clone().map(|secret| signature(&[secret], "evt_1", 7, b"{}"));
        assert_eq!(both, each.join(" "));
        assert_ne!(each[0], each[1]);
    }

    #[test]
    fn a_secret_is_shown_only_where_it_is_asked_for() {
        let secret = WebhookSecret(Private::new([0; 32]));
        assert_eq!(shown(&secret).expose(), &format!("whsec_{}=", "A".repeat(43)));
        assert!(!format!("{secret:?}{:?}", shown(&secret)).contains('A'));
    }
}
