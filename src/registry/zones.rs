//! Partners' own zones (R-S1): which there are, and which of its partner's a registration has entered.
//!
//! Each partner's zones have a tree of their own, found by a registration's app: a zone is asked of nobody but its own
//! partner's registrations, and costs nobody else anything. A registration's place is used only as long as its person
//! agrees to that.
//!
//! # Where there is no room
//!
//! How many registrations can be known to be inside a partner's zones is bounded ([`Room`]). A zone that would hold
//! more than there is room for is refused at the door. One that comes to hold so many before they are counted (at the
//! start above all) is left uncounted until there is room for as many, or it is drawn anew: nobody is told to have
//! entered it. Who enters another zone when no room is left is told, and is told again at each look from then on: twice
//! is better than never.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use arc_swap::ArcSwap;
use foldhash::HashMap;
use parking_lot::{Mutex, RwLock};

use crate::domain::{AppSlot, Footprint, PartnerName, Slot, Timestamp, Zone, ZoneName};
use crate::locate::{AffectedArea, Order, Standing};

use super::Shared;
use super::directory::Directory;
use super::inside::{Entered, Inside, Room, ZoneNumber};

/// Every partner's zones.
pub(super) struct Zones {
    partners: RwLock<BTreeMap<PartnerName, Arc<OfPartner>>>,
    /// The zones of each app's partner, if it has or had any.
    by_app: ArcSwap<Vec<Option<Arc<OfPartner>>>>,
    inside: Inside,
    /// How many pairs of a registration and a zone that it is in there are at most of one partner's zones.
    most_inside: u64,
    /// Held by whoever finds who is inside, so that nobody does what another is doing.
    counting: Mutex<()>,
    /// The number that the next drawing gets.
    next_number: AtomicU32,
    /// The key that the next zone gets in the store.
    next_key: AtomicU32,
}

/// The zones of one partner.
struct OfPartner {
    room: Arc<Room>,
    standing: Standing<ZoneNumber>,
    held: RwLock<Held>,
}

#[derive(Default)]
struct Held {
    by_name: BTreeMap<ZoneName, Arc<Drawn>>,
    by_number: HashMap<ZoneNumber, Arc<Drawn>>,
    /// How many points all of them have.
    points: usize,
}

/// A zone as it is drawn now.
pub(super) struct Drawn {
    pub(super) zone: Arc<Zone>,
    /// Its key in the store.
    pub(super) key: u32,
    number: ZoneNumber,
    area: AffectedArea,
    /// How many points the area was drawn with.
    pub(super) points: usize,
    /// The apps that it is for; none means all.
    apps: Vec<AppSlot>,
    tally: Arc<Tally>,
}

/// What is known of who was inside a zone when it was drawn.
#[derive(Default)]
struct Tally {
    /// Whether all of them are known. Until then nobody is told to have entered.
    counted: AtomicBool,
    /// How many there were when there was no room for so many; otherwise 0.
    too_many: AtomicU64,
}

impl Drawn {
    fn is_for(&self, app: AppSlot) -> bool {
        self.apps.is_empty() || self.apps.contains(&app)
    }
}

impl Zones {
    /// No zones yet; of one partner's there are to be so many pairs of a registration and a zone that it is in.
    pub(super) fn new(most_inside: u64) -> Self {
        Self {
            partners: RwLock::default(),
            by_app: ArcSwap::default(),
            inside: Inside::default(),
            most_inside,
            counting: Mutex::default(),
            next_number: AtomicU32::new(0),
            next_key: AtomicU32::new(0),
        }
    }

    /// A key for a new zone. Only the writer takes one.
    pub(super) fn take_key(&self) -> u32 {
        self.next_key.fetch_add(1, Ordering::Relaxed)
    }

    /// A key of the store is taken.
    pub(super) fn key_is_taken(&self, key: u32) {
        self.next_key.fetch_max(key.saturating_add(1), Ordering::Relaxed);
    }

    /// A zone that is drawn now, for these apps. `None` if it has no ground.
    pub(super) fn draw(&self, zone: Zone, key: u32, apps: Vec<AppSlot>) -> Option<Arc<Drawn>> {
        let area = AffectedArea::new(std::slice::from_ref(&zone.area))?;
        let number = ZoneNumber(self.next_number.fetch_add(1, Ordering::Relaxed));
        let (points, tally) = (zone.area.points(), Arc::default());
        Some(Arc::new(Drawn { zone: Arc::new(zone), key, number, area, points, apps, tally }))
    }

    /// The same drawing with another word about it.
    pub(super) fn rename(before: &Drawn, zone: Zone) -> Arc<Drawn> {
        let Drawn { key, number, ref area, points, ref apps, ref tally, .. } = *before;
        let (area, apps, tally) = (area.clone(), apps.clone(), Arc::clone(tally));
        Arc::new(Drawn { zone: Arc::new(zone), key, number, area, points, apps, tally })
    }

    /// A zone, as it can be seen.
    pub(super) fn find(&self, name: &ZoneName) -> Option<Arc<Drawn>> {
        self.of(&name.partner)?.held.read().by_name.get(name).cloned()
    }

    /// A partner's zones by name.
    pub(super) fn all(&self, partner: &PartnerName) -> Vec<Arc<Drawn>> {
        let own = self.of(partner);
        own.map(|own| own.held.read().by_name.values().cloned().collect()).unwrap_or_default()
    }

    /// How many zones a partner has, and how many points these have together.
    pub(super) fn extent(&self, partner: &PartnerName) -> (usize, usize) {
        let Some(own) = self.of(partner) else { return (0, 0) };
        let held = own.held.read();
        (held.by_name.len(), held.points)
    }

    /// How many registrations are inside.
    pub(super) fn count(&self, drawn: &Drawn, now: Timestamp) -> u64 {
        if drawn.zone.is_in_force(now) { self.inside.count(drawn.number) } else { 0 }
    }

    /// A zone is there, in place of the one that was; or is not. Only the writer calls this, and whoever loads.
    pub(super) fn set(&self, name: &ZoneName, drawn: Option<Arc<Drawn>>) {
        let new = || Arc::new(OfPartner::new(self.most_inside));
        let own = Arc::clone(self.partners.write().entry(name.partner.clone()).or_insert_with(new));
        let mut held = own.held.write();
        let before = match &drawn {
            Some(drawn) => held.by_name.insert(name.clone(), Arc::clone(drawn)),
            None => held.by_name.remove(name),
        };
        if let Some(before) = &before {
            held.by_number.remove(&before.number);
            held.points -= before.points;
        }
        if let Some(drawn) = &drawn {
            held.by_number.insert(drawn.number, Arc::clone(drawn));
            held.points += drawn.points;
        }
        drop(held);
        // The zone is there before its ground is: whoever finds that, finds it.
        match (before.map(|before| before.number), drawn) {
            (Some(before), Some(drawn)) if before == drawn.number => {}
            (before, drawn) => {
                if let Some(drawn) = drawn {
                    own.standing.insert(drawn.number, vec![drawn.area.clone()]);
                }
                if let Some(before) = before {
                    own.standing.remove(before);
                }
            }
        }
    }

    /// Partners' zones are found by their apps from now on.
    pub(super) fn attach(&self, directory: &Directory) {
        let partners = self.partners.read();
        let own = |app: usize| partners.get(&directory.app_name(AppSlot(app as u16))?.partner).cloned();
        self.by_app.store(Arc::new((0..directory.app_count()).map(own).collect()));
    }

    /// The registration has no place any more.
    pub(super) fn forget(&self, slot: Slot) {
        self.inside.forget(slot);
    }

    fn of(&self, partner: &PartnerName) -> Option<Arc<OfPartner>> {
        self.partners.read().get(partner).cloned()
    }

    fn of_app(&self, app: AppSlot) -> Option<Arc<OfPartner>> {
        self.by_app.load().get(usize::from(app.0))?.clone()
    }

    fn drawn(&self) -> Vec<Arc<Drawn>> {
        let partners: Vec<_> = self.partners.read().values().cloned().collect();
        partners.iter().flat_map(|own| own.held.read().by_name.values().cloned().collect::<Vec<_>>()).collect()
    }
}

impl OfPartner {
    fn new(most_inside: u64) -> Self {
        Self { room: Arc::new(Room::new(most_inside)), standing: Standing::new(), held: RwLock::default() }
    }

    /// The zones in force that are there for an app.
    fn at(&self, place: Footprint, app: AppSlot, now: Timestamp) -> Vec<Arc<Drawn>> {
        let found = self.standing.at(place);
        if found.is_empty() {
            return Vec::new();
        }
        let held = self.held.read();
        let drawn = found.iter().filter_map(|(number, _)| held.by_number.get(number));
        drawn.filter(|drawn| drawn.is_for(app) && drawn.zone.is_in_force(now)).cloned().collect()
    }
}

impl Shared {
    /// Looks where the registration is: the zones of its partner that it is in now and was not when it was last looked
    /// at.
    pub(super) fn enter_zones(&self, slot: Slot) -> Vec<Arc<Zone>> {
        let facts = self.facts.row(slot);
        let Some(own) = self.zones.of_app(facts.app()).filter(|_| facts.is_live()) else { return Vec::new() };
        let now = self.clock.now();
        let agreed = self.counts(facts.location, facts.app(), now);
        let mut shard = self.zones.inside.shard(slot);
        // Read while the shard is held: see `inside`.
        let place = agreed.then(|| self.position(slot)).flatten();
        let here = place.map(|place| own.at(place, facts.app(), now)).unwrap_or_default();
        let numbers: Vec<ZoneNumber> = here.iter().map(|drawn| drawn.number).collect();
        shard.stay_in(slot, &numbers);
        let mut entered = Vec::new();
        for drawn in here.iter().filter(|drawn| drawn.tally.too_many.load(Ordering::Relaxed) == 0) {
            let is_new = shard.enter(slot, drawn.number, &own.room) != Entered::Before;
            if is_new && drawn.tally.counted.load(Ordering::Acquire) {
                entered.push(Arc::clone(&drawn.zone));
            }
        }
        entered
    }

    /// Whether a registration is in a zone now, by its place: who is inside may be yet to be counted.
    pub(super) fn is_in_zone(&self, slot: Slot, zone: &ZoneName) -> bool {
        let (facts, now) = (self.facts.row(slot), self.clock.now());
        let is_for = |drawn: &Arc<Drawn>| drawn.is_for(facts.app()) && drawn.zone.is_in_force(now);
        let Some(drawn) = self.zones.find(zone).filter(is_for) else { return false };
        let agreed = self.counts(facts.location, facts.app(), now);
        agreed && self.position(slot).is_some_and(|place| drawn.area.touches(place))
    }

    /// Forgets who was in zones that are no longer in force; and finds who is inside zones that were drawn since the
    /// last time, without a word to anybody. Takes as long as a sweep of each.
    pub(super) fn count_zones(&self) {
        let _counting = self.zones.counting.lock();
        let now = self.clock.now();
        let drawn = self.zones.drawn();
        // One that was drawn meanwhile is kept.
        let newest = drawn.iter().map(|drawn| drawn.number).max();
        let drawn: HashMap<ZoneNumber, Arc<Drawn>> =
            drawn.into_iter().filter(|drawn| drawn.zone.is_in_force(now)).map(|drawn| (drawn.number, drawn)).collect();
        self.zones.inside.retain(|zone| drawn.contains_key(&zone) || newest.is_none_or(|newest| zone > newest));
        for zone in drawn.values().filter(|drawn| !drawn.tally.counted.load(Ordering::Relaxed)) {
            self.count_zone(zone);
        }
    }

    fn count_zone(&self, drawn: &Drawn) {
        let Some(own) = self.zones.of(&drawn.zone.name.partner) else { return };
        let Tally { counted, too_many } = &*drawn.tally;
        if own.room.left() < too_many.load(Ordering::Relaxed) {
            return;
        }
        too_many.store(0, Ordering::Relaxed);
        let (mut inside, mut fits) = (0, true);
        self.sweep(&drawn.area, |slot| {
            let is_inside = self.is_inside(slot, &own, drawn);
            inside += u64::from(is_inside);
            fits = fits && (!is_inside || self.find_inside(slot, &own, drawn));
            true
        });
        if fits {
            counted.store(true, Ordering::Release);
            return;
        }
        too_many.store(inside, Ordering::Relaxed);
        self.zones.inside.retain(|zone| zone != drawn.number);
        let zone = drawn.zone.name.to_string();
        tracing::warn!(zone, "there is no room for all who are inside a zone: nobody is told to have entered it");
    }

    /// Everybody who is in an area, until `see` says that it is enough. Who follows a place in it may be anywhere.
    fn sweep(&self, area: &AffectedArea, mut see: impl FnMut(Slot) -> bool) {
        let mut sweep = self.places.index().sweep(std::slice::from_ref(area), Order::Any);
        let mut hits = Vec::new();
        loop {
            hits.clear();
            let more = sweep.next_batch(&mut hits);
            if !hits.iter().filter(|hit| hit.ordinal == 0).all(|hit| see(hit.slot)) || !more {
                return;
            }
        }
    }

    /// Whether a registration that is in a zone's area is inside.
    fn is_inside(&self, slot: Slot, own: &Arc<OfPartner>, drawn: &Drawn) -> bool {
        let facts = self.facts.row(slot);
        let is_own = || self.zones.of_app(facts.app()).is_some_and(|of_app| Arc::ptr_eq(&of_app, own));
        let agreed = || self.counts(facts.location, facts.app(), self.clock.now());
        drawn.is_for(facts.app()) && agreed() && is_own()
    }

    /// Puts a registration that is inside a zone among those that are; whether there is room.
    fn find_inside(&self, slot: Slot, own: &OfPartner, drawn: &Drawn) -> bool {
        let mut shard = self.zones.inside.shard(slot);
        let is_there = self.position(slot).is_some_and(|place| drawn.area.touches(place));
        !is_there || shard.enter(slot, drawn.number, &own.room) != Entered::NoRoom
    }

    /// Whether there is room for all who are inside a zone that is yet to be drawn, for registrations of these apps, in
    /// place of the one `before`. Takes as long as a sweep.
    pub(super) fn has_room(&self, zone: &Zone, apps: &[AppSlot], before: Option<&Drawn>) -> bool {
        let Some(area) = AffectedArea::new(std::slice::from_ref(&zone.area)) else { return true };
        let own = self.zones.of(&zone.name.partner);
        let mut room = own.map_or(self.zones.most_inside, |own| own.room.left());
        room += before.map_or(0, |before| self.zones.inside.count(before.number));
        let (now, mut inside) = (self.clock.now(), 0);
        self.sweep(&area, |slot| {
            let facts = self.facts.row(slot);
            inside += u64::from(apps.contains(&facts.app()) && self.counts(facts.location, facts.app(), now));
            inside <= room
        });
        inside <= room
    }
}
