//! What one registration is sent: the only truth about who is told.
//!
//! [`plan`] looks at one row of [`Facts`] and at one tier, and answers with a [`Verdict`]. The sweep asks it for every
//! hit, an arrival asks it for one, and a lane asks it again just before bytes leave. It allocates nothing, takes no
//! lock and reads no clock.
//!
//! # Preferences
//!
//! What a person wants to be told of ([`Wish`]) is looked at when they would be told with sound: of an alert for the
//! first time, or since it is worse now. What follows without sound, a new text for those who show as much already and
//! the word that it is over, goes to whoever was told (R-E6). An immediate threat to life is told whatever anybody
//! wants.
//!
//! Each registration is planned by its own preferences, and a phone is told if any of its registrations may be told: a
//! person who has muted one app has not muted another. This needs no rule of its own. Sweeps and arrivals plan every
//! registration, and the device is claimed only by one that is told; those that are not stand in nobody's way.

mod facts;
mod route;
mod wish;

use crate::decide::Tier;
use crate::domain::{Hazards, Mode, PolicyVersion, Priority, Purpose, Severity, Timestamp};

pub use facts::{EPOCH, Facts, Flags, Grant, LanguageId, PreferencesId};
pub use route::RouteId;
pub use wish::Wish;

/// What a plan needs to know of a tier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TierFacts {
    /// Whether it is for real.
    pub mode: Mode,
    /// How pressing it is.
    pub priority: Priority,
    /// How severe it is: the worst that any of its infos says.
    pub severity: Severity,
    /// What it is of: all that any of its infos says. None: not said, and so it may be anything.
    pub hazards: Hazards,
    /// When it stops being sent.
    pub expires: Timestamp,
}

impl TierFacts {
    /// Those of a tier.
    pub fn of(mode: Mode, tier: &Tier) -> Self {
        let (severity, hazards) = (tier.severity(), tier.hazards());
        Self { mode, priority: tier.priority, severity, hazards, expires: tier.expires() }
    }

    /// Those of the word that an alert is over.
    pub fn release(mode: Mode, expires: Timestamp) -> Self {
        let (priority, severity) = (Priority::Information, Severity::Unknown);
        Self { mode, priority, severity, hazards: Hazards::NONE, expires }
    }
}

/// How the registration was found, and how it can be reached now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Situation {
    /// Whether it has a live link.
    pub linked: bool,
    /// How it was found.
    pub found: Found,
    /// What its person wants to be told of.
    pub wish: Wish,
    /// The consent to sending out of the region, where [`Policy::may_need_cross_border`] says that it matters; else the
    /// empty one.
    pub cross_border: Grant,
}

/// How a registration was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// One of its places is in the area.
    ByPlace(Place),
    /// The same, and it was told something as pressing before: it is told of a new text, without sound.
    Again(Place),
    /// It was told before: no place of it is looked at.
    ByReach,
}

/// What kind of place a registration was found by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Where its phone is.
    Live,
    /// One that its person follows; and what was agreed to for such places.
    Saved(Grant),
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
    /// Less severe than its person wants to be told of (R-S2).
    BelowLeastSeverity = 9,
    /// Of no kind that its person wants to be told of (R-S2).
    HazardNotWanted = 10,
    /// It is quiet where its person is: told when that ends, if the alert still holds (R-S2).
    QuietHours = 11,
    /// No live link, and no channel but outside the region, for which there is no consent that counts (R-P7).
    NoCrossBorderConsent = 12,
    /// No consent to the use of the places that its person follows.
    NoSavedPlacesConsent = 13,
}

impl Skipped {
    /// Every reason, in the order of their numbers.
    pub const ALL: [Self; 14] = [
        Self::Deleted,
        Self::AlertExpired,
        Self::NotForPublic,
        Self::NotInDrills,
        Self::NoConsent,
        Self::NoLocationConsent,
        Self::ConsentExpired,
        Self::PolicyRetired,
        Self::NoRoute,
        Self::BelowLeastSeverity,
        Self::HazardNotWanted,
        Self::QuietHours,
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
            Self::BelowLeastSeverity => "below_least_severity",
            Self::HazardNotWanted => "hazard_not_wanted",
            Self::QuietHours => "quiet_hours",
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
    let located = |place: Place| match place {
        Place::Live => consent(facts.location, Skipped::NoLocationConsent, policy, second),
        Place::Saved(grant) => consent(grant, Skipped::NoSavedPlacesConsent, policy, second),
    };
    match situation.found {
        Found::ByPlace(place) => located(place).or_else(|| situation.wish.reason_to_skip(tier)),
        Found::Again(place) => located(place),
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
    use proptest::prelude::*;

    use super::*;
    use crate::domain::{Category, ChannelKind};

    const NOW: i64 = EPOCH + 1_000;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("in range")
    }

    fn facts() -> Facts {
        let grant = Grant::until(PolicyVersion(3), Some(at(NOW + 10)));
        Facts { flags: Flags(Flags::LIVE), emergency: grant, location: grant, ..Facts::default() }
    }

    fn verdict(facts: &Facts, mode: Mode, oldest_valid: u16) -> Verdict {
        let policy = Policy { oldest_valid: PolicyVersion(oldest_valid), ..policy() };
        plan(facts, tier(mode, Priority::LifeThreat), situation(Found::ByPlace(Place::Live)), policy, at(NOW))
    }

    fn policy() -> Policy {
        Policy { oldest_valid: PolicyVersion(1), channels: ChannelKind::Null.bit(), abroad: 0 }
    }

    fn situation(found: Found) -> Situation {
        Situation { linked: true, found, wish: Wish::default(), cross_border: Grant::default() }
    }

    fn tier(mode: Mode, priority: Priority) -> TierFacts {
        TierFacts {
            mode,
            priority,
            severity: Severity::Severe,
            hazards: Hazards::of([Category::Met]),
            expires: at(NOW + 60),
        }
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
    fn a_row_has_room_for_preferences_beside_all_channels_and_flags() {
        let row = Facts { channels: (1 << ChannelKind::ALL.len()) - 1, flags: Flags(0b11_1111), ..facts() };
        for number in (0..=PreferencesId::MAX).rev() {
            let with = row.with_preferences(PreferencesId(number));
            assert_eq!(with.preferences(), PreferencesId(number));
            assert_eq!(Facts::from_words(with.to_words()), with);
            assert_eq!(with.with_preferences(PreferencesId(0)), row);
            assert!(ChannelKind::ALL.iter().all(|channel| with.channels & channel.bit() != 0));
            assert!(with.flags.has(Flags::LIVE | Flags::DRILLS));
        }
        assert_eq!(row.with_preferences(PreferencesId(PreferencesId::MAX + 1)), row);
    }

    /// A situation that would be told by consent alone; and one that consent excludes.
    fn told_by_consent(facts: &Facts, tier: TierFacts, found: Found, policy: Policy) -> bool {
        matches!(plan(facts, tier, situation(found), policy, at(NOW)), Verdict::Tell { .. })
    }

    proptest! {
        #[test]
        fn preferences_reduce_what_consent_allows_and_hold_against_no_immediate_threat_to_life(
            least in prop::option::of(prop::sample::select(Severity::ALL)),
            (wanted, quiet) in any::<(u16, bool)>(),
            (severity, hazards) in (prop::sample::select(Severity::ALL), any::<u16>()),
            priority in prop::sample::select(&Priority::ALL[..]),
            (live, emergency, location) in any::<(bool, bool, bool)>(),
            found in prop::sample::select(vec![
                Found::ByPlace(Place::Live),
                Found::ByPlace(Place::Saved(facts().location)),
                Found::Again(Place::Live),
                Found::ByReach,
            ]),
        ) {
            let grant = |given: bool| if given { facts().emergency } else { Grant::default() };
            let flags = Flags(if live { Flags::LIVE } else { 0 });
            let row = Facts { flags, emergency: grant(emergency), location: grant(location), ..facts() };
            let wanted = Hazards::from_bits(wanted);
            let tier = TierFacts { severity, hazards: Hazards::from_bits(hazards), ..tier(Mode::Actual, priority) };
            let policy = Policy { channels: 0, ..policy() };
            let wish = Wish { least_severity: least, hazards: wanted, quiet };
            let verdict = plan(&row, tier, Situation { wish, ..situation(found) }, policy, at(NOW));
            let allowed = told_by_consent(&row, tier, found, policy);
            let told = matches!(verdict, Verdict::Tell { .. });
            prop_assert!(allowed || !told, "told though consent excludes it");
            if priority == Priority::LifeThreat || !matches!(found, Found::ByPlace(_)) {
                prop_assert_eq!(told, allowed, "told whatever the person wants");
            } else if allowed {
                let kind = tier.hazards == Hazards::NONE || tier.hazards.meets(wanted);
                let grave = least.is_none_or(|least| severity.is_at_least(least));
                prop_assert_eq!(told, kind && grave && !quiet);
            }
        }
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
        let tier = tier(Mode::Actual, Priority::LifeThreat);
        let row = Facts { channels: null | fcm, ..facts() };
        let way = |abroad, linked, cross_border| {
            let policy = Policy { oldest_valid: PolicyVersion(2), channels: null | fcm, abroad };
            let situation = Situation { linked, cross_border, ..situation(Found::ByPlace(Place::Live)) };
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
