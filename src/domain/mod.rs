//! The nouns that every stage shares: alerts and the ground they speak of, registrations and what they agreed to,
//! notices and what became of them.
//!
//! Types here are made by a door ([`crate::format`], [`crate::wire`]) or a store, and cannot be wrong once made:
//! a [`Position`] is on the globe, a [`Ring`] has ground, an [`Alert`] that updates names what it updates. Nothing
//! here does I/O, asks for the time or draws a random number.

mod alert;
mod area;
mod audit;
mod authority;
pub(crate) mod base32;
mod caller;
mod clock;
mod consent;
mod credential;
mod discretion;
mod earthquake;
mod event;
mod feed;
mod frame;
mod id;
mod language;
mod non_empty;
mod notice;
mod precision;
mod preferences;
mod private;
mod receipt;
mod registration;
mod webhook;
mod zone;

pub use alert::{
    Alert, AlertId, AlertRef, AlertScope, Body, Category, Certainty, EventKey, Ground, Identifier, Info, InfoTexts,
    InvalidName, Mode, NamedValue, ResponseType, Sender, Severity, StateScope, Subject, Urgency,
};
pub use area::{Area, Circle, Geocode, InvalidGround, Polygon, Position, Ring};
pub use audit::{
    Act, Actor, ActorKind, AlertOutcome, AuditEntry, AuditPosition, AuditRecord, ConsentTerms, FeedAct, RecordHash,
};
pub use authority::{AdmittedAuthority, AlertRate, AuthorityTerms, Jurisdiction, SignatureRule, TrustedCertificate};
pub use caller::{AuthorityName, Caller, CredentialId, Principal, Role};
pub use clock::{Clock, ManualClock};
pub use consent::{Consent, ConsentOrigin, Guardian, PolicyVersion, PrivacyPolicy, Purpose, Use};
pub use credential::{Credential, InvalidCredential, NewCredential, NewProof, Proof};
pub use discretion::{Discretion, Told};
pub use earthquake::{Intensity, IntensityBand, IntensityScale, Source};
pub use event::{EventCursor, EventKind, PartnerEvent};
pub use feed::{Feed, FeedKind, FeedName, FeedSettings, FeedUrl, InvalidFeed, Vanished};
pub use frame::{DeviceFrame, EncodedNotice, GoodbyeReason, LinkSecret, ServerFrame};
pub use id::{
    AppName, AppSlot, AuditSubject, Cid, DeliveryKey, DeviceSlot, Gid, Installation, InvalidId, LineageId, PartnerName,
    PlaceId, RegistrationName, Revision, Slot,
};
pub use language::{InvalidLanguage, Language};
pub use non_empty::NonEmpty;
pub use notice::{Notice, NoticeKind, NoticePlace, NoticeText, Priority};
pub use precision::{PlacePrecision, UnfitPlace};
pub use preferences::{Hazards, Preferences, Quiet, QuietHours};
pub use private::Private;
pub use receipt::{ChannelKind, Fault, Milestone, Outcome, Scope, VendorId};
pub use registration::{
    DeviceIdentifier, DeviceTraits, Footprint, IdentifierKind, NewRegistration, Platform, Registration, SavedPlace,
    SavedPlaceId, Token,
};
pub use webhook::{InvalidUrl, Webhook, WebhookSecret, WebhookState, WebhookUrl, is_public};
pub use zone::{Zone, ZoneChange, ZoneName};

/// An instant, in UTC; re-exported so that the core names one type of time.
pub use jiff::{SignedDuration, Timestamp};
