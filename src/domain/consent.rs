//! What a person agreed to (R-P1).

use super::Timestamp;

/// A purpose of processing that needs consent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Purpose {
    /// To be woken by official alerts (R-E2).
    EmergencyPush,
    /// To hold the phone's place, so that it is found in an area.
    Location,
    /// To hold places that the user follows (R-S3).
    SavedPlaces,
    /// To merge the links of several apps on one phone (R-L2).
    LinkMerging,
    /// To be started by another app's carrier (R-L3).
    AssociatedStart,
    /// To send through a channel outside the store's region (R-P7).
    CrossBorder,
}

impl Purpose {
    /// Every purpose, in the order in which they are stored.
    pub const ALL: [Self; 6] = [
        Self::EmergencyPush,
        Self::Location,
        Self::SavedPlaces,
        Self::LinkMerging,
        Self::AssociatedStart,
        Self::CrossBorder,
    ];

    /// Its name, lower case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::EmergencyPush => "emergency_push",
            Self::Location => "location",
            Self::SavedPlaces => "saved_places",
            Self::LinkMerging => "link_merging",
            Self::AssociatedStart => "associated_start",
            Self::CrossBorder => "cross_border",
        }
    }
}

/// The number of a privacy policy's version; a retired version ends the consents given under it. Zero is never a
/// version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PolicyVersion(pub u16);

/// How a consent was obtained, in the partner's words, at most 200 characters (`first-run dialog, build 512`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsentOrigin(pub String);

/// One grant for one purpose. A withdrawal removes the grant; what it replaced stays in the audit log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consent {
    /// What was agreed to.
    pub purpose: Purpose,
    /// Under which version of the policy.
    pub policy: PolicyVersion,
    /// When it was given.
    pub granted: Timestamp,
    /// When it ends by itself; `None` means it holds until withdrawn.
    pub expires: Option<Timestamp>,
    /// How it was obtained.
    pub origin: ConsentOrigin,
}
