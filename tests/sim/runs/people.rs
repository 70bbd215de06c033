//! The people of a run, as a plain list knows them.

use hazardcast::decide::{Bulletin, Tier};
use hazardcast::domain::{
    Area, Category, Consent, Info, Mode, PolicyVersion, Position, Preferences, Priority, Severity, Timestamp,
};

use crate::oracle;
use crate::phone::Phone;

/// One registration, and the phone that it is on.
pub(super) struct Person {
    pub(super) phone: Phone,
    /// Whether the phone ever opens a link.
    pub(super) links: bool,
    pub(super) alive: bool,
    pub(super) emergency: Option<Consent>,
    pub(super) location: Option<Consent>,
    pub(super) saved_places: Option<Consent>,
    pub(super) drills: bool,
    pub(super) preferences: Preferences,
    /// Where it was, from which turn on.
    pub(super) path: Vec<(u64, Option<Position>)>,
    /// Which place its person followed, from which turn on.
    pub(super) followed: Vec<(u64, Option<Position>)>,
    /// The last turn in which anything of this changed.
    pub(super) changed: u64,
}

impl Person {
    pub(super) fn place(&self) -> Option<Position> {
        self.path.last().and_then(|(_, place)| *place)
    }

    pub(super) fn moved(&mut self, turn: u64, place: Option<Position>) {
        self.path.push((turn, place));
    }

    pub(super) fn home(&self) -> Option<Position> {
        self.followed.last().and_then(|(_, place)| *place)
    }

    pub(super) fn follows(&mut self, turn: u64, place: Option<Position>) {
        self.followed.push((turn, place));
    }

    /// Every place of it, and whether it may be used.
    fn places(&self, law: Law) -> impl Iterator<Item = (Position, bool)> {
        let live = self.place().map(|place| (place, law.counts(self.location.as_ref())));
        live.into_iter().chain(self.home().map(|place| (place, law.counts(self.saved_places.as_ref()))))
    }

    /// The highest tier that holds at `now` and has a place of it, and whether that may be used: one that may stands
    /// before those that may not. Found the plain way.
    pub(super) fn tier_at<'b>(&self, bulletin: &'b Bulletin, law: Law, now: Timestamp) -> Option<(&'b Tier, bool)> {
        let tier = |place: Position| {
            let has = |(_, tier): &(usize, &Tier)| tier.expires() > now && oracle::holds(tier.area.areas(), place);
            bulletin.tiers().iter().enumerate().find(has)
        };
        let found = self.places(law).filter_map(|(place, usable)| Some((tier(place)?, usable)));
        let ((_, tier), usable) = found.min_by_key(|((number, _), usable)| (!usable, *number))?;
        Some((tier, usable))
    }

    /// Whether its place may be reported: the registry holds none without a grant.
    pub(super) fn may_report(&self, law: Law) -> bool {
        self.alive && law.counts(self.location.as_ref())
    }

    /// Whether it may be told of an alert in this mode, found by its place or as one who was told before.
    pub(super) fn may_be_told(&self, mode: Mode, by_place: bool, law: Law) -> bool {
        let in_mode = match mode {
            Mode::Actual => true,
            Mode::Exercise | Mode::Test => self.drills,
            Mode::System | Mode::Draft => false,
        };
        self.alive
            && in_mode
            && law.counts(self.emergency.as_ref())
            && (!by_place || law.counts(self.location.as_ref()) || law.counts(self.saved_places.as_ref()))
    }

    /// Whether its person wants to be told of this with sound at `now`. It is said the plain way: by the clock on the
    /// wall in Tokyo, which is nine hours ahead the whole year.
    pub(super) fn wants(&self, tier: &Tier, now: Timestamp) -> bool {
        let Preferences { least_severity, hazards, quiet_hours } = self.preferences;
        let minute = (now.as_second() / 60 + 9 * 60).rem_euclid(24 * 60) as u16;
        let is_quiet = quiet_hours.is_some_and(|hours| {
            let (start, end) = (hours.start(), hours.end());
            if start < end { (start..end).contains(&minute) } else { !(end..start).contains(&minute) }
        });
        let grave = |info: &Info| match (info.severity, least_severity) {
            (_, None | Some(Severity::Minor | Severity::Unknown)) | (Severity::Extreme, _) => true,
            (Severity::Severe, Some(least)) => least != Severity::Extreme,
            (Severity::Moderate, Some(least)) => least == Severity::Moderate,
            (Severity::Minor | Severity::Unknown, Some(_)) => false,
        };
        let kinds: Vec<Category> = tier.infos.iter().flat_map(|info| info.categories.iter().copied()).collect();
        let wanted: Vec<Category> = hazards.categories().collect();
        let of_kind = kinds.is_empty() || kinds.iter().any(|kind| wanted.contains(kind));
        tier.priority == Priority::LifeThreat || (tier.infos.iter().any(grave) && of_kind && !is_quiet)
    }

    /// Whether it, or the place that its person follows, was anywhere in these areas at any time since `turn`.
    pub(super) fn was_in(&self, areas: &[Area], turn: u64) -> bool {
        let was_in = |path: &[(u64, Option<Position>)]| {
            let first = path.iter().rposition(|(since, _)| *since <= turn).unwrap_or(0);
            path[first..].iter().any(|(_, place)| place.is_some_and(|place| oracle::holds(areas, place)))
        };
        was_in(&self.path) || was_in(&self.followed)
    }

    /// Whether it is where it was at `turn`, and was nowhere else since.
    pub(super) fn stayed_since(&self, turn: u64) -> bool {
        let [live, saved] =
            [&self.path, &self.followed].map(|path| path.last().is_none_or(|(since, _)| *since <= turn));
        live && saved
    }
}

/// What a consent is held against.
#[derive(Debug, Clone, Copy)]
pub(super) struct Law {
    pub(super) oldest_valid: PolicyVersion,
    pub(super) now: Timestamp,
}

impl Law {
    pub(super) fn counts(self, consent: Option<&Consent>) -> bool {
        consent.is_some_and(|consent| {
            consent.policy >= self.oldest_valid && consent.expires.is_none_or(|expires| expires > self.now)
        })
    }
}
