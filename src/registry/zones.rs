//! Partners' own zones (R-S1): which there are, and which of its partner's a registration has entered.
//!
//! Each partner's zones have a tree of their own, found by a registration's app: a zone is asked of nobody but its own
//! partner's registrations, and costs nobody else anything. A registration's place is used only as long as its person
//! agrees to that.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use arc_swap::ArcSwap;
use foldhash::HashMap;
use parking_lot::RwLock;

use crate::domain::{AppSlot, Footprint, PartnerName, Slot, Timestamp, Zone, ZoneName};
use crate::locate::{AffectedArea, Order, Standing};

use super::Shared;
use super::directory::Directory;
use super::inside::{Inside, ZoneNumber};

/// Every partner's zones.
#[derive(Default)]
pub(super) struct Zones {
    partners: RwLock<BTreeMap<PartnerName, Arc<OfPartner>>>,
    /// The zones of each app's partner, if it has or had any.
    by_app: ArcSwap<Vec<Option<Arc<OfPartner>>>>,
    inside: Inside,
    /// The number that the next drawing gets.
    next_number: AtomicU32,
    /// The key that the next zone gets in the store.
    next_key: AtomicU32,
}

/// The zones of one partner.
#[derive(Default)]
struct OfPartner {
    standing: Standing<ZoneNumber>,
    held: RwLock<Held>,
}

#[derive(Default)]
struct Held {
    by_name: BTreeMap<ZoneName, Arc<Drawn>>,
    by_number: HashMap<ZoneNumber, Arc<Drawn>>,
}

/// A zone as it is drawn now.
pub(super) struct Drawn {
    pub(super) zone: Arc<Zone>,
    /// Its key in the store.
    pub(super) key: u32,
    number: ZoneNumber,
    area: AffectedArea,
    /// The apps that it is for; none means all.
    apps: Vec<AppSlot>,
    /// Whether those are known who were inside when it was drawn. Until then nobody is told to have entered.
    counted: Arc<AtomicBool>,
}

impl Drawn {
    fn is_for(&self, app: AppSlot) -> bool {
        self.apps.is_empty() || self.apps.contains(&app)
    }
}

impl Zones {
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
        Some(Arc::new(Drawn { zone: Arc::new(zone), key, number, area, apps, counted: Arc::default() }))
    }

    /// The same drawing with another word about it.
    pub(super) fn rename(before: &Drawn, zone: Zone) -> Arc<Drawn> {
        let Drawn { key, number, ref area, ref apps, ref counted, .. } = *before;
        let (area, apps, counted) = (area.clone(), apps.clone(), Arc::clone(counted));
        Arc::new(Drawn { zone: Arc::new(zone), key, number, area, apps, counted })
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

    /// Whether a registration is inside a zone.
    pub(super) fn is_inside(&self, slot: Slot, zone: &ZoneName) -> bool {
        self.find(zone).is_some_and(|drawn| self.inside.shard(slot).is_in(slot, drawn.number))
    }

    /// How many registrations are inside.
    pub(super) fn count(&self, drawn: &Drawn, now: Timestamp) -> u64 {
        if drawn.zone.is_in_force(now) { self.inside.count(drawn.number) } else { 0 }
    }

    /// A zone is there, in place of the one that was; or is not. Only the writer calls this, and whoever loads.
    pub(super) fn set(&self, name: &ZoneName, drawn: Option<Arc<Drawn>>) {
        let own = Arc::clone(self.partners.write().entry(name.partner.clone()).or_default());
        let mut held = own.held.write();
        let before = match &drawn {
            Some(drawn) => held.by_name.insert(name.clone(), Arc::clone(drawn)),
            None => held.by_name.remove(name),
        };
        if let Some(before) = &before {
            held.by_number.remove(&before.number);
        }
        if let Some(drawn) = &drawn {
            held.by_number.insert(drawn.number, Arc::clone(drawn));
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
        for drawn in here {
            if shard.enter(slot, drawn.number) && drawn.counted.load(Ordering::Acquire) {
                entered.push(Arc::clone(&drawn.zone));
            }
        }
        entered
    }

    /// Finds who is inside zones that were drawn since the last time, without a word to anybody; and forgets who was in
    /// zones that are no longer in force. Takes as long as a sweep of each.
    pub(super) fn count_zones(&self) {
        let now = self.clock.now();
        let drawn = self.zones.drawn();
        for zone in drawn.iter().filter(|drawn| !drawn.counted.load(Ordering::Relaxed)) {
            self.count_zone(zone);
        }
        let in_force: foldhash::HashSet<ZoneNumber> =
            drawn.iter().filter(|drawn| drawn.zone.is_in_force(now)).map(|drawn| drawn.number).collect();
        // One that was drawn meanwhile is kept.
        let newest = drawn.iter().map(|drawn| drawn.number).max();
        self.zones.inside.retain(|zone| in_force.contains(&zone) || newest.is_none_or(|newest| zone > newest));
    }

    fn count_zone(&self, drawn: &Drawn) {
        let Some(own) = self.zones.of(&drawn.zone.name.partner) else { return };
        let mut sweep = self.places.index().sweep(std::slice::from_ref(&drawn.area), Order::Any);
        let mut hits = Vec::new();
        loop {
            hits.clear();
            let more = sweep.next_batch(&mut hits);
            for hit in &hits {
                self.find_inside(hit.slot, &own, drawn);
            }
            if !more {
                break;
            }
        }
        drawn.counted.store(true, Ordering::Release);
    }

    /// Puts a registration that is inside a zone among those that are.
    fn find_inside(&self, slot: Slot, own: &Arc<OfPartner>, drawn: &Drawn) {
        let facts = self.facts.row(slot);
        let is_own = self.zones.of_app(facts.app()).is_some_and(|of_app| Arc::ptr_eq(&of_app, own));
        let agreed = self.counts(facts.location, facts.app(), self.clock.now());
        if !is_own || !drawn.is_for(facts.app()) || !agreed {
            return;
        }
        let mut shard = self.zones.inside.shard(slot);
        if self.position(slot).is_some_and(|place| drawn.area.touches(place)) {
            shard.enter(slot, drawn.number);
        }
    }
}
