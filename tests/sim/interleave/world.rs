//! Who is there: a crowd in the area that no event concerns.

use std::collections::BTreeMap;
use std::time::Duration;

use hazardcast::domain::{
    DeliveryKey, Footprint, LineageId, NewRegistration, Priority, RegistrationName, SignedDuration, Slot, Timestamp,
};
use hazardcast::intake::Answer;

use crate::house::House;
use crate::lane::Delivery;
use crate::message::{Message, Says, Tier, block};
use crate::people::{device, point};
use crate::phone::Phone;
use crate::pieces::{Sent, Steps};

/// South-west and north-east corner of some ground.
pub(super) type Corners = [[f64; 2]; 2];

/// The area of the first message, a degree each way, from the point 0, 0.
pub(super) const AREA: Corners = [[0.0, 0.0], [1.0, 1.0]];
/// Half of it, and as much beyond it.
pub(super) const SHIFTED: Corners = [[0.5, 0.0], [1.5, 1.0]];
/// Outside of both.
pub(super) const FAR: [f64; 2] = [20.0, 20.0];
/// Inside the first alone, in the ground that is swept first or last, and in between.
pub(super) const INSIDE: [[f64; 2]; 3] = [[0.02, 0.02], [0.98, 0.98], [0.3, 0.7]];

/// So many devices along each side of the area.
const CROWD: u32 = 36;

/// A house, and a crowd in it.
pub(super) struct World {
    pub(super) house: House,
    /// Reached by the null channel, everywhere in the area and in as much ground east of it.
    pub(super) crowd: Vec<(Slot, [f64; 2])>,
    /// Reached by their links alone.
    pub(super) phones: Vec<Phone>,
    /// What the next first message says.
    pub(super) tiers: Vec<(Corners, Priority)>,
    /// The message that was sent last.
    pub(super) last: Option<Message>,
    /// Whether the disk has everything after each step, or only when somebody waits for it.
    pub(super) prompt: bool,
    /// How many messages were sent.
    sent: u32,
}

impl World {
    pub(super) async fn open() -> Self {
        let house = House::open(Steps { planned: 300, sent: Sent::ThreeHundred }).await;
        let step = 1.0 / f64::from(CROWD);
        let column = |n: u32| (f64::from(n) + 0.5) * step;
        let places: Vec<[f64; 2]> = (0..CROWD)
            .flat_map(|x| (0..CROWD).map(move |y| [column(x), column(y)]))
            .chain((0..CROWD / 4).flat_map(|x| (0..CROWD / 4).map(move |y| [1.0 + column(x), column(4 * y)])))
            .collect();
        let new = places.iter().map(|&at| device(at, true)).collect();
        let slots = house.register(new).await.into_iter().map(|registered| registered.registration.slot);
        let crowd = slots.zip(places).collect();
        let tiers = vec![(AREA, Priority::Warning)];
        Self { house, crowd, phones: Vec::new(), tiers, last: None, prompt: false, sent: 0 }
    }

    /// A device that the null channel reaches.
    pub(super) async fn register(&self, new: NewRegistration) -> (RegistrationName, Slot) {
        let registered = self.house.register(vec![new]).await.pop().expect("one was registered");
        (registered.registration.name, registered.registration.slot)
    }

    /// A new message sets out.
    pub(super) async fn warn(&mut self) -> DeliveryKey {
        let message = self.message(self.tiers.clone());
        self.submit(message).await
    }

    /// The last message is followed by one about this ground.
    pub(super) async fn update(&mut self, tiers: &[(Corners, Priority)]) -> DeliveryKey {
        let Message { says, .. } = self.message(tiers.to_vec());
        self.follow(says).await
    }

    /// What the last message told is over.
    pub(super) async fn cancel(&mut self) -> DeliveryKey {
        self.follow(Says::Cancel).await
    }

    /// The last message is followed, and so are those that it was given as references.
    pub(super) async fn join(&mut self, tier: Option<(Corners, Priority)>) -> DeliveryKey {
        let others = self.last.as_mut().map(|last| std::mem::take(&mut last.references)).unwrap_or_default();
        let says = match tier {
            Some(tier) => self.message(vec![tier]).says,
            None => Says::Cancel,
        };
        let last = self.last.as_ref().expect("there was one before");
        let mut message = last.followed_by(&format!("message-{}", self.sent), self.house.clock_now(), says);
        message.references = others.into_iter().chain(message.references).collect();
        self.submit(message).await
    }

    async fn follow(&mut self, says: Says) -> DeliveryKey {
        let before = self.last.as_ref().expect("there was one before");
        let message = before.followed_by(&format!("message-{}", self.sent), self.house.clock_now(), says);
        self.submit(message).await
    }

    /// A first message about this ground, that holds for an hour.
    pub(super) fn message(&self, tiers: Vec<(Corners, Priority)>) -> Message {
        let now = self.house.clock_now();
        let expires = now + SignedDuration::from_hours(1);
        let tier = |([south_west, north_east], priority): (Corners, Priority)| Tier {
            area: block(south_west, north_east),
            priority,
            hazard: None,
            expires,
        };
        Message::warning(&format!("message-{}", self.sent), now, tiers.into_iter().map(tier).collect())
    }

    pub(super) async fn submit(&mut self, message: Message) -> DeliveryKey {
        let Answer::Admitted(key) = self.house.submit(&message).await else { panic!("{message:?} is not admitted") };
        (self.sent, self.last) = (self.sent + 1, Some(message));
        key
    }

    /// The place is in the index, and nobody has looked what stands there.
    pub(super) async fn put(&self, name: &RegistrationName, at: [f64; 2]) {
        self.report(name, Some((point(at), self.house.clock_now()))).await;
    }

    pub(super) async fn report(&self, name: &RegistrationName, place: Option<(Footprint, Timestamp)>) {
        self.house.registry().report_place(name, place).await.expect("it is taken");
    }

    /// Nothing of what was sent before is in force any more, or kept in the journal when it is next opened.
    pub(super) async fn settle(&mut self) {
        self.house.run_out().await;
        self.house.clock.advance(Duration::from_hours(31 * 24));
        self.house.fan_outs.tidy();
        self.house.log.take();
        for phone in &mut self.phones {
            phone.received.clear();
        }
    }

    /// Everything runs its course, over links too.
    pub(super) async fn finish(&mut self) {
        loop {
            self.house.run_out().await;
            if !self.phones_catch_up() {
                break;
            }
        }
    }

    fn phones_catch_up(&mut self) -> bool {
        let mut any = false;
        for phone in &mut self.phones {
            any |= phone.catch_up(&self.house);
        }
        any
    }

    /// One thing goes one way over a link; false if there is nothing to carry.
    pub(super) fn phones_go_on(&mut self) -> bool {
        let house = &self.house;
        self.phones.iter_mut().any(|phone| phone.carry(house) || phone.receive(house) || phone.acknowledge(house))
    }
}

/// What was handed over of one lineage, by registration.
pub(super) fn told(all: &[Delivery], lineage: LineageId) -> BTreeMap<Slot, Vec<Delivery>> {
    let mut told: BTreeMap<Slot, Vec<Delivery>> = BTreeMap::new();
    for delivery in all.iter().filter(|delivery| delivery.key.lineage == lineage) {
        told.entry(delivery.slot).or_default().push(delivery.clone());
    }
    told
}

/// Whether a place is in the ground between two corners.
pub(super) fn is_within([lon, lat]: [f64; 2], [[west, south], [east, north]]: Corners) -> bool {
    (west..=east).contains(&lon) && (south..=north).contains(&lat)
}
