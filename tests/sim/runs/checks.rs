//! What must always hold, and what must hold in the evening.

use hazardcast::decide::{Bulletin, Content, Tier};
use hazardcast::device::{Delivery, Shown};
use hazardcast::domain::{ChannelKind, DeliveryKey, NoticeKind, Position, Priority, Slot, Timestamp};

use super::day::{Day, Handed};
use super::people::Person;
use crate::lane;
use crate::oracle;
use crate::phone::Received;

impl Day {
    /// Everything that left since the last look left rightly.
    pub(super) fn look(&mut self) {
        for delivery in self.house.log.take() {
            self.check_delivery(&delivery);
            let handed = Handed::of(&delivery);
            assert!(self.handed.insert(handed), "told twice by one process: {delivery:?}");
            let again = !self.ever_handed.insert(handed);
            let known = self.on_disk.contains(&handed);
            assert!(!(again && known), "told again though it was known that it was told: {delivery:?}");
            if delivery.kind == NoticeKind::Release {
                // Whoever was told that it is over may be told of it again.
                let told = |handed: &Handed| handed.key == delivery.key && handed.slot == delivery.slot;
                self.handed.retain(|handed| !told(handed) || handed.priority.is_none());
                self.ever_handed.retain(|handed| !told(handed) || handed.priority.is_none());
            }
            if delivery.channel == ChannelKind::Null {
                let now = self.now();
                self.person_mut(delivery.slot).phone.push(&delivery, now);
            }
        }
    }

    fn person(&self, slot: Slot) -> &Person {
        self.people.iter().find(|person| person.phone.slot == slot).expect("it is registered")
    }

    fn person_mut(&mut self, slot: Slot) -> &mut Person {
        self.people.iter_mut().find(|person| person.phone.slot == slot).expect("it is registered")
    }

    fn check_delivery(&self, delivery: &lane::Delivery) {
        let (bulletin, since) = &self.bulletins[&delivery.key];
        let person = self.person(delivery.slot);
        let by_place = delivery.kind != NoticeKind::Release;
        assert_eq!(delivery.mode, bulletin.parts().mode, "{delivery:?}");
        assert!(person.may_be_told(delivery.mode, by_place, self.law()), "without consent: {delivery:?}");
        assert!(delivery.expires > delivery.at, "after its end: {delivery:?}");
        if by_place {
            let of_tier = |tier: &&Tier| tier.priority == delivery.priority && tier.expires() == delivery.expires;
            let mut tiers = bulletin.tiers().iter().filter(of_tier);
            let was_in = tiers.any(|tier| person.was_in(tier.area.areas(), *since));
            assert!(was_in, "outside the area: {delivery:?}, {:?}", person.path);
            if person.stayed_since(*since) {
                let tier = tier_at(bulletin, person.place(), delivery.at).expect("it is inside");
                assert_eq!(delivery.priority, tier.priority, "of another tier: {delivery:?}");
            }
        }
    }

    /// All is done: everybody shows what concerns it, and nothing that is over.
    pub(super) fn check_evening(&self) {
        let now = self.now();
        for person in &self.people {
            check_shows(person);
        }
        let lineages = self.bulletins.keys().map(|key| key.lineage).filter(|lineage| !self.absorbed.contains(lineage));
        for lineage in lineages {
            let key = self.bulletins.keys().filter(|key| key.lineage == lineage).max().expect("it is one of them");
            let (bulletin, since) = &self.bulletins[key];
            if bulletin.parts().expires <= now {
                continue;
            }
            let fan_out = self.house.fan_outs.newest(lineage).expect("it is in force");
            assert_eq!(fan_out.bulletin.key(), *key);
            assert!(fan_out.progress.counts().complete, "{key:?} was not fanned out");
            for person in &self.people {
                self.check_person(person, bulletin, *since, now);
            }
        }
    }

    fn check_person(&self, person: &Person, bulletin: &Bulletin, since: u64, now: Timestamp) {
        let (key, mode) = (bulletin.key(), bulletin.parts().mode);
        let slot = person.phone.slot;
        if let Some(tier) = tier_at(bulletin, person.place(), now) {
            if person.may_be_told(mode, true, self.law()) {
                let received = &person.phone.received;
                let says = || {
                    format!(
                        "{slot:?}, {key:?}, {:?}: {:?}  links {} open {} path {:?} changed {} since {since} turn {} {:?} {:?}",
                        tier.priority,
                        self.story(person, key),
                        person.links,
                        person.phone.is_open(),
                        person.path,
                        person.changed,
                        self.turn(),
                        self.house.fan_outs.newest(key.lineage).map(|f| {
                            let d = hazardcast::domain::DeviceSlot(slot.0);
                            (
                                f.reach.shown(d),
                                f.reach.is_over(d),
                                f.round.is_sent(d),
                                f.round.is_acknowledged(d),
                                f.past.replaces.clone(),
                                f.progress.counts(),
                            )
                        }),
                        bulletin.tiers().iter().map(|t| (t.priority, t.expires())).collect::<Vec<_>>()
                    )
                };
                // What was told may have ended by itself since, while a lower tier or a longer revision holds on.
                let fan_out = self.house.fan_outs.newest(key.lineage).expect("it is in force");
                let related = |lineage| lineage == key.lineage || fan_out.past.replaces.contains(&lineage);
                let of_it = |received: &&Received| related(received.delivery.key.lineage);
                let told = received.iter().rev().filter(of_it);
                let mut told = told.take_while(|received| received.shown != Shown::Released);
                assert!(told.any(|received| received.delivery.priority >= tier.priority), "missed: {}", says());
                let has_newest = received.iter().any(|received| received.delivery.key == key);
                assert!(has_newest || !person.links, "has not the newest: {}", says());
            }
            return;
        }
        // It is not, or no more, for where this one is.
        let cancelled = matches!(bulletin.parts().content, Content::Cancel(_));
        let by_it = |told: &Delivery| told.key == key && told.kind != NoticeKind::Release;
        let told_by_it = person.phone.received.iter().any(|received| by_it(&received.delivery));
        let settled = cancelled || (person.stayed_since(since) && !told_by_it);
        let eligible = person.may_be_told(mode, false, self.law());
        // One without a link is told when the sweep comes by, and not when it agrees again later.
        let reached = person.links || (person.changed < since && !self.was_lost(slot, key));
        if settled && eligible && reached {
            let replaced = self.house.fan_outs.newest(key.lineage).expect("it is in force").past.replaces.clone();
            for lineage in replaced.into_iter().chain([key.lineage]) {
                let shown = person.phone.seen.shown(lineage, now);
                let story = || {
                    format!(
                        "{:?} links {} open {} path {:?} changed {} since {since} turn {} seen {:?} over {:?} {:?}",
                        self.story(person, key),
                        person.links,
                        person.phone.is_open(),
                        person.path,
                        person.changed,
                        self.turn(),
                        shown,
                        self.house.fan_outs.newest(key.lineage).map(|f| {
                            let d = hazardcast::domain::DeviceSlot(slot.0);
                            (
                                f.reach.shown(d),
                                f.reach.is_over(d),
                                f.round.is_sent(d),
                                f.round.is_acknowledged(d),
                                f.past.replaces.clone(),
                            )
                        }),
                        bulletin.parts().expires
                    )
                };
                assert_eq!(shown, None, "{slot:?} was not told that it is over: {key:?}, {:?}", story());
            }
        }
    }

    /// For messages: what came to one of this lineage, and of those that it took over.
    fn story(&self, person: &Person, key: DeliveryKey) -> Vec<(DeliveryKey, NoticeKind, Priority, Shown)> {
        let fan_out = self.house.fan_outs.newest(key.lineage).expect("it is in force");
        let related = |lineage| lineage == key.lineage || fan_out.past.replaces.contains(&lineage);
        let received = person.phone.received.iter().filter(|received| related(received.delivery.key.lineage));
        let short =
            |Received { delivery, shown, .. }: &Received| (delivery.key, delivery.kind, delivery.priority, *shown);
        received.map(short).collect()
    }

    /// Whether a process ended between a notice and its record, for one of this lineage or one that it took over.
    fn was_lost(&self, slot: Slot, key: DeliveryKey) -> bool {
        let fan_out = self.house.fan_outs.newest(key.lineage).expect("it is in force");
        let related = |lost: &DeliveryKey| lost.lineage == key.lineage || fan_out.past.replaces.contains(&lost.lineage);
        self.lost.iter().any(|lost| lost.slot == slot && related(&lost.key))
    }
}

/// The highest tier that holds and has this place, found the plain way.
fn tier_at(bulletin: &Bulletin, place: Option<Position>, now: Timestamp) -> Option<&Tier> {
    let place = place?;
    bulletin.tiers().iter().find(|tier| tier.expires() > now && oracle::holds(tier.area.areas(), place))
}

/// Nobody is shown the same escalation of the same alert twice, unless it was over in between.
fn check_shows(person: &Person) {
    let mut sounded: Vec<&Received> = Vec::new();
    for this in &person.phone.received {
        match this.shown {
            Shown::Sounded => {
                let same = |other: &&Received| {
                    let (this, other) = (&this.delivery, &other.delivery);
                    (this.key, this.priority) == (other.key, other.priority)
                };
                let shown = |other: &&Received| other.delivery.expires > this.at;
                let twice = sounded.iter().any(|other| same(other) && shown(other));
                assert!(!twice, "shown twice: {this:?} of {:?}", person.phone.received);
                sounded.push(this);
            }
            Shown::Released => sounded.retain(|other| other.delivery.key.lineage != this.delivery.key.lineage),
            Shown::Revised | Shown::Dropped => {}
        }
    }
}
