//! What a person agreed to (R-P1), and what that allows.
//!
//! Nothing is held of a person's whereabouts, told to them, or sent out of the region without their consent; and each
//! [`Use`] needs all of its purposes, each by a grant that counts: not expired, under a version of the privacy policy
//! that its partner has not retired, and for one under 14 given by a guardian. The grants are read when a device is
//! planned and once more before bytes leave, so that what ends one holds at once.
//!
//! A person under 14 (R-P4) has no use without consent, since there is none: what is done for everybody is that a
//! registration may exist, and be read, changed and deleted by its partner.

use super::{Private, Timestamp};

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

/// Something that is done with what a person agreed to, and the purposes that it needs, all of them.
///
/// | What is done | Purposes that it needs |
/// | --- | --- |
/// | `HoldPlace`: the phone's place is held | `Location` |
/// | `TellHere`: an alert is told because the phone is in its area | `EmergencyPush`, `Location` |
/// | `HoldSavedPlaces`: places that the user follows are held | `SavedPlaces` |
/// | `TellThere`: an alert is told because a followed place is in its area | `EmergencyPush`, `SavedPlaces` |
/// | `TellOver`: one who was told is told that it is over | `EmergencyPush` |
/// | `SendAbroad`: a notice goes by a channel outside the region | `CrossBorder` |
/// | `MergeLinks`: the app's link is merged with others of the phone | `LinkMerging` |
/// | `StartApp`: the app is started by another's carrier | `LinkMerging`, `AssociatedStart` |
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Use {
    /// The phone's place is held (R-P5).
    HoldPlace,
    /// An alert is told because the phone is in its area (R-E2).
    TellHere,
    /// Places that the user follows are held (R-S3).
    HoldSavedPlaces,
    /// An alert is told because a place that the user follows is in its area.
    TellThere,
    /// One who was told is told that it is over (R-E6).
    TellOver,
    /// A notice goes by a channel outside the region, whatever else it needs (R-P7).
    SendAbroad,
    /// The app's link is merged with others of the phone (R-L2).
    MergeLinks,
    /// The app is started by another's carrier (R-L3).
    StartApp,
}

impl Use {
    /// Every use, in the order of the table.
    pub const ALL: [Self; 8] = [
        Self::HoldPlace,
        Self::TellHere,
        Self::HoldSavedPlaces,
        Self::TellThere,
        Self::TellOver,
        Self::SendAbroad,
        Self::MergeLinks,
        Self::StartApp,
    ];

    /// What a person must have agreed to: to all of these.
    pub const fn needs(self) -> &'static [Purpose] {
        match self {
            Self::HoldPlace => &[Purpose::Location],
            Self::TellHere => &[Purpose::EmergencyPush, Purpose::Location],
            Self::HoldSavedPlaces => &[Purpose::SavedPlaces],
            Self::TellThere => &[Purpose::EmergencyPush, Purpose::SavedPlaces],
            Self::TellOver => &[Purpose::EmergencyPush],
            Self::SendAbroad => &[Purpose::CrossBorder],
            Self::MergeLinks => &[Purpose::LinkMerging],
            Self::StartApp => &[Purpose::LinkMerging, Purpose::AssociatedStart],
        }
    }
}

/// The number of a version of a partner's privacy policy. Each partner numbers its own, upwards; a version that it has
/// retired ends the consents given under it and under those before. Zero is never a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PolicyVersion(pub u16);

/// How a consent was obtained, in the partner's words, at most 200 characters (`first-run dialog, build 512`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsentOrigin(pub String);

/// The guardian who agreed for a child (R-P4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guardian {
    /// Who it is, as the partner knows them: an opaque reference, 1 to 64 characters.
    pub reference: Private<String>,
    /// How their consent was obtained, in the partner's words, 1 to 200 characters.
    pub method: String,
}

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
    /// Who gave it for a child; `None` means the person did.
    pub guardian: Option<Guardian>,
}

/// How far a partner has retired its privacy policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PrivacyPolicy {
    /// Consents under older versions count no more.
    pub oldest_valid: PolicyVersion,
    /// When a version was last retired; `None` means never.
    pub retired: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_uses_says_what_each_needs() {
        let rows: Vec<String> = include_str!("consent.rs")
            .lines()
            .filter_map(|line| line.strip_prefix("/// | `"))
            .map(|row| row.split('`').step_by(2).filter(|name| !name.contains(' ')).collect::<Vec<_>>().join(" "))
            .collect();
        let words = |used: Use| {
            let needs = used.needs().iter().map(|purpose| format!("{purpose:?}"));
            std::iter::once(format!("{used:?}")).chain(needs).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(rows, Use::ALL.map(words));
    }
}
