//! What a person wants to be told of, short of an immediate threat to life (R-S2).

use jiff::Span;
use jiff::civil::Date;
use jiff::tz::{AmbiguousOffset, TimeZone};

use super::{Category, Severity, Timestamp};

/// What a person wants to be told of by one app. Nothing of it holds against an immediate threat to life, and nothing
/// of it widens what consent allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Preferences {
    /// Alerts of less than this are not told; `None`: none is too little.
    pub least_severity: Option<Severity>,
    /// Alerts of these kinds alone are told.
    pub hazards: Hazards,
    /// When the person does not want to be woken: what comes then is told when they end, if it still holds.
    pub quiet_hours: Option<QuietHours>,
}

impl Preferences {
    /// Whether everything is told at all times.
    pub fn is_everything(&self) -> bool {
        *self == Self::default()
    }
}

impl Severity {
    /// Whether it is `least` or worse. What is not known may be moderate, as [`Priority`](super::Priority) has it too.
    pub fn is_at_least(self, least: Self) -> bool {
        self.level() >= least.level()
    }

    const fn level(self) -> u8 {
        match self {
            Self::Extreme => 3,
            Self::Severe => 2,
            Self::Moderate | Self::Unknown => 1,
            Self::Minor => 0,
        }
    }
}

/// A set of CAP's categories.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hazards(u16);

impl Hazards {
    /// None.
    pub const NONE: Self = Self(0);
    /// All of them.
    pub const ALL: Self = Self((1 << Category::ALL.len()) - 1);

    /// These categories.
    pub fn of(categories: impl IntoIterator<Item = Category>) -> Self {
        Self(categories.into_iter().fold(0, |bits, category| bits | 1 << category as u16))
    }

    /// One bit for each category, in the standard's order; bits of no category are dropped.
    pub const fn from_bits(bits: u16) -> Self {
        Self(bits & Self::ALL.0)
    }

    /// One bit for each category, in the standard's order.
    pub const fn bits(self) -> u16 {
        self.0
    }

    /// Those of either.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether any category is in both.
    pub const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Its categories, in the standard's order.
    pub fn categories(self) -> impl Iterator<Item = Category> {
        Category::ALL.iter().copied().filter(move |&category| self.meets(Self::of([category])))
    }
}

impl Default for Hazards {
    fn default() -> Self {
        Self::ALL
    }
}

/// A time of each day, by the clock on the wall: from a minute on, up to before another, over midnight if that one is
/// the smaller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct QuietHours {
    start: u16,
    end: u16,
}

/// Whether it is quiet at one instant, and from when to when nothing of that changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quiet {
    /// Whether it is quiet.
    pub quiet: bool,
    /// The first instant of it.
    pub since: Timestamp,
    /// The first instant after it.
    pub until: Timestamp,
}

impl Quiet {
    /// Never quiet.
    pub const NEVER: Self = Self { quiet: false, since: Timestamp::MIN, until: Timestamp::MAX };

    /// Whether this is how it is at `now`.
    pub fn holds(&self, now: Timestamp) -> bool {
        self.since <= now && now < self.until
    }
}

impl QuietHours {
    /// Minutes of a day.
    pub const DAY: u16 = 24 * 60;

    /// From minute `start` of the day on, up to before minute `end`. They differ: nobody is never told.
    pub fn new(start: u16, end: u16) -> Option<Self> {
        (start < Self::DAY && end < Self::DAY && start != end).then_some(Self { start, end })
    }

    /// The minute of the day at which they begin.
    pub const fn start(self) -> u16 {
        self.start
    }

    /// The minute of the day at which they end.
    pub const fn end(self) -> u16 {
        self.end
    }

    /// How it is at `now` where clocks show the time of `zone`.
    ///
    /// A minute that a clock which is put forward leaves out comes when it is put forward; of one that comes twice,
    /// since the clock is put back, the first counts. So quiet hours are in one piece, and a night is quiet once.
    pub fn at(self, zone: &TimeZone, now: Timestamp) -> Quiet {
        self.around(zone, now).unwrap_or(Quiet::NEVER)
    }

    /// `None` at the ends of the calendar.
    fn around(self, zone: &TimeZone, now: Timestamp) -> Option<Quiet> {
        let today = zone.to_datetime(now).date();
        let mut open = Quiet { quiet: false, ..Quiet::NEVER };
        // Two days each way, since where the date line has moved there was a day that had no minutes.
        for day in -2..=2 {
            let day = today.checked_add(Span::new().days(day)).ok()?;
            let last = if self.start < self.end { day } else { day.tomorrow().ok()? };
            let (since, until) = (instant(zone, day, self.start)?, instant(zone, last, self.end)?);
            let window = Quiet { quiet: true, since, until };
            if since >= until {
                continue;
            }
            if window.holds(now) {
                return Some(window);
            }
            if until <= now {
                open.since = open.since.max(until);
            }
            if since > now {
                open.until = open.until.min(since);
            }
        }
        Some(open)
    }
}

/// When clocks in `zone` show this minute of the day.
fn instant(zone: &TimeZone, day: Date, minute: u16) -> Option<Timestamp> {
    let shown = day.at((minute / 60) as i8, (minute % 60) as i8, 0, 0);
    let ambiguous = zone.to_ambiguous_timestamp(shown);
    match ambiguous.offset() {
        AmbiguousOffset::Gap { .. } => {
            let before = ambiguous.earlier().ok()?;
            zone.following(before).next().map(|forward| forward.timestamp())
        }
        AmbiguousOffset::Unambiguous { .. } | AmbiguousOffset::Fold { .. } => ambiguous.earlier().ok(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn zone(name: &str) -> TimeZone {
        jiff::tz::TimeZoneDatabase::bundled().get(name).expect("a zone")
    }

    fn at(text: &str) -> Timestamp {
        text.parse().expect("an instant")
    }

    fn hours(start: u16, end: u16) -> QuietHours {
        QuietHours::new(start * 60, end * 60).expect("hours")
    }

    #[test]
    fn what_is_not_known_is_as_bad_as_moderate() {
        use Severity::{Extreme, Minor, Moderate, Severe, Unknown};
        let above = |least| Severity::ALL.iter().copied().filter(move |severity| severity.is_at_least(least));
        assert!(above(Minor).eq([Extreme, Severe, Moderate, Minor, Unknown]));
        assert!(above(Moderate).eq([Extreme, Severe, Moderate, Unknown]));
        assert!(above(Severe).eq([Extreme, Severe]));
        assert!(above(Extreme).eq([Extreme]));
    }

    #[test]
    fn a_set_of_hazards_is_what_was_put_in() {
        let some = Hazards::of([Category::Geo, Category::CBRNE]);
        assert!(some.categories().eq([Category::Geo, Category::CBRNE]));
        assert!(some.meets(Hazards::of([Category::Geo])) && !some.meets(Hazards::of([Category::Met])));
        assert_eq!(Hazards::from_bits(u16::MAX), Hazards::ALL);
        assert!(Hazards::ALL.categories().eq(Category::ALL.iter().copied()));
    }

    #[test]
    fn a_night_is_quiet_over_midnight_and_a_noon_within_its_day() {
        let (tokyo, night, noon) = (zone("Asia/Tokyo"), hours(22, 7), hours(12, 14));
        let quiet = |hours: QuietHours, text| hours.at(&tokyo, at(text));
        let found = quiet(night, "2030-03-17T23:30:00+09:00");
        assert_eq!((found.quiet, found.since), (true, at("2030-03-17T22:00:00+09:00")));
        assert_eq!(found.until, at("2030-03-18T07:00:00+09:00"));
        assert_eq!(quiet(night, "2030-03-18T06:59:59+09:00"), found);
        let day = quiet(night, "2030-03-18T07:00:00+09:00");
        assert_eq!((day.quiet, day.since), (false, found.until));
        assert_eq!(day.until, at("2030-03-18T22:00:00+09:00"));
        assert!(quiet(noon, "2030-03-18T12:00:00+09:00").quiet && !quiet(noon, "2030-03-18T14:00:00+09:00").quiet);
    }

    #[test]
    fn a_clock_that_is_put_forward_or_back_leaves_a_night_in_one_piece() {
        let berlin = zone("Europe/Berlin");
        // On 31 March 2030 there is no time between 2 and 3.
        let until_half_past_two = QuietHours::new(22 * 60, 150).expect("hours").at(&berlin, at("2030-03-31T00:30:00Z"));
        assert_eq!((until_half_past_two.quiet, until_half_past_two.until), (true, at("2030-03-31T01:00:00Z")));
        let from_half_past_two = QuietHours::new(150, 7 * 60).expect("hours").at(&berlin, at("2030-03-31T01:00:00Z"));
        assert_eq!((from_half_past_two.quiet, from_half_past_two.since), (true, at("2030-03-31T01:00:00Z")));
        let night = hours(22, 7).at(&berlin, at("2030-03-31T00:30:00Z"));
        assert_eq!((night.since, night.until), (at("2030-03-30T21:00:00Z"), at("2030-03-31T05:00:00Z")));
        // On 27 October 2030 the time between 2 and 3 comes twice.
        let until_half_past_two = QuietHours::new(22 * 60, 150).expect("hours").at(&berlin, at("2030-10-27T00:00:00Z"));
        assert_eq!((until_half_past_two.quiet, until_half_past_two.until), (true, at("2030-10-27T00:30:00Z")));
        assert!(!QuietHours::new(22 * 60, 150).expect("hours").at(&berlin, at("2030-10-27T01:15:00Z")).quiet);
        let night = hours(22, 7).at(&berlin, at("2030-10-27T00:30:00Z"));
        assert_eq!((night.since, night.until), (at("2030-10-26T20:00:00Z"), at("2030-10-27T06:00:00Z")));
    }

    proptest! {
        #[test]
        fn whatever_the_zone_it_is_quiet_when_the_clock_on_the_wall_says_so(
            name in prop::sample::select(vec![
                "UTC", "Asia/Tokyo", "Asia/Kathmandu", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe",
                "Pacific/Apia", "Africa/Casablanca", "America/Santiago",
            ]),
            second in 1_262_304_000..2_208_988_800_i64,
            start in 0..QuietHours::DAY,
            end in 0..QuietHours::DAY,
        ) {
            let Some(hours) = QuietHours::new(start, end) else { return Ok(()) };
            let (zone, now) = (zone(name), Timestamp::from_second(second).expect("in range"));
            let found = hours.at(&zone, now);
            prop_assert!(found.holds(now));
            // What is said to hold up to an instant holds until then, and not from then on.
            let last = Timestamp::from_second(found.until.as_second() - 1).expect("in range");
            prop_assert_eq!(hours.at(&zone, last), found);
            prop_assert_eq!(hours.at(&zone, found.since), found);
            let next = hours.at(&zone, found.until);
            prop_assert_eq!((next.quiet, next.since), (!found.quiet, found.until));
            // Away from changes of the clock it is as the clock on the wall says.
            let day = jiff::SignedDuration::from_hours(24);
            let change = zone.following(now - day).next().map(|change| change.timestamp());
            if change.is_none_or(|change| change >= now + day) {
                let shown = zone.to_datetime(now);
                let minute = shown.hour() as u16 * 60 + shown.minute() as u16;
                let quiet = if start < end { (start..end).contains(&minute) } else { minute >= start || minute < end };
                prop_assert_eq!(found.quiet, quiet);
            }
        }
    }
}
