//! What every door does with the bytes that come to it: reads each message in them, finds its ground, and brings it to
//! the desk. Doors differ in whence bytes come and how answers are told, and in nothing else.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use aws_lc_rs::digest::{Context, SHA256};
use bytes::Bytes;

use crate::audit::{Audit, LogError};
use crate::decide::{Authority, Decision, Held, HoldKind, HoldReason, Manner, STRUCTURED};
use crate::domain::{Act, Actor, Alert, AlertId, AlertOutcome, AuditEntry, Clock, Timestamp};
use crate::fan_out::FanOuts;
use crate::format::signature::{self, SignatureFault, SignaturePolicy};
use crate::format::{self, Bounds, FormatError, Message};
use crate::locate::Atlas;
use crate::registry::Registry;
use crate::tasks::Tasks;

use super::{Answer, Desk, DeskError, Submission};

/// What all doors share. Cheap to clone.
#[derive(Clone)]
pub struct Door {
    /// Where what was read is decided.
    pub desk: Desk,
    /// How much a message may be.
    pub reading: Bounds,
    /// What is known of the ground that alerts speak of.
    pub atlas: Arc<ArcSwap<Atlas>>,
    /// Who did what.
    pub audit: Audit,
    /// The server's time.
    pub clock: Arc<dyn Clock>,
    /// Where reading runs.
    pub tasks: Tasks,
    /// How many devices an alert would reach.
    pub fan_outs: FanOuts,
    /// Whether they are all known yet.
    pub registry: Registry,
}

/// Who brings alerts, and for whom they speak.
#[derive(Debug, Clone)]
pub struct Bearer {
    /// Whose limits hold.
    pub authority: Authority,
    /// Who it was, as the audit log has it.
    pub actor: Actor,
}

/// An alert that was read, and what of it cannot be used.
#[derive(Debug, Clone)]
pub struct Ready {
    /// What goes to the desk.
    pub submission: Submission,
    /// What stands in it and cannot be used; the rest stands.
    pub unusable: Vec<format::Refusal>,
}

/// One message of a body.
#[derive(Debug)]
pub struct Piece {
    /// Where it stands in the body ([`Message::place`]).
    pub place: String,
    /// What tells it from others.
    pub key: MessageKey,
    /// Whose it is and what it is called, if it could be read so far.
    pub id: Option<AlertId>,
    /// What came of it; `None` if it was not wanted.
    pub ready: Option<Result<Ready, FormatError>>,
}

/// Tells a message from others: by sender, identifier and time if it has them, else by its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MessageKey(pub [u8; 16]);

/// Why nothing of a body could be read.
#[derive(Debug, thiserror::Error)]
pub enum Unread {
    /// It is not as it should be.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// The reader failed: a bug.
    #[error("the reader failed")]
    Failed,
}

impl Door {
    /// Reads the one message of a body, off the I/O threads: a hostile one may take a while.
    pub async fn read_one(&self, content: Bytes, media_type: String, bearer: Bearer) -> Result<Ready, Unread> {
        let received = self.clock.now();
        let read = move |door: &Self| {
            let began = Instant::now();
            let format::Outline { written, alert, refusals } = door.reading.outline(&content, Some(&media_type))?;
            let how = (written.format, began.elapsed());
            Ok(door.ready(alert?, refusals, how, (content, media_type), bearer, received))
        };
        self.reading(read).await
    }

    /// Reads every message of a body, each by itself: one that is broken takes nothing from the others. Of those that
    /// are not `wanted` the ground is not looked for.
    pub async fn read_all(
        &self,
        content: Bytes,
        media_type: String,
        bearer: Bearer,
        wanted: impl Fn(&MessageKey) -> bool + Send + 'static,
    ) -> Result<Vec<Piece>, Unread> {
        let received = self.clock.now();
        let read = move |door: &Self| {
            let began = Instant::now();
            let messages = door.reading.messages(&content, Some(&media_type))?;
            // Each of them waited for all.
            let took = began.elapsed();
            let raws = raws(&messages, &content, &media_type, &door.reading)?;
            let piece = |(message, raw): (Message, (Bytes, String))| {
                let key = MessageKey::of(&message, &raw.0);
                let Message { place, outline } = message;
                let id = outline.as_ref().ok().and_then(|outline| outline.alert.as_ref().ok()).map(|it| it.id.clone());
                let bearer = bearer.clone();
                let ready = wanted(&key).then(|| {
                    let outline = outline?;
                    let how = (outline.written.format, took);
                    Ok(door.ready(outline.alert?, outline.refusals, how, raw, bearer, received))
                });
                Piece { place, key, id, ready }
            };
            Ok(messages.into_iter().zip(raws).map(piece).collect())
        };
        self.reading(read).await
    }

    /// An alert that came as fields, and not as bytes.
    pub async fn ready_of(
        &self,
        alert: Alert,
        raw: Bytes,
        media_type: String,
        bearer: Bearer,
    ) -> Result<Ready, Unread> {
        let received = self.clock.now();
        let how = (STRUCTURED, Duration::ZERO);
        self.reading(move |door| Ok(door.ready(alert, Vec::new(), how, (raw, media_type), bearer, received))).await
    }

    async fn reading<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Self) -> Result<T, FormatError> + Send + 'static,
    ) -> Result<T, Unread> {
        let door = self.clone();
        let done = self.tasks.spawn_blocking("read", move || read(&door)).await;
        done.map_err(|_| Unread::Failed)?.map_err(Unread::Format)
    }

    fn ready(
        &self,
        alert: Alert,
        unusable: Vec<format::Refusal>,
        (format, read): (&str, Duration),
        (raw, media_type): (Bytes, String),
        Bearer { authority, actor }: Bearer,
        received: Timestamp,
    ) -> Ready {
        let atlas = self.atlas.load();
        let began = Instant::now();
        // An alert that came as fields has no signature: none is looked for.
        let trust = authority.trust().filter(|_| format != STRUCTURED);
        let policy = SignaturePolicy::live(received);
        let verified = trust.map(|trust| {
            let signed = signature::verify(&raw, Some(&media_type), trust, &policy)?;
            // Whoever signed it signed this, and no other that lies beside it in a body.
            let read = self.reading.outline(&raw, Some(&media_type))?;
            let is_same = read.written.format == format && read.alert.is_ok_and(|signed| signed == alert);
            if is_same { Ok(signed) } else { Err(SignatureFault::ReadsOtherwise) }
        });
        let verify = began.elapsed();
        let submission = Submission::new(alert, raw, media_type, authority, actor, received, &atlas);
        let mut submission = submission.judged(Manner { format, verified: verified.as_ref() });
        (submission.pace.read, submission.pace.verify) = (read, verify);
        Ready { submission, unusable }
    }

    /// Brings an alert to the desk, and waits for its answer.
    pub async fn submit(&self, mut ready: Ready) -> Result<Answer, DeskError> {
        let over = self.over_reach(&ready).await?;
        ready.submission.doubts.extend(over);
        self.desk.submit(ready.submission).await
    }

    /// Whether it reaches more devices than its authority may reach alone: then a second person is to look at it first,
    /// by whatever door it came.
    async fn over_reach(&self, ready: &Ready) -> Result<Option<HoldReason>, DeskError> {
        let Some(limit) = ready.submission.authority.reach_limit() else { return Ok(None) };
        let over = |found: String| HoldReason { kind: HoldKind::OverReach, field: "area".into(), found: found.into() };
        let bulletins = match self.desk.preview(ready.submission.clone()).await? {
            Decision::Admit(bulletin) | Decision::Hold(Held { bulletin, .. }) => vec![bulletin],
            Decision::AdmitAll(bulletins) => bulletins.to_vec(),
            // It is not counted, and need not be; but the desk decides later, and may decide otherwise by then.
            Decision::Ignore(_) | Decision::Refuse(_) => return Ok(Some(over("was not counted".to_owned()))),
        };
        let found = if self.registry.loaded().is_err() {
            Some("not known while the registry is being loaded".to_owned())
        } else {
            let fan_outs = self.fan_outs.clone();
            let most = move || bulletins.iter().map(|bulletin| fan_outs.preview(bulletin).found).max();
            match self.tasks.spawn_blocking("reach", most).await {
                // How many more would say where people are, to whoever draws areas round them.
                Ok(found) => found.filter(|found| *found > limit).map(|_| format!("more than {limit} devices")),
                Err(_) => Some("could not be counted".to_owned()),
            }
        };
        Ok(found.map(over))
    }

    /// What the desk would decide; changes nothing.
    pub async fn preview(&self, mut ready: Ready) -> Result<Decision, DeskError> {
        let over = self.over_reach(&ready).await?;
        ready.submission.doubts.extend(over);
        self.desk.preview(ready.submission).await
    }

    /// A message that cannot be read never comes to the desk, but what became of it is in the audit log all the same.
    pub async fn refused(&self, bearer: &Bearer, reason: &str) -> Result<(), LogError> {
        let outcome = AlertOutcome::Refused { reason: reason.into() };
        let authority = bearer.authority.name.as_str().into();
        let act = Act::AlertDecided { authority, alert: None, outcome, recovered: false };
        let entry = AuditEntry { actor: bearer.actor.clone(), act, subjects: Vec::new(), object: "".into() };
        self.audit.append(&entry).synced().await.map(drop)
    }
}

/// What the journal is to keep of each message, and its media type: the whole body of one that is alone, else its part.
fn raws(
    messages: &[Message],
    content: &Bytes,
    media_type: &str,
    bounds: &Bounds,
) -> Result<Vec<(Bytes, String)>, FormatError> {
    let whole = || (content.clone(), media_type.to_owned());
    if messages.len() == 1 {
        return Ok(vec![whole()]);
    }
    let places: Vec<&str> = messages.iter().map(|message| message.place.as_str()).collect();
    // A part is in UTF-8, whatever its body said of itself.
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    let parts = format::parts(content, Some(media_type), &places, bounds)?;
    Ok(parts.into_iter().map(|part| part.map_or_else(whole, |part| (part.into(), essence.to_owned()))).collect())
}

impl MessageKey {
    /// The key of a message that was written so.
    fn of(message: &Message, raw: &[u8]) -> Self {
        match message.outline.as_ref().map(|outline| &outline.alert) {
            Ok(Ok(Alert { id: AlertId { sender, identifier, sent }, .. })) => {
                Self::of_alert(sender.as_str(), identifier.as_str(), *sent)
            }
            _ => Self::hashed(&[b"bytes", raw]),
        }
    }

    /// The key of the message that has these names.
    pub fn of_alert(sender: &str, identifier: &str, sent: Timestamp) -> Self {
        let sent = sent.as_microsecond().to_be_bytes();
        Self::hashed(&[b"alert", sender.as_bytes(), identifier.as_bytes(), &sent])
    }

    /// The key of what these make up; no two lists have the same.
    pub fn hashed(fields: &[&[u8]]) -> Self {
        let mut context = Context::new(&SHA256);
        for field in fields {
            context.update(&(field.len() as u64).to_be_bytes());
            context.update(field);
        }
        let digest = context.finish();
        let (first, _) = digest.as_ref().split_first_chunk().expect("SHA-256 has 32 bytes");
        Self(*first)
    }
}
