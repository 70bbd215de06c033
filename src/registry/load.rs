//! From the store to memory, at start.

use std::panic::resume_unwind;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::audit::{self, Audit, Tail};
use crate::domain::{
    Act, AppName, AuditEntry, Footprint, PartnerName, PlaceId, PolicyVersion, PrivacyPolicy, Purpose, Slot,
};
use crate::wire::storage_v1::{AppRecord, PartnerRecord, RegistrationRecord, RegistryState};

use super::change::{LAYOUT, Next};
use super::directory::Profile;
use super::place_log::{Limits, PlaceLog};
use super::records::{self, cid_of, decode, holder_of, installation_of, number_key, slot_key, slot_of, subject_of};
use super::store::{Key, Space, Store, damaged};
use super::witness::Witness;
use super::{RegistryError, Shared, events, webhooks};

/// What the store had besides what went into memory.
pub(super) struct Loaded {
    /// The log of places, open for appending.
    pub(super) places: PlaceLog,
    /// Numbers that were not given yet.
    pub(super) next: Next,
    /// Where the last commit is noted.
    pub(super) witness: Witness,
}

/// What every commit writes; `None` if nothing was ever written to the store.
pub(super) fn state(store: &Store) -> Result<Option<RegistryState>, RegistryError> {
    let key = Key::new(&[b"state"]);
    if let Some(payload) = store.get(Space::Meta, key)? {
        return decode(Space::Meta, key.as_bytes(), &payload).map(Some);
    }
    for space in Space::ALL {
        if store.scan(space).next().is_some() {
            return Err(damaged(Space::Meta, key.as_bytes(), "missing"));
        }
    }
    Ok(None)
}

/// What loading is told besides what to load.
pub(super) struct Around<'a> {
    /// The folder of where phones are.
    pub(super) places: &'a Path,
    pub(super) witness: Witness,
    pub(super) limits: Limits,
    /// The audit log, and what it has of the last run.
    pub(super) audit: Option<&'a (Audit, Tail)>,
    pub(super) progress: &'a Progress,
}

/// Reads everything that memory holds.
pub(super) fn load(shared: &Shared, state: Option<RegistryState>, around: Around<'_>) -> Result<Loaded, RegistryError> {
    let Around { places, limits, audit, progress, .. } = around;
    let noted = around.witness.noted();
    let Some(state) = state else {
        // A log without a store: the store has gone.
        let mut entries = 0_u64;
        let places = PlaceLog::open(places, limits, |_| entries += 1)?;
        let (next, witness) = (Next { slot: 0, commit: places.last_commit() + 1 }, around.witness);
        return match entries {
            0 if noted == 0 => Ok(Loaded { places, next, witness }),
            _ => Err(damaged(Space::Meta, b"state", "missing")),
        };
    };
    if state.layout > LAYOUT {
        return Err(RegistryError::LaterLayout(state.layout));
    }
    if state.layout < LAYOUT {
        return Err(RegistryError::EarlierLayout(state.layout));
    }
    if !shared.keys.has(state.key_id) {
        return Err(RegistryError::OtherKey { store: state.key_id, file: shared.keys.id() });
    }
    if state.commit < noted {
        return Err(RegistryError::StoreLost { found: state.commit, expected: noted });
    }
    load_directory(shared)?;
    events::load(shared)?;
    webhooks::load(shared)?;
    if let Some((audit, tail)) = audit {
        record_directory(shared, audit, tail);
    }
    progress.expect(state.next_slot);
    let registrations = load_registrations(shared, state.next_slot, &around)?;
    let places = load_places(shared, places, limits, registrations, progress)?;
    if places.frames() < state.place_frames {
        return Err(RegistryError::PlacesLost { found: places.frames(), expected: state.place_frames });
    }
    shared.load_zones(audit)?;
    shared.count();
    let commit = places.last_commit().max(state.commit) + 1;
    Ok(Loaded { places, next: Next { slot: state.next_slot, commit }, witness: around.witness })
}

/// How far a registry is that is being loaded. Whoever waits for it may look at any time.
#[derive(Debug, Default)]
pub struct Progress {
    done: AtomicU64,
    of: AtomicU64,
    stopped: AtomicBool,
}

impl Progress {
    /// How much is done, and of how much: registrations and their places. Of nothing, before that is known.
    pub fn now(&self) -> (u64, u64) {
        (self.done.load(Ordering::Relaxed), self.of.load(Ordering::Relaxed))
    }

    /// The loading is to end, and to fail.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    fn expect(&self, registrations: u32) {
        self.of.store(2 * u64::from(registrations), Ordering::Relaxed);
    }

    fn add(&self, count: u64) -> Result<(), RegistryError> {
        self.done.fetch_add(count, Ordering::Relaxed);
        if self.stopped.load(Ordering::Relaxed) { Err(RegistryError::Stopped) } else { Ok(()) }
    }
}

/// How many registrations are read between two words to [`Progress`].
const STEP: usize = 4_096;

/// In place of the commit of a registration that there is not: no entry is of a later one.
const NOBODY: u64 = u64::MAX;

/// What the registrations say of places.
#[derive(Default)]
struct Registrations {
    /// By slot, by which commit its place was last changed with its record.
    place_commits: Vec<u64>,
    /// Places that are followed.
    saved: Vec<(PlaceId, Footprint)>,
}

/// Reads the registrations, each part of them on a thread of its own.
fn load_registrations(shared: &Shared, next_slot: u32, around: &Around<'_>) -> Result<Registrations, RegistryError> {
    let threads = std::thread::available_parallelism().map_or(1, |count| count.get().min(8)) as u32;
    let size = next_slot.div_ceil(threads).max(1);
    let parts = std::thread::scope(|scope| {
        let starts: Vec<_> = (0..threads).map(|part| (part * size).min(next_slot)).collect();
        // What lies behind the last slot that was given is read too: it is damage.
        let ends = starts.iter().skip(1).map(|&start| Some(start)).chain([None]);
        let parts = starts.iter().zip(ends);
        let running: Vec<_> =
            parts.map(|(&start, end)| scope.spawn(move || load_part(shared, start, end, next_slot, around))).collect();
        let ended = running.into_iter().map(|part| part.join().unwrap_or_else(|panic| resume_unwind(panic)));
        ended.collect::<Result<Vec<_>, _>>()
    })?;
    let mut all = Registrations::default();
    for part in parts {
        all.place_commits.extend(part.place_commits);
        all.saved.extend(part.saved);
    }
    Ok(all)
}

/// The same of the slots from `start` on up to before `end`.
fn load_part(
    shared: &Shared,
    start: u32,
    end: Option<u32>,
    next_slot: u32,
    around: &Around<'_>,
) -> Result<Registrations, RegistryError> {
    let last = end.unwrap_or(next_slot);
    let mut part = Registrations::default();
    let mut place_commits = Vec::with_capacity((last - start) as usize);
    let items = shared.store.range(Space::Registrations, slot_key(Slot(start)), end.map(|end| slot_key(Slot(end))));
    for item in items {
        let (key, payload) = item?;
        let bad = |reason| damaged(Space::Registrations, &key, reason);
        // A slot that is still to be given would be written over.
        let slot = slot_of(&key).filter(|slot| slot.0 < next_slot).ok_or_else(|| bad("not a slot"))?;
        if u64::from(slot.0) >= shared.facts.capacity() {
            return Err(RegistryError::Full("registrations"));
        }
        let record: RegistrationRecord = decode(Space::Registrations, &key, &payload)?;
        shared.set_grants(slot, records::side_grants(&record));
        shared.facts.set(slot, shared.row_of(slot, &record));
        name(shared, slot, &record)?;
        if !record.saved_places.is_empty() {
            part.follow(shared, slot, &record)?;
        }
        place_commits.resize((slot.0 - start) as usize, NOBODY);
        place_commits.push(record.place_commit);
        if place_commits.len().is_multiple_of(STEP) {
            around.progress.add(STEP as u64)?;
        }
        if let Some((audit, tail)) = around.audit
            && tail.lacks_change(subject_of(&record, slot)?, records::instant(record.updated_us))
        {
            drop(audit.append(&recovered(shared, slot, &record)?));
        }
    }
    place_commits.resize((last - start) as usize, NOBODY);
    Ok(Registrations { place_commits, ..part })
}

impl Registrations {
    /// Takes the places that somebody follows, if they may be held.
    fn follow(&mut self, shared: &Shared, slot: Slot, record: &RegistrationRecord) -> Result<(), RegistryError> {
        let grant = records::grant(record, Purpose::SavedPlaces);
        if !shared.counts(grant, records::app_of(record), shared.clock.now()) {
            return Ok(());
        }
        for (ordinal, saved) in records::read_saved_places(record, slot)? {
            self.saved.push((PlaceId { slot, ordinal }, saved.place));
        }
        Ok(())
    }
}

/// A registration is found by its names.
fn name(shared: &Shared, slot: Slot, record: &RegistrationRecord) -> Result<(), RegistryError> {
    let (cid, holder) = (cid_of(record, slot)?, holder_of(record));
    if holder.is_none() {
        shared.names.insert(cid, slot);
    }
    if let Some(installation) = installation_of(record, slot)? {
        shared.claims.name((cid, installation), Some(slot));
        shared.claims.set(slot, holder);
    }
    Ok(())
}

/// The audit log's record of a change that a crash took from it.
fn recovered(shared: &Shared, slot: Slot, record: &RegistrationRecord) -> Result<AuditEntry, RegistryError> {
    let consents = records::read_consents(record).iter().map(audit::terms).collect();
    let object = shared.directory.read().app_name(records::app_of(record)).map(|app| app.to_string().into());
    Ok(AuditEntry {
        subjects: vec![subject_of(record, slot)?],
        object: object.unwrap_or_default(),
        ..AuditEntry::server(Act::RegistrationRecovered { consents })
    })
}

/// Writes what a crash took from the audit log of partners and apps that were made.
fn record_directory(shared: &Shared, audit: &Audit, tail: &Tail) {
    let directory = shared.directory.read();
    let record = |name: String, profile: &Profile, act: Act| {
        if tail.lacks_object(&name, profile.created) {
            drop(audit.append(&AuditEntry { object: name.into(), ..AuditEntry::server(act) }));
        }
    };
    for (partner, profile) in directory.partners(None) {
        record(partner.to_string(), profile, Act::PartnerCreated);
        if let Some((policy, retired)) = directory.policy(partner).and_then(|policy| Some((policy, policy.retired?)))
            && tail.lacks_object(&partner.to_string(), retired)
        {
            let act = Act::PolicyRetired { version: PolicyVersion(policy.oldest_valid.0 - 1) };
            drop(audit.append(&AuditEntry { object: partner.to_string().into(), ..AuditEntry::server(act) }));
        }
        for (app, profile) in directory.apps(partner, None) {
            record(app.to_string(), profile, Act::AppCreated);
        }
    }
}

fn load_directory(shared: &Shared) -> Result<(), RegistryError> {
    let mut directory = shared.directory.write();
    for item in shared.store.scan(Space::Partners) {
        let (key, payload) = item?;
        let record: PartnerRecord = decode(Space::Partners, &key, &payload)?;
        let name = PartnerName::new(&record.id).map_err(|_| damaged(Space::Partners, &key, "malformed name"))?;
        // A partner's number is its position; were one missing, all after it would be taken for others.
        if *number_key(directory.partner_count() as u16).as_bytes() != *key {
            return Err(damaged(Space::Partners, &key, "the partner before it is missing"));
        }
        let profile = Profile { display_name: record.display_name, created: records::instant(record.created_us) };
        directory.add_partner(name.clone(), profile);
        if record.oldest_policy > 1 {
            let oldest_valid = PolicyVersion(record.oldest_policy as u16);
            let retired = Some(records::instant(record.policy_retired_us));
            directory.set_policy(&name, PrivacyPolicy { oldest_valid, retired });
        }
    }
    for item in shared.store.scan(Space::Apps) {
        let (key, payload) = item?;
        let bad = |reason| damaged(Space::Apps, &key, reason);
        let record: AppRecord = decode(Space::Apps, &key, &payload)?;
        let partner = PartnerName::new(&record.partner).map_err(|_| bad("malformed name"))?;
        let name = AppName::new(partner, &record.id).map_err(|_| bad("malformed name"))?;
        // An app's number is its position; were one missing, all after it would be taken for others.
        if *number_key(directory.app_count() as u16).as_bytes() != *key {
            return Err(bad("the app before it is missing"));
        }
        let profile = Profile { display_name: record.display_name, created: records::instant(record.created_us) };
        shared.add_app(&mut directory, name, profile);
    }
    Ok(())
}

/// Puts places into the index, but for those without a consent that counts. Of these, memory knows that they are on
/// disk, by when they were reported: they are yet to be forgotten, and their partners to be told.
fn load_places(
    shared: &Shared,
    dir: &Path,
    limits: Limits,
    registrations: Registrations,
    progress: &Progress,
) -> Result<PlaceLog, RegistryError> {
    let Registrations { place_commits, saved } = registrations;
    let now = shared.clock.now();
    let mut places: Vec<Option<Footprint>> = vec![None; place_commits.len()];
    let log = PlaceLog::open(dir, limits, |entry| {
        let known = place_commits.get(entry.slot.0 as usize);
        if known.is_some_and(|&commit| commit != NOBODY && entry.counts(commit)) {
            let (place, at) = entry.place;
            places[entry.slot.0 as usize] = Some(place);
            shared.places.set_time(entry.slot, at);
        }
    })?;
    let held = (0..).map(Slot).zip(places).filter_map(|(slot, place)| {
        if (slot.0 as usize).is_multiple_of(STEP) {
            // It is too late to stop.
            let _ = progress.add(STEP as u64);
        }
        let place = place?;
        let (facts, reported) = (shared.facts.row(slot), shared.places.reported_us(slot));
        let counts = shared.counts(facts.location, facts.app(), now);
        (counts && !reported.is_some_and(|us| shared.is_stale(us, now))).then_some((slot, place))
    });
    shared.places.load(held, saved);
    Ok(log)
}
