//! What one registration is sent: the only truth about who is told.
//!
//! [`plan`] looks at one row of [`Facts`] and at one tier, and answers with a [`Verdict`]. The sweep asks it for every
//! hit, an arrival asks it for one, and a lane asks it again just before bytes leave. It allocates nothing, takes no
//! lock and reads no clock.

mod facts;
mod route;

use crate::domain::{Mode, PolicyVersion, Priority, Purpose, Timestamp};

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
    /// The consent to sending out of the region, where [`Policy::may_need_cross_border`] says that it matters; else the
    /// empty one.
    pub cross_border: Grant,
}

/// How a registration was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// Its phone is in the area.
    ByPlace,
    /// A place that its person follows is in the area; and what was agreed to for such places.
    BySavedPlace(Grant),
    /// It was told before: no place of it is looked at.
    ByReach,
}

/// What plans of one partner's registrations depend on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// Consents under older versions of the partner's privacy policy no longer count.
    pub oldest_valid: PolicyVersion,
    /// Channels that have a lane: bits of `ChannelKind`.
    pub channels: u16,
    /// Channels outside the region that the data are in: bits of `ChannelKind`. Each needs consent (R-P7).
    pub abroad: u16,
}

impl Policy {
    /// Whether the way of a notice may depend on the registration's cross-border consent, and there is one to look at.
    #[inline]
    pub fn may_need_cross_border(self, facts: &Facts) -> bool {
        facts.channels & self.channels & self.abroad != 0 && facts.flags.has(Flags::CROSS_BORDER)
    }
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
    /// No live link, and no channel but outside the region, for which there is no consent that counts (R-P7).
    NoCrossBorderConsent = 9,
    /// No consent to the use of the places that its person follows.
    NoSavedPlacesConsent = 10,
}

impl Skipped {
    /// Every reason, in the order of their numbers.
    pub const ALL: [Self; 11] = [
        Self::Deleted,
        Self::AlertExpired,
        Self::NotForPublic,
        Self::NotInDrills,
        Self::NoConsent,
        Self::NoLocationConsent,
        Self::ConsentExpired,
        Self::PolicyRetired,
        Self::NoRoute,
        Self::NoCrossBorderConsent,
        Self::NoSavedPlacesConsent,
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
            Self::NoCrossBorderConsent => "no_cross_border_consent",
            Self::NoSavedPlacesConsent => "no_saved_places_consent",
        }
    }
}

/// Plans one registration.
#[inline]
pub fn plan(facts: &Facts, tier: TierFacts, situation: Situation, policy: Policy, now: Timestamp) -> Verdict {
    match reason_to_skip(facts, tier, situation, policy, now) {
        Some(reason) => Verdict::Skip(reason),
        None => match route::route(facts, situation, policy, now) {
            Ok(route) => Verdict::Tell { purpose: Purpose::EmergencyPush, route },
            Err(reason) => Verdict::Skip(reason),
        },
    }
}

/// The channels that are left out of the registration's way for want of its cross-border consent: bits of
/// `ChannelKind`. With a live link none is needed.
pub fn withheld(facts: &Facts, situation: Situation, policy: Policy, now: Timestamp) -> u16 {
    if situation.linked { 0 } else { route::withheld(facts, situation, policy, now) }
}

#[inline]
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
        Found::BySavedPlace(grant) => consent(grant, Skipped::NoSavedPlacesConsent, policy, second),
        Found::ByReach => None,
    }
}

/// Why a grant does not count: never given (or withdrawn), ended by `second`, or given under a retired policy.
#[inline]
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
        let policy = Policy { oldest_valid: PolicyVersion(oldest_valid), channels: ChannelKind::Null.bit(), abroad: 0 };
        let situation = Situation { linked: true, found: Found::ByPlace, cross_border: Grant::default() };
        plan(facts, tier, situation, policy, at(NOW))
    }

    #[test]
    fn a_grant_counts_until_it_expires_and_none_never_does() {
        let counts = |grant: Grant, second| grant.counts(PolicyVersion(2), at(second));
        let grant = Grant::until(PolicyVersion(2), Some(at(EPOCH + 100)));
        assert!(counts(grant, EPOCH + 99));
        assert!(!counts(grant, EPOCH + 100));
        assert!(counts(Grant::until(PolicyVersion(2), None), EPOCH + i64::from(u32::MAX)));
        assert!(!counts(Grant::until(PolicyVersion(1), None), EPOCH + 1));
        assert!(!counts(Grant::default(), EPOCH - 100));
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
    fn a_channel_abroad_is_taken_only_with_consent() {
        let [null, fcm] = [ChannelKind::Null, ChannelKind::Fcm].map(ChannelKind::bit);
        let tier = TierFacts { mode: Mode::Actual, priority: Priority::LifeThreat, expires: at(NOW + 60) };
        let row = Facts { channels: null | fcm, ..facts() };
        let way = |abroad, linked, cross_border| {
            let policy = Policy { oldest_valid: PolicyVersion(2), channels: null | fcm, abroad };
            let situation = Situation { linked, found: Found::ByPlace, cross_border };
            let left_out = withheld(&row, situation, policy, at(NOW));
            match plan(&row, tier, situation, policy, at(NOW)) {
                Verdict::Tell { route, .. } => Ok((route.channel(), left_out)),
                Verdict::Skip(reason) => Err((reason, left_out)),
            }
        };
        let granted = Grant::until(PolicyVersion(2), None);
        let ended = Grant::until(PolicyVersion(2), Some(at(NOW)));
        let retired = Grant::until(PolicyVersion(1), None);
        assert_eq!(way(null, false, granted), Ok((ChannelKind::Null, 0)));
        for none in [Grant::default(), ended, retired] {
            assert_eq!(way(null, false, none), Ok((ChannelKind::Fcm, null)), "another way is left");
            assert_eq!(way(null | fcm, false, none), Err((Skipped::NoCrossBorderConsent, null | fcm)));
            assert_eq!(way(null | fcm, true, none), Ok((ChannelKind::Link, 0)));
        }
        assert_eq!(way(0, false, Grant::default()), Ok((ChannelKind::Null, 0)));
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
