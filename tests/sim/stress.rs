//! The same races with real threads: planners, lanes, the desk, the journal's writer, links and people all at once.
//!
//! Nothing here waits for a moment of its choosing; what the interleavings prove step by step is only shown to hold for
//! whatever the machine makes of it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use hazardcast::device::{Delivery, Seen, Shown};
use hazardcast::domain::{Clock, DeliveryKey, ManualClock, NoticeKind, Priority, Purpose, RegistrationName, Slot};
use hazardcast::domain::{EncodedNotice, SignedDuration};
use hazardcast::fan_out::FanOuts;
use hazardcast::intake::{Answer, Desk};
use hazardcast::link::Hub;
use hazardcast::registry::{Registered, Registry};
use hazardcast::tasks::Tasks;
use hazardcast::wire::link_frame::{Frame, LinkFrame};
use parking_lot::Mutex;
use tempfile::TempDir;
use tokio::task::JoinHandle;

use crate::house::NOON;
use crate::lane::Log;
use crate::message::{Message, Says, Tier, block};
use crate::people::{consent, device, point};
use crate::pieces::{Pieces, Sent, Steps, Stored};

const CROWD: usize = 3_000;
const ARRIVING: usize = 150;
const WITHDRAWING: usize = 150;
const WAVERING: usize = 150;
const LINKS: usize = 60;
const ROUNDS: usize = 3;
const FAR: [f64; 2] = [30.0, 30.0];

/// A house that works by itself.
struct Loose {
    fan_outs: FanOuts,
    hub: Hub,
    registry: Registry,
    desk: Desk,
    clock: Arc<ManualClock>,
    log: Arc<Log>,
    tasks: Tasks,
    _folder: TempDir,
}

impl Loose {
    async fn open() -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let (clock, log) = (Arc::new(ManualClock::at(NOON)), Arc::new(Log::default()));
        let stored = Stored::open(folder.path(), &clock);
        stored.make_app().await;
        let steps = Steps { planned: 100, sent: Sent::Four };
        let Pieces { fan_outs, hub, workers, desk, desk_task, writer, stored, tasks, .. } =
            Pieces::new(folder.path(), stored, &clock, &log, steps);
        tasks.thread("journal", move || writer.run()).expect("a thread can be had");
        workers.start(2, &tasks).expect("threads can be had");
        tasks.spawn("desk", desk_task.run());
        let registry = stored.registry.clone();
        Self { fan_outs, hub, registry, desk, clock, log, tasks, _folder: folder }
    }

    async fn register(&self, count: usize, null: bool, place: impl Fn(usize) -> [f64; 2]) -> Vec<Registered> {
        let mut registered = Vec::new();
        for numbers in (0..count).collect::<Vec<_>>().chunks(1_000) {
            let new = numbers.iter().map(|&number| device(place(number), null)).collect();
            let answers = self.registry.batch_register(new).await.expect("the registry is open");
            registered.extend(answers.into_iter().map(|answer| answer.expect("it is in order")));
        }
        registered
    }

    async fn submit(&self, message: &Message) -> DeliveryKey {
        let answer = self.desk.submit(message.submission()).await.expect("it is answered");
        let Answer::Admitted(key) = answer else { panic!("{message:?} is not admitted") };
        key
    }

    /// Whether every newest bulletin has been fanned out, and no lane has anything.
    fn is_quiet(&self) -> bool {
        self.fan_outs.all().iter().all(|fan_out| fan_out.progress.is_complete())
    }

    async fn quiet(&self) {
        let started = Instant::now();
        while !self.is_quiet() {
            assert!(started.elapsed() < Duration::from_mins(2), "the fan-out does not end");
            tokio::task::yield_now().await;
        }
    }

    /// The ground of a round: each has its own.
    fn tiers(&self, round: usize, priority: Priority) -> Vec<Tier> {
        let expires = self.clock.now() + SignedDuration::from_hours(1);
        let west = 2.0 * round as f64;
        vec![Tier { area: block([west, 0.0], [west + 1.0, 1.0]), priority, hazard: None, expires }]
    }
}

/// Somewhere in the ground of a round, different for each number.
fn inside(round: usize, number: usize) -> [f64; 2] {
    let [x, y] = [number * 37 % 101, number * 61 % 103].map(|part| part as f64);
    [2.0 * round as f64 + 0.01 + x / 110.0, 0.01 + y / 110.0]
}

/// A device whose link comes and goes.
struct Device {
    slot: Slot,
    seen: Mutex<Seen>,
    shown: Mutex<Vec<(DeliveryKey, Shown)>>,
}

impl Device {
    fn take(&self, house: &Loose, notice: EncodedNotice) {
        let Some(Frame::Notice(notice)) = LinkFrame::Encoded(notice.bytes).into_frame() else { panic!("no notice") };
        let delivery = Delivery::of(&notice).expect("it is whole");
        let shown = self.seen.lock().take(&delivery, house.clock.now());
        if shown != Shown::Dropped {
            self.shown.lock().push((delivery.key, shown));
        }
        house.fan_outs.acknowledged(self.slot, vec![delivery.key]);
    }

    /// Opens its link again and again, and takes a few notices each time; the last time it takes what there is.
    async fn come_and_go(&self, house: &Loose, stop: &AtomicBool) {
        let mut last = false;
        for time in 0_usize.. {
            let mut live = house.hub.open(self.slot).expect("it does not drain");
            let shown = self.seen.lock().keys_shown(house.clock.now());
            for owed in house.fan_outs.link_opened(self.slot, &shown) {
                self.take(house, owed);
            }
            let mut idle = 0;
            loop {
                // Asked before the inbox is: what was sent by then is in it.
                let enough = idle > 50 + time % 7 * 20 && (!last || house.is_quiet());
                match live.inbox.try_recv() {
                    Ok(notice) => self.take(house, notice),
                    Err(_) if enough => break,
                    Err(_) => {
                        idle += 1;
                        tokio::task::yield_now().await;
                    }
                }
            }
            if last {
                return;
            }
            last = stop.load(Ordering::Acquire);
        }
    }
}

/// Everybody in one round.
struct Round {
    number: usize,
    crowd: Vec<Registered>,
    arriving: Vec<Registered>,
    withdrawing: Vec<Registered>,
    wavering: Vec<Registered>,
    devices: Vec<Arc<Device>>,
}

impl Round {
    async fn gather(house: &Loose, number: usize) -> Self {
        let inside = |device| inside(number, device);
        let links = house.register(LINKS, false, inside).await;
        let device = |registered: &Registered| {
            let slot = registered.registration.slot;
            Arc::new(Device { slot, seen: Mutex::default(), shown: Mutex::default() })
        };
        Self {
            number,
            crowd: house.register(CROWD, true, inside).await,
            arriving: house.register(ARRIVING, true, |_| FAR).await,
            withdrawing: house.register(WITHDRAWING, true, inside).await,
            wavering: house.register(WAVERING, true, inside).await,
            devices: links.iter().map(device).collect(),
        }
    }

    /// People arrive and withdraw, links come and go.
    fn let_loose(&self, house: &Arc<Loose>, stop: &Arc<AtomicBool>) -> Vec<JoinHandle<()>> {
        let mut running = Vec::new();
        for device in &self.devices {
            let (device, house, stop) = (Arc::clone(device), Arc::clone(house), Arc::clone(stop));
            let tasks = house.tasks.clone();
            running.push(tasks.spawn("device", async move { device.come_and_go(&house, &stop).await }));
        }
        let names = |people: &[Registered]| people.iter().map(name).collect::<Vec<_>>();
        let (arriving, withdrawing, wavering) =
            (names(&self.arriving), names(&self.withdrawing), names(&self.wavering));
        let (arrives, round) = (Arc::clone(house), self.number);
        running.push(house.tasks.spawn("arrivals", async move {
            for (number, (name, _)) in arriving.iter().enumerate() {
                let place = Some((point(inside(round, number)), arrives.clock.now()));
                let slot = arrives.registry.report_place(name, place).await.expect("it is taken");
                arrives.fan_outs.arrived(slot);
            }
        }));
        let withdraws = Arc::clone(house);
        running.push(house.tasks.spawn("withdrawals", async move {
            for (name, _) in &withdrawing {
                let purpose = Purpose::EmergencyPush;
                withdraws.registry.withdraw(name, purpose).await.expect("it is withdrawn");
            }
        }));
        let wavers = Arc::clone(house);
        running.push(house.tasks.spawn("waverers", async move {
            for (name, slot) in &wavering {
                let purpose = Purpose::EmergencyPush;
                wavers.registry.withdraw(name, purpose).await.expect("it is withdrawn");
                wavers.registry.grant(name, consent(purpose, None)).await.expect("it is granted");
                wavers.fan_outs.arrived(*slot);
            }
        }));
        running
    }
}

fn name(registered: &Registered) -> (RegistrationName, Slot) {
    (registered.registration.name.clone(), registered.registration.slot)
}

fn slots(people: &[Registered]) -> impl Iterator<Item = Slot> {
    people.iter().map(|registered| registered.registration.slot)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_at_once_nobody_is_missed_or_told_twice_and_a_cancel_reaches_those_who_were_told() {
    let house = Arc::new(Loose::open().await);
    for round in 0..ROUNDS {
        let people = Round::gather(&house, round).await;
        let stop = Arc::new(AtomicBool::new(false));
        house.log.take();
        let first =
            Message::warning(&format!("first-{round}"), house.clock.now(), house.tiers(round, Priority::Warning));
        let running = people.let_loose(&house, &stop);
        house.submit(&first).await;
        // Seldom the sweep is done by then.
        let raised = Says::Warn(house.tiers(round, Priority::LifeThreat));
        let second = first.followed_by(&format!("second-{round}"), house.clock.now(), raised);
        let key = house.submit(&second).await;
        house.quiet().await;
        stop.store(true, Ordering::Release);
        for running in running {
            running.await.expect("no task panics");
        }
        house.quiet().await;
        check_told(&house, &people, key);
        let cancel = second.followed_by(&format!("cancel-{round}"), house.clock.now(), Says::Cancel);
        let over = house.submit(&cancel).await;
        house.quiet().await;
        for device in &people.devices {
            device.come_and_go(&house, &stop).await;
        }
        house.quiet().await;
        check_released(&house, &people, over);
        house.clock.advance(Duration::from_hours(2));
        house.fan_outs.tidy();
    }
}

/// A link that is lost and opens again while its lane looks at it, or sends, is told by one of the two who notice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_that_flickers_while_it_is_told_is_told() {
    let house = Arc::new(Loose::open().await);
    let registered = house.register(1_000, false, |device| inside(0, device)).await;
    for round in 0..8 {
        let open = |slot| house.hub.open(slot).expect("it does not drain");
        let mut links: Vec<_> = slots(&registered).map(|slot| (slot, open(slot), false)).collect();
        let tiers = house.tiers(0, Priority::Warning);
        let message = Message::warning(&format!("flicker-{round}"), house.clock.now(), tiers);
        let key = house.submit(&message).await;
        let mut last = false;
        while !last {
            last = house.is_quiet();
            for (slot, live, told) in &mut links {
                house.hub.dismiss(*slot);
                // What is in the queue is lost with the link; what was owed to it is owed to the next.
                *live = open(*slot);
                *told = house.fan_outs.link_opened(*slot, &[]).iter().any(|owed| owed.key == key);
            }
        }
        house.quiet().await;
        for (slot, live, told) in &mut links {
            *told |= std::iter::from_fn(|| live.inbox.try_recv().ok()).any(|notice| notice.key == key);
            assert!(*told, "{slot:?} was missed in round {round}");
        }
        house.clock.advance(Duration::from_hours(2));
        house.fan_outs.tidy();
    }
}

/// Who is in the area and agrees was told at the highest priority, once; and of one bulletin nobody twice.
fn check_told(house: &Loose, people: &Round, key: DeliveryKey) {
    let mut told: HashMap<Slot, Vec<DeliveryKey>> = HashMap::new();
    for delivery in house.log.take().into_iter().filter(|told| told.key.lineage == key.lineage) {
        assert_eq!(delivery.kind, NoticeKind::Alert);
        told.entry(delivery.slot).or_default().push(delivery.key);
    }
    let agreeing = slots(&people.crowd).chain(slots(&people.arriving)).chain(slots(&people.wavering));
    for slot in agreeing {
        let times = told.get(&slot).map_or(&[][..], Vec::as_slice);
        assert_eq!(times.last(), Some(&key), "missed");
        assert!(times.len() == 1 || (times.len() == 2 && times[0] != key), "told twice: {times:?}");
    }
    for slot in slots(&people.withdrawing) {
        let times = told.get(&slot).map_or(&[][..], Vec::as_slice);
        let keys: HashSet<_> = times.iter().collect();
        assert_eq!(keys.len(), times.len(), "told twice: {times:?}");
    }
    for device in &people.devices {
        let shown = device.shown.lock().clone();
        assert!(shown.iter().all(|(_, shown)| *shown == Shown::Sounded), "{shown:?}");
        assert_eq!(shown.last().map(|(key, _)| *key), Some(key), "missed over the link");
        assert!(shown.len() <= 2, "shown twice: {shown:?}");
    }
}

/// Who was told, and still agrees, was told that it is over, once.
fn check_released(house: &Loose, people: &Round, over: DeliveryKey) {
    let mut released: HashMap<Slot, usize> = HashMap::new();
    for delivery in house.log.take().into_iter().filter(|told| told.key == over) {
        assert_eq!(delivery.kind, NoticeKind::Release);
        *released.entry(delivery.slot).or_default() += 1;
    }
    let agreeing = slots(&people.crowd).chain(slots(&people.arriving)).chain(slots(&people.wavering));
    for slot in agreeing {
        assert_eq!(released.get(&slot), Some(&1));
    }
    for slot in slots(&people.withdrawing) {
        assert_eq!(released.get(&slot), None, "one who has withdrawn is told nothing");
    }
    for device in &people.devices {
        let last = device.shown.lock().last().copied();
        assert_eq!(last, Some((over, Shown::Released)));
    }
}
