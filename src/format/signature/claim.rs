//! What a message's signatures say of themselves, unverified.

use roxmltree::Node;
use serde::Serialize;

use super::algorithm::NAMESPACE;
use super::base64;
use super::certificate::Certificate;
use super::{SIGNATURES, each_alert};
use crate::format::error::excerpt;

/// What a signature says of itself. Nothing of it is verified: anybody can write anything into it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Claim {
    /// With what it would be made, as the end of the algorithm's name: `rsa-sha256`.
    pub algorithm: String,
    /// The digest that it would have of the message, likewise.
    pub digest: String,
    /// Whom the first certificate in it names; empty if there is none that can be read.
    pub signer: String,
    /// SHA-256 of that certificate, in hexadecimal.
    pub fingerprint: String,
    /// The first and the last instant of that certificate.
    pub valid: Option<[String; 2]>,
}

/// What the signatures of each alert of a file or body say of themselves, by the place of the alert. There are none in
/// what cannot be read, nor in what is no CAP.
pub fn claims(bytes: &[u8], media_type: Option<&str>) -> Vec<(String, Vec<Claim>)> {
    each_alert(bytes, media_type, |_, alert| of(alert)).unwrap_or_default()
}

fn of(alert: Node) -> Vec<Claim> {
    let signatures = alert.descendants().filter(|node| node.has_tag_name((NAMESPACE, "Signature")));
    signatures.take(SIGNATURES + 1).map(Claim::read).collect()
}

impl Claim {
    fn read(signature: Node) -> Self {
        let named = |name: &'static str| {
            let element = signature.descendants().find(|node| node.has_tag_name((NAMESPACE, name)))?;
            let algorithm = element.attribute("Algorithm")?;
            Some(excerpt(algorithm.rsplit(['#', '/']).next().unwrap_or(algorithm)))
        };
        let certificate = signature.descendants().find(|node| node.has_tag_name((NAMESPACE, "X509Certificate")));
        let certificate = certificate.and_then(|node| Certificate::read(&base64::decode(node.text()?)?));
        Self {
            algorithm: named("SignatureMethod").unwrap_or_default(),
            digest: named("DigestMethod").unwrap_or_default(),
            signer: certificate.as_ref().map(|found| excerpt(found.subject())).unwrap_or_default(),
            fingerprint: certificate.as_ref().map(|found| found.fingerprint().to_string()).unwrap_or_default(),
            valid: certificate.map(|found| <[_; 2]>::from(found.validity()).map(|at| at.to_string())),
        }
    }
}
