//! What a message makes of the lineages that it continues: the next bulletin of the first of them.

use crate::domain::{Alert, Body, EventKey, Ground, Info, LineageId, NonEmpty, Revision, Timestamp};
use crate::locate::Resolved;

use super::lineage::Lineage;
use super::tiers::{self, NoTier};
use super::voice::{Voice, continues};
use super::{Bulletin, BulletinParts, Content, Decision, Ignored, Lineages, Refused, Rules, Tier, TierIndex};

/// A voice with its tiers.
type Spoken = (Voice, Vec<Tier>);

/// A first message or an update. An update of what is not known, or is over, is a first message: rather two alerts than
/// none.
pub(super) fn warn(lineages: &Lineages, rules: &Rules, alert: Alert, ground: &Resolved, now: Timestamp) -> Decision {
    let (Body::Issue(infos) | Body::Update(infos)) = &alert.body else {
        return Decision::Refuse(Refused::NoInfo);
    };
    if lineages.is_withdrawn(&alert) {
        return Decision::Ignore(Ignored::Superseded);
    }
    let tiers = match tiers_of(infos, rules, &alert, ground, now) {
        Ok(tiers) => tiers,
        Err(decision) => return decision,
    };
    let mut continued = lineages.continued_by(&alert, rules, now);
    let found = continued.len();
    // What has since been followed by a newer message stays as that one left it; a message that has nothing but such
    // to change has come too late.
    continued.retain(|lineage| !lineage.voices().iter().any(|voice| voice.overtakes(&alert)));
    if continued.is_empty() && found > 0 {
        return Decision::Ignore(Ignored::Superseded);
    }
    let mut own = Voice::of(&alert);
    let mut spoken = Vec::new();
    for (before, tiers) in continued.iter().flat_map(|lineage| spoken_in(lineage, now)) {
        own.follow(&before, &alert);
        spoken.extend(before.after(&alert).map(|voice| (voice, tiers)));
    }
    spoken.push((own, tiers.to_vec()));
    admit(lineages, alert, &continued, spoken, Vec::new(), now)
}

/// The tiers of a message, or why it has none.
fn tiers_of(
    infos: &[Info],
    rules: &Rules,
    alert: &Alert,
    ground: &Resolved,
    now: Timestamp,
) -> Result<NonEmpty<Tier>, Decision> {
    tiers::tiers(infos, ground, rules, &alert.id, now).map_err(|fault| match fault {
        NoTier::Expired => Decision::Ignore(Ignored::Expired),
        NoTier::NoGround if infos.iter().any(|info| matches!(info.ground, Ground::Earthquake(_))) => {
            Decision::Refuse(Refused::NotFelt)
        }
        NoTier::NoGround => Decision::Refuse(Refused::NoGround),
        NoTier::Unresolved(codes) => Decision::Refuse(Refused::Unresolved(codes)),
    })
}

/// A cancel needs no area: it goes to those who were told, for as long as what they were told would have held. It ends
/// what its sender says, and nothing else: what other sources say of the same event stands.
pub(super) fn cancel(lineages: &Lineages, rules: &Rules, alert: Alert, now: Timestamp) -> Decision {
    let mut continued = lineages.continued_by(&alert, rules, now);
    continued.retain(|lineage| lineage.voices().iter().any(|voice| voice.alert.sender == alert.id.sender));
    let found = continued.len();
    continued.retain(|lineage| {
        lineage.voices().iter().any(|voice| voice.clone().after_cancel(&alert).as_ref() != Some(voice))
    });
    if continued.is_empty() {
        let late = found > 0;
        return Decision::Ignore(if late { Ignored::Superseded } else { Ignored::NothingToCancel });
    }
    let spoken = continued.iter().flat_map(|lineage| spoken_in(lineage, now));
    let left = spoken.filter_map(|(voice, tiers)| Some((voice.after_cancel(&alert)?, tiers))).collect();
    let withdraws = continues(&alert).cloned().collect();
    admit(lineages, alert, &continued, left, withdraws, now)
}

/// What each voice of a lineage says that still holds.
fn spoken_in(lineage: &Lineage, now: Timestamp) -> impl Iterator<Item = Spoken> {
    let tiers = lineage.bulletin.tiers();
    lineage.voices().iter().filter_map(move |voice| {
        let of = voice.tiers.iter().filter_map(|tier| tiers.get(usize::from(tier.0)));
        let holding: Vec<Tier> = of.filter(|tier| tier.expires() > now).cloned().collect();
        (!holding.is_empty()).then(|| (voice.clone(), holding))
    })
}

/// The bulletin of all that is said; a cancel where nothing is any more.
fn admit(
    lineages: &Lineages,
    alert: Alert,
    continued: &[&Lineage],
    spoken: Vec<Spoken>,
    withdraws: Vec<EventKey>,
    now: Timestamp,
) -> Decision {
    let (lineage, revision, absorbs): (LineageId, Revision, Vec<LineageId>) = match continued.split_first() {
        Some((first, others)) => (first.id, first.revision.next(), others.iter().map(|lineage| lineage.id).collect()),
        None => (lineages.next(now), Revision::FIRST, Vec::new()),
    };
    let before = continued.iter().map(|lineage| lineage.expires).max();
    let (content, voices) = together(spoken, alert.body.infos());
    let expires = match &content {
        Content::Warn(tiers) => tiers.iter().map(Tier::expires).max(),
        Content::Cancel(_) => before,
    };
    Decision::Admit(Bulletin::admit(BulletinParts {
        lineage,
        revision,
        alert: alert.id,
        mode: alert.mode,
        content,
        expires: expires.unwrap_or(now),
        admitted: now,
        absorbs,
        supersedes: alert.subject.references,
        voices,
        withdraws,
        state: None,
    }))
}

/// The tiers of all voices, highest first, each voice with the numbers of its own; or, where there are none, what was
/// said in the end.
fn together(mut spoken: Vec<Spoken>, said: &[Info]) -> (Content, Vec<Voice>) {
    spoken.sort_by(|(one, _), (other, _)| one.place().cmp(&other.place()));
    let mut all: Vec<(usize, &Tier)> = spoken
        .iter()
        .enumerate()
        .flat_map(|(number, (_, tiers))| tiers.iter().map(move |tier| (number, tier)))
        .collect();
    all.sort_by(|(_, one), (_, other)| tiers::order(one, other));
    all.truncate(usize::from(u8::MAX));
    let mut voices: Vec<Voice> = spoken.iter().map(|(voice, _)| Voice { tiers: Vec::new(), ..voice.clone() }).collect();
    for (position, (number, _)) in (0..).zip(&all) {
        voices[*number].tiers.push(TierIndex(position));
    }
    let tiers = all.into_iter().map(|(_, tier)| tier.clone()).collect();
    match NonEmpty::new(tiers) {
        Some(tiers) => (Content::Warn(tiers), voices),
        None => (Content::Cancel(said.to_vec()), Vec::new()),
    }
}
