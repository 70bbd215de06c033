//! What cannot be used of an alert that stands.

use crate::domain::InvalidGround;

use super::TimeFault;

/// A part of an alert that is not used; the rest stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    /// Which part, as a path: `info[0].area[2].polygon[1]`.
    pub field: String,
    /// Why.
    pub reason: Unusable,
}

/// Why a part of an alert is not used, or is used otherwise than it is written.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Unusable {
    /// What should be a point of a ring is none.
    #[error("point {position}, {token:?}, is no pair of latitude and longitude")]
    NotAPair {
        /// Which point, from 0.
        position: usize,
        /// What is written.
        token: String,
    },
    /// A point of a ring that is on no globe.
    #[error("point {position}: {source}")]
    Point {
        /// Which point, from 0.
        position: usize,
        /// Why.
        source: InvalidGround,
    },
    /// Fewer than the four points that a closed ring has.
    #[error("has {0} points, and a closed ring at least four")]
    TooFewPoints(usize),
    /// The first and last point differ, and are too far apart to be joined.
    #[error("the ring is not closed: its ends are {0} degrees apart")]
    NotClosed(f64),
    /// The first and last point differ by little: the ring is used, and closed.
    #[error("the ring is not closed: its ends, {0} degrees apart, are joined")]
    Joined(f64),
    /// Points that make no ring, or a centre and radius that make no circle.
    #[error("{0}")]
    Ground(#[from] InvalidGround),
    /// Not `latitude,longitude radius`.
    #[error("{0:?} is no circle as in \"16.5,-95.2 25\"")]
    NotACircle(String),
    /// A height that is no number.
    #[error("{0:?} is no number")]
    NotANumber(String),
    /// A time that is none; the field is taken as absent.
    #[error("{value:?} {source}")]
    Time {
        /// What is written.
        value: String,
        /// Why it is none.
        source: TimeFault,
    },
    /// CAP before 1.2 may leave the offset out: the time is taken for UTC.
    #[error("{0:?} has no offset from UTC and is taken for UTC")]
    TakenForUtc(String),
    /// No language tag; CAP's default is taken.
    #[error("{0:?} is no language tag: en-US is taken")]
    Language(String),
    /// Not `sender,identifier,sent`.
    #[error("{0:?} is no reference as in sender,identifier,sent")]
    NotAReference(String),
    /// An update without references supersedes nothing; it is taken for a first message.
    #[error("an update that names no message before it is taken for a first message")]
    UpdateOfNothing,
    /// What the standard asks for is not there, or is empty; it can be done without.
    #[error("is missing")]
    Missing,
    /// A grade (urgency, severity, certainty) that is not there.
    #[error("is missing and is taken for Unknown")]
    NoGrade,
    /// Points of which it is not known whether latitude or longitude stands first.
    #[error("it is not known which of latitude and longitude stands first: codes are taken instead")]
    OrderUnknown,
    /// The alert is kept from the public: IPAWS's `BLOCKCHANNEL` is `PUBLIC`, as in the FEMA alert
    /// `carroll-county-lew-2019.xml`.
    #[error("blocks the public: nobody is told")]
    Withheld,
    /// An info that says it is over: it warns of nothing, and ends what the message refers to (`canada.cap`).
    #[error("{0}: it is over")]
    Over(String),
    /// A hole that cannot be used (the German weather service's `EXCLUDE_POLYGON`). Without it the polygons of its area
    /// would be larger than their issuer said, so that they are not used either.
    #[error("a hole in it cannot be used, and without it the ground would be too large")]
    HoleLost,
    /// A text that may stand once stands several times (alerts of Alertswiss as KDE's public alert server writes them
    /// in CAP): all of it is told, in its order.
    #[error("stands more than once, and all of it is told")]
    SeveralTexts,
    /// Elements in the namespace of the root, as the International Seismological Centre writes them, and not in that of
    /// QuakeML's own description of events.
    #[error("is in the namespace of the root, and is read as if it were in that of events")]
    OtherNamespace,
    /// No scope, in a feed that has public alerts only, as in older answers of api.weather.gov
    /// (`nws_alerts-api.json`).
    #[error("is missing and is taken for Public, as all of this feed are")]
    TakenForPublic,
    /// A geometry without an inside.
    #[error("{0:?} is no polygon")]
    NotAnArea(String),
    /// A name that is none of its issuer's list of areas, in a message that has names only (P2PQuake's and Wolfx's
    /// relays of Japan's telegrams): it has no code, and so no ground.
    #[error("{0:?} is no area of the issuer's list, so that it has no code")]
    AreaName(String),
    /// Observations at stations, which name no area (P2PQuake's `DetailScale`,
    /// `p2pquake/20210217140958395-17230627.json`).
    #[error("{0} observations are at stations, which name no area")]
    Stations(usize),
    /// A relayed message without the number that says what it is, known by what it has: P2PQuake's own converter leaves
    /// `code` out (`p2pquake/20210216071046493-16160714.json`).
    #[error("is missing, and is taken for {0} by what the message has")]
    TakenForCode(u16),
    /// An area that a telegram has told of before: what was told first stands.
    #[error("{0:?} is told of more than once, and the first is used")]
    RepeatedArea(String),
    /// There are more refusals, which are not told one by one.
    #[error("{0} more parts of the message cannot be used")]
    More(usize),
    /// No value of the standard's list, in a field that can be done without (QuakeML: `invalid_enum.xml` of ObsPy, a
    /// `depthType` of "randomized").
    #[error("{0:?} is none of the values that it may have")]
    UnknownValue(String),
    /// Another number of parts than the message says that there are. A ring of another number of points than it should
    /// have is not used; of a list, what is there is.
    #[error("there should be {said}, and there are {found}")]
    Count {
        /// How many it says.
        said: String,
        /// How many there are.
        found: usize,
    },
    /// A message that does not say when it was sent is taken to be as old as its earthquake: never for newer than it is
    /// (ShakeAlert: `fleabag-event_new-ChinoHills.xml`).
    #[error("is missing: the origin time is taken")]
    SentAtOrigin,
    /// A message that does not say when it was sent is taken to be as old as the newest of its observations: never for
    /// newer than it is (QuakeML in real time: the `presto` series).
    #[error("is missing: the time of the newest observation is taken")]
    SentByData,
    /// A time whose zone is told by letters instead of an offset (ShakeMap of BMKG: `2013-11-05T06:08:09WIB`).
    #[error("{0:?} tells its zone by a name, which is known")]
    ZoneByName(String),
}
