//! Making, changing and deleting partners' zones, and reading them from the store.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::audit::{Audit, Tail};
use crate::domain::{
    Act, AppName, AppSlot, Area, AuditEntry, PartnerName, Slot, Timestamp, Zone, ZoneChange, ZoneName,
};
use crate::journal::area;
use crate::wire::storage_v1::ZoneRecord;

use super::change::{Change, Done, Pending};
use super::records::{decode, instant, zone_key};
use super::store::{Space, damaged};
use super::zones::{Drawn, Zones};
use super::{Registry, RegistryError, Shared};

/// The most points that all zones of one partner have.
const POINTS_OF_ONE_PARTNER: usize = 1_000_000;

/// Zones with how many registrations are inside, and where to go on.
pub type ZonePage = (Vec<(Arc<Zone>, u64)>, Option<ZoneName>);

/// Zones: each is durable, and in force, when its call returns.
impl Registry {
    /// Makes a zone. Its ground is `new`'s.
    pub async fn create_zone(&self, name: ZoneName, new: ZoneChange) -> Result<Arc<Zone>, RegistryError> {
        zone(self.change(Change::AddZone(name, Box::new(new))).await?)
    }

    /// Changes a zone.
    pub async fn update_zone(&self, name: ZoneName, change: ZoneChange) -> Result<Arc<Zone>, RegistryError> {
        zone(self.change(Change::UpdateZone(name, Box::new(change))).await?)
    }

    /// Refuses what would make a zone hold more registrations than there is room to know of, if the change can be made
    /// at all. Blocks for as long as a sweep takes: to be asked before the change.
    pub fn check_room(&self, name: &ZoneName, change: &ZoneChange) -> Result<(), RegistryError> {
        let (shared, now) = (self.shared()?, self.shared()?.now());
        let before = shared.zones.find(name);
        let zone = match (&before, &change.area) {
            (Some(before), _) => changed((*before.zone).clone(), change.clone()),
            (None, Some(area)) => changed(new_zone(name, area.clone(), now), change.clone()),
            (None, None) => return Ok(()),
        };
        let is_known = before.as_ref().is_some_and(|before| is_as_drawn(&before.zone, &zone, now));
        let directory = shared.directory.read();
        let all =
            directory.apps(&name.partner, None).filter(|(app, _)| zone.apps.is_empty() || zone.apps.contains(app));
        let apps: Vec<AppSlot> = all.filter_map(|(app, _)| Some(directory.app(app)?.0)).collect();
        drop(directory);
        let fits = is_known || !zone.is_in_force(now) || shared.has_room(&zone, &apps, before.as_deref());
        if fits { Ok(()) } else { Err(RegistryError::CrowdedZone) }
    }

    /// Deletes a zone.
    pub async fn delete_zone(&self, name: ZoneName) -> Result<(), RegistryError> {
        self.change(Change::RemoveZone(name)).await.map(drop)
    }

    /// A zone, and how many registrations are inside.
    pub fn zone(&self, name: &ZoneName) -> Result<(Arc<Zone>, u64), RegistryError> {
        let shared = self.shared()?;
        let drawn = shared.zones.find(name).ok_or(RegistryError::UnknownZone)?;
        Ok((Arc::clone(&drawn.zone), shared.zones.count(&drawn, shared.clock.now())))
    }

    /// A partner's zones by name, from `first` on, each with how many registrations are inside; and where to go on. Up
    /// to `most`, and no more than have so many `points` together, but at least one.
    pub fn zones(
        &self,
        partner: &PartnerName,
        first: Option<&ZoneName>,
        most: usize,
        points: usize,
    ) -> Result<ZonePage, RegistryError> {
        let shared = self.shared()?;
        self.partner(partner)?;
        let now = shared.clock.now();
        let (mut found, mut taken) = (Vec::new(), 0);
        for drawn in shared.zones.all(partner) {
            if first.is_some_and(|first| drawn.zone.name < *first) {
                continue;
            }
            taken += drawn.zone.area.points();
            if found.len() == most || (taken > points && !found.is_empty()) {
                return Ok((found, Some(drawn.zone.name.clone())));
            }
            found.push((Arc::clone(&drawn.zone), shared.zones.count(&drawn, now)));
        }
        Ok((found, None))
    }

    /// Looks where a registration is: the zones of its partner that it has entered since it was last looked at.
    pub fn enter_zones(&self, slot: Slot) -> Vec<Arc<Zone>> {
        self.shared().map(|shared| shared.enter_zones(slot)).unwrap_or_default()
    }

    /// Finds who is inside zones that were drawn since the last time; nobody is told to have entered these before.
    /// Blocks for as long as a sweep of each takes.
    pub fn count_zones(&self) {
        if let Ok(shared) = self.shared() {
            shared.count_zones();
        }
    }
}

fn zone(done: Done) -> Result<Arc<Zone>, RegistryError> {
    match done {
        Done::Zone(zone) => Ok(zone),
        _ => Err(RegistryError::Stopped),
    }
}

impl Pending<'_> {
    pub(super) fn add_zone(&mut self, name: &ZoneName, new: ZoneChange) -> Result<Done, RegistryError> {
        if self.shared.directory.read().partner(&name.partner).is_none() {
            return Err(RegistryError::UnknownPartner);
        }
        if self.zone_now(name).is_some() {
            return Err(RegistryError::AlreadyExists);
        }
        let area = new.area.clone().ok_or(RegistryError::NoGround)?;
        let key = self.shared.zones.take_key();
        self.draw_zone(changed(new_zone(name, area, self.now), new), key)
    }

    pub(super) fn update_zone(&mut self, name: &ZoneName, change: ZoneChange) -> Result<Done, RegistryError> {
        let before = self.zone_now(name).ok_or(RegistryError::UnknownZone)?;
        let zone = changed(Zone { updated: self.now, ..(*before.zone).clone() }, change);
        if is_as_drawn(&before.zone, &zone, self.now) {
            return Ok(self.put_zone(Zones::rename(&before, zone)));
        }
        self.draw_zone(zone, before.key)
    }

    pub(super) fn remove_zone(&mut self, name: &ZoneName) -> Result<(), RegistryError> {
        let before = self.zone_now(name).ok_or(RegistryError::UnknownZone)?;
        self.draft.batch.remove(Space::Zones, zone_key(before.key));
        self.draft.effects.zone(name.clone(), None);
        Ok(())
    }

    fn draw_zone(&mut self, zone: Zone, key: u32) -> Result<Done, RegistryError> {
        let (others, points) = self.others(&zone.name);
        if others >= self.shared.most_zones {
            return Err(RegistryError::Full("zones of the partner"));
        }
        if points + zone.area.points() > POINTS_OF_ONE_PARTNER {
            return Err(RegistryError::Full("points in the zones of the partner"));
        }
        let apps = self.shared.app_slots(&zone.apps)?;
        let drawn = self.shared.zones.draw(zone, key, apps).ok_or(RegistryError::NoGround)?;
        Ok(self.put_zone(drawn))
    }

    fn put_zone(&mut self, drawn: Arc<Drawn>) -> Done {
        let zone = Arc::clone(&drawn.zone);
        self.put(Space::Zones, zone_key(drawn.key), &write(&zone));
        self.draft.effects.zone(zone.name.clone(), Some(drawn));
        Done::Zone(zone)
    }

    /// A zone with the changes so far.
    fn zone_now(&self, name: &ZoneName) -> Option<Arc<Drawn>> {
        let made = self.made_zones().iter().rev().find(|(made, _)| made == name);
        made.map_or_else(|| self.shared.zones.find(name), |(_, drawn)| drawn.clone())
    }

    /// How many other zones the partner has with the changes so far, and how many points these have together.
    fn others(&self, name: &ZoneName) -> (usize, usize) {
        let (mut zones, mut points) = self.shared.zones.extent(&name.partner);
        let made = self.made_zones().iter().map(|(made, _)| made).filter(|made| made.partner == name.partner);
        for changed in made.chain([name]).collect::<BTreeSet<_>>() {
            if let Some(before) = self.shared.zones.find(changed) {
                (zones, points) = (zones - 1, points - before.points);
            }
            if let Some(now) = self.zone_now(changed).filter(|_| changed != name) {
                (zones, points) = (zones + 1, points + now.points);
            }
        }
        (zones, points)
    }
}

/// A zone of which nothing is said but its ground.
fn new_zone(name: &ZoneName, area: Area, now: Timestamp) -> Zone {
    let (name, display_name) = (name.clone(), String::new());
    Zone { name, display_name, area, apps: Vec::new(), expires: None, created: now, updated: now }
}

/// Whether those who were inside a zone are inside the changed one. Of one that was not in force that is not known.
fn is_as_drawn(before: &Zone, after: &Zone, now: Timestamp) -> bool {
    let is_held = before.is_in_force(now) || after.expires == before.expires;
    is_held && after.area == before.area && after.apps == before.apps
}

fn changed(zone: Zone, change: ZoneChange) -> Zone {
    Zone {
        display_name: change.display_name.unwrap_or(zone.display_name),
        area: change.area.unwrap_or(zone.area),
        apps: change.apps.unwrap_or(zone.apps),
        expires: change.expires.unwrap_or(zone.expires),
        ..zone
    }
}

fn write(zone: &Zone) -> ZoneRecord {
    ZoneRecord {
        partner: zone.name.partner.id().to_owned(),
        id: zone.name.id().to_owned(),
        display_name: zone.display_name.clone(),
        area: Some(area::write(&zone.area)),
        apps: zone.apps.iter().map(|app| app.id().to_owned()).collect(),
        expires_us: zone.expires.map(Timestamp::as_microsecond),
        created_us: zone.created.as_microsecond(),
        updated_us: zone.updated.as_microsecond(),
    }
}

fn read(key: &[u8], record: ZoneRecord) -> Result<Zone, RegistryError> {
    let bad = |reason| damaged(Space::Zones, key, reason);
    let partner = PartnerName::new(&record.partner).map_err(|_| bad("malformed name"))?;
    let app = |id: &String| AppName::new(partner.clone(), id).map_err(|_| bad("malformed app"));
    Ok(Zone {
        name: ZoneName::new(partner.clone(), &record.id).map_err(|_| bad("malformed name"))?,
        display_name: record.display_name,
        area: area::read(record.area.ok_or_else(|| bad("no ground"))?).map_err(|_| bad("malformed ground"))?,
        apps: record.apps.iter().map(app).collect::<Result<_, _>>()?,
        expires: record.expires_us.map(instant),
        created: instant(record.created_us),
        updated: instant(record.updated_us),
    })
}

impl Shared {
    /// Reads every zone, and writes what a crash took of them from the audit log. Partners and apps are there already.
    pub(super) fn load_zones(&self, audit: Option<&(Audit, Tail)>) -> Result<(), RegistryError> {
        for item in self.store.scan(Space::Zones) {
            let (bytes, payload) = item?;
            let bad = |reason| damaged(Space::Zones, &bytes, reason);
            let key = <[u8; 4]>::try_from(&*bytes).map(u32::from_be_bytes).map_err(|_| bad("not a number"))?;
            let record: ZoneRecord = decode(Space::Zones, &bytes, &payload)?;
            let zone = read(&bytes, record)?;
            self.zones.key_is_taken(key);
            let apps = self.app_slots(&zone.apps).map_err(|_| bad("an app that is not there"))?;
            if let Some((audit, tail)) = audit
                && tail.lacks_object(&zone.name.to_string(), zone.updated)
            {
                let act = if zone.updated == zone.created { Act::ZoneCreated } else { Act::ZoneUpdated };
                drop(audit.append(&AuditEntry { object: zone.name.to_string().into(), ..AuditEntry::server(act) }));
            }
            let name = zone.name.clone();
            let drawn = self.zones.draw(zone, key, apps).ok_or_else(|| bad("no ground"))?;
            self.zones.set(&name, Some(drawn));
        }
        self.zones.attach(&self.directory.read());
        Ok(())
    }

    fn app_slots(&self, apps: &[AppName]) -> Result<Vec<AppSlot>, RegistryError> {
        apps.iter().map(|app| self.app_slot(app)).collect()
    }
}
