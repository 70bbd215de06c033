//! Why a message's signature is not accepted.

use crate::domain::Timestamp;
use crate::format::FormatError;

/// Why no signature of a message counts. [`field`](Self::field) names what is wrong.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SignatureFault {
    /// The message cannot be read, signed or not.
    #[error("{0}")]
    Unreadable(#[from] FormatError),
    /// Only CAP in XML can carry a signature.
    #[error("only CAP in XML can be signed")]
    NotCap,
    /// A second alert inside the alert: which of them would be used cannot be known.
    #[error("there is an alert inside the alert")]
    SecondAlert,
    /// An alert in an envelope that is not complete without it: its signer signed something else.
    #[error("the alert is not complete without its envelope, which its signature cannot cover")]
    NotByItself,
    /// No signature.
    #[error("is missing: the alert is not signed")]
    Unsigned,
    /// More signatures than are looked at.
    #[error("there are {found} signatures, more than {most}")]
    TooMany {
        /// How many there are.
        found: usize,
        /// How many there may be.
        most: usize,
    },
    /// A signature that is no child of the alert.
    #[error("a signature lies in {parent:?} and not in the alert itself")]
    Misplaced {
        /// The element that it lies in.
        parent: String,
    },
    /// Two elements of one identifier.
    #[error("{id:?} identifies more than one element")]
    DuplicateId {
        /// Which identifier.
        id: String,
    },
    /// A comment in the middle of a text. No signature covers comments, and readers differ in what is left of the text.
    #[error("a comment cuts the text")]
    CommentInText {
        /// Which element.
        field: String,
    },
    /// A signature that is not formed as it must be.
    #[error("{why}")]
    Form {
        /// Which part of it.
        field: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// It signs something else than the message that it is in.
    #[error("refers to {uri:?}: only the message itself, \"\", may be signed")]
    OtherThanTheMessage {
        /// Which reference.
        field: String,
        /// To what it refers.
        uri: String,
    },
    /// An algorithm or transform that is not among those accepted.
    #[error("{value:?} is not accepted")]
    Algorithm {
        /// What names it.
        field: String,
        /// Its name.
        value: String,
    },
    /// An algorithm that is broken or nearly so.
    #[error("{value:?} is too weak")]
    Weak {
        /// What names it.
        field: String,
        /// Its name.
        value: String,
    },
    /// No base64, strictly: not padded, or with bits that say nothing.
    #[error("is not base64, strictly")]
    Base64 {
        /// What.
        field: String,
    },
    /// A certificate in the message that is none.
    #[error("is no certificate that can be read")]
    Certificate {
        /// Which.
        field: String,
    },
    /// Signed by somebody, and by nobody who is trusted.
    #[error("the signer {subject:?} is not among those that are trusted")]
    Unlisted {
        /// Which signature.
        field: String,
        /// Whom its certificate names, unverified; empty if it brings none.
        subject: String,
    },
    /// A certificate of a trusted name that leads to no trusted root.
    #[error("the certificate of {subject:?} leads to no trusted root: {why}")]
    Chain {
        /// Which signature.
        field: String,
        /// Whom the certificate names.
        subject: String,
        /// Why not.
        why: webpki::Error,
    },
    /// The certificate was not valid when the alert was sent.
    #[error("the certificate of {subject:?} is valid from {from} until {until}, not at {at}")]
    NotValid {
        /// Which signature.
        field: String,
        /// Whom the certificate names.
        subject: String,
        /// Its first instant.
        from: Timestamp,
        /// Its last instant.
        until: Timestamp,
        /// When it should have been valid.
        at: Timestamp,
    },
    /// The certificate is for something else than signing.
    #[error("the certificate of {subject:?} is not for signing (key usage)")]
    Usage {
        /// Which signature.
        field: String,
        /// Whom the certificate names.
        subject: String,
    },
    /// The signature's algorithm is not one of the certificate's key.
    #[error("{algorithm} is no algorithm of the key of {subject:?}, {key}")]
    OtherKey {
        /// Which signature.
        field: String,
        /// What the signature is said to be.
        algorithm: &'static str,
        /// Whom the certificate names.
        subject: String,
        /// The certificate's key.
        key: String,
    },
    /// Sent so long ago that a certificate's validity then says nothing now.
    #[error("{sent} is more than {most} hours ago: a signature cannot be that old")]
    TooOld {
        /// When it says that it was sent.
        sent: Timestamp,
        /// How long ago it may be, hours.
        most: i64,
    },
    /// Sent in the future.
    #[error("{sent} is in the future")]
    TooEarly {
        /// When it says that it was sent.
        sent: Timestamp,
    },
    /// The message is not the one that was signed.
    #[error("the message was changed after it was signed: its digest is another")]
    Digest {
        /// Which signature's digest.
        field: String,
    },
    /// The signature was not made with the key, or not over this.
    #[error("was not made by the key of {subject:?}, or was changed")]
    Value {
        /// Which signature's value.
        field: String,
        /// Whom the certificate names.
        subject: String,
    },
    /// The canonical form cannot be made.
    #[error("the message has no canonical form")]
    NoCanonicalForm,
    /// What would be read differs from what was signed.
    #[error("what is read of the message is not what was signed")]
    ReadsOtherwise,
}

impl SignatureFault {
    /// What is wrong: a path from the alert as `Signature[0].SignedInfo.Reference`.
    pub fn field(&self) -> &str {
        match self {
            Self::Unreadable(error) => error.field(),
            Self::Form { field, .. }
            | Self::OtherThanTheMessage { field, .. }
            | Self::Algorithm { field, .. }
            | Self::Weak { field, .. }
            | Self::Base64 { field }
            | Self::Certificate { field }
            | Self::Unlisted { field, .. }
            | Self::Chain { field, .. }
            | Self::NotValid { field, .. }
            | Self::Usage { field, .. }
            | Self::OtherKey { field, .. }
            | Self::Digest { field }
            | Self::Value { field, .. }
            | Self::CommentInText { field } => field,
            Self::Unsigned | Self::TooMany { .. } | Self::Misplaced { .. } => "Signature",
            Self::DuplicateId { .. } => "Id",
            Self::TooOld { .. } | Self::TooEarly { .. } => "sent",
            Self::NotCap => "root",
            Self::SecondAlert | Self::NotByItself | Self::NoCanonicalForm | Self::ReadsOtherwise => "alert",
        }
    }
}
