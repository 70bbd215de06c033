//! The desk: decides one alert at a time, most urgent first, and lets nobody hear "accepted" before the disk has it.
//!
//! Doors parse, verify and resolve in parallel, then [`Desk::submit`]. The desk's own task decides, appends to the
//! journal without waiting, and goes on to the next; when an entry is on disk its caller is answered and its fan-out
//! starts. No other code changes a lineage. What doors share before that is [`Door`].

mod door;
mod held;
mod pace;
mod settle;
mod submission;

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::future::Either;
use futures_util::stream::FuturesOrdered;
use tokio::sync::{mpsc, oneshot};

use crate::audit::{self, Audit};
use crate::decide::{
    Bulletin, Decision, Ending, HeldId, Holding, Ignored, Lineages, Noted, Refused, Rules, Settlement, decide_approved,
    decide_end, decide_with,
};
use crate::domain::{
    Act, Actor, Alert, AlertOutcome, AuditEntry, Clock, DeliveryKey, Priority, SignedDuration, Timestamp,
};
use crate::fan_out::FanOuts;
use crate::journal::{Admitted, Entry, Journal, JournalError, Ticket};
use crate::metrics::AlertDecision;

pub use door::{Bearer, Door, MessageKey, Piece, Ready, Unread};
pub use held::{HeldAlert, HeldAlerts};
pub use pace::Pace;
use pace::{AtTheDesk, Stages};
pub use submission::Submission;

/// How often the desk forgets lineages that have long been over.
const TIDY: Duration = Duration::from_mins(1);

/// How often the desk looks whether the deadline of a held alert has passed.
const WATCH: Duration = Duration::from_millis(500);

/// How long an alert that is over is remembered, so that a duplicate of it is known.
pub const REMEMBERED: SignedDuration = SignedDuration::from_hours(30 * 24);

/// How many alerts may wait for the desk. A door that finds it full tells its caller to come again.
const WAITING: usize = 1_024;

/// How many decisions may wait for the disk before the desk decides on no more.
const UNSYNCED: usize = 1_024;

/// Codes without ground that the log names of one alert; of the others only the number is told.
const UNRESOLVED_SHOWN: usize = 8;

/// What became of a submission.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// Admitted, on disk, and on its way.
    Admitted(DeliveryKey),
    /// Not sent, for a reason that is no fault.
    Ignored(Ignored),
    /// On disk, and waits for a person.
    Held(Box<Holding>),
    /// Breaks a rule.
    Refused(Refused),
}

/// Why a submission got no answer: it is not accepted, and may be submitted again.
#[derive(Debug, thiserror::Error)]
pub enum DeskError {
    /// Too many alerts wait.
    #[error("the desk has {WAITING} alerts waiting")]
    Busy,
    /// The server is stopping.
    #[error("the desk is closed")]
    Closed,
    /// The journal could not take it.
    #[error("the alert journal failed")]
    Journal(#[source] JournalError),
    /// Nothing waits under this name.
    #[error("no alert waits under this name: it was answered for, or its time is over")]
    NotHeld,
    /// Whoever sent it would approve it.
    #[error("the person who sent an alert does not approve it")]
    NotASecondPerson,
}

/// A handle of the desk, for doors.
#[derive(Debug, Clone)]
pub struct Desk {
    inbox: mpsc::Sender<Waiting>,
    held: HeldAlerts,
}

/// The desk's own task.
pub struct DeskTask {
    inbox: mpsc::Receiver<Waiting>,
    lineages: Lineages,
    rules: Rules,
    journal: Journal,
    audit: Audit,
    fan_outs: FanOuts,
    clock: std::sync::Arc<dyn Clock>,
    stages: Stages,
    held: HeldAlerts,
}

struct Waiting {
    submission: Submission,
    priority: Priority,
    place: u64,
    kind: Kind,
}

enum Kind {
    Submit(Reply),
    Preview { approved: bool, reply: oneshot::Sender<Decision> },
    Settle(Settling, Reply),
    End(Ending, Reply),
}

type Reply = oneshot::Sender<Result<Decided, DeskError>>;

/// How the wait of a held alert is to end.
struct Settling {
    id: HeldId,
    settlement: Settlement,
    by: Actor,
}

/// An answer, and its place in the audit log if that is to be waited for.
struct Decided {
    answer: Answer,
    recorded: Option<audit::Ticket>,
}

impl Desk {
    /// A desk that goes on from `lineages`, and the task that works at it.
    pub fn new(
        lineages: Lineages,
        rules: Rules,
        journal: Journal,
        audit: Audit,
        fan_outs: FanOuts,
        clock: std::sync::Arc<dyn Clock>,
    ) -> (Self, DeskTask) {
        let (sender, inbox) = mpsc::channel(WAITING);
        let stages = Stages::new(fan_outs.metrics());
        let held = HeldAlerts::default();
        let desk = Self { inbox: sender, held: held.clone() };
        (desk, DeskTask { inbox, lineages, rules, journal, audit, fan_outs, clock, stages, held })
    }

    /// Submits an alert and waits for its answer. An admitted alert is on disk when this returns, and so is the audit
    /// log's record of one that is not; for the record of an admitted one nobody waits, since devices do.
    pub async fn submit(&self, submission: Submission) -> Result<Answer, DeskError> {
        let (reply, answer) = oneshot::channel();
        self.put(submission, Kind::Submit(reply))?;
        Self::answered(answer).await
    }

    async fn answered(answer: oneshot::Receiver<Result<Decided, DeskError>>) -> Result<Answer, DeskError> {
        let Decided { answer, recorded } = answer.await.unwrap_or(Err(DeskError::Closed))?;
        if let Some(recorded) = recorded
            && let Err(error) = recorded.synced().await
        {
            // The sender is told what was decided all the same.
            tracing::error!(error = &error as &dyn std::error::Error, "a decision is not in the audit log");
        }
        Ok(answer)
    }

    /// What would be decided; changes nothing.
    pub async fn preview(&self, submission: Submission) -> Result<Decision, DeskError> {
        let (reply, answer) = oneshot::channel();
        self.put(submission, Kind::Preview { approved: false, reply })?;
        answer.await.map_err(|_| DeskError::Closed)
    }

    /// What would become of a held alert if it were approved now; changes nothing.
    pub async fn preview_held(&self, held: &HeldAlert) -> Result<Decision, DeskError> {
        let (reply, answer) = oneshot::channel();
        self.put(held.submission.clone(), Kind::Preview { approved: true, reply })?;
        answer.await.map_err(|_| DeskError::Closed)
    }

    /// The alerts that wait for a person.
    pub fn held(&self) -> &HeldAlerts {
        &self.held
    }

    /// Lets a held alert go, as far as the rules allow it now. Nobody approves what they have sent themselves.
    pub async fn approve(&self, id: HeldId, by: Actor) -> Result<Answer, DeskError> {
        self.settle(id, Settlement::Approved, by).await
    }

    /// Drops a held alert.
    pub async fn reject(&self, id: HeldId, by: Actor) -> Result<Answer, DeskError> {
        self.settle(id, Settlement::Rejected, by).await
    }

    async fn settle(&self, id: HeldId, settlement: Settlement, by: Actor) -> Result<Answer, DeskError> {
        let held = self.held.get(id).ok_or(DeskError::NotHeld)?;
        if settlement == Settlement::Approved && !held.holding.is_second_person(&by) {
            return Err(DeskError::NotASecondPerson);
        }
        let (reply, answer) = oneshot::channel();
        self.put(held.submission.clone(), Kind::Settle(Settling { id, settlement, by }, reply))?;
        Self::answered(answer).await
    }

    /// Ends an alert, whoever says it, for those who were told. The submission is of a cancel, and brings who asks for
    /// it and in which words.
    pub async fn end(&self, submission: Submission, ending: Ending) -> Result<Answer, DeskError> {
        let (reply, answer) = oneshot::channel();
        self.put(submission, Kind::End(ending, reply))?;
        Self::answered(answer).await
    }

    fn put(&self, submission: Submission, kind: Kind) -> Result<(), DeskError> {
        let waiting = Waiting { priority: submission.priority(), submission, place: 0, kind };
        self.inbox.try_send(waiting).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => DeskError::Busy,
            mpsc::error::TrySendError::Closed(_) => DeskError::Closed,
        })
    }
}

/// What happens when an entry is on disk.
struct Pending {
    answer: Answer,
    /// What sets out.
    bulletins: Vec<Bulletin>,
    received: Timestamp,
    pace: (Pace, AtTheDesk),
    /// What the audit log is told of it.
    audited: Vec<AuditEntry>,
    reply: oneshot::Sender<Result<Decided, DeskError>>,
    /// Whether its own entry is on disk, if it has one.
    synced: Option<Result<(), JournalError>>,
}

impl DeskTask {
    /// Works until every door has dropped its [`Desk`] and what was decided is on disk.
    pub async fn run(mut self) {
        let mut heap: BinaryHeap<Waiting> = BinaryHeap::new();
        let mut syncing = FuturesOrdered::new();
        let mut arrived = 0_u64;
        let mut open = true;
        let (mut tidy, mut watch) = (tokio::time::interval(TIDY), tokio::time::interval(WATCH));
        while open || !heap.is_empty() || !syncing.is_empty() {
            // Three inputs: an entry that is on disk (answered first, since people wait), the next submission, and,
            // when the inbox is empty for the moment or enough have come, the most urgent of those that wait.
            tokio::select! {
                biased;
                Some(pending) = syncing.next(), if !syncing.is_empty() => self.complete(pending),
                received = self.inbox.recv(), if open && heap.len() < WAITING => match received {
                    Some(waiting) => {
                        arrived += 1;
                        heap.push(Waiting { place: arrived, ..waiting });
                    }
                    None => open = false,
                },
                _ = tidy.tick(), if open => self.forget_old(),
                _ = watch.tick(), if open && !self.held.is_empty() => heap.extend(self.watch_held()),
                () = std::future::ready(()), if !heap.is_empty() && syncing.len() < UNSYNCED => {
                    let Some(Waiting { submission, kind, .. }) = heap.pop() else { continue };
                    match kind {
                        Kind::Preview { approved, reply } => {
                            let _ = reply.send(self.decide(&submission, approved));
                        }
                        Kind::Submit(reply) => syncing.push_back(Either::Left(self.take(submission, None, reply))),
                        Kind::End(ending, reply) => {
                            syncing.push_back(Either::Left(self.take(submission, Some(&ending), reply)));
                        }
                        Kind::Settle(settling, reply) => {
                            syncing.push_back(Either::Right(self.settle(submission, &settling, reply)));
                        }
                    }
                }
            }
        }
        self.fan_outs.close();
    }

    fn forget_old(&mut self) {
        self.fan_outs.tidy();
        let Ok(instant) = self.clock.now().checked_sub(REMEMBERED) else { return };
        for lineage in self.lineages.forget_before(instant) {
            self.fan_outs.forget(lineage);
        }
    }

    fn decide(&self, submission: &Submission, approved: bool) -> Decision {
        let Submission { alert, authority, ground, breaches, doubts, .. } = submission;
        let (alert, now) = (alert.clone(), self.clock.now());
        if approved {
            return decide_approved(&self.lineages, (authority, breaches), &self.rules, alert, ground, now);
        }
        let decision = decide_with(&self.lineages, (authority, breaches, doubts), &self.rules, alert, ground, now);
        let waits = matches!(decision, Decision::Hold(_));
        let is_too_much = waits && !self.held.has_room(&submission.alert, &authority.name);
        if is_too_much { Decision::Refuse(Refused::TooManyHeld) } else { decision }
    }

    /// Decides, remembers, appends; the future is done when the entry is on disk.
    fn take(
        &mut self,
        mut submission: Submission,
        ending: Option<&Ending>,
        reply: Reply,
    ) -> impl Future<Output = Pending> + use<> {
        let (taken, before) = (Instant::now(), submission.pace);
        let decision = match ending {
            Some(ending) => decide_end(&self.lineages, ending, self.clock.now()),
            None => self.decide(&submission, false),
        };
        if let Decision::Admit(bulletin) = &decision {
            submission.alert.id.clone_from(&bulletin.parts().alert);
            if ending.is_some() {
                self.withdraw_changes(bulletin, &submission.actor);
            }
        }
        let audited = audited(&submission, &decision);
        self.tell_unresolved(&submission);
        let received = submission.received;
        let (answer, bulletins, tickets) = self.carry_out(submission, decision);
        let pace = (before, AtTheDesk { taken, decided: Instant::now() });
        pending(tickets, move |synced| Pending { answer, bulletins, received, pace, audited, reply, synced })
    }

    /// Remembers what was decided, and appends it.
    fn carry_out(&mut self, submission: Submission, decision: Decision) -> (Answer, Vec<Bulletin>, Vec<Ticket>) {
        let changes =
            !matches!(decision, Decision::Refuse(_) | Decision::Ignore(Ignored::Duplicate(_) | Ignored::NotForPublic));
        let since = if changes { self.withdraw(&submission.alert, &submission.actor) } else { None };
        match decision {
            Decision::Admit(bulletin) => self.admit(vec![bulletin], submission),
            Decision::AdmitAll(bulletins) => self.admit(bulletins.to_vec(), submission),
            Decision::Hold(held) => {
                // It came before, and waits.
                if let Some(same) = self.held.same(&submission.alert) {
                    return (Answer::Held(Box::new(same.holding.clone())), Vec::new(), Vec::new());
                }
                let (answer, ticket) = self.hold(submission, &held, since);
                (answer, Vec::new(), vec![ticket])
            }
            Decision::Ignore(reason) => {
                let entry = self.note(&submission.alert, reason);
                let ticket = entry.map(|entry| self.journal.append(entry));
                (Answer::Ignored(reason), Vec::new(), ticket.into_iter().collect())
            }
            Decision::Refuse(reason) => (Answer::Refused(reason), Vec::new(), Vec::new()),
        }
    }

    /// Appends and remembers what one message became. The first of it answers for all.
    fn admit(&mut self, bulletins: Vec<Bulletin>, submission: Submission) -> (Answer, Vec<Bulletin>, Vec<Ticket>) {
        let answer = Answer::Admitted(bulletins[0].key());
        let Submission { raw, media_type, received, authority, .. } = submission;
        let mut tickets = Vec::with_capacity(bulletins.len());
        for bulletin in &bulletins {
            let ticket = self.journal.append(Entry::Admitted(Admitted {
                bulletin: bulletin.clone(),
                raw: raw.clone(),
                media_type: media_type.clone(),
                received,
                authority: authority.name.clone(),
            }));
            // What the journal does not take is not admitted, and has no duplicates.
            if !ticket.is_refused() {
                self.lineages.admit(bulletin);
            }
            tickets.push(ticket);
        }
        (answer, bulletins, tickets)
    }

    /// Ground that was named and is not warned is an alarm: a set of regions is missing, or out of date.
    fn tell_unresolved(&self, submission: &Submission) {
        let unresolved = submission.unresolved();
        if unresolved.is_empty() {
            return;
        }
        self.fan_outs.metrics().geocodes_unresolved.inc_by(unresolved.len() as u64);
        let shown: Vec<String> = unresolved.iter().take(UNRESOLVED_SHOWN).map(ToString::to_string).collect();
        let (codes, alert) = (unresolved.len(), &submission.alert.id);
        let (sender, identifier) = (alert.sender.as_str(), alert.identifier.as_str());
        tracing::error!(sender, identifier, codes, ?shown, "an alert names regions that are not known here");
    }

    /// Remembers what was decided but not sent, if it must be answered alike when it comes again.
    fn note(&mut self, alert: &Alert, reason: Ignored) -> Option<Entry> {
        if matches!(reason, Ignored::Duplicate(_) | Ignored::NotForPublic) {
            return None;
        }
        let mut noted = Noted::of(alert, self.clock.now());
        // What was rejected takes the place of nothing.
        if reason == Ignored::Rejected {
            noted = Noted { supersedes: Vec::new(), withdraws: Vec::new(), state: None, ..noted };
        }
        self.lineages.note(&noted);
        Some(Entry::Noted(noted))
    }

    fn complete(&self, pending: Pending) {
        let Pending { answer, bulletins, received, pace, audited, reply, synced } = pending;
        // A duplicate waits for nothing of its own, but it is as good as the first only if the first is on disk: that
        // one was completed before, and a journal that failed knows it.
        let result = match synced.unwrap_or_else(|| self.journal.healthy()) {
            // What is on disk sets out, though the journal may have failed since.
            Ok(()) => {
                self.count(&answer, received, pace);
                // Devices first. Their record is written beside, and nobody waits for it.
                let is_admitted = !bulletins.is_empty();
                for bulletin in bulletins {
                    self.fan_outs.start(bulletin);
                }
                let recorded = audited.iter().fold(None, |_, entry| Some(self.audit.append(entry)));
                let recorded = recorded.filter(|_| !is_admitted);
                Ok(Decided { answer, recorded })
            }
            Err(error) => Err(DeskError::Journal(error)),
        };
        // A caller that has gone away changes nothing: what is admitted is on its way.
        let _ = reply.send(result);
    }

    fn count(&self, answer: &Answer, received: Timestamp, (before, desk): (Pace, AtTheDesk)) {
        let metrics = self.fan_outs.metrics();
        let decision = match answer {
            Answer::Admitted(_) => {
                self.stages.observe(before, desk);
                metrics.accept.observe(self.clock.now().duration_since(received).as_secs_f64());
                AlertDecision::Admitted
            }
            Answer::Ignored(_) => AlertDecision::Ignored,
            Answer::Held(_) => AlertDecision::Held,
            Answer::Refused(_) => AlertDecision::Refused,
        };
        metrics.alerts_decided(decision).inc();
    }
}

/// Waits until what was decided is on disk, if anything of it is to be.
async fn pending(tickets: Vec<Ticket>, pending: impl FnOnce(Option<Result<(), JournalError>>) -> Pending) -> Pending {
    let mut synced = None;
    for ticket in tickets {
        let this = ticket.synced().await;
        synced = Some(synced.unwrap_or(Ok(())).and(this));
    }
    pending(synced)
}

/// The audit log's records of a decision: one for each bulletin, and one where there is none.
fn audited(submission: &Submission, decision: &Decision) -> Vec<AuditEntry> {
    let record = |outcome, key: Option<DeliveryKey>| {
        let act = Act::AlertDecided {
            authority: submission.authority.name.as_str().into(),
            alert: Some(submission.alert.id.clone()),
            outcome,
            recovered: false,
        };
        let object = key.map(|key| format!("alerts/{}", key.lineage).into()).unwrap_or_default();
        AuditEntry { actor: submission.actor.clone(), act, subjects: Vec::new(), object }
    };
    let admitted = |bulletin: &Bulletin| record(AlertOutcome::Admitted(bulletin.key()), Some(bulletin.key()));
    match decision {
        Decision::Admit(bulletin) => vec![admitted(bulletin)],
        Decision::AdmitAll(bulletins) => bulletins.iter().map(admitted).collect(),
        Decision::Ignore(ignored) => {
            let key = match ignored {
                Ignored::Duplicate(key) => *key,
                _ => None,
            };
            vec![record(AlertOutcome::Ignored { reason: ignored.reason().into(), key }, key)]
        }
        Decision::Hold(held) => {
            vec![record(AlertOutcome::Held { reason: held.reasons.first().kind.name().into() }, None)]
        }
        Decision::Refuse(refused) => vec![record(AlertOutcome::Refused { reason: refused.reason().into() }, None)],
    }
}

impl PartialEq for Waiting {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Waiting {}

impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Waiting {
    fn cmp(&self, other: &Self) -> Ordering {
        self.priority.cmp(&other.priority).then(other.place.cmp(&self.place))
    }
}
