//! What may happen at any moment, put at every moment of a running sweep.
//!
//! A [`Story`] is an alert that runs its course, and an event in one or more parts (a place is put into the index; the
//! arrival looks what stands there). It is played once for every choice of moments for its parts, where a moment lies
//! between any two steps: of the planner, which plans one tile at a time, and of each lane, which is stopped after its
//! last look, and again when a batch has left and is not recorded. Every order in which planner and lanes take their
//! steps is one of three rhythms.

mod arrivals;
mod crashes;
mod links;
mod nights;
mod revisions;
mod withdrawals;
mod world;

use std::collections::BTreeMap;

use hazardcast::domain::{DeliveryKey, NoticeKind, Slot};

use crate::lane::{Delivery, Holds};
use world::World;

/// An event that races with a sweep.
trait Story {
    /// In how many parts it happens.
    const PARTS: usize;

    /// Before the alert is sent: everything is as it was before the event.
    async fn before(&mut self, world: &mut World);

    /// One part of the event.
    async fn part(&mut self, world: &mut World, part: usize);

    /// When everything has run its course: what must hold.
    fn check(&self, world: &World, played: &Played);
}

/// What came of a story.
struct Played {
    rhythm: Rhythm,
    moments: Vec<usize>,
    /// The alert's own key.
    first: DeliveryKey,
    /// What channels were handed.
    all: Vec<Delivery>,
    /// The same of its lineage, by registration.
    told: BTreeMap<Slot, Vec<Delivery>>,
    /// The turn in which each part happened.
    turns: Vec<u64>,
}

/// In which order the workers take their steps.
#[derive(Debug, Clone, Copy)]
enum Rhythm {
    /// All is planned before anything is sent.
    PlannerFirst,
    /// What is planned is sent before more is planned.
    LanesFirst,
    /// By turns.
    ByTurns,
}

impl Rhythm {
    const ALL: [Self; 3] = [Self::PlannerFirst, Self::LanesFirst, Self::ByTurns];
}

/// How many of the choices that put the parts of a story at different moments are played in one rhythm: an even sample
/// of them. `HAZARDCAST_SIM_PLAYS` sets it. Those that put all parts between the same two steps are all played.
fn sample() -> usize {
    #[expect(clippy::disallowed_methods, reason = "a test is told its size by the environment")]
    let plays = std::env::var("HAZARDCAST_SIM_PLAYS").ok().and_then(|plays| plays.parse().ok());
    plays.unwrap_or(6)
}

/// Plays the story for every choice of moments.
async fn at_every_moment(world: &mut World, story: &mut impl Story) {
    for rhythm in Rhythm::ALL {
        let alone = play(world, story, rhythm, &[]).await;
        let at_once = |moments: &Vec<usize>| moments.first() == moments.last();
        let (same, apart): (Vec<_>, Vec<_>) = choices(alone, parts(story)).into_iter().partition(at_once);
        let stride = apart.len().div_ceil(sample()).max(1);
        for moments in same.iter().chain(apart.iter().step_by(stride)) {
            play(world, story, rhythm, moments).await;
        }
    }
}

fn parts<S: Story>(_: &S) -> usize {
    S::PARTS
}

/// Every way to put so many parts, in their order, between so many turns.
fn choices(turns: usize, parts: usize) -> Vec<Vec<usize>> {
    let mut choices = vec![Vec::new()];
    for _ in 0..parts {
        let longer = |known: &Vec<usize>| {
            let known = known.clone();
            (known.last().copied().unwrap_or(0)..=turns).map(move |moment| [known.as_slice(), &[moment]].concat())
        };
        choices = choices.iter().flat_map(longer).collect();
    }
    choices
}

/// Plays the story once; returns how many turns it took. Without moments the event does not happen.
async fn play<S: Story>(world: &mut World, story: &mut S, rhythm: Rhythm, moments: &[usize]) -> usize {
    story.before(world).await;
    world.settle().await;
    let first = world.warn().await;
    world.house.hold(Holds { before: true, after: true });
    let (mut turn, mut turns) = (0, Vec::new());
    loop {
        while turns.len() < moments.len() && moments[turns.len()] <= turn {
            story.part(world, turns.len()).await;
            turns.push(world.house.log.turn());
            world.house.log.next_turn();
        }
        if !step(world, rhythm, turn).await && turns.len() == moments.len() {
            break;
        }
        if world.prompt {
            world.house.write();
        }
        world.house.log.next_turn();
        turn += 1;
    }
    world.finish().await;
    let all = world.house.log.take();
    let told = world::told(&all, first.lineage);
    if !moments.is_empty() {
        story.check(world, &Played { rhythm, moments: moments.to_vec(), first, all, told, turns });
    }
    turn
}

/// One step of one worker; false if none has anything to do.
async fn step(world: &mut World, rhythm: Rhythm, turn: usize) -> bool {
    let lanes = match rhythm {
        Rhythm::PlannerFirst => false,
        Rhythm::LanesFirst => true,
        Rhythm::ByTurns => turn % 2 == 1,
    };
    (lanes && send(world).await) || world.house.plan() || (!lanes && send(world).await)
}

async fn send(world: &mut World) -> bool {
    world.house.send(1).await || world.house.send(0).await || world.phones_go_on() || world.house.record()
}

impl Played {
    /// What one registration was told.
    fn of(&self, slot: Slot) -> &[Delivery] {
        self.told.get(&slot).map_or(&[], Vec::as_slice)
    }

    /// How often it was told of an alert, or of a change of its text.
    fn times(&self, slot: Slot) -> usize {
        self.of(slot).iter().filter(|delivery| delivery.kind != NoticeKind::Release).count()
    }

    /// How often it was told that it is over.
    fn releases(&self, slot: Slot) -> usize {
        self.of(slot).len() - self.times(slot)
    }

    /// For messages: how to play it again.
    fn again(&self) -> String {
        format!("{:?} at {:?}", self.rhythm, self.moments)
    }
}
