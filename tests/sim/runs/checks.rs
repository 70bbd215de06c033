//! What must always hold, and what must hold in the evening.

use hazardcast::decide::{Bulletin, Tier};
use hazardcast::device::{Delivery, Shown};
use hazardcast::domain::{ChannelKind, DeliveryKey, NoticeKind, Slot, Timestamp};
use hazardcast::fan_out::FanOut;

use super::day::{Day, Handed};
use super::people::Person;
use crate::lane;
use crate::phone::Received;

impl Day {
    /// Everything that left since the last look left rightly.
    pub(super) fn look(&mut self) {
        for delivery in self.house.log.take() {
            self.check_delivery(&delivery);
            self.check_is_over_of_what_was_told(&delivery);
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

    /// Nobody is told that something is over of which it was not told.
    fn check_is_over_of_what_was_told(&mut self, delivery: &lane::Delivery) {
        let of = std::iter::once(&delivery.key.lineage).chain(&delivery.replaces);
        if delivery.kind == NoticeKind::Release {
            let told = of.copied().any(|lineage| self.told.contains(&(delivery.slot, lineage)));
            assert!(told, "told that it is over and not what: {delivery:?}");
        } else {
            self.told.insert((delivery.slot, delivery.key.lineage));
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
            let tier = tiers.find(|tier| person.was_in(tier.area.areas(), *since));
            let tier = tier.unwrap_or_else(|| panic!("outside the area: {delivery:?}, {:?}", person.path));
            // Of several such tiers it may have been another.
            let alone = bulletin.tiers().iter().filter(of_tier).count() == 1;
            let wants = delivery.kind == NoticeKind::Update || person.wants(tier, delivery.at);
            assert!(wants || !alone, "not wanted: {delivery:?}, {:?}", person.preferences);
            // What one agrees to while it is on its way may bring a higher tier behind it.
            if person.stayed_since(*since) && (person.home().is_none() || person.changed < *since) {
                let (tier, _) = person.tier_at(bulletin, self.law(), delivery.at).expect("it is inside");
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
                Case { day: self, person, bulletin, since: *since, fan_out: &fan_out }.check();
            }
        }
    }
}

/// One person and the newest bulletin of one lineage, in the evening.
struct Case<'a> {
    day: &'a Day,
    person: &'a Person,
    bulletin: &'a Bulletin,
    /// The turn in which the bulletin was admitted.
    since: u64,
    fan_out: &'a FanOut,
}

impl Case<'_> {
    fn check(&self) {
        if let Some((tier, usable)) = self.person.tier_at(self.bulletin, self.day.law(), self.day.now()) {
            if usable && self.may_be_told() && self.person.wants(tier, self.day.now()) {
                self.check_inside(tier);
            }
            return;
        }
        // Where a tier has ended by itself, what was told of it has too, or of what went before it will.
        let was_inside = self.person.tier_at(self.bulletin, self.day.law(), Timestamp::MIN).is_some();
        if !was_inside && self.may_be_told() && self.is_to_be_released() {
            self.check_released();
        }
    }

    fn may_be_told(&self) -> bool {
        self.person.may_be_told(self.bulletin.parts().mode, false, self.day.law())
    }

    /// What was told may have ended by itself since, while a lower tier or a longer revision holds on; but it was told.
    fn check_inside(&self, tier: &Tier) {
        let mut told = self.received().rev().take_while(|received| received.shown != Shown::Released);
        let was_told = told.any(|received| received.delivery.priority >= tier.priority);
        assert!(was_told, "missed: {}, {:?}", self.story(), tier.priority);
        let has_newest = self.received().any(|received| received.delivery.key == self.bulletin.key());
        assert!(has_newest || !self.person.links, "has not the newest: {}", self.story());
    }

    /// A cancel is for all who were told; a revision for those who were told before it, and stayed where it is over.
    fn is_to_be_released(&self) -> bool {
        let key = self.bulletin.key();
        let by_it = |told: &Delivery| told.key == key && told.kind != NoticeKind::Release;
        let stayed = self.person.stayed_since(self.since);
        let settled = self.fan_out.is_cancel() || (stayed && !self.received().any(|told| by_it(&told.delivery)));
        // One without a link is told when the sweep comes by, and not when it agrees again later. And of one who was
        // told just before a process ended, only the link says so.
        let lost = self.day.lost.iter().any(|lost| lost.slot == self.person.phone.slot && self.is_of_it(lost.key));
        settled && (self.person.links || (self.person.changed < self.since && !lost))
    }

    fn check_released(&self) {
        for lineage in self.fan_out.past.replaces.iter().chain([&self.fan_out.lineage()]) {
            let shown = self.person.phone.seen.shown(*lineage, self.day.now());
            assert_eq!(shown, None, "not told that it is over: {}", self.story());
        }
    }

    fn is_of_it(&self, key: DeliveryKey) -> bool {
        key.lineage == self.fan_out.lineage() || self.fan_out.past.replaces.contains(&key.lineage)
    }

    /// What came of this lineage, and of those that it took over.
    fn received(&self) -> impl DoubleEndedIterator<Item = &Received> {
        self.person.phone.received.iter().filter(|received| self.is_of_it(received.delivery.key))
    }

    fn story(&self) -> String {
        let short = |Received { delivery, shown, at }: &Received| {
            format!("{at} {} {:?} {:?}: {shown:?}", delivery.key, delivery.kind, delivery.priority)
        };
        let received: Vec<String> = self.received().map(short).collect();
        format!("{:?}, {}, {received:#?}", self.person.phone.slot, self.bulletin.key())
    }
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
