//! What one registration is sent: the only truth about who is told.
//!
//! [`plan`] looks at one row of [`Facts`] and at one tier, and answers with a [`Verdict`]. The sweep asks it for every
//! hit, an arrival asks it for one, and a lane asks it again just before bytes leave. It allocates nothing, takes no
//! lock and reads no clock.

mod facts;
mod route;

use crate::domain::{Mode, NoticeKind, PolicyVersion, Priority, Purpose, Timestamp};

pub use facts::{EPOCH, Facts, Flags, Grant, LanguageId};
pub use route::RouteId;

/// What a plan needs to know of a tier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TierFacts {
    /// Whether it is for real.
    pub mode: Mode,
    /// How pressing it is.
    pub priority: Priority,
    /// When it stops being sent.
    pub expires: Timestamp,
}

/// How the registration was found, and how it can be reached now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Situation {
    /// Whether it has a live link.
    pub linked: bool,
    /// How it was found.
    pub found: Found,
}

/// How a registration was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// One of its places is in the area.
    ByPlace,
    /// It was told before: no place of it is looked at.
    ByReach,
}

impl From<NoticeKind> for Found {
    /// Only those who were told before are told that it is over.
    fn from(kind: NoticeKind) -> Self {
        match kind {
            NoticeKind::Alert | NoticeKind::Update => Self::ByPlace,
            NoticeKind::Release => Self::ByReach,
        }
    }
}

/// The operator's settings that plans depend on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// Consents under older versions of the privacy policy no longer count: retiring a version is one store to this
    /// field.
    pub oldest_valid: PolicyVersion,
    /// Channels that have a lane: bits of `ChannelKind`.
    pub channels: u16,
}

/// Whether and how a registration is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Not told.
    Skip(Skipped),
    /// Told.
    Tell {
        /// The purpose that its consent covers.
        purpose: Purpose,
        /// The way.
        route: RouteId,
    },
}

/// Why a registration is not told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Skipped {
    /// The slot holds no registration any more.
    Deleted = 0,
    /// The alert is over.
    AlertExpired = 1,
    /// `System` and `Draft` are told to nobody.
    NotForPublic = 2,
    /// An exercise or test, and the person takes no part in those (R-E9).
    NotInDrills = 3,
    /// No consent to emergency push, or it was withdrawn (R-E2).
    NoConsent = 4,
    /// No consent to the use of its place.
    NoLocationConsent = 5,
    /// A consent has ended.
    ConsentExpired = 6,
    /// A consent was given under a policy that has been retired.
    PolicyRetired = 7,
    /// No live link and no channel that is set up: told when its link opens (R-E7).
    NoRoute = 8,
}

impl Skipped {
    /// Every reason, in the order of their numbers.
    pub const ALL: [Self; 9] = [
        Self::Deleted,
        Self::AlertExpired,
        Self::NotForPublic,
        Self::NotInDrills,
        Self::NoConsent,
        Self::NoLocationConsent,
        Self::ConsentExpired,
        Self::PolicyRetired,
        Self::NoRoute,
    ];

    /// Lower-case name, as metrics and the API write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Deleted => "deleted",
            Self::AlertExpired => "alert_expired",
            Self::NotForPublic => "not_for_public",
            Self::NotInDrills => "not_in_drills",
            Self::NoConsent => "no_consent",
            Self::NoLocationConsent => "no_location_consent",
            Self::ConsentExpired => "consent_expired",
            Self::PolicyRetired => "policy_retired",
            Self::NoRoute => "no_route",
        }
    }
}

/// Plans one registration.
pub fn plan(facts: &Facts, tier: TierFacts, situation: Situation, policy: Policy, now: Timestamp) -> Verdict {
    match reason_to_skip(facts, tier, situation, policy, now) {
        Some(reason) => Verdict::Skip(reason),
        None => match route::route(facts, situation, policy) {
            Some(route) => Verdict::Tell { purpose: Purpose::EmergencyPush, route },
            None => Verdict::Skip(Skipped::NoRoute),
        },
    }
}

fn reason_to_skip(
    facts: &Facts,
    tier: TierFacts,
    situation: Situation,
    policy: Policy,
    now: Timestamp,
) -> Option<Skipped> {
    if !facts.is_live() {
        return Some(Skipped::Deleted);
    }
    if tier.expires <= now {
        return Some(Skipped::AlertExpired);
    }
    match tier.mode {
        Mode::Actual => {}
        Mode::Exercise | Mode::Test if facts.flags.has(Flags::DRILLS) => {}
        Mode::Exercise | Mode::Test => return Some(Skipped::NotInDrills),
        Mode::System | Mode::Draft => return Some(Skipped::NotForPublic),
    }
    let second = (now.as_second() - EPOCH).clamp(0, i64::from(u32::MAX - 1)) as u32;
    if let Some(reason) = consent(facts.emergency, Skipped::NoConsent, policy, second) {
        return Some(reason);
    }
    match situation.found {
        Found::ByPlace => consent(facts.location, Skipped::NoLocationConsent, policy, second),
        Found::ByReach => None,
    }
}

/// Why a grant does not count: never given (or withdrawn), ended by `second`, or given under a retired policy.
fn consent(grant: Grant, none: Skipped, policy: Policy, second: u32) -> Option<Skipped> {
    if grant.until == 0 {
        Some(none)
    } else if grant.until <= second {
        Some(Skipped::ConsentExpired)
    } else if grant.policy < policy.oldest_valid.0 {
        Some(Skipped::PolicyRetired)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ChannelKind;

    const NOW: i64 = EPOCH + 1_000;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("in range")
    }

    fn facts() -> Facts {
        let grant = Grant::until(PolicyVersion(3), Some(at(NOW + 10)));
        Facts { flags: Flags(Flags::LIVE), emergency: grant, location: grant, ..Facts::default() }
    }

    fn verdict(facts: &Facts, mode: Mode, oldest_valid: u16) -> Verdict {
        let tier = TierFacts { mode, priority: Priority::LifeThreat, expires: at(NOW + 60) };
        let policy = Policy { oldest_valid: PolicyVersion(oldest_valid), channels: ChannelKind::Null.bit() };
        plan(facts, tier, Situation { linked: true, found: Found::ByPlace }, policy, at(NOW))
    }

    #[test]
    fn a_row_is_32_bytes_and_reads_back() {
        assert_eq!(size_of::<Facts>(), 32);
        let row = Facts {
            device: 7,
            app: 2,
            channels: 5,
            languages: [LanguageId(1), LanguageId(2), LanguageId(3)],
            ..facts()
        };
        assert_eq!(Facts::from_words(row.to_words()), row);
    }

    #[test]
    fn one_with_both_consents_and_a_link_is_told_over_it() {
        let Verdict::Tell { route, .. } = verdict(&facts(), Mode::Actual, 1) else { panic!("not told") };
        assert_eq!(route.channel(), ChannelKind::Link);
    }

    #[test]
    fn nobody_without_consent_is_told() {
        let row = Facts { emergency: Grant::default(), ..facts() };
        assert_eq!(verdict(&row, Mode::Actual, 1), Verdict::Skip(Skipped::NoConsent));
        let row = Facts { location: Grant::default(), ..facts() };
        assert_eq!(verdict(&row, Mode::Actual, 1), Verdict::Skip(Skipped::NoLocationConsent));
        let ended = Grant::until(PolicyVersion(3), Some(at(NOW)));
        assert_eq!(
            verdict(&Facts { emergency: ended, ..facts() }, Mode::Actual, 1),
            Verdict::Skip(Skipped::ConsentExpired)
        );
    }

    #[test]
    fn a_retired_policy_ends_its_consents_at_once() {
        assert!(matches!(verdict(&facts(), Mode::Actual, 3), Verdict::Tell { .. }));
        assert_eq!(verdict(&facts(), Mode::Actual, 4), Verdict::Skip(Skipped::PolicyRetired));
    }

    #[test]
    fn a_drill_reaches_only_those_who_take_part() {
        assert_eq!(verdict(&facts(), Mode::Exercise, 1), Verdict::Skip(Skipped::NotInDrills));
        let row = Facts { flags: Flags(Flags::LIVE | Flags::DRILLS), ..facts() };
        assert!(matches!(verdict(&row, Mode::Test, 1), Verdict::Tell { .. }));
        assert_eq!(verdict(&row, Mode::Draft, 1), Verdict::Skip(Skipped::NotForPublic));
        assert_eq!(verdict(&row, Mode::System, 1), Verdict::Skip(Skipped::NotForPublic));
    }
}
