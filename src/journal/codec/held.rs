//! Alerts that wait for a person.

use bytes::Bytes;

use crate::decide::{HeldId, HoldKind, HoldReason, Holding, Settlement, Unanswered};
use crate::domain::{Actor, ActorKind, CredentialId, NonEmpty};
use crate::wire::storage_v1::journal_entry as stored;

use super::super::{Held, InvalidEntry, Settled};
use super::InvalidEntry::{Impossible, Missing};
use super::{bulletin, read_alert, read_instant, write_alert, write_instant};

pub(super) fn write(held: &Held) -> stored::Held {
    let Held { holding, raw, media_type, received } = held;
    stored::Held {
        id: holding.id.0,
        alert: Some(write_alert(&holding.alert)),
        mode: bulletin::write_mode(holding.mode).into(),
        reasons: holding.reasons.iter().map(write_reason).collect(),
        authority: holding.authority.clone(),
        sender: Some(write_actor(&holding.sender)),
        hold_time: Some(write_instant(holding.held)),
        deadline_time: Some(write_instant(holding.deadline)),
        sent_unanswered: holding.unanswered == Unanswered::Send,
        raw: raw.clone(),
        media_type: media_type.clone(),
        received_time: Some(write_instant(*received)),
    }
}

pub(super) fn read(stored: stored::Held) -> Result<Held, InvalidEntry> {
    let mode = bulletin::read_mode(stored.mode())?;
    let reasons: Vec<HoldReason> = stored.reasons.into_iter().map(read_reason).collect::<Result<_, _>>()?;
    let holding = Holding {
        id: HeldId(stored.id),
        alert: read_alert(stored.alert, "alert")?,
        mode,
        reasons: NonEmpty::new(reasons).ok_or(Missing("reasons"))?,
        authority: stored.authority,
        sender: read_actor(stored.sender)?,
        held: read_instant(stored.hold_time, "hold_time")?,
        deadline: read_instant(stored.deadline_time, "deadline_time")?,
        unanswered: if stored.sent_unanswered { Unanswered::Send } else { Unanswered::Drop },
    };
    // A copy: the slice would keep the whole frame in memory.
    let raw = Bytes::copy_from_slice(&stored.raw);
    let received = read_instant(stored.received_time, "received_time")?;
    Ok(Held { holding, raw, media_type: stored.media_type, received })
}

pub(super) fn write_settled(settled: &Settled) -> stored::Settled {
    stored::Settled {
        id: settled.id.0,
        settlement: settled.settlement.name().to_owned(),
        by: Some(write_actor(&settled.by)),
        settle_time: Some(write_instant(settled.at)),
    }
}

pub(super) fn read_settled(stored: stored::Settled) -> Result<Settled, InvalidEntry> {
    let known = Settlement::ALL.into_iter().find(|settlement| settlement.name() == stored.settlement);
    Ok(Settled {
        id: HeldId(stored.id),
        settlement: known.ok_or(Impossible("settlement"))?,
        by: read_actor(stored.by)?,
        at: read_instant(stored.settle_time, "settle_time")?,
    })
}

fn write_reason(reason: &HoldReason) -> stored::HoldReason {
    stored::HoldReason {
        reason: reason.kind.name().to_owned(),
        field: reason.field.as_str().to_owned(),
        found: reason.found.as_str().to_owned(),
    }
}

fn read_reason(stored: stored::HoldReason) -> Result<HoldReason, InvalidEntry> {
    let kind = HoldKind::parse(&stored.reason).ok_or(Impossible("reason"))?;
    Ok(HoldReason { kind, field: stored.field.into(), found: stored.found.into() })
}

fn write_actor(actor: &Actor) -> stored::Actor {
    let credential = actor.credential.map(|CredentialId(id)| Bytes::copy_from_slice(&id)).unwrap_or_default();
    stored::Actor { kind: actor.kind as u32, name: actor.name.as_str().to_owned(), credential }
}

fn read_actor(stored: Option<stored::Actor>) -> Result<Actor, InvalidEntry> {
    let stored = stored.ok_or(Missing("actor"))?;
    let kind = ActorKind::ALL.into_iter().find(|kind| *kind as u32 == stored.kind).ok_or(Impossible("kind"))?;
    let bytes = Some(stored.credential).filter(|bytes| !bytes.is_empty());
    let credential = bytes.map(|bytes| bytes.as_ref().try_into().map_err(|_| Impossible("credential"))).transpose()?;
    let credential = credential.map(CredentialId);
    Ok(Actor { kind, name: stored.name.into(), credential })
}
