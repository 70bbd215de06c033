//! Alerts that wait, are let go, dropped, changed and cancelled, in any order and between any steps of sweeps and
//! lanes: nobody is told of one before a person has let it go, and nobody of a cancel of what they were not told.

use std::collections::HashSet;

use hazardcast::decide::{Ending, HeldId, HoldKind, HoldReason};
use hazardcast::domain::{Actor, Caller, DeliveryKey, LineageId, NoticeKind, Priority, SignedDuration, Slot};
use hazardcast::intake::Answer;
use proptest::prelude::*;

use crate::house::{House, NOON};
use crate::message::{Message, Says, Tier, block};
use crate::people::device;
use crate::pieces::{Sent, Steps};

/// Where people are: each in a square of their own.
const PEOPLE: usize = 6;

#[derive(Debug, Clone)]
enum Event {
    /// A first message for so many squares from this one on; whether its door has doubts.
    Warn {
        from: usize,
        squares: usize,
        doubt: bool,
    },
    /// An update of an earlier message; so are those that follow.
    Update {
        of: prop::sample::Index,
        from: usize,
        doubt: bool,
    },
    Cancel {
        of: prop::sample::Index,
    },
    /// It comes again.
    Repeat {
        of: prop::sample::Index,
    },
    Approve {
        which: prop::sample::Index,
    },
    Reject {
        which: prop::sample::Index,
    },
    /// A person ends an alert.
    End {
        which: prop::sample::Index,
    },
    /// So many steps of planner and lanes.
    Steps(usize),
}

fn event() -> impl Strategy<Value = Event> {
    let some = any::<prop::sample::Index>;
    prop_oneof![
        3 => (0..PEOPLE, 1..4_usize, any::<bool>())
            .prop_map(|(from, squares, doubt)| Event::Warn { from, squares, doubt }),
        2 => (some(), 0..PEOPLE, any::<bool>()).prop_map(|(of, from, doubt)| Event::Update { of, from, doubt }),
        1 => some().prop_map(|of| Event::Cancel { of }),
        1 => some().prop_map(|of| Event::Repeat { of }),
        3 => some().prop_map(|which| Event::Approve { which }),
        1 => some().prop_map(|which| Event::Reject { which }),
        2 => some().prop_map(|which| Event::End { which }),
        4 => (1..6_usize).prop_map(Event::Steps),
    ]
}

struct Story {
    house: House,
    messages: Vec<(Message, bool)>,
    /// What was let go.
    admitted: HashSet<DeliveryKey>,
    lineages: Vec<LineageId>,
    told: HashSet<(Slot, LineageId)>,
}

impl Story {
    async fn open() -> Self {
        let house = House::open(Steps { planned: 2, sent: Sent::Four }).await;
        house.register((0..PEOPLE).map(|at| device([at as f64 + 0.5, 0.5], true)).collect()).await;
        let (messages, admitted, lineages) = (Vec::new(), HashSet::new(), Vec::new());
        Self { house, messages, admitted, lineages, told: HashSet::new() }
    }

    fn says(from: usize, squares: usize) -> Says {
        let area = block([from as f64, 0.0], [(from + squares) as f64, 1.0]);
        let expires = NOON + SignedDuration::from_hours(5);
        Says::Warn(vec![Tier { area, priority: Priority::LifeThreat, hazard: None, expires }])
    }

    /// Names and times that differ.
    fn next(&self) -> (String, hazardcast::domain::Timestamp) {
        let number = self.messages.len();
        (format!("m{number}"), NOON + SignedDuration::from_secs(number as i64))
    }

    async fn send(&mut self, message: Message, doubt: bool) {
        let mut submission = message.submission();
        if doubt {
            submission.doubts.push(HoldReason { kind: HoldKind::Typed, field: "typed".into(), found: "test".into() });
        }
        let desk = self.house.desk();
        let answer = self.house.ask(desk.submit(submission)).await.expect("the journal can be written");
        self.take(&answer);
        if doubt && !matches!(message.says, Says::Cancel) {
            assert!(!matches!(answer, Answer::Admitted(_)), "{message:?} did not wait");
        }
    }

    fn take(&mut self, answer: &Answer) {
        if let Answer::Admitted(key) = answer {
            self.admitted.insert(*key);
            if !self.lineages.contains(&key.lineage) {
                self.lineages.push(key.lineage);
            }
        }
    }

    async fn settle(&mut self, id: HeldId, approved: bool) {
        let (desk, by) = (self.house.desk(), Actor::from(&Caller::Development));
        let answer = if approved {
            self.house.ask(desk.approve(id, by)).await
        } else {
            self.house.ask(desk.reject(id, by)).await
        };
        let answer = answer.expect("it waits");
        assert!(self.house.desk().held().get(id).is_none(), "it waits still");
        assert!(approved || matches!(answer, Answer::Ignored(_)));
        self.take(&answer);
    }

    async fn happen(&mut self, event: Event) {
        let (identifier, sent) = self.next();
        self.house.clock.set(sent);
        let waiting = self.house.desk().held().all();
        let of =
            |of: prop::sample::Index, known: &[(Message, bool)]| (!known.is_empty()).then(|| of.get(known).clone());
        match event {
            Event::Warn { from, squares, doubt } => {
                let message =
                    Message { says: Self::says(from, squares), ..Message::warning(&identifier, sent, vec![]) };
                self.messages.push((message.clone(), doubt));
                self.send(message, doubt).await;
            }
            Event::Update { of: index, from, doubt } => {
                let Some((before, _)) = of(index, &self.messages) else { return };
                let message = before.followed_by(&identifier, sent, Self::says(from, 2));
                self.messages.push((message.clone(), doubt));
                self.send(message, doubt).await;
            }
            Event::Cancel { of: index } => {
                let Some((before, _)) = of(index, &self.messages) else { return };
                let message = before.followed_by(&identifier, sent, Says::Cancel);
                self.messages.push((message.clone(), false));
                self.send(message, false).await;
            }
            Event::Repeat { of: index } => {
                let Some((message, doubt)) = of(index, &self.messages) else { return };
                let before = self.house.desk().held().len();
                self.send(message, doubt).await;
                assert!(self.house.desk().held().len() <= before, "one that came again waits twice");
            }
            Event::Approve { which } | Event::Reject { which } if !waiting.is_empty() => {
                let approved = matches!(event, Event::Approve { .. });
                self.settle(which.get(&waiting).holding.id, approved).await;
            }
            Event::End { which } if !self.lineages.is_empty() => {
                let lineage = *which.get(&self.lineages);
                let ending = Ending { lineage, senders: None, headline: None, language: None };
                let cancel = Message { says: Says::Cancel, ..Message::warning(&identifier, sent, vec![]) };
                let desk = self.house.desk();
                let answer = self.house.ask(desk.end(cancel.submission(), ending)).await.expect("it is answered");
                self.take(&answer);
            }
            Event::Steps(steps) => {
                for _ in 0..steps {
                    self.house.plan();
                    for lane in 0..self.house.lanes.len() {
                        self.house.send(lane).await;
                    }
                    self.house.log.next_turn();
                }
            }
            Event::Approve { .. } | Event::Reject { .. } | Event::End { .. } => {}
        }
        self.look();
    }

    /// What was handed over since the last look.
    fn look(&mut self) {
        for delivery in self.house.log.take() {
            assert!(self.admitted.contains(&delivery.key), "nobody let go {}", delivery.key);
            let lineages = std::iter::once(delivery.key.lineage).chain(delivery.replaces.iter().copied());
            if delivery.kind == NoticeKind::Release {
                let knew = lineages.into_iter().any(|lineage| self.told.contains(&(delivery.slot, lineage)));
                assert!(knew, "{:?} hears that {} is over and never heard of it", delivery.slot, delivery.key);
            } else {
                self.told.insert((delivery.slot, delivery.key.lineage));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3, max_shrink_iters: 40, ..ProptestConfig::default() })]
    #[test]
    fn nobody_is_told_of_what_waits_nor_of_a_cancel_of_what_they_were_not_told(
        events in prop::collection::vec(event(), 100..200),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let mut story = Story::open().await;
            for event in events {
                story.happen(event).await;
            }
            story.house.run_out().await;
            story.look();
        });
    }
}
