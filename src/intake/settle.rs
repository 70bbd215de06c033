//! How alerts come to wait for a person, and how their wait ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Instant;

use tokio::sync::oneshot;

use crate::decide::{Bulletin, Decision, Held, Holding, Ignored, Settlement, Unanswered, decide_approved};
use crate::domain::{Actor, Alert, Timestamp};
use crate::journal::{self, Entry, Settled, Ticket};

use super::pace::AtTheDesk;
use super::{Answer, DeskTask, HeldAlert, Kind, Pending, Reply, Settling, Submission, Waiting, audited};

impl DeskTask {
    /// Puts an alert among those that wait. It is on disk before its sender hears so.
    ///
    /// One that takes the place of others does not begin to wait anew if one of them would have been sent by itself:
    /// else one that is updated again and again would never be sent. `since` is when the first of them began to wait.
    pub(super) fn hold(&mut self, submission: Submission, held: &Held, since: Option<Timestamp>) -> (Answer, Ticket) {
        let now = self.clock.now();
        let since = since.unwrap_or(now);
        let holding = Holding {
            id: self.held.next(now),
            alert: submission.alert.id.clone(),
            mode: submission.alert.mode,
            reasons: held.reasons.clone(),
            authority: submission.authority.name.clone(),
            sender: submission.actor.clone(),
            held: since,
            deadline: self.rules.hold.deadline(&held.bulletin, since),
            unanswered: self.rules.hold.unanswered(held),
        };
        let ticket = self.journal.append(Entry::Held(journal::Held {
            holding: holding.clone(),
            raw: submission.raw.clone(),
            media_type: submission.media_type.clone(),
            received: submission.received,
        }));
        let reasons: Vec<String> = holding.reasons.iter().map(ToString::to_string).collect();
        tracing::warn!(held = %holding.id, ?reasons, deadline = %holding.deadline, "an alert waits for a person");
        if !ticket.is_refused() {
            self.held.recover(HeldAlert::new(holding.clone(), submission));
            self.count_held();
        }
        (Answer::Held(Box::new(holding)), ticket)
    }

    /// An update or cancel of what waits takes its place: it waits no more, and is never sent. Since when the first of
    /// them waited that would have been sent if nobody had answered.
    pub(super) fn withdraw(&mut self, alert: &Alert, by: &Actor) -> Option<Timestamp> {
        let mut since: Option<Timestamp> = None;
        for id in self.held.changed_by(alert) {
            let sent = self.held.get(id).filter(|held| held.holding.unanswered == Unanswered::Send);
            since = [since, sent.map(|held| held.holding.held)].into_iter().flatten().min();
            self.end(&Settling { id, settlement: Settlement::Withdrawn, by: by.clone() });
        }
        since
    }

    /// What would change an alert that a person has ended waits no more: it would come as a new one.
    pub(super) fn withdraw_changes(&mut self, ended: &Bulletin, by: &Actor) {
        let parts = ended.parts();
        for id in self.held.that_change(&parts.supersedes, parts.mode) {
            self.end(&Settling { id, settlement: Settlement::Withdrawn, by: by.clone() });
        }
    }

    /// Ends a wait. What was sent is in the journal already.
    fn end(&mut self, Settling { id, settlement, by }: &Settling) -> Option<Ticket> {
        let held = self.held.remove(*id)?;
        // What has taken its place may wait too: it comes no more, whatever becomes of that.
        if *settlement == Settlement::Withdrawn
            && let Some(noted) = self.note(&held.submission.alert, Ignored::Rejected)
        {
            drop(self.journal.append(noted));
        }
        let settled = Settled { id: *id, settlement: *settlement, by: by.clone(), at: self.clock.now() };
        tracing::info!(held = %held.holding.id, settlement = settlement.name(), "an alert waits for a person no more");
        self.fan_outs.metrics().held_settled(settlement.name()).inc();
        self.count_held();
        Some(self.journal.append(Entry::Settled(settled)))
    }

    fn count_held(&self) {
        self.fan_outs.metrics().alerts_held.set(i64::try_from(self.held.len()).unwrap_or(i64::MAX));
    }

    /// A person has answered for a held alert, or its time is over. It is decided anew.
    pub(super) fn settle(
        &mut self,
        submission: Submission,
        settling: &Settling,
        reply: Reply,
    ) -> impl Future<Output = Pending> + use<> {
        let received = self.clock.now();
        let (taken, before) = (Instant::now(), submission.pace);
        let decision = if self.held.get(settling.id).is_none() {
            // Somebody else was faster.
            Decision::Ignore(Ignored::Duplicate(None))
        } else if matches!(settling.settlement, Settlement::Approved | Settlement::SentUnanswered) {
            let alert = submission.alert.clone();
            let (authority, breaches) = (&submission.authority, &*submission.breaches);
            decide_approved(&self.lineages, (authority, breaches), &self.rules, alert, &submission.ground, received)
        } else {
            Decision::Ignore(Ignored::Rejected)
        };
        let mut audited = audited(&submission, &decision);
        for entry in &mut audited {
            entry.actor = settling.by.clone();
        }
        let (answer, bulletins, mut tickets) = self.carry_out(submission, decision);
        tickets.extend(self.end(settling));
        let pace = (before, AtTheDesk { taken, decided: Instant::now() });
        super::pending(tickets, move |synced| Pending { answer, bulletins, received, pace, audited, reply, synced })
    }

    /// Looks after those that wait: alarms of which half the time is over, and ends of which all is.
    pub(super) fn watch_held(&mut self) -> Vec<Waiting> {
        let now = self.clock.now();
        // Those that were taken up from the journal are counted here first.
        self.count_held();
        for held in self.held.all().into_iter().filter(|held| held.is_alarm(now)) {
            self.fan_outs.metrics().held_alarms.inc();
            tracing::error!(
                held = %held.holding.id,
                deadline = %held.holding.deadline,
                unanswered = ?held.holding.unanswered,
                "an alert waits for a person and its time runs out"
            );
        }
        if self.journal.healthy().is_err() {
            return Vec::new();
        }
        let over = |held: Arc<HeldAlert>| {
            let settlement = match held.holding.unanswered {
                Unanswered::Send => Settlement::SentUnanswered,
                Unanswered::Drop => Settlement::DroppedUnanswered,
            };
            tracing::error!(
                held = %held.holding.id,
                settlement = settlement.name(),
                "nobody has answered for an alert that waited for a person"
            );
            let settling = Settling { id: held.holding.id, settlement, by: Actor::SERVER };
            let submission = held.submission.clone();
            // Nobody waits for the answer.
            let kind = Kind::Settle(settling, oneshot::channel().0);
            Waiting { priority: submission.priority(), submission, place: 0, kind }
        };
        self.held.overdue(now).into_iter().map(over).collect()
    }
}

impl HeldAlert {
    /// An alert that waits.
    pub fn new(holding: Holding, submission: Submission) -> Self {
        Self { holding, submission, alarms: AtomicU8::new(0) }
    }

    /// Whether it is an alarm now: once each when half of the time is over, and three quarters.
    fn is_alarm(&self, now: Timestamp) -> bool {
        let Holding { held, deadline, .. } = self.holding;
        let (waited, whole) = (now.duration_since(held), deadline.duration_since(held));
        let due = if waited * 4 >= whole * 3 { 2 } else { u8::from(waited * 2 >= whole) };
        due > self.alarms.fetch_max(due, Ordering::Relaxed)
    }
}
