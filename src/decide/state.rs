//! Telegrams that are the whole state of a territory (JMA's weather warnings, VPWW53 and VPWW54): what is new in one is
//! warned, what is the same is not told again, and what is no longer in it is over.
//!
//! Each hazard is a lineage of its own, so that wind beside rain sounds, while rain that gets worse is a revision. A
//! state that is older than the last one comes too late; of two of one moment (VPWW53 and VPWW54 of the same minute)
//! that of the later name stands. A state that became several bulletins of which only some are on disk is taken up where
//! it was left when it comes again.

use compact_str::CompactString;

use crate::domain::{Alert, Info, LineageId, NonEmpty, Priority, Revision, StateScope, Timestamp};
use crate::locate::{Resolved, ResolvedGround};

use super::lineage::Lineage;
use super::tiers::{self, NoTier};
use super::voice::Voice;
use super::{Bulletin, BulletinParts, Content, Decision, Ignored, Lineages, Refused, Rules, StatePart, Tier};

/// The infos of one hazard, with their ground.
struct On {
    hazard: CompactString,
    infos: Vec<Info>,
    ground: Resolved,
}

pub(super) fn decide(
    lineages: &Lineages,
    rules: &Rules,
    alert: &Alert,
    scope: &StateScope,
    ground: &Resolved,
    now: Timestamp,
) -> Decision {
    let known = lineages.state(alert, scope);
    let order = (alert.id.sent, &alert.id.identifier);
    let decided = lineages.known(alert).map(|decided| Ignored::Duplicate(decided.key));
    if known.is_some_and(|known| (known.sent, &known.identifier) > order) {
        return Decision::Ignore(decided.unwrap_or(Ignored::Superseded));
    }
    let of = |hazard: &CompactString| known.and_then(|known| lineages.get(*known.hazards.get(hazard)?));
    let in_force = |hazard: &CompactString| of(hazard).filter(|lineage| lineage.is_in_force(now));
    let (mut off, mut fault) = (known.map(hazards).unwrap_or_default(), None);
    let mut changes: Vec<(CompactString, Option<&Lineage>, Content)> = Vec::new();
    for On { hazard, infos, ground } in by_hazard(alert.body.infos(), ground) {
        let before = in_force(&hazard);
        let found = tiers::tiers(&infos, &ground, rules, &alert.id, now);
        if !matches!(found, Err(NoTier::Expired)) {
            off.retain(|known| *known != hazard);
        }
        match found {
            // What of it was decided before is not decided again.
            Ok(_) if before.is_some_and(|before| before.bulletin.parts().alert == alert.id) => {}
            Ok(tiers) => changes.push((hazard, before, Content::Warn(tiers))),
            Err(NoTier::Expired) => {}
            // What may be on is not ended; it is told in the log what of the message could not be used.
            Err(NoTier::NoGround) => fault = fault.or(Some(Refused::NoGround)),
            Err(NoTier::Unresolved(codes)) => fault = fault.or(Some(Refused::Unresolved(codes))),
        }
    }
    for hazard in off {
        if let Some(before) = in_force(&hazard) {
            changes.push((hazard, Some(before), Content::Cancel(Vec::new())));
        }
    }
    let mut next = lineages.next(now);
    let bulletins = changes.into_iter().map(|(hazard, before, content)| {
        let part = StatePart { scope: scope.clone(), hazard };
        bulletin(alert, part, before, &mut next, content, now)
    });
    let mut bulletins: Vec<Bulletin> = bulletins.collect();
    // A cancel is as urgent as any.
    let priority = |bulletin: &Bulletin| bulletin.tiers().first().map_or(Priority::LifeThreat, |tier| tier.priority);
    bulletins.sort_by_key(|bulletin| (bulletin.tiers().is_empty(), std::cmp::Reverse(priority(bulletin))));
    match (NonEmpty::new(bulletins), decided, fault) {
        (Some(bulletins), ..) => Decision::AdmitAll(bulletins),
        (None, Some(decided), _) => Decision::Ignore(decided),
        (None, None, Some(fault)) => Decision::Refuse(fault),
        (None, None, None) => Decision::Ignore(Ignored::NothingToCancel),
    }
}

/// Hazards that were on, in the order of their names.
fn hazards(state: &super::lineage::State) -> Vec<CompactString> {
    let mut hazards: Vec<CompactString> = state.hazards.keys().cloned().collect();
    hazards.sort_unstable();
    hazards
}

/// The infos by their hazards, in the order in which these are first named.
fn by_hazard(infos: &[Info], ground: &Resolved) -> Vec<On> {
    let mut found: Vec<On> = Vec::new();
    let none = ResolvedGround::default();
    for (number, info) in infos.iter().enumerate() {
        let resolved = ground.infos.get(number).unwrap_or(&none).clone();
        let hazard = info.hazard();
        if let Some(on) = found.iter_mut().find(|on| on.hazard == hazard) {
            on.infos.push(info.clone());
            on.ground.infos.push(resolved);
        } else {
            let (infos, ground) = (vec![info.clone()], Resolved { infos: vec![resolved] });
            found.push(On { hazard: hazard.into(), infos, ground });
        }
    }
    found
}

fn bulletin(
    alert: &Alert,
    part: StatePart,
    before: Option<&Lineage>,
    next: &mut LineageId,
    content: Content,
    now: Timestamp,
) -> Bulletin {
    let (lineage, revision) = before.map_or((*next, Revision::FIRST), |before| (before.id, before.revision.next()));
    if before.is_none() {
        next.0 += 1;
    }
    let (expires, voices) = match &content {
        Content::Warn(tiers) => {
            (tiers.iter().map(Tier::expires).max(), vec![Voice::alone(alert.id.clone(), tiers.len())])
        }
        Content::Cancel(_) => (before.map(|before| before.expires), Vec::new()),
    };
    Bulletin::admit(BulletinParts {
        lineage,
        revision,
        alert: alert.id.clone(),
        mode: alert.mode,
        content,
        expires: expires.unwrap_or(now),
        admitted: now,
        absorbs: Vec::new(),
        supersedes: alert.subject.references.clone(),
        voices,
        withdraws: Vec::new(),
        state: Some(part),
    })
}
