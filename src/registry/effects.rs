//! What memory learns of changes when they are durable, and what it loses at once.

use foldhash::HashMap;

use crate::domain::{AppName, ChannelKind, Cid, Footprint, PartnerName, PlaceId, Purpose, Slot};
use crate::plan::{Facts, Grant};
use crate::wire::storage_v1::WebhookRecord;

use super::Shared;
use super::directory::Profile;
use super::events::LogEnds;

/// What memory learns. Of several changes to one thing only the last is learned: nobody sees what was given and taken
/// back in between.
#[derive(Default)]
pub(super) struct Effects {
    facts: HashMap<Slot, Facts>,
    places: HashMap<Slot, Option<Footprint>>,
    names: HashMap<Cid, Option<Slot>>,
    partners: Vec<(PartnerName, Profile)>,
    apps: Vec<(AppName, Profile)>,
    logs: HashMap<u16, LogEnds>,
    webhooks: HashMap<u16, Option<WebhookRecord>>,
    /// What is lost at once.
    losses: Vec<Loss>,
}

/// Something that is taken away from a registration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Loss {
    /// All that it is.
    Registration(Slot),
    /// What its person agreed to.
    Consent(Slot, Purpose),
    /// Where it is.
    Place(Slot),
    /// An address.
    Channel(Slot, ChannelKind),
}

impl Effects {
    pub(super) fn facts(&mut self, slot: Slot, facts: Facts) {
        self.facts.insert(slot, facts);
    }

    pub(super) fn place(&mut self, slot: Slot, place: Option<Footprint>) {
        self.places.insert(slot, place);
    }

    pub(super) fn name(&mut self, cid: Cid, slot: Option<Slot>) {
        self.names.insert(cid, slot);
    }

    pub(super) fn partner(&mut self, name: PartnerName, profile: Profile) {
        self.partners.push((name, profile));
    }

    pub(super) fn app(&mut self, name: AppName, profile: Profile) {
        self.apps.push((name, profile));
    }

    /// Where a partner's log ends.
    pub(super) fn log(&mut self, partner: u16, ends: LogEnds) {
        self.logs.insert(partner, ends);
    }

    pub(super) fn webhook(&mut self, partner: u16, record: Option<WebhookRecord>) {
        self.webhooks.insert(partner, record);
    }

    pub(super) fn lose(&mut self, loss: Loss) {
        self.losses.push(loss);
    }

    /// Whether the partner is added here.
    pub(super) fn adds_partner(&self, name: &PartnerName) -> bool {
        self.partners.iter().any(|(known, _)| known == name)
    }

    /// Whether the app is added here.
    pub(super) fn adds_app(&self, name: &AppName) -> bool {
        self.apps.iter().any(|(known, _)| known == name)
    }

    pub(super) fn take_losses(&mut self) -> Vec<Loss> {
        std::mem::take(&mut self.losses)
    }

    /// Adds what a later change has brought.
    pub(super) fn append(&mut self, later: Self) {
        self.facts.extend(later.facts);
        self.places.extend(later.places);
        self.names.extend(later.names);
        self.partners.extend(later.partners);
        self.apps.extend(later.apps);
        self.logs.extend(later.logs);
        self.webhooks.extend(later.webhooks);
        self.losses.extend(later.losses);
    }
}

impl Shared {
    /// What is durable becomes visible.
    pub(super) fn learn(&self, effects: Effects) {
        for (slot, facts) in effects.facts {
            self.facts.set(slot, facts);
        }
        for (slot, place) in effects.places {
            self.index.place(PlaceId::live(slot), place);
        }
        // Last: a registration that can be named is there.
        for (cid, slot) in effects.names {
            match slot {
                Some(slot) => drop(self.names.insert(cid, slot)),
                None => drop(self.names.remove(&cid)),
            }
        }
        let mut directory = self.directory.write();
        for (name, profile) in effects.partners {
            directory.add_partner(name, profile);
        }
        for (name, profile) in effects.apps {
            directory.add_app(name, profile);
        }
        drop(directory);
        for (partner, ends) in effects.logs {
            self.logs.learn(partner, ends);
        }
        for (partner, record) in effects.webhooks {
            self.webhooks.learn(partner, record);
        }
    }

    /// What is taken away is gone before that is durable (R-P2). It is taken from what can be seen now, so that nothing
    /// is given with it that is not durable yet.
    pub(super) fn lose(&self, loss: Loss) {
        match loss {
            Loss::Registration(slot) => {
                self.facts.set(slot, Facts::default());
                self.index.place(PlaceId::live(slot), None);
            }
            Loss::Consent(slot, purpose) => {
                let mut facts = self.facts.row(slot);
                match purpose {
                    Purpose::EmergencyPush => facts.emergency = Grant::default(),
                    Purpose::Location => facts.location = Grant::default(),
                    Purpose::SavedPlaces | Purpose::LinkMerging | Purpose::AssociatedStart | Purpose::CrossBorder => {}
                }
                self.facts.set(slot, facts);
            }
            Loss::Place(slot) => self.index.place(PlaceId::live(slot), None),
            Loss::Channel(slot, channel) => {
                let mut facts = self.facts.row(slot);
                facts.channels &= !channel.bit();
                self.facts.set(slot, facts);
            }
        }
    }
}
