//! Which of the devices that were told of something are a partner's.

use crate::domain::{Cid, DeviceSlot, EventCursor, PartnerName, RegistrationName, Slot};

use super::identity::{Keys, Label};
use super::records::{self, cid_of};
use super::{Registry, RegistryError};

/// A partner's registrations among some devices, and where to go on.
pub type OfPartner = (Vec<(RegistrationName, DeviceSlot)>, Option<String>);

impl Registry {
    /// A partner's registrations among `devices`, which ascend, up to `most`. Reads from disk: not for an I/O thread.
    pub fn of_partner(
        &self,
        partner: &PartnerName,
        devices: impl Iterator<Item = DeviceSlot>,
        most: usize,
        page_token: &str,
    ) -> Result<OfPartner, RegistryError> {
        let shared = self.shared()?;
        let number = shared.partner_number(partner)?;
        let first = match page_token {
            "" => 0,
            token => shared.keys.receipt_slot(number, token).ok_or(RegistryError::PageToken)?,
        };
        let own = shared.directory.read().apps_of(number);
        let is_own = |device: &DeviceSlot| {
            let facts = self.facts(Slot(device.0));
            facts.is_live() && own.get(usize::from(facts.app().0)).is_some_and(Option::is_some)
        };
        let mut found = Vec::new();
        for device in devices.filter(|device| device.0 >= first).filter(is_own) {
            if found.len() == most {
                return Ok((found, Some(shared.keys.receipt_token(number, device.0))));
            }
            let slot = Slot(device.0);
            let record = match shared.record(slot) {
                Ok(record) => record,
                // Deleted just now.
                Err(RegistryError::NotFound) => continue,
                Err(error) => return Err(error),
            };
            let cid: Cid = cid_of(&record, slot)?;
            let app = own.get(usize::from(records::app_of(&record).0)).cloned().flatten();
            found.extend(app.map(|app| (RegistrationName { app, cid }, device)));
        }
        Ok((found, None))
    }
}

impl Keys {
    /// Where a list goes on. A slot says how many registrations there are, other partners' included, so it is masked.
    fn receipt_token(&self, partner: u16, slot: u32) -> String {
        let tag = self.sign(Label::Receipt, &[&partner.to_be_bytes(), &slot.to_be_bytes()]);
        let mut proof = [0; 8];
        proof.copy_from_slice(&tag.as_ref()[..8]);
        EventCursor { number: slot.into(), proof: u64::from_be_bytes(proof) }.to_string()
    }

    fn receipt_slot(&self, partner: u16, token: &str) -> Option<u32> {
        let slot = u32::try_from(token.parse::<EventCursor>().ok()?.number).ok()?;
        (self.receipt_token(partner, slot) == token).then_some(slot)
    }
}
