//! Combinations of preferences by number, so that a row of facts holds a person's in fourteen bits; and what each comes
//! to now.
//!
//! Numbers hold for one run of the server: they are given anew when the registry is loaded. When there are more
//! combinations than numbers, the next one is read without its quiet hours, if that has a number, and else as wanting
//! everything: whoever is told of too much loses nothing, and is told of no more than they have agreed to.
//!
//! Reading takes no lock, but for the first who reads when somewhere quiet hours have begun or ended: it finds out anew
//! where it is quiet. [`Wishes::rested`], which is asked each second, is nearly always that one, so that who plans is
//! not.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Once};

use arc_swap::ArcSwap;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use parking_lot::RwLock;

use crate::domain::{AppSlot, Preferences, Quiet, QuietHours, Timestamp};
use crate::plan::{PreferencesId, Wish};

use super::shares::Shares;

/// Time zones as this server was built with: they are the same on every machine.
static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// Told once: whoever comes later is told of more than they want until the server is started again.
static FULL: Once = Once::new();

/// The time zone of this IANA name.
pub(super) fn zone(name: &str) -> Option<TimeZone> {
    ZONES.get(name).ok()
}

/// What people want to be told of.
#[derive(Debug)]
pub(super) struct Wishes {
    table: ArcSwap<Table>,
    known: RwLock<Known>,
    /// The most combinations.
    most: usize,
}

/// What each combination comes to in a time in which no quiet hours begin or end.
#[derive(Debug, Clone)]
struct Table {
    wishes: Vec<Wish>,
    since: Timestamp,
    until: Timestamp,
}

/// The combinations, in the order of their numbers.
#[derive(Debug, Default)]
struct Known {
    numbers: HashMap<Key, u16>,
    all: Vec<Combination>,
    /// How many each app has brought.
    shares: Shares,
}

/// Preferences, and the zone of the quiet hours in them.
type Key = (Preferences, String);

#[derive(Debug)]
struct Combination {
    preferences: Preferences,
    nights: Option<(QuietHours, TimeZone)>,
}

impl Default for Wishes {
    fn default() -> Self {
        Self::with_room(PreferencesId::MAX.into())
    }
}

impl Wishes {
    fn with_room(most: usize) -> Self {
        let table = Table { wishes: Vec::new(), since: Timestamp::MIN, until: Timestamp::MAX };
        Self { table: ArcSwap::from_pointee(table), known: RwLock::default(), most }
    }

    /// What a combination comes to at `now`.
    pub(super) fn wish(&self, id: PreferencesId, now: Timestamp) -> Wish {
        let table = self.table.load();
        if table.holds(now) { table.wish(id) } else { self.table_at(now).wish(id) }
    }

    /// The number of a combination that somebody of an app wants, given now if there is room for one more of that
    /// app's: see the module's words. Quiet hours in a zone that is not known are none.
    pub(super) fn intern(
        &self,
        preferences: &Preferences,
        zone_name: &str,
        app: AppSlot,
        now: Timestamp,
    ) -> PreferencesId {
        let without = Preferences { quiet_hours: None, ..*preferences };
        let zone = preferences.quiet_hours.and_then(|hours| Some((hours, zone(zone_name)?)));
        match zone {
            Some((hours, zone)) => self
                .number((*preferences, zone_name.to_owned()), Some((hours, zone)), app, now)
                .unwrap_or_else(|| self.intern(&without, "", app, now)),
            None if without.is_everything() => PreferencesId::default(),
            None => self.number((without, String::new()), None, app, now).unwrap_or_default(),
        }
    }

    /// `None` if there is no room.
    fn number(
        &self,
        key: Key,
        nights: Option<(QuietHours, TimeZone)>,
        app: AppSlot,
        now: Timestamp,
    ) -> Option<PreferencesId> {
        if let Some(&number) = self.known.read().numbers.get(&key) {
            return Some(PreferencesId(number));
        }
        let mut known = self.known.write();
        // Another thread may have given it one just now.
        if let Some(&number) = known.numbers.get(&key) {
            return Some(PreferencesId(number));
        }
        let left = self.most.saturating_sub(known.all.len());
        if !known.shares.take(app, left) {
            FULL.call_once(|| {
                let most = self.most;
                tracing::warn!(most, "there are too many preferences: those that are new are read as asking for more");
            });
            return None;
        }
        let combination = Combination { preferences: key.0, nights };
        let quiet = combination.quiet(now);
        known.all.push(combination);
        let number = known.all.len() as u16;
        let table = self.table.load();
        let table = if table.holds(now) {
            let mut table = Table::clone(&table);
            table.add(&key.0, quiet);
            table
        } else {
            Table::at(&known.all, now)
        };
        self.table.store(Arc::new(table));
        known.numbers.insert(key, number);
        Some(PreferencesId(number))
    }

    /// Those whose quiet hours have ended since after `since`, up to `now`, by number; then it is known where it is
    /// quiet at `now`.
    pub(super) fn rested(&self, since: Timestamp, now: Timestamp) -> Rested {
        let table = self.table.load();
        if table.holds(since) && table.holds(now) {
            return Rested::default();
        }
        drop(table);
        self.table_at(now);
        let ended = |combination: &Combination| {
            // The first quiet hours that end after `since`.
            combination.nights.as_ref().is_some_and(|(hours, zone)| {
                let then = hours.at(zone, since);
                let night = if then.quiet { then } else { hours.at(zone, then.until) };
                night.until <= now
            })
        };
        let known = self.known.read();
        let mut rested = vec![false];
        rested.extend(known.all.iter().map(ended));
        Rested(rested)
    }

    fn table_at(&self, now: Timestamp) -> Arc<Table> {
        let table = self.table.load_full();
        if table.holds(now) {
            return table;
        }
        let known = self.known.write();
        let table = self.table.load_full();
        // Another thread may have found it out just now.
        if table.holds(now) {
            return table;
        }
        let table = Arc::new(Table::at(&known.all, now));
        self.table.store(Arc::clone(&table));
        table
    }
}

/// A set of combinations.
#[derive(Debug, Default)]
pub(super) struct Rested(Vec<bool>);

impl Rested {
    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        !self.0.contains(&true)
    }

    /// Whether it is one of them.
    pub(super) fn contains(&self, PreferencesId(number): PreferencesId) -> bool {
        self.0.get(usize::from(number)).is_some_and(|&rested| rested)
    }
}

impl Table {
    fn at(all: &[Combination], now: Timestamp) -> Self {
        let mut table = Self { wishes: Vec::with_capacity(all.len()), since: Timestamp::MIN, until: Timestamp::MAX };
        for combination in all {
            table.add(&combination.preferences, combination.quiet(now));
        }
        table
    }

    fn add(&mut self, preferences: &Preferences, quiet: Quiet) {
        self.wishes.push(Wish::of(preferences, quiet.quiet));
        self.since = self.since.max(quiet.since);
        self.until = self.until.min(quiet.until);
    }

    fn holds(&self, now: Timestamp) -> bool {
        self.since <= now && now < self.until
    }

    /// Rows have numbers that were given before alone.
    fn wish(&self, PreferencesId(number): PreferencesId) -> Wish {
        let position = usize::from(number).checked_sub(1);
        position.and_then(|position| self.wishes.get(position)).copied().unwrap_or_default()
    }
}

impl Combination {
    fn quiet(&self, now: Timestamp) -> Quiet {
        self.nights.as_ref().map_or(Quiet::NEVER, |(hours, zone)| hours.at(zone, now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Category, Hazards, Severity};

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn nights(start: u16, end: u16) -> Preferences {
        Preferences { quiet_hours: QuietHours::new(start * 60, end * 60), ..Preferences::default() }
    }

    fn severe() -> Preferences {
        Preferences { least_severity: Some(Severity::Severe), ..Preferences::default() }
    }

    #[test]
    fn a_combination_keeps_its_number_and_wanting_everything_has_none() {
        let (wishes, now) = (Wishes::default(), at("2030-03-18T12:00:00Z"));
        assert_eq!(wishes.intern(&Preferences::default(), "Asia/Tokyo", AppSlot(0), now), PreferencesId(0));
        let tokyo = wishes.intern(&nights(22, 7), "Asia/Tokyo", AppSlot(0), now);
        let berlin = wishes.intern(&nights(22, 7), "Europe/Berlin", AppSlot(0), now);
        let severe_id = wishes.intern(&severe(), "Asia/Tokyo", AppSlot(0), now);
        assert_eq!(
            wishes.intern(&severe(), "Europe/Berlin", AppSlot(0), now),
            severe_id,
            "without quiet hours zones are all the same"
        );
        assert_eq!([tokyo, berlin, severe_id], [1, 2, 3].map(PreferencesId));
        assert_eq!(wishes.intern(&nights(22, 7), "Asia/Tokyo", AppSlot(0), now), tokyo);
        assert_eq!(wishes.wish(severe_id, now), Wish { least_severity: Some(Severity::Severe), ..Wish::EVERYTHING });
        assert_eq!(wishes.intern(&nights(22, 7), "Mars/Olympus", AppSlot(0), now), PreferencesId(0));
    }

    #[test]
    fn it_is_quiet_where_it_is_night_whenever_that_is_asked() {
        let wishes = Wishes::default();
        let tokyo = wishes.intern(&nights(22, 7), "Asia/Tokyo", AppSlot(0), at("2030-03-18T12:00:00Z"));
        let berlin = wishes.intern(&nights(22, 7), "Europe/Berlin", AppSlot(0), at("2035-01-01T00:00:00Z"));
        for (text, quiet) in [
            ("2030-03-18T12:59:59Z", [false, false]),
            ("2030-03-18T13:00:00Z", [true, false]),
            ("2030-03-18T21:00:00Z", [true, true]),
            ("2030-03-18T22:00:00Z", [false, true]),
            ("2030-03-19T06:00:00Z", [false, false]),
            ("2030-03-18T21:30:00Z", [true, true]),
            ("2029-07-01T04:30:00Z", [false, true]),
        ] {
            assert_eq!([tokyo, berlin].map(|id| wishes.wish(id, at(text)).quiet), quiet, "{text}");
        }
    }

    #[test]
    fn whose_quiet_hours_have_ended_is_told_once_and_is_not_forgotten_in_a_long_sleep() {
        let wishes = Wishes::default();
        let tokyo = wishes.intern(&nights(22, 7), "Asia/Tokyo", AppSlot(0), at("2030-03-18T12:00:00Z"));
        let berlin = wishes.intern(&nights(12, 13), "Europe/Berlin", AppSlot(0), at("2030-03-18T12:00:00Z"));
        let severe = wishes.intern(&severe(), "", AppSlot(0), at("2030-03-18T12:00:00Z"));
        let rested = |since, now| {
            let rested = wishes.rested(at(since), at(now));
            assert_eq!(rested.is_empty(), ![tokyo, berlin, severe].into_iter().any(|id| rested.contains(id)));
            [tokyo, berlin, severe].map(|id| rested.contains(id))
        };
        assert_eq!(rested("2030-03-18T12:00:00Z", "2030-03-18T21:59:59Z"), [false, false, false]);
        assert_eq!(rested("2030-03-18T21:59:59Z", "2030-03-18T22:00:00Z"), [true, false, false]);
        assert_eq!(rested("2030-03-18T22:00:00Z", "2030-03-18T22:00:01Z"), [false, false, false]);
        assert_eq!(rested("2030-03-18T22:00:01Z", "2030-03-19T12:30:00Z"), [false, true, false], "begun and ended");
        assert_eq!(rested("2030-03-18T12:30:00Z", "2031-03-18T12:30:00Z"), [true, true, false]);
    }

    #[test]
    fn beyond_the_room_quiet_hours_go_first_and_nobody_loses_an_alert() {
        let (wishes, night) = (Wishes::with_room(2), at("2030-03-18T23:00:00Z"));
        let kept = wishes.intern(&severe(), "", AppSlot(0), night);
        wishes.intern(&nights(1, 2), "UTC", AppSlot(1), night);
        let both = Preferences { least_severity: Some(Severity::Severe), ..nights(22, 7) };
        assert_eq!(wishes.intern(&both, "UTC", AppSlot(0), night), kept, "what is left is what else they want");
        assert!(!wishes.wish(kept, night).quiet);
        let met = Preferences { hazards: Hazards::of([Category::Met]), ..Preferences::default() };
        assert_eq!(wishes.intern(&met, "UTC", AppSlot(0), night), PreferencesId(0));
    }

    #[test]
    fn who_asks_whose_quiet_hours_have_ended_has_it_found_out_where_it_is_quiet() {
        let wishes = Wishes::default();
        let (evening, morning) = (at("2030-03-18T13:30:00Z"), at("2030-03-18T22:00:30Z"));
        let number = wishes.intern(&nights(22, 7), "Asia/Tokyo", AppSlot(0), evening);
        assert!(wishes.rested(evening, morning).contains(number));
        assert!(wishes.table.load().holds(morning), "who plans next need not");
        assert!(wishes.rested(morning, at("2030-03-18T22:00:31Z")).is_empty());
    }

    #[test]
    fn whatever_one_app_asks_for_what_those_of_another_want_is_heeded() {
        let (wishes, night) = (Wishes::with_room(8), at("2030-03-18T23:00:00Z"));
        for minute in 0..60 {
            let hours = QuietHours::new(minute, 600);
            wishes.intern(&Preferences { quiet_hours: hours, ..Preferences::default() }, "UTC", AppSlot(0), night);
        }
        let other = wishes.intern(&nights(22, 7), "UTC", AppSlot(1), night);
        assert!(wishes.wish(other, night).quiet, "they are not woken");
    }
}
