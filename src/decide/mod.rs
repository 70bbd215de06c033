//! The desk's rules: what a message does to those before it, and whether it may.
//!
//! [`decide`] is the one way in: it answers with a [`Decision`], and only an admitted alert becomes a [`Bulletin`].
//! [`Lineages`] remembers what was decided before; the desk ([`crate::intake`]) owns it, and brings it up to date with
//! what was decided. Nothing here reads a clock or a disk.

mod authority;
mod bulletin;
mod contradiction;
mod hold;
mod lineage;
mod tiers;

use crate::domain::{
    Alert, AlertScope, Body, DeliveryKey, Geocode, Ground, Mode, NonEmpty, Revision, SignedDuration, Timestamp,
};
use crate::locate::Resolved;

pub use authority::Authority;
pub use bulletin::{Bulletin, BulletinParts, Content, Tier, TierIndex};
pub use hold::{Held, HeldId, HoldKind, HoldReason, HoldRules, Holding, Settlement, Unanswered};
pub use lineage::{Lineage, Lineages, Noted};
pub use tiers::priority;

/// The answer to one alert.
#[derive(Debug, Clone)]
pub enum Decision {
    /// It is sent.
    Admit(Bulletin),
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
    /// A cancel of what was never admitted, or is over.
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
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
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
    /// A format's way to speak of a whole territory that is not taken from this source.
    #[error("body: whole-state messages are not taken from this source")]
    WholeState,
}

impl Refused {
    /// The reason in one word of the API.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::NotAdmitted(_) => "SENDER_NOT_ADMITTED",
            Self::SentInFuture(_) => "SENT_IN_FUTURE",
            Self::NoInfo => "NO_INFO",
            Self::NoGround => "NO_GROUND",
            Self::NotFelt => "NOT_FELT",
            Self::Unresolved(_) => "UNRESOLVED_GEOCODE",
            Self::WholeState => "WHOLE_STATE",
        }
    }

    /// The field that the refusal is about.
    pub fn field(&self) -> &'static str {
        match self {
            Self::NotAdmitted(_) => "sender",
            Self::SentInFuture(_) => "sent",
            Self::NoInfo => "info",
            Self::NoGround => "area",
            Self::NotFelt => "earthquake",
            Self::Unresolved(_) => "geocode",
            Self::WholeState => "body",
        }
    }
}

fn list(codes: &[Geocode]) -> String {
    let shown = codes.iter().take(8).map(|code| format!("{} {}", code.scheme, code.code));
    let more = if codes.len() > 8 { format!(", and {} more", codes.len() - 8) } else { String::new() };
    shown.collect::<Vec<_>>().join(", ") + &more
}

/// The operator's settings that decisions depend on.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// How far in the future `sent` may be, since issuers' clocks differ.
    pub future_tolerance: SignedDuration,
    /// How long an info without `expires` holds, from `sent`.
    pub default_expiry: SignedDuration,
    /// The longest that any info holds, from `sent`.
    pub max_expiry: SignedDuration,
    /// How long alerts wait that a person is to approve, and what becomes of them then.
    pub hold: HoldRules,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            future_tolerance: SignedDuration::from_mins(5),
            default_expiry: SignedDuration::from_hours(6),
            max_expiry: SignedDuration::from_hours(7 * 24),
            hold: HoldRules::default(),
        }
    }
}

impl Rules {
    /// When an info ends that says `expires`, of an alert that was sent at `sent`.
    pub fn expiry(&self, expires: Option<Timestamp>, sent: Timestamp) -> Timestamp {
        let after = |span| sent.saturating_add(span).unwrap_or(Timestamp::MAX);
        expires.unwrap_or_else(|| after(self.default_expiry)).min(after(self.max_expiry))
    }
}

/// Decides one alert. `doubts` are reasons to hold it that its door knows of; those in the alert itself are found here.
pub fn decide_with(
    lineages: &Lineages,
    (authority, doubts): (&Authority, &[HoldReason]),
    rules: &Rules,
    alert: Alert,
    ground: &Resolved,
    now: Timestamp,
) -> Decision {
    let reasons: Vec<HoldReason> = contradiction::contradictions(&alert).into_iter().chain(doubts.to_vec()).collect();
    match (decide_approved(lineages, authority, rules, alert, ground, now), NonEmpty::new(reasons)) {
        (Decision::Admit(bulletin), Some(reasons)) if !bulletin.is_cancel() => {
            Decision::Hold(Held { reasons, bulletin })
        }
        (decision, _) => decision,
    }
}

/// Decides one alert of which its door has no doubts.
pub fn decide(
    lineages: &Lineages,
    authority: &Authority,
    rules: &Rules,
    alert: Alert,
    ground: &Resolved,
    now: Timestamp,
) -> Decision {
    decide_with(lineages, (authority, &[]), rules, alert, ground, now)
}

/// Decides one alert that need not wait for a person: one has approved it. All other rules hold.
pub fn decide_approved(
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
    if let Some(known) = lineages.known(alert.mode, &alert.id) {
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
    if lineages.is_superseded(alert.mode, &alert.id) {
        return Decision::Ignore(Ignored::Superseded);
    }
    match alert.body {
        Body::Issue(_) | Body::Update(_) => warn(lineages, rules, alert, ground, now),
        Body::Cancel(_) => cancel(lineages, alert, now),
        Body::State { .. } => Decision::Refuse(Refused::WholeState),
        Body::Ack | Body::Error => Decision::Ignore(Ignored::NotForPublic),
    }
}

/// A first message or an update. An update of what is not known, or is over, is a first message: rather two alerts than
/// none.
fn warn(lineages: &Lineages, rules: &Rules, alert: Alert, ground: &Resolved, now: Timestamp) -> Decision {
    let (Body::Issue(infos) | Body::Update(infos)) = &alert.body else {
        return Decision::Refuse(Refused::NoInfo);
    };
    let tiers = match tiers::tiers(infos, ground, rules, &alert.id, now) {
        Ok(tiers) => tiers,
        Err(tiers::NoTier::Expired) => return Decision::Ignore(Ignored::Expired),
        Err(tiers::NoTier::NoGround) if infos.iter().any(|info| matches!(info.ground, Ground::Earthquake(_))) => {
            return Decision::Refuse(Refused::NotFelt);
        }
        Err(tiers::NoTier::NoGround) => return Decision::Refuse(Refused::NoGround),
        Err(tiers::NoTier::Unresolved(codes)) => return Decision::Refuse(Refused::Unresolved(codes)),
    };
    let expires = tiers.iter().map(Tier::expires).max().unwrap_or(now);
    let continued = match continued(lineages, &alert, now) {
        Ok(continued) => continued,
        Err(ignored) => return Decision::Ignore(ignored),
    };
    let (lineage, revision, absorbs) = match continued.split_first() {
        Some((first, others)) => (first.id, first.revision.next(), others.iter().map(|lineage| lineage.id).collect()),
        None => (lineages.next(now), Revision::FIRST, Vec::new()),
    };
    let content = Content::Warn(tiers);
    Decision::Admit(Bulletin::admit(BulletinParts {
        lineage,
        revision,
        mode: alert.mode,
        content,
        expires,
        admitted: now,
        absorbs,
        supersedes: alert.subject.references,
        alert: alert.id,
    }))
}

/// A cancel needs no area: it goes to those who were told, for as long as what they were told would have held.
fn cancel(lineages: &Lineages, alert: Alert, now: Timestamp) -> Decision {
    let continued = match continued(lineages, &alert, now) {
        Ok(continued) => continued,
        Err(ignored) => return Decision::Ignore(ignored),
    };
    let (Some((first, others)), Body::Cancel(infos)) = (continued.split_first(), &alert.body) else {
        return Decision::Ignore(Ignored::NothingToCancel);
    };
    let expires = continued.iter().map(|lineage| lineage.expires).max().unwrap_or(now);
    Decision::Admit(Bulletin::admit(BulletinParts {
        lineage: first.id,
        revision: first.revision.next(),
        mode: alert.mode,
        content: Content::Cancel(infos.clone()),
        expires,
        admitted: now,
        absorbs: others.iter().map(|lineage| lineage.id).collect(),
        supersedes: alert.subject.references,
        alert: alert.id,
    }))
}

/// The lineages that a message changes. What it refers to and has since been followed by a newer message stays as that
/// one left it; a message that has nothing but such to change has come too late.
fn continued<'l>(lineages: &'l Lineages, alert: &Alert, now: Timestamp) -> Result<Vec<&'l Lineage>, Ignored> {
    let mut continued = lineages.continued_by(alert, now);
    let found = continued.len();
    continued.retain(|lineage| lineage.sent <= alert.id.sent);
    if continued.is_empty() && found > 0 { Err(Ignored::Superseded) } else { Ok(continued) }
}

#[cfg(test)]
mod tests;
