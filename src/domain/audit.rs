//! What the audit log holds (R-P8): who did what, when, and whom or what it was about.
//!
//! An [`Act`] says what was done, in fields of its own; an [`AuditEntry`] adds the [`Actor`] and whom it concerns; an
//! [`AuditRecord`] is an entry in its place in the log. People are named by [`AuditSubject`]s alone. No field can hold
//! an identifier, a token, a place or a CID, and no text of a caller's own choice is among them.

use std::fmt;
use std::str::FromStr;

use compact_str::CompactString;

use super::{
    AlertId, AuditSubject, Caller, CredentialId, DeliveryKey, InvalidId, PolicyVersion, Principal, Purpose, Timestamp,
};

/// What kind of caller acted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ActorKind {
    /// The server itself.
    Server = 1,
    /// Anybody, on a development server.
    Development = 2,
    /// The back end of a partner.
    Partner = 3,
    /// An alert authority.
    Authority = 4,
    /// An operator.
    Operator = 5,
    /// Whoever started a new server.
    Bootstrap = 6,
    /// Somebody who shows nothing.
    Stranger = 7,
}

impl ActorKind {
    /// Every kind.
    pub const ALL: [Self; 7] = [
        Self::Server,
        Self::Development,
        Self::Partner,
        Self::Authority,
        Self::Operator,
        Self::Bootstrap,
        Self::Stranger,
    ];

    /// Its name, lower case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Development => "development",
            Self::Partner => "partner",
            Self::Authority => "authority",
            Self::Operator => "operator",
            Self::Bootstrap => "bootstrap",
            Self::Stranger => "stranger",
        }
    }
}

/// Who acted: a kind of caller, and which.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Actor {
    /// What kind.
    pub kind: ActorKind,
    /// The id of a partner or an authority, the role of an operator; empty for others.
    pub name: CompactString,
    /// The credential that was shown, if one was. It tells one operator from another.
    pub credential: Option<CredentialId>,
}

impl Actor {
    /// The server itself.
    pub const SERVER: Self = Self { kind: ActorKind::Server, name: CompactString::const_new(""), credential: None };
}

impl From<&Caller> for Actor {
    fn from(caller: &Caller) -> Self {
        match caller {
            Caller::Development => Self { kind: ActorKind::Development, ..Self::SERVER },
            Caller::Stranger => Self { kind: ActorKind::Stranger, ..Self::SERVER },
            Caller::Known { credential, principal } => Self { credential: Some(*credential), ..Self::from(principal) },
        }
    }
}

/// Whoever holds a credential of this principal.
impl From<&Principal> for Actor {
    fn from(principal: &Principal) -> Self {
        let (kind, name) = match principal {
            Principal::Partner(partner) => (ActorKind::Partner, partner.id()),
            Principal::Authority { name, .. } => (ActorKind::Authority, name.id()),
            Principal::Operator(role) => (ActorKind::Operator, role.name()),
            Principal::Bootstrap => (ActorKind::Bootstrap, ""),
        };
        Self { kind, name: name.into(), credential: None }
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.name())?;
        if !self.name.is_empty() {
            write!(f, " {}", self.name)?;
        }
        self.credential.map_or(Ok(()), |credential| write!(f, " ({credential})"))
    }
}

/// What was agreed to, as it is proven later: the words in which it was obtained are there as a digest alone, since
/// they are a caller's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsentTerms {
    /// What was agreed to.
    pub purpose: Purpose,
    /// Under which version of the policy.
    pub policy: PolicyVersion,
    /// When it was given.
    pub granted: Timestamp,
    /// When it ends by itself; `None` means it holds until withdrawn.
    pub expires: Option<Timestamp>,
    /// The first half of the SHA-256 of [`ConsentOrigin`](super::ConsentOrigin)'s text.
    pub origin_digest: [u8; 16],
    /// That of how the guardian's consent was obtained; `None` means that no guardian gave it.
    pub guardian_digest: Option<[u8; 16]>,
}

/// What the desk made of an alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AlertOutcome {
    /// It became a bulletin.
    Admitted(DeliveryKey),
    /// It was in order, and not sent.
    Ignored {
        /// Why, in one word of the API.
        reason: CompactString,
        /// What it had become, if it was decided on before.
        key: Option<DeliveryKey>,
    },
    /// It waits for a person.
    Held {
        /// Why, in one word of the API: the first reason.
        reason: CompactString,
    },
    /// It broke a rule, or could not be read.
    Refused {
        /// Why, in one word of the API.
        reason: CompactString,
    },
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// The log begins. The number, drawn at random, tells it from every other.
    LogBegun {
        /// The number.
        log: [u8; 16],
    },
    /// A commit that a crash had cut off was removed. Nobody had been told that its records were there.
    TailCut {
        /// Number of the segment.
        segment: u64,
        /// Where in the file it began.
        offset: u64,
        /// How many bytes there were of it.
        bytes: u64,
        /// Their SHA-256.
        sha256: [u8; 32],
    },
    /// A day has passed: whoever holds this record's number and hash can tell whether anything before it was changed.
    LogAnchored,
    /// Records were read.
    LogRead {
        /// How many.
        records: u32,
    },
    /// The server started.
    ServerStarted {
        /// Its version.
        version: CompactString,
        /// Whether anybody on its machine may do anything.
        development: bool,
    },
    /// The server ended as it should.
    ServerStopped,
    /// Somebody was registered.
    RegistrationCreated {
        /// What they agreed to.
        consents: Vec<ConsentTerms>,
        /// Whether their place is held from then on.
        place: bool,
        /// Whether the app had been registered on this device before. Whoever that was is another subject, whose
        /// registration ended with this.
        again: bool,
        /// Whether it only claims to be a device that had been registered: that registration goes on.
        claim: bool,
        /// Whether the partner vouched that it is that device.
        vouched: bool,
    },
    /// A registration ended, with all that was agreed to in it: its app was registered anew on its device, or it had
    /// been silent for so long that one which claims its CID took its place.
    RegistrationEnded,
    /// Registrations were read.
    RegistrationRead,
    /// What is said of a registration's device was changed: the parts that are true.
    RegistrationUpdated {
        /// What the device is.
        traits: bool,
        /// Vendor addresses.
        tokens: bool,
        /// Whether the person takes part in exercises.
        drills: bool,
        /// The secret of its link.
        secret: bool,
        /// What the person wants to be told of.
        preferences: bool,
        /// Whether the person is under 14.
        under_14: bool,
        /// How precisely its places are held.
        place_precision: bool,
    },
    /// After a crash: a registration had been changed, and the record of that was lost.
    RegistrationRecovered {
        /// What is agreed to in it now.
        consents: Vec<ConsentTerms>,
    },
    /// A registration was deleted.
    RegistrationDeleted,
    /// Places were reported: all that one caller reported for one app in about a minute.
    PlacesReported {
        /// How many reports there were.
        reported: u64,
        /// How many of them asked for the place to be forgotten.
        forgotten: u64,
        /// How many of them were refused.
        refused: u64,
        /// When the first of them came.
        since: Timestamp,
    },
    /// Somebody agreed.
    ConsentGranted(ConsentTerms),
    /// Somebody withdrew.
    ConsentWithdrawn {
        /// What they had agreed to.
        purpose: Purpose,
    },
    /// What had been agreed to counts no more, since no guardian has: the person turned out to be under 14.
    ConsentEnded {
        /// What had been agreed to.
        purposes: Vec<Purpose>,
    },
    /// A partner retired its privacy policy up to a version: what was agreed to under it counts no more.
    PolicyRetired {
        /// The newest version that is retired.
        version: PolicyVersion,
    },
    /// A place that the person follows was set.
    SavedPlaceSet,
    /// A place that the person followed was deleted.
    SavedPlaceDeleted,
    /// The places that the person follows were read.
    SavedPlacesRead,
    /// The server forgot places by itself.
    PlacesForgotten {
        /// How many were too old.
        stale: u64,
        /// How many no consent allowed to hold any more.
        without_consent: u64,
    },
    /// An alert was decided on.
    AlertDecided {
        /// The authority that it came from, by its name in this server.
        authority: CompactString,
        /// What names the alert; `None` if it could not be read.
        alert: Option<AlertId>,
        /// What became of it.
        outcome: AlertOutcome,
        /// Whether this was written after a crash, from the alert journal.
        recovered: bool,
    },
    /// It was asked who would be reached by an alert.
    AlertPreviewed {
        /// What names the alert.
        alert: AlertId,
        /// How many were found in its area.
        found: u64,
    },
    /// A partner was admitted.
    PartnerCreated,
    /// An app was added to a partner.
    AppCreated,
    /// A credential was made.
    CredentialCreated {
        /// Whom it stands for.
        holder: Actor,
        /// When it ends by itself.
        expires: Timestamp,
    },
    /// A credential was revoked.
    CredentialRevoked {
        /// Whom it stood for.
        holder: Actor,
    },
    /// An authority was admitted.
    AuthorityCreated {
        /// Within which limits: each with what it is.
        terms: Vec<CompactString>,
    },
    /// An authority's limits were changed.
    AuthorityUpdated {
        /// What was changed: each with what it was and what it is.
        changes: Vec<CompactString>,
    },
    /// An authority was revoked, and its credentials with it.
    AuthorityRevoked,
    /// A token waits in a file of the data folder, by which the first operator is made.
    BootstrapOffered,
    /// A partner made a zone.
    ZoneCreated,
    /// A partner changed a zone.
    ZoneUpdated,
    /// A partner deleted a zone.
    ZoneDeleted,
    /// A partner read what happened to its registrations, or which of them were told of an alert.
    EventsRead {
        /// How many there were; none, where it began to follow them.
        events: u32,
    },
    /// A partner said where its events are sent.
    WebhookSet {
        /// Whether they are signed with another secret from then on.
        secret: bool,
    },
    /// A partner has its events sent no more.
    WebhookDeleted,
    /// Identifiers are hashed with a new key from then on.
    IdentityKeyRotated,
    /// A key that identifiers had been hashed with is no more, nor anything that was hashed with it.
    IdentityKeyErased,
    /// A set of regions, by which codes are turned into ground, was imported.
    RegionsImported {
        /// How many there are in it.
        regions: u64,
    },
    /// An operator did something with a feed.
    Feed(FeedAct),
}

/// What an operator did with a feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum FeedAct {
    /// It was added.
    Created = 1,
    /// It is left alone for now.
    Paused = 2,
    /// It is got again.
    Resumed = 3,
    /// It was removed.
    Deleted = 4,
}

impl FeedAct {
    /// Every one of them.
    pub const ALL: [Self; 4] = [Self::Created, Self::Paused, Self::Resumed, Self::Deleted];
}

impl Act {
    /// Every action's name.
    pub const NAMES: [&str; 44] = [
        "log.begun",
        "log.tail_cut",
        "log.anchored",
        "log.read",
        "server.started",
        "server.stopped",
        "registration.created",
        "registration.ended",
        "registration.read",
        "registration.updated",
        "registration.recovered",
        "registration.deleted",
        "places.reported",
        "consent.granted",
        "consent.withdrawn",
        "alert.decided",
        "alert.previewed",
        "partner.created",
        "app.created",
        "credential.created",
        "credential.revoked",
        "bootstrap.offered",
        "zone.created",
        "zone.updated",
        "zone.deleted",
        "events.read",
        "webhook.set",
        "webhook.deleted",
        "identity_key.rotated",
        "identity_key.erased",
        "consent.ended",
        "policy.retired",
        "saved_place.set",
        "saved_place.deleted",
        "saved_place.read",
        "places.forgotten",
        "regions.imported",
        "authority.created",
        "authority.updated",
        "authority.revoked",
        "feed.created",
        "feed.paused",
        "feed.resumed",
        "feed.deleted",
    ];

    /// The action's name: what was acted on, and how.
    pub const fn name(&self) -> &'static str {
        let position = match self {
            Self::LogBegun { .. } => 0,
            Self::TailCut { .. } => 1,
            Self::LogAnchored => 2,
            Self::LogRead { .. } => 3,
            Self::ServerStarted { .. } => 4,
            Self::ServerStopped => 5,
            Self::RegistrationCreated { .. } => 6,
            Self::RegistrationEnded => 7,
            Self::RegistrationRead => 8,
            Self::RegistrationUpdated { .. } => 9,
            Self::RegistrationRecovered { .. } => 10,
            Self::RegistrationDeleted => 11,
            Self::PlacesReported { .. } => 12,
            Self::ConsentGranted(_) => 13,
            Self::ConsentWithdrawn { .. } => 14,
            Self::AlertDecided { .. } => 15,
            Self::AlertPreviewed { .. } => 16,
            Self::PartnerCreated => 17,
            Self::AppCreated => 18,
            Self::CredentialCreated { .. } => 19,
            Self::CredentialRevoked { .. } => 20,
            Self::BootstrapOffered => 21,
            Self::ZoneCreated => 22,
            Self::ZoneUpdated => 23,
            Self::ZoneDeleted => 24,
            Self::EventsRead { .. } => 25,
            Self::WebhookSet { .. } => 26,
            Self::WebhookDeleted => 27,
            Self::IdentityKeyRotated => 28,
            Self::IdentityKeyErased => 29,
            Self::ConsentEnded { .. } => 30,
            Self::PolicyRetired { .. } => 31,
            Self::SavedPlaceSet => 32,
            Self::SavedPlaceDeleted => 33,
            Self::SavedPlacesRead => 34,
            Self::PlacesForgotten { .. } => 35,
            Self::RegionsImported { .. } => 36,
            Self::AuthorityCreated { .. } => 37,
            Self::AuthorityUpdated { .. } => 38,
            Self::AuthorityRevoked => 39,
            Self::Feed(act) => 39 + *act as usize,
        };
        Self::NAMES[position]
    }
}

/// What is to be written: an act, who acted, and whom or what it was about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// Who acted.
    pub actor: Actor,
    /// What was done.
    pub act: Act,
    /// The people whom it was about.
    pub subjects: Vec<AuditSubject>,
    /// The resource name of what it was about, where that is no person; for one about people, that of their app.
    pub object: CompactString,
}

impl AuditEntry {
    /// An act of the server's own.
    pub fn server(act: Act) -> Self {
        Self { actor: Actor::SERVER, act, subjects: Vec::new(), object: CompactString::default() }
    }
}

/// An entry in its place in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRecord {
    /// Where it stands in the log, from 1.
    pub position: AuditPosition,
    /// The hash of the record before it; all zeros for the first.
    pub previous: RecordHash,
    /// When it was written.
    pub time: Timestamp,
    /// Who acted.
    pub actor: Actor,
    /// What was done; `None` if a newer server wrote it, and this one does not know the act.
    pub act: Option<Act>,
    /// The people whom it was about.
    pub subjects: Vec<AuditSubject>,
    /// The resource name of what it was about, where that is no person; for one about people, that of their app.
    pub object: CompactString,
}

/// SHA-256 of a record's bytes, the hash of the record before it among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct RecordHash(pub [u8; 32]);

impl fmt::Display for RecordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for RecordHash {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(InvalidId::Malformed);
        }
        let mut hash = [0; 32];
        for (byte, digits) in hash.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            let digits = std::str::from_utf8(digits).map_err(|_| InvalidId::Malformed)?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_| InvalidId::Malformed)?;
        }
        Ok(Self(hash))
    }
}

/// Where a record stands in the log, and its hash. Who notes those of the newest record can tell later whether any
/// record up to it was changed or removed. Written `<number>:<hash in hexadecimal>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct AuditPosition {
    /// The record's number, from 1.
    pub sequence: u64,
    /// The record's hash.
    pub hash: RecordHash,
}

impl fmt::Display for AuditPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.sequence, self.hash)
    }
}

impl FromStr for AuditPosition {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let (sequence, hash) = text.split_once(':').ok_or(InvalidId::Malformed)?;
        Ok(Self { sequence: sequence.parse().map_err(|_| InvalidId::Malformed)?, hash: hash.parse()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_noted_position_reads_back() {
        let position = AuditPosition { sequence: 1_234, hash: RecordHash(std::array::from_fn(|at| at as u8 * 7)) };
        assert_eq!(position.to_string().parse(), Ok(position));
        for bad in ["", "12", "12:", "x:00", "12:+f", &format!("12:{}", "+f".repeat(32))] {
            assert!(bad.parse::<AuditPosition>().is_err(), "{bad}");
        }
    }

    #[test]
    fn each_act_has_a_name_of_its_own() {
        let mut names = Act::NAMES.to_vec();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Act::NAMES.len());
    }
}
