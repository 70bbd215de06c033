//! What authorities send.

use hazardcast::decide::Ignored;
use hazardcast::domain::{Category, Mode, Priority, SignedDuration, Timestamp};
use hazardcast::intake::Answer;
use rand::RngExt;

use super::day::Day;
use crate::message::{Message, Says, Tier};

impl Day {
    /// A message is sent: a first one, a whole state, one that follows others, or one that was sent before.
    pub(super) async fn send_message(&mut self) {
        let message = match self.rng.random_range(0..11) {
            0..3 => self.first(),
            10 => self.state(),
            9 if !self.messages.is_empty() => return self.send_again().await,
            _ if self.messages.is_empty() => self.first(),
            _ => self.following(),
        };
        let answer = self.house.submit(&message).await;
        self.note(&message, &answer);
        self.messages.push(message);
    }

    /// The process ends before the message is on disk: nobody was answered, and the authority sends it again.
    pub(super) async fn send_into_the_crash(&mut self) {
        let message = self.first();
        let answer = self.house.submit_unwritten(&message).await;
        let forgotten = Answer::Ignored(Ignored::NotForPublic);
        assert!(answer.is_none_or(|answer| answer == forgotten), "answered before it is on disk");
        self.crash().await;
        let answer = self.house.submit(&message).await;
        assert!(!matches!(answer, Answer::Ignored(Ignored::Duplicate(_))), "it was never on disk");
        self.note(&message, &answer);
        self.messages.push(message);
    }

    async fn send_again(&mut self) {
        let message = self.messages[self.rng.random_range(0..self.messages.len())].clone();
        let key = self.answered.get(&message.identifier).copied();
        let answer = self.house.submit(&message).await;
        if let Some(key) = key {
            assert_eq!(answer, Answer::Ignored(Ignored::Duplicate(Some(key))), "{message:?}");
        } else {
            assert!(!matches!(answer, Answer::Admitted(_)), "{message:?} was not admitted before");
        }
    }

    fn note(&mut self, message: &Message, answer: &Answer) {
        let Answer::Admitted(key) = answer else { return };
        assert!(!matches!(message.mode, Mode::System | Mode::Draft), "{message:?}");
        let fan_out = self.house.fan_outs.newest(key.lineage).expect("it has set out");
        assert_eq!(fan_out.bulletin.key(), *key);
        self.answered.insert(message.identifier.clone(), *key);
        // A whole state may be several.
        for fan_out in self.house.fan_outs.all() {
            let parts = fan_out.bulletin.parts();
            if parts.alert.identifier.as_str() == message.identifier {
                assert_eq!(parts.mode, message.mode);
                self.absorbed.extend(&parts.absorbs);
                self.bulletins.insert(fan_out.bulletin.key(), (fan_out.bulletin.clone(), self.turn()));
            }
        }
    }

    fn name(&self) -> String {
        format!("message-{}", self.messages.len())
    }

    fn first(&mut self) -> Message {
        let (name, sent, tiers) = (self.name(), self.now(), self.tiers());
        let modes = [Mode::Actual, Mode::Exercise, Mode::Test, Mode::System, Mode::Draft];
        let mode = if self.rng.random_bool(0.7) { Mode::Actual } else { modes[self.rng.random_range(0..modes.len())] };
        let event = self.rng.random_bool(0.5).then(|| (name.clone(), 1));
        Message { mode, event, ..Message::warning(&name, sent, tiers) }
    }

    /// All that is on in one of two territories, which may be nothing; seldom one that comes late.
    fn state(&mut self) -> Message {
        let (name, now) = (self.name(), self.now());
        let sent = if self.rng.random_bool(0.1) { now - SignedDuration::from_mins(10) } else { now };
        let scope = format!("territory-{}", self.rng.random_range(0..2));
        let hazards = ["rain", "wind", "waves"];
        let on =
            (0..self.rng.random_range(0..4)).map(|_| (hazards[self.rng.random_range(0..3)], self.tier())).collect();
        Message { says: Says::State(scope, on), ..Message::warning(&name, sent, Vec::new()) }
    }

    /// An update or cancel of one message or two; seldom one that comes late.
    fn following(&mut self) -> Message {
        let (name, now) = (self.name(), self.now());
        let before = self.messages[self.rng.random_range(0..self.messages.len())].clone();
        let says = if self.rng.random_bool(0.3) { Says::Cancel } else { Says::Warn(self.tiers()) };
        let sent = if self.rng.random_bool(0.1) { before.sent } else { now };
        let mut message = before.followed_by(&name, sent, says);
        if self.rng.random_bool(0.3) {
            let other = self.messages[self.rng.random_range(0..self.messages.len())].clone();
            message.references.push((other.identifier, other.sent));
        }
        // What is of an event is often followed by its name alone; a cancel repeats the number before it.
        if let Some((event, serial)) = before.event {
            let step = match message.says {
                Says::Cancel => 0,
                _ if self.rng.random_bool(0.1) => 0,
                _ => self.rng.random_range(1..3),
            };
            message.event = Some((event, serial + step));
            if self.rng.random_bool(0.7) {
                message.references.clear();
            }
        }
        message
    }

    fn tiers(&mut self) -> Vec<Tier> {
        (0..self.rng.random_range(1..=3)).map(|_| self.tier()).collect()
    }

    fn tier(&mut self) -> Tier {
        let minutes = self.rng.random_range(-5..120);
        let expires: Timestamp = self.now() + SignedDuration::from_mins(minutes);
        let priority = Priority::ALL[self.rng.random_range(0..Priority::ALL.len())];
        let hazards = [None, Some(Category::Met), Some(Category::Met), Some(Category::Geo)];
        let hazard = hazards[self.rng.random_range(0..hazards.len())];
        Tier { area: self.region.area(&mut self.rng), priority, hazard, expires }
    }
}
