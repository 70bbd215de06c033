//! What every feed does with what came from it: each message goes to the desk, and is settled when that has answered.

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt, stream};

use crate::domain::{
    Actor, ActorKind, Alert, AlertId, AlertRef, AlertScope, Body, Identifier, Mode, Subject, Timestamp,
};
use crate::format::FormatError;
use crate::intake::{Answer, Bearer, Door, MessageKey, Piece, Ready, Unread};

use super::cursor::{Cursor, Standing};
use super::live::Live;

/// How many alerts of one feed wait for the desk at a time.
const AT_A_TIME: usize = 16;

/// What came of one message.
pub(super) enum Came {
    /// The desk has answered, or it cannot be read and never will be: it is not to be brought again.
    Settled(Option<Standing>),
    /// The desk has not answered.
    Unanswered,
}

/// What takes the messages of one feed.
#[derive(Clone)]
pub(super) struct Taker {
    pub(super) door: Door,
    pub(super) live: Live,
}

impl Taker {
    /// Reads the messages of a body, all but those that are settled.
    pub(super) async fn read(
        &self,
        content: Bytes,
        media_type: String,
        bearer: Bearer,
        settled: Arc<HashSet<MessageKey>>,
    ) -> Result<Vec<Piece>, Unread> {
        self.door.read_all(content, media_type, bearer, move |key| !settled.contains(key)).await
    }

    /// Brings messages to the desk and settles each that it has answered. Whether that were all.
    pub(super) async fn take(&self, pieces: Vec<Piece>, bearer: &Bearer, cursor: &mut Cursor) -> bool {
        let wanted = pieces.into_iter().filter_map(|piece| piece.ready.map(|ready| (piece.key, ready)));
        let answers = stream::iter(wanted).map(async |(key, ready)| (key, self.one(ready, bearer).await));
        let mut answers = std::pin::pin!(answers.buffer_unordered(AT_A_TIME));
        let mut all = true;
        while let Some((key, came)) = answers.next().await {
            match came {
                Came::Settled(alert) => cursor.settle(key, alert, self.door.clock.now()),
                Came::Unanswered => all = false,
            }
        }
        all
    }

    /// Brings one message to the desk, or says in the log that it cannot be read.
    pub(super) async fn one(&self, ready: Result<Ready, FormatError>, bearer: &Bearer) -> Came {
        let ready = match ready {
            Ok(ready) => ready,
            Err(error) => {
                self.unreadable(&error, bearer).await;
                return Came::Settled(None);
            }
        };
        let standing = standing(&ready.submission.alert);
        match self.door.submit(ready).await {
            Ok(answer) => {
                self.live.answered(&answer);
                let stands = matches!(answer, Answer::Admitted(_));
                Came::Settled(standing.filter(|_| stands))
            }
            Err(error) => {
                tracing::warn!(%error, "an alert of a feed was not answered: it is brought again");
                self.live.metrics.alerts("unanswered").inc();
                Came::Unanswered
            }
        }
    }

    /// What cannot be read is in the audit log all the same.
    pub(super) async fn unreadable(&self, error: &FormatError, bearer: &Bearer) {
        self.live.metrics.alerts("unreadable").inc();
        tracing::warn!(error = %error, field = error.field(), "a message of a feed cannot be read");
        // If it cannot be recorded, the log says so itself.
        let _ = self.door.refused(bearer, error.reason()).await;
    }

    /// Whether an alert stands, and is all that its sender says there. One that was followed by another is in a feed no
    /// more because of that; and a cancel of it would end that other one.
    pub(super) fn is_last_word(&self, alert: &Standing) -> bool {
        self.door.fan_outs.all().iter().any(|fan_out| {
            let parts = fan_out.bulletin.parts();
            let mut own = parts.voices.iter().filter(|voice| voice.alert.sender == alert.id.sender).peekable();
            parts.mode == alert.mode && own.peek().is_some() && own.all(|voice| voice.alert == alert.id)
        })
    }

    /// Ends an alert that has vanished from a feed that always holds all that is in force.
    pub(super) async fn end(&self, alert: &Standing, bearer: &Bearer) -> bool {
        let now = self.door.clock.now();
        let Some(cancel) = cancel(alert, now) else { return false };
        let raw = format!("{{\"vanished\":{:?}}}", alert.id.identifier.as_str());
        let ready = self.door.ready_of(cancel, raw.into(), "application/json".to_owned(), bearer.clone()).await;
        match ready {
            Ok(ready) => matches!(self.one(Ok(ready), bearer).await, Came::Settled(_)),
            Err(_) => false,
        }
    }
}

/// A feed brings alerts as its authority.
pub(super) fn bearer(authority: crate::decide::Authority) -> Bearer {
    let actor = Actor { kind: ActorKind::Authority, name: authority.name.as_str().into(), credential: None };
    Bearer { authority, actor }
}

/// What is remembered of an alert if it is admitted: one that warns may vanish.
fn standing(alert: &Alert) -> Option<Standing> {
    let warns = matches!(alert.body, Body::Issue(_) | Body::Update(_));
    let told = matches!(alert.mode, Mode::Actual | Mode::Exercise | Mode::Test);
    let expires = alert.body.infos().iter().map(|info| info.expires).collect::<Option<Vec<_>>>();
    let expires = expires.and_then(|all| all.into_iter().max());
    (warns && told).then(|| Standing { id: alert.id.clone(), mode: alert.mode, expires })
}

/// A cancel of an alert that has vanished, under a name of its own.
fn cancel(alert: &Standing, now: Timestamp) -> Option<Alert> {
    let kept: String = alert.id.identifier.as_str().chars().take(240).collect();
    let identifier = Identifier::new(&format!("{kept}.vanished")).ok()?;
    Some(Alert {
        id: AlertId { sender: alert.id.sender.clone(), identifier, sent: now },
        mode: alert.mode,
        subject: Subject { references: vec![AlertRef { id: alert.id.clone() }], event: None, ..Subject::default() },
        scope: AlertScope::Public,
        codes: Vec::new(),
        note: None,
        body: Body::Cancel(Vec::new()),
    })
}
