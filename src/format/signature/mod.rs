//! Enveloped XML signatures of CAP (OASIS CAP 1.2, section 3.3.4.1; W3C XML Signature 1.1), as IPAWS, NAAD and members
//! of the WMO write them.
//!
//! [`verify`] is the front door: the message as it was received, whom to trust, and how strict to be. What it accepts
//! is narrow, and all else is refused with a [`SignatureFault`] that names the field:
//!
//! - One to four signatures, each a child of the alert, each over the whole alert with **all** its signatures taken
//!   out: that is what NAAD's second signer signs, and the same as the enveloped transform where there is one
//!   signature. One `Reference` of URI "", the enveloped transform, then C14N 1.0, C14N 1.1 or exclusive C14N 1.0
//!   without comments.
//! - SHA-256 or better, RSA of 2048 bits or more, ECDSA on P-256 or P-384. SHA-1 where the policy lets old files be
//!   verified; DSA, HMAC and MD5 never.
//! - At least one signature counts: it is by somebody of [`Trust`], with a certificate that was valid and algorithms
//!   that are accepted. **Every** one that counts must be right: one that is not makes the message false, whatever the
//!   others say. Other signatures must be formed as all must, and do no more: whether they are right is not asked,
//!   since anybody can add one that is.
//! - Certificates are judged at the alert's `sent`; so that nobody signs with an old key and dates back, `sent` may
//!   lie only so far from now where the policy says what time it is.
//! - No comment inside a text, no second alert, no identifier twice, no document type.
//!
//! What is used is what was verified: the canonical form whose digest was right is read again, and must say the same,
//! element for element, as what the reader of alerts reads. An alert inside an envelope (a feed, EDXL) is verified as
//! the document that it was before it was put there: its text by itself. The envelope is covered by nothing.
//!
//! Canonicalisation and the signature's value are the library's (`bergshamra`). It is given the alert and one
//! signature without its `KeyInfo`, and one key: it looks for no key, follows no address, and has no file to read.

mod algorithm;
mod base64;
mod certificate;
mod claim;
mod cover;
mod fault;
mod form;
mod policy;
mod trust;

use std::ops::Range;

use bergshamra_dsig::DsigContext;
use bergshamra_keys::KeysManager;
use roxmltree::{Document, Node};

use super::content::{Content, Syntax};
use super::decode::decode;
use super::error::excerpt;
use super::path::Path;
use super::{FormatError, Limits, TimeFault, cap, envelope, xml};
use crate::domain::Timestamp;

use algorithm::{Hash, Method, NAMESPACE, canonicalization_name};
use certificate::Key;
use cover::{canonical, reads_same, same, without};
use form::Form;

pub use certificate::{Certificate, Fingerprint};
pub use claim::{Claim, claims};
pub use fault::SignatureFault;
pub use policy::{Live, SignaturePolicy};
pub use trust::{Trust, TrustFault, TrustedBy};

/// Signatures of one alert that are looked at.
const SIGNATURES: usize = 4;

/// An alert that is signed by somebody who is trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// The signatures of those who are trusted, all of which are right: one or more.
    pub seals: Vec<Seal>,
    /// How many other signatures there are, which count for nothing.
    pub others: usize,
    /// The instant at which certificates were valid: when the alert was sent.
    pub at: Timestamp,
}

/// Whether an alert is signed by somebody who is trusted, or what is wrong.
pub type Verified = Result<Signed, SignatureFault>;

/// A signature that is right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seal {
    /// Who made it: a certificate of [`Trust`], or one that leads to a root of it.
    pub certificate: Certificate,
    /// By what the certificate is trusted.
    pub trusted_by: TrustedBy,
    /// With what it was made, as `RSA-SHA256`.
    pub algorithm: &'static str,
    /// The digest of the message, as `SHA-256`.
    pub digest: &'static str,
    /// The canonical form of the message.
    pub canonicalization: &'static str,
}

/// Verifies the one alert of a file or body, as it was received. `media_type` is what its carrier says it is.
pub fn verify(bytes: &[u8], media_type: Option<&str>, trust: &Trust, policy: &SignaturePolicy) -> Verified {
    let mut verified = verify_each(bytes, media_type, trust, policy)?;
    match (verified.pop(), verified.len()) {
        (Some((_, signed)), 0) => signed,
        (None, _) => Err(FormatError::NoMessage.into()),
        (Some(_), others) => Err(FormatError::SeveralMessages(others + 1).into()),
    }
}

/// Verifies every alert of a file or body, in the order and with the places that [`messages`](super::messages) gives.
pub fn verify_each(
    bytes: &[u8],
    media_type: Option<&str>,
    trust: &Trust,
    policy: &SignaturePolicy,
) -> Result<Vec<(String, Verified)>, SignatureFault> {
    each_alert(bytes, media_type, |text, alert| verify_alert(text, alert, trust, policy))
}

/// Does something with the text and the element of each alert of a file or body.
fn each_alert<T>(
    bytes: &[u8],
    media_type: Option<&str>,
    mut each: impl FnMut(&str, Node) -> T,
) -> Result<Vec<(String, T)>, SignatureFault> {
    let limits = Limits::default();
    let (syntax, text) = text(bytes, media_type, &limits)?;
    if syntax != Syntax::Xml {
        return Err(SignatureFault::NotCap);
    }
    let document = xml::parse(&text, &limits)?;
    let (root, mut done) = (document.root_element(), Vec::new());
    let mut visit = |alert: Node, place: Path| done.push((place.to_string(), each(&text, alert)));
    if cap::version(root).is_some() {
        visit(root, Path::ROOT);
    } else if envelope::is_envelope(&Content::Xml(root)) {
        envelope::each_alert(root, Path::ROOT, &mut visit);
    } else {
        return Err(SignatureFault::NotCap);
    }
    Ok(done)
}

/// The text of bytes, within limits.
fn text<'x>(
    bytes: &'x [u8],
    media_type: Option<&str>,
    limits: &Limits,
) -> Result<(Syntax, std::borrow::Cow<'x, str>), FormatError> {
    if bytes.len() > limits.bytes {
        return Err(FormatError::TooLarge { bytes: bytes.len(), most: limits.bytes });
    }
    let (syntax, charset) = match media_type.map(str::trim).filter(|given| !given.is_empty()) {
        Some(given) => Syntax::named(given)?,
        None => (Syntax::begun(bytes)?, None),
    };
    Ok((syntax, decode(bytes, charset)?))
}

/// The text of the document that an alert is or was. The XML declaration says nothing of text that is decoded.
fn own_text<'x>(text: &'x str, alert: Node) -> &'x str {
    if alert.parent_element().is_some() {
        return &text[alert.range()];
    }
    let declaration = text.strip_prefix("<?xml").filter(|rest| rest.starts_with([' ', '\t', '\r', '\n']));
    declaration.and_then(|rest| rest.split_once("?>")).map_or(text, |(_, rest)| rest)
}

fn verify_alert(text: &str, alert: Node, trust: &Trust, policy: &SignaturePolicy) -> Verified {
    let text = own_text(text, alert);
    let document = xml::parse(text, &Limits::default()).map_err(|_| SignatureFault::NotByItself)?;
    let root = document.root_element();
    if !same(alert, root) {
        return Err(SignatureFault::NotByItself);
    }
    let forms = forms(&document)?;
    let at = match policy.at {
        Some(at) => at,
        None => sent(root)?,
    };
    policy.is_timely(at)?;
    let ranges: Vec<Range<usize>> = forms.iter().map(|form| form.range.clone()).collect();
    let content = without(text, &ranges);
    let alone = |index| alone(text, &forms, index);
    let (mut seals, mut others, mut uncounted): (Vec<Seal>, usize, Option<SignatureFault>) = (Vec::new(), 0, None);
    for (index, form) in forms.iter().enumerate() {
        let sealed = candidates(form, trust, at)
            .and_then(|candidates| policy.accepts(form).map(|()| candidates))
            .map(|candidates| is_covered(form, root, &content).and_then(|()| seal(form, &candidates, &alone(index))));
        match sealed {
            Ok(Ok(seal)) if seals.iter().any(|other| other.certificate == seal.certificate) => {
                let why = "is a second signature of one signer";
                return Err(SignatureFault::Form { field: form.field.clone(), why });
            }
            Ok(Ok(seal)) => seals.push(seal),
            // It says that it is by somebody who is trusted, and is not right.
            Ok(Err(fault)) if !form.certificates.is_empty() => return Err(fault),
            Ok(Err(fault)) | Err(fault) => {
                others += 1;
                uncounted.get_or_insert(fault);
            }
        }
    }
    match uncounted {
        Some(fault) if seals.is_empty() => Err(fault),
        _ => Ok(Signed { seals, others, at }),
    }
}

/// The signatures of an alert, if it is built so that there is one way to read it.
fn forms(document: &Document) -> Result<Vec<Form>, SignatureFault> {
    let root = document.root_element();
    let mut identifiers = std::collections::BTreeSet::new();
    for element in root.descendants().filter(Node::is_element) {
        if element != root && cap::version(element).is_some() {
            return Err(SignatureFault::SecondAlert);
        }
        if element.has_tag_name((NAMESPACE, "Signature")) && element.parent_element() != Some(root) {
            let parent = element.parent_element().map_or("", |parent| parent.tag_name().name());
            return Err(SignatureFault::Misplaced { parent: excerpt(parent) });
        }
        let is_id = |name: &str| ["id", "assertionid"].iter().any(|id| name.eq_ignore_ascii_case(id));
        for id in element.attributes().filter(|attribute| is_id(attribute.name())) {
            if !identifiers.insert(id.value()) {
                return Err(SignatureFault::DuplicateId { id: excerpt(id.value()) });
            }
        }
    }
    let has_text = |node: Option<Node>| {
        node.filter(Node::is_text).is_some_and(|text| text.text().is_some_and(|text| !text.trim_ascii().is_empty()))
    };
    for comment in root.descendants().filter(Node::is_comment) {
        if has_text(comment.prev_sibling()) || has_text(comment.next_sibling()) {
            let element = comment.parent_element().map_or("", |parent| parent.tag_name().name());
            return Err(SignatureFault::CommentInText { field: excerpt(element) });
        }
    }
    let signatures: Vec<Node> = root.children().filter(|node| node.has_tag_name((NAMESPACE, "Signature"))).collect();
    match signatures.len() {
        0 => Err(SignatureFault::Unsigned),
        1..=SIGNATURES => signatures.into_iter().enumerate().map(|(index, node)| Form::read(node, index)).collect(),
        found => Err(SignatureFault::TooMany { found, most: SIGNATURES }),
    }
}

/// When an alert says that it was sent.
fn sent(alert: Node) -> Result<Timestamp, FormatError> {
    let namespace = alert.tag_name().namespace().unwrap_or_default();
    let limits = Limits::default();
    let text = xml::Element::root(alert, namespace, &limits).required("sent")?;
    let time = |source: TimeFault| FormatError::Time { field: "sent".to_owned(), value: excerpt(&text), source };
    match cap::instant(&text).map_err(time)? {
        cap::WrittenInstant::Exact(at) => Ok(at),
        // CAP before 1.2 lets the offset be left out, as the reader of alerts does.
        cap::WrittenInstant::Local(at) if cap::version(alert).is_some_and(|it| it < cap::Version::V1_2) => Ok(at),
        cap::WrittenInstant::Local(_) => Err(time(TimeFault::NoOffset)),
    }
}

/// The certificates by one of which a signature counts; it must then be right.
fn candidates(form: &Form, trust: &Trust, at: Timestamp) -> Result<Vec<(Certificate, TrustedBy)>, SignatureFault> {
    let field = || format!("{}.KeyInfo", form.field);
    let brought = &form.certificates;
    // A signature may not say whose it is. A key that is written in it counts for nothing; a pinned one may fit.
    let among = if brought.is_empty() { trust.certificates() } else { brought };
    let (mut candidates, mut fault) = (Vec::new(), None);
    for certificate in among.iter().filter(|certificate| trust.pins(certificate) || trust.names(certificate)) {
        // Whether it counts is asked first, so that it is said of the signer's own certificate and not of a chain.
        let trusted_by = counts(form, certificate, at).and_then(|()| {
            if trust.pins(certificate) {
                return Ok(TrustedBy::Certificate);
            }
            let chain = |why| SignatureFault::Chain { field: field(), subject: subject(certificate), why };
            trust.leads_to_root(certificate, brought, at).map_err(chain).map(|()| TrustedBy::Root)
        });
        match trusted_by {
            Ok(trusted_by) => candidates.push((certificate.clone(), trusted_by)),
            Err(found) => fault = Some(found),
        }
    }
    if !candidates.is_empty() {
        return Ok(candidates);
    }
    let subject = brought.first().map(subject).unwrap_or_default();
    Err(fault.unwrap_or_else(|| SignatureFault::Unlisted { field: field(), subject }))
}

fn subject(certificate: &Certificate) -> String {
    excerpt(certificate.subject())
}

/// Whether a signature by a certificate counts: the certificate was valid, is for signing, and has a key of the
/// signature's algorithm.
fn counts(form: &Form, certificate: &Certificate, at: Timestamp) -> Result<(), SignatureFault> {
    let field = || format!("{}.KeyInfo", form.field);
    if !certificate.is_valid_at(at) {
        let (from, until) = certificate.validity();
        return Err(SignatureFault::NotValid { field: field(), subject: subject(certificate), from, until, at });
    }
    if !certificate.signs() {
        return Err(SignatureFault::Usage { field: field(), subject: subject(certificate) });
    }
    let fits = match form.method {
        Method::Rsa(_) => matches!(certificate.key(), Key::Rsa { .. }),
        Method::Ecdsa(_) => matches!(certificate.key(), Key::P256 | Key::P384),
    };
    if fits && certificate.key().is_strong() {
        return Ok(());
    }
    Err(SignatureFault::OtherKey {
        field: format!("{}.SignedInfo.SignatureMethod", form.field),
        algorithm: form.method.name(),
        subject: subject(certificate),
        key: certificate.key().to_string(),
    })
}

/// Checks the digest of the message, and that what has it reads as the alert does.
fn is_covered(form: &Form, alert: Node, content: &str) -> Result<(), SignatureFault> {
    let canonical = canonical(content, &form.canonicalization).ok_or(SignatureFault::NoCanonicalForm)?;
    if form.hash.of(canonical.as_bytes()).as_ref() != form.digest {
        return Err(SignatureFault::Digest { field: format!("{}.SignedInfo.Reference.DigestValue", form.field) });
    }
    if reads_same(alert, &canonical) { Ok(()) } else { Err(SignatureFault::ReadsOtherwise) }
}

/// The alert with one signature, and that without what need not be looked at.
fn alone(text: &str, forms: &[Form], index: usize) -> String {
    let mut parts: Vec<Range<usize>> = Vec::new();
    for (other, form) in forms.iter().enumerate() {
        if other == index {
            parts.extend(form.beside.iter().cloned());
        } else {
            parts.push(form.range.clone());
        }
    }
    without(text, &parts)
}

/// Verifies a signature by whichever of the certificates made it.
fn seal(form: &Form, candidates: &[(Certificate, TrustedBy)], alone: &str) -> Result<Seal, SignatureFault> {
    let made = candidates.iter().find(|(certificate, _)| is_made_by(certificate, alone));
    if let Some((certificate, trusted_by)) = made {
        return Ok(Seal {
            certificate: certificate.clone(),
            trusted_by: *trusted_by,
            algorithm: form.method.name(),
            digest: form.hash.name(),
            canonicalization: canonicalization_name(form.canonicalization.0),
        });
    }
    let field = format!("{}.SignatureValue", form.field);
    let subject = candidates.first().map(|(certificate, _)| subject(certificate)).unwrap_or_default();
    Err(SignatureFault::Value { field, subject })
}

/// Whether the signature that a document has was made with a certificate's key.
fn is_made_by(certificate: &Certificate, document: &str) -> bool {
    let Ok(key) = bergshamra_keys::loader::load_x509_cert_der(certificate.der()) else { return false };
    let mut keys = KeysManager::new();
    keys.add_key(key);
    // The library's own defaults are its strict ones: keys that it is given and no others, and every digest checked.
    let verified = bergshamra_dsig::verify::verify(&DsigContext::new(keys), document);
    verified.is_ok_and(|verified| verified.all_reference_digests_verified())
}
