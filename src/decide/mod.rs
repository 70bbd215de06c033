//! The desk's rules: what a message does to those before it, and whether it may.
//!
//! [`decide`] is the one way in: it answers with a [`Decision`], and only an admitted alert becomes a [`Bulletin`].
//! [`Lineages`] remembers what was decided before; the desk ([`crate::intake`]) owns it, and brings it up to date with
//! what was decided. Nothing here reads a clock or a disk.
//!
//! # What becomes of a message
//!
//! A message continues the alerts that its `references` name (its own sender's alone, CAP 1.2, section 3.2.1); those of
//! its event, by any name that its source has for it ([`EventKey`](crate::domain::EventKey)); and where it tells of an
//! earthquake by a name that is new, the one that is near it ([`Fusion`]). In an alert each source speaks for itself
//! ([`Voice`]): it replaces and ends what it has said, and nothing else; the alert ends when nobody says it any more. A
//! report is older than another of its event by its number, where its source counts, or else by `sent`.
//!
//! | The message | becomes |
//! | --- | --- |
//! | has a name that was decided before, and is not newer | nothing: `DUPLICATE`, with what it became then |
//! | is a first one | a new alert |
//! | is an update, or a later report of an event | a revision, see below |
//! | is an update of what is not known, or is over | a new alert |
//! | is older than what its source says by now | nothing: `SUPERSEDED` |
//! | comes after what took its place, or took back its event | nothing: `SUPERSEDED` |
//! | is a cancel, also one that repeats the number before it | an end of what its sender says |
//! | is a cancel of what is unknown, over, or another's | nothing: `NOTHING_TO_CANCEL`; that does not come later |
//! | is the whole state of a territory | an alert or revision for each hazard, and an end of those not in it |
//! | is a state older than the last | nothing: `SUPERSEDED` |
//! | is past its `expires` | nothing: `EXPIRED`; it is remembered |
//! | takes effect later (`effective`) | an alert at once, which says when: no warning is kept back |
//! | was sent more than [`Rules::future_tolerance`] ahead | refused: `SENT_IN_FUTURE` |
//! | was sent more than [`Rules::oldest`] ago, and is forgotten | refused: `SENT_TOO_LONG_AGO` |
//! | would wait for a person, and too many do | refused: `TOO_MANY_HELD`, to be sent again |
//! | is a person's cancel of an alert ([`Ending`]) | an end of all that anybody says in it |
//! | is an `Ack` or `Error`, `System` or `Draft`, or not public | nothing: `NOT_FOR_PUBLIC` |
//!
//! Of a revision those sound who are newly inside or for whom it is worse; for the others who are inside the text is
//! replaced in silence, over links; those who were told and are outside now are released, and nobody else is.
//!
//! Each row has its test in `decide/tests/`.

mod authority;
mod bulletin;
mod contradiction;
mod end;
mod fusion;
mod hold;
mod lineage;
mod revision;
mod state;
mod tiers;
mod voice;

use crate::domain::{
    Alert, AlertScope, Body, Category, DeliveryKey, Geocode, Ground, Info, Mode, NonEmpty, SignedDuration, Timestamp,
    Urgency,
};
use crate::locate::Resolved;

pub use authority::{Authority, Breach, Limits, Manner, STRUCTURED};
pub use bulletin::{Bulletin, BulletinParts, Content, StatePart, Tier, TierIndex};
pub use contradiction::contradictions;
pub use end::{Ending, decide_end};
pub use fusion::Fusion;
pub use hold::{Held, HeldId, HoldKind, HoldReason, HoldRules, Holding, Settlement, Unanswered};
pub use lineage::{Lineage, Lineages, Noted};
pub use tiers::priority;
pub use voice::Voice;

/// The answer to one alert.
#[derive(Debug, Clone)]
pub enum Decision {
    /// It is sent.
    Admit(Bulletin),
    /// It is the whole state of a territory, and these of its hazards have changed, the most pressing first.
    AdmitAll(NonEmpty<Bulletin>),
    /// It changes nothing, for a reason that is no fault of its sender.
    Ignore(Ignored),
    /// It would be sent, and waits for a person.
    Hold(Held),
    /// It breaks a rule.
    Refuse(Refused),
}

/// Why an alert that is in order is not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ignored {
    /// Decided before: this is what it became.
    Duplicate(Option<DeliveryKey>),
    /// Past its `expires` on arrival.
    Expired,
    /// A later message has taken its place already.
    Superseded,
    /// A cancel of what was never admitted, or is over; or a whole state in which nothing is on, as before.
    NothingToCancel,
    /// `System`, `Draft`, `Restricted`, `Private`, `Ack` or `Error`: valid, and meant for nobody here.
    NotForPublic,
    /// It was held, and a person rejected it, or nobody answered for it in time.
    Rejected,
}

impl Ignored {
    /// The reason in one word of the API.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Duplicate(_) => "DUPLICATE",
            Self::Expired => "EXPIRED",
            Self::Superseded => "SUPERSEDED",
            Self::NothingToCancel => "NOTHING_TO_CANCEL",
            Self::NotForPublic => "NOT_FOR_PUBLIC",
            Self::Rejected => "REJECTED",
        }
    }
}

/// Why an alert is refused; the message names the field.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Refused {
    /// The authority may not send this.
    #[error("sender: {0} is not admitted to send this")]
    NotAdmitted(String),
    /// Sent in the future by the server's clock.
    #[error("sent: {0} is in the future")]
    SentInFuture(Timestamp),
    /// It warns, but has no info.
    #[error("info: none")]
    NoInfo,
    /// No info has ground that can be used.
    #[error("area: no usable polygon or circle")]
    NoGround,
    /// An earthquake that is expected to shake no ground so that it is told of.
    #[error("earthquake: it is too weak or too deep to be felt anywhere")]
    NotFelt,
    /// Ground is named by codes alone, and none of them is known.
    #[error("geocode: unresolved: {}", list(.0))]
    Unresolved(Vec<Geocode>),
    /// Sent so long ago that nothing of it can hold any more, and that what was decided of it may be forgotten.
    #[error("sent: {0} is too long ago")]
    SentTooLongAgo(Timestamp),
    /// It would wait for a person, and as many as may wait already do.
    #[error("alert: it would wait for a person, and too many do: send it again later")]
    TooManyHeld,
    /// Others say it too, and only an operator ends what others say.
    #[error("name: {0} says it too, and only an operator ends what others say")]
    OthersSayItToo(String),
    /// It goes beyond the limits of its authority.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Beyond(Vec<Breach>),
}

impl Refused {
    /// The reason in one word of the API.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NotAdmitted(_) => "SENDER_NOT_ADMITTED",
            Self::SentInFuture(_) => "SENT_IN_FUTURE",
            Self::NoInfo => "NO_INFO",
            Self::NoGround => "NO_GROUND",
            Self::NotFelt => "NOT_FELT",
            Self::Unresolved(_) => "UNRESOLVED_GEOCODE",
            Self::SentTooLongAgo(_) => "SENT_TOO_LONG_AGO",
            Self::TooManyHeld => "TOO_MANY_HELD",
            Self::OthersSayItToo(_) => "OTHERS_SAY_IT_TOO",
            Self::Beyond(breaches) => breaches.first().map_or("NOT_ADMITTED", Breach::reason),
        }
    }

    /// The field that the refusal is about.
    pub fn field(&self) -> &'static str {
        match self {
            Self::NotAdmitted(_) => "sender",
            Self::SentInFuture(_) | Self::SentTooLongAgo(_) => "sent",
            Self::TooManyHeld => "alert",
            Self::NoInfo => "info",
            Self::NoGround => "area",
            Self::NotFelt => "earthquake",
            Self::Unresolved(_) => "geocode",
            Self::OthersSayItToo(_) => "name",
            Self::Beyond(_) => "authority",
        }
    }
}

fn list(codes: &[Geocode]) -> String {
    let shown = codes.iter().take(8).map(|code| format!("{} {}", code.scheme, code.code));
    let more = if codes.len() > 8 { format!(", and {} more", codes.len() - 8) } else { String::new() };
    shown.collect::<Vec<_>>().join(", ") + &more
}

/// The operator's settings that decisions depend on.
#[derive(Debug, Clone)]
pub struct Rules {
    /// How far in the future `sent` may be, since issuers' clocks differ.
    pub future_tolerance: SignedDuration,
    /// How long an info without `expires` holds, from `sent`, unless one of the next two is for it.
    pub default_expiry: SignedDuration,
    /// The same of shaking that is still to come: after minutes it has come everywhere, or never will.
    pub early_warning_expiry: SignedDuration,
    /// The same of weather, tsunamis and volcanoes, whose issuers (JMA among them) end them by a message.
    pub lasting_expiry: SignedDuration,
    /// The longest that any info holds, from `sent`.
    pub max_expiry: SignedDuration,
    /// How long ago `sent` may be: a message that is sent again later does nothing, though it be forgotten.
    pub oldest: SignedDuration,
    /// Which sources tell of the same events.
    pub fusion: Fusion,
    /// How long alerts wait that a person is to approve, and what becomes of them then.
    pub hold: HoldRules,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            future_tolerance: SignedDuration::from_mins(5),
            default_expiry: SignedDuration::from_hours(6),
            early_warning_expiry: SignedDuration::from_mins(10),
            lasting_expiry: SignedDuration::from_hours(24),
            max_expiry: SignedDuration::from_hours(7 * 24),
            oldest: SignedDuration::from_hours(7 * 24),
            fusion: Fusion::default(),
            hold: HoldRules::default(),
        }
    }
}

impl Rules {
    /// When an info ends, of an alert that was sent at `sent`: when it says, else by what it warns of; never later than
    /// any may.
    pub fn expiry(&self, info: &Info, sent: Timestamp) -> Timestamp {
        let after = |span| sent.saturating_add(span).unwrap_or(Timestamp::MAX);
        info.expires.unwrap_or_else(|| after(self.expiry_of(info))).min(after(self.max_expiry))
    }

    fn expiry_of(&self, info: &Info) -> SignedDuration {
        let lasts = [Category::Met, Category::Geo].iter().any(|category| info.categories.contains(category));
        match (&info.ground, info.urgency) {
            (Ground::Earthquake(_) | Ground::Bands(_), Urgency::Immediate) => self.early_warning_expiry,
            (Ground::Areas(_), _) if lasts => self.lasting_expiry,
            _ => self.default_expiry,
        }
    }
}

/// Who sends an alert, and what it does beyond what they may.
pub type Sent<'a> = (&'a Authority, &'a [Breach]);

/// Decides one alert of whose door it is known what it doubts. What would be admitted waits for a person if its text or
/// codes contradict its status, if it goes beyond what its authority may warn of, or if its door has doubts; a cancel
/// never waits.
pub fn decide_with(
    lineages: &Lineages,
    (authority, breaches, doubts): (&Authority, &[Breach], &[HoldReason]),
    rules: &Rules,
    alert: Alert,
    ground: &Resolved,
    now: Timestamp,
) -> Decision {
    let beyond = breaches.iter().filter(|breach| breach.may_pass()).map(HoldReason::from);
    let reasons = contradiction::contradictions(&alert).into_iter().chain(beyond).chain(doubts.to_vec());
    let reasons = NonEmpty::new(reasons.collect());
    let decision = decide_approved(lineages, (authority, breaches), rules, alert, ground, now);
    let warns = match &decision {
        Decision::Admit(bulletin) => Some(bulletin),
        Decision::AdmitAll(bulletins) => Some(bulletins.first()),
        Decision::Ignore(_) | Decision::Hold(_) | Decision::Refuse(_) => None,
    };
    match (warns.filter(|bulletin| !bulletin.is_cancel()).cloned(), reasons) {
        (Some(bulletin), Some(reasons)) => Decision::Hold(Held { reasons, bulletin }),
        _ => decision,
    }
}

/// Decides one alert of which its door has no doubts, and which is within what its authority may.
pub fn decide(
    lineages: &Lineages,
    authority: &Authority,
    rules: &Rules,
    alert: Alert,
    ground: &Resolved,
    now: Timestamp,
) -> Decision {
    decide_with(lineages, (authority, &[], &[]), rules, alert, ground, now)
}

/// Decides one alert that need not wait for a person: one has approved it. All other rules hold, and what nobody may
/// let pass refuses it.
pub fn decide_approved(
    lineages: &Lineages,
    (authority, breaches): Sent<'_>,
    rules: &Rules,
    alert: Alert,
    ground: &Resolved,
    now: Timestamp,
) -> Decision {
    authority::barred(by_the_rules(lineages, authority, rules, alert, ground, now), breaches)
}

fn by_the_rules(
    lineages: &Lineages,
    authority: &Authority,
    rules: &Rules,
    alert: Alert,
    ground: &Resolved,
    now: Timestamp,
) -> Decision {
    if !authority.may_send(&alert) {
        return Decision::Refuse(Refused::NotAdmitted(alert.id.sender.as_str().to_owned()));
    }
    let is_state = matches!(alert.body, Body::State { .. });
    if let Some(known) = lineages.known(&alert).filter(|_| !is_state) {
        return Decision::Ignore(Ignored::Duplicate(known.key));
    }
    let silent = matches!(alert.mode, Mode::System | Mode::Draft)
        || alert.scope != AlertScope::Public
        || matches!(alert.body, Body::Ack | Body::Error);
    if silent {
        return Decision::Ignore(Ignored::NotForPublic);
    }
    if alert.id.sent > now.saturating_add(rules.future_tolerance).unwrap_or(Timestamp::MAX) {
        return Decision::Refuse(Refused::SentInFuture(alert.id.sent));
    }
    if alert.id.sent < now.saturating_sub(rules.oldest).unwrap_or(Timestamp::MIN) {
        return Decision::Refuse(Refused::SentTooLongAgo(alert.id.sent));
    }
    if lineages.is_superseded(alert.mode, &alert.id) {
        return Decision::Ignore(Ignored::Superseded);
    }
    match &alert.body {
        Body::Issue(_) | Body::Update(_) => revision::warn(lineages, rules, alert, ground, now),
        Body::Cancel(_) => revision::cancel(lineages, rules, alert, now),
        Body::State { scope, .. } => state::decide(lineages, rules, &alert, scope, ground, now),
        Body::Ack | Body::Error => Decision::Ignore(Ignored::NotForPublic),
    }
}

#[cfg(test)]
mod tests;
