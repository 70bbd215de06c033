//! Places that people follow (R-S3), and how precisely places are held (R-P5).

use crate::domain::{PlacePrecision, Purpose, RegistrationName, SavedPlace, SavedPlaceId, Slot};
use crate::wire::storage_v1::RegistrationRecord;

use super::change::{Change, Pending};
use super::effects::Loss;
use super::records;
use super::{Registry, RegistryError};

impl Registry {
    /// Sets a place that a person follows, in place of the one with the same id; as it is held.
    pub async fn set_saved_place(
        &self,
        name: &RegistrationName,
        place: SavedPlace,
    ) -> Result<(Slot, SavedPlace), RegistryError> {
        let slot = self.slot(name)?;
        let held = SavedPlace { place: place.precision.coarsen(place.place)?, ..place };
        self.change(Change::SetSavedPlace(slot, Box::new(held.clone()))).await?;
        Ok((slot, held))
    }

    /// Deletes a place that a person followed.
    pub async fn delete_saved_place(&self, name: &RegistrationName, id: SavedPlaceId) -> Result<(), RegistryError> {
        self.change(Change::DeleteSavedPlace(self.slot(name)?, id)).await.map(drop)
    }

    /// The places that a person follows, by id; none if they may not be held any more.
    pub fn saved_places(&self, name: &RegistrationName) -> Result<Vec<SavedPlace>, RegistryError> {
        let (slot, shared) = (self.slot(name)?, self.shared()?);
        let record = shared.record(slot)?;
        if !shared.counts(records::grant(&record, Purpose::SavedPlaces), records::app_of(&record), shared.clock.now()) {
            return Ok(Vec::new());
        }
        let mut places: Vec<_> =
            records::read_saved_places(&record, slot)?.into_iter().map(|(_, saved)| saved).collect();
        places.sort_by(|one, other| one.id.cmp(&other.id));
        Ok(places)
    }
}

impl Pending<'_> {
    pub(super) fn holds_saved_places(&self, record: &RegistrationRecord) -> bool {
        let grant = records::grant(record, Purpose::SavedPlaces);
        self.shared.counts(grant, records::app_of(record), self.now)
    }

    /// A place that is as coarse as its person wants it to be held.
    pub(super) fn set_saved_place(&mut self, slot: Slot, saved: &SavedPlace) -> Result<(), RegistryError> {
        let mut record = self.record(slot)?;
        if !self.holds_saved_places(&record) {
            return Err(RegistryError::NoSavedPlacesConsent);
        }
        let known = record.saved_places.iter().position(|known| known.id == saved.id.as_str());
        let taken = |ordinal: &u8| record.saved_places.iter().any(|known| known.ordinal == u32::from(*ordinal));
        let ordinal = match known {
            Some(known) => record.saved_places.remove(known).ordinal as u8,
            None => {
                (1..=SavedPlace::MOST as u8).find(|ordinal| !taken(ordinal)).ok_or(RegistryError::TooManySavedPlaces)?
            }
        };
        record.saved_places.push(records::write_saved_place(ordinal, saved));
        self.put_saved_places(slot, &mut record)
    }

    pub(super) fn delete_saved_place(&mut self, slot: Slot, id: &SavedPlaceId) -> Result<(), RegistryError> {
        let mut record = self.record(slot)?;
        let known = record.saved_places.iter().position(|known| known.id == id.as_str());
        record.saved_places.remove(known.ok_or(RegistryError::NoSuchSavedPlace)?);
        self.put_saved_places(slot, &mut record)
    }

    fn put_saved_places(&mut self, slot: Slot, record: &mut RegistrationRecord) -> Result<(), RegistryError> {
        let places = records::read_saved_places(record, slot)?;
        let places = places.into_iter().map(|(ordinal, saved)| (ordinal, saved.place)).collect();
        self.draft.effects.saved(slot, places);
        self.put_changed(slot, record);
        Ok(())
    }

    /// All of them, at once.
    pub(super) fn remove_saved_places(&mut self, slot: Slot, record: &mut RegistrationRecord) {
        if !record.saved_places.is_empty() {
            record.saved_places.clear();
            self.draft.effects.saved(slot, Vec::new());
            self.draft.effects.lose(Loss::SavedPlaces(slot));
        }
    }

    /// What is held more precisely than the person wants now is held coarser, or not at all. What is held coarser
    /// already stays as it is: nobody knows any more where it was.
    pub(super) fn set_precision(&mut self, slot: Slot, record: &mut RegistrationRecord, precision: PlacePrecision) {
        let coarser = precision > records::precision(record);
        record.place_precision = precision as u32;
        let Some((place, at)) = self.place_of(slot).filter(|_| coarser) else { return };
        match precision.coarsen(place) {
            Ok(held) => self.put_place(slot, record, Some((held, at))),
            Err(_) => self.forget_place(slot, record),
        }
    }
}
