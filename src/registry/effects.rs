//! What memory learns of changes when they are durable, and what it loses at once.

use std::sync::Arc;

use foldhash::HashMap;

use crate::domain::{
    AppName, AppSlot, AuditEntry, ChannelKind, Cid, Footprint, Installation, PartnerName, PrivacyPolicy, Purpose, Slot,
    ZoneName,
};
use crate::plan::{Facts, Flags, Grant};
use crate::wire::storage_v1::WebhookRecord;

use super::Shared;
use super::directory::{Directory, Profile};
use super::events::LogEnds;
use super::grants::SideGrants;
use super::place_log::Frame;
use super::places::Reported;
use super::zones::Drawn;

/// What memory learns. Of several changes to one thing only the last is learned: nobody sees what was given and taken
/// back in between.
#[derive(Default)]
pub(super) struct Effects {
    facts: HashMap<Slot, (Facts, SideGrants)>,
    places: HashMap<Slot, Placed>,
    /// All places that somebody follows.
    saved: HashMap<Slot, Vec<(u8, Footprint)>>,
    /// How many places the server forgets by itself.
    forgotten: Forgotten,
    names: HashMap<Cid, Option<Slot>>,
    claims: HashMap<(Cid, Installation), Option<Slot>>,
    holders: HashMap<Slot, Option<Slot>>,
    /// Identity keys that are needed no more.
    erased: Vec<u32>,
    /// Registrations that the house ended by itself.
    ended: Vec<(Slot, AuditEntry)>,
    /// Registrations whose link has another secret.
    locked_anew: Vec<Slot>,
    partners: Vec<(PartnerName, Profile)>,
    apps: Vec<(AppName, Profile)>,
    policies: Vec<(PartnerName, PrivacyPolicy)>,
    /// In the order of the changes.
    zones: Vec<(ZoneName, Option<Arc<Drawn>>)>,
    logs: HashMap<u16, LogEnds>,
    webhooks: HashMap<u16, Option<WebhookRecord>>,
    /// What is lost at once.
    losses: Vec<Loss>,
}

/// A place that was set or removed.
#[derive(Clone, Copy)]
pub(super) struct Placed {
    /// Where the phone is then.
    pub(super) place: Option<Reported>,
    /// The registration's record is written too, and says by which commit.
    with_record: bool,
}

/// How many places the server forgets by itself, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Forgotten {
    /// They were too old.
    pub(super) stale: u64,
    /// No consent allows to hold them any more.
    pub(super) without_consent: u64,
}

/// Something that is taken away from a registration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Loss {
    /// All that it is.
    Registration(Slot),
    /// What its person agreed to.
    Consent(Slot, Purpose),
    /// Where it is.
    Place(Slot),
    /// The places that its person follows.
    SavedPlaces(Slot),
    /// An address.
    Channel(Slot, ChannelKind),
    /// What was agreed to in these apps under older versions of the policy.
    Policies(Vec<AppSlot>, PrivacyPolicy),
}

impl Effects {
    pub(super) fn facts(&mut self, slot: Slot, facts: Facts, grants: SideGrants) {
        self.facts.insert(slot, (facts, grants));
    }

    /// A place that was reported: the record is as it was.
    pub(super) fn report(&mut self, slot: Slot, place: Reported) {
        let placed = self.places.entry(slot).or_insert(Placed { place: None, with_record: false });
        placed.place = Some(place);
    }

    /// A place that was set or removed together with the record.
    pub(super) fn place(&mut self, slot: Slot, place: Option<Reported>) {
        self.places.insert(slot, Placed { place, with_record: true });
    }

    /// All places that somebody follows from now on.
    pub(super) fn saved(&mut self, slot: Slot, places: Vec<(u8, Footprint)>) {
        self.saved.insert(slot, places);
    }

    pub(super) fn forget(&mut self, forgotten: Forgotten) {
        self.forgotten.stale += forgotten.stale;
        self.forgotten.without_consent += forgotten.without_consent;
    }

    pub(super) fn forgotten(&self) -> Forgotten {
        self.forgotten
    }

    /// A row, if it is changed here.
    pub(super) fn facts_of(&self, slot: Slot) -> Option<Facts> {
        self.facts.get(&slot).map(|(facts, _)| *facts)
    }

    /// Where a phone is, if that is changed here.
    pub(super) fn placed(&self, slot: Slot) -> Option<Placed> {
        self.places.get(&slot).copied()
    }

    /// What the log of places is to be told, if anything.
    pub(super) fn frame(&self, commit: u64) -> Option<Frame> {
        let mut frame = None;
        for (&slot, placed) in &self.places {
            if let Some(place) = placed.place {
                frame.get_or_insert_with(|| Frame::new(commit)).push(slot, place, placed.with_record);
            }
        }
        frame
    }

    /// Whether any place is set or removed.
    pub(super) fn moves(&self) -> bool {
        !self.places.is_empty()
    }

    pub(super) fn name(&mut self, cid: Cid, slot: Option<Slot>) {
        self.names.insert(cid, slot);
    }

    /// Names whoever is or was a claim, or nobody any more.
    pub(super) fn claim(&mut self, name: (Cid, Installation), slot: Option<Slot>) {
        self.claims.insert(name, slot);
    }

    /// The holder of the CID that a registration claims, or that it claims none any more.
    pub(super) fn holder(&mut self, claim: Slot, holder: Option<Slot>) {
        self.holders.insert(claim, holder);
    }

    /// An identity key that is needed no more.
    pub(super) fn erase_key(&mut self, number: u32) {
        self.erased.push(number);
    }

    /// A registration that the house ended by itself.
    pub(super) fn end(&mut self, slot: Slot, entry: AuditEntry) {
        self.ended.push((slot, entry));
    }

    /// A registration whose link has another secret: whoever has it open may be somebody else.
    pub(super) fn lock_anew(&mut self, slot: Slot) {
        self.locked_anew.push(slot);
    }

    pub(super) fn partner(&mut self, name: PartnerName, profile: Profile) {
        self.partners.push((name, profile));
    }

    pub(super) fn app(&mut self, name: AppName, profile: Profile) {
        self.apps.push((name, profile));
    }

    pub(super) fn policy(&mut self, partner: PartnerName, policy: PrivacyPolicy) {
        self.policies.push((partner, policy));
    }

    pub(super) fn zone(&mut self, name: ZoneName, drawn: Option<Arc<Drawn>>) {
        self.zones.push((name, drawn));
    }

    /// What becomes of zones, in the order of the changes.
    pub(super) fn zones(&self) -> &[(ZoneName, Option<Arc<Drawn>>)] {
        &self.zones
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
        for (slot, placed) in later.places {
            let with_record = placed.with_record || self.places.get(&slot).is_some_and(|known| known.with_record);
            self.places.insert(slot, Placed { with_record, ..placed });
        }
        self.saved.extend(later.saved);
        self.forget(later.forgotten);
        self.names.extend(later.names);
        self.claims.extend(later.claims);
        self.holders.extend(later.holders);
        self.ended.extend(later.ended);
        self.locked_anew.extend(later.locked_anew);
        self.erased.extend(later.erased);
        self.partners.extend(later.partners);
        self.apps.extend(later.apps);
        self.policies.extend(later.policies);
        self.zones.extend(later.zones);
        self.logs.extend(later.logs);
        self.webhooks.extend(later.webhooks);
        self.losses.extend(later.losses);
    }
}

impl Shared {
    /// What is durable becomes visible.
    pub(super) fn learn(&self, effects: Effects) {
        // First: what another person agrees to, and where they are, leads to no link that was opened before. The secret
        // that opened it opens none any more.
        for slot in effects.locked_anew {
            self.settling.links.dismiss(slot);
        }
        for (slot, (facts, grants)) in effects.facts {
            self.set_grants(slot, grants);
            self.facts.set(slot, facts);
        }
        for (slot, placed) in effects.places {
            self.set_place(slot, placed.place);
        }
        for (slot, places) in effects.saved {
            self.places.set_saved(slot, &places);
        }
        // Last: a registration that can be named is there.
        for (cid, slot) in effects.names {
            match slot {
                Some(slot) => self.names.insert(cid, slot),
                None => self.names.remove(cid),
            }
        }
        for (name, slot) in effects.claims {
            self.claims.name(name, slot);
        }
        for (claim, holder) in effects.holders {
            self.claims.set(claim, holder);
        }
        for number in effects.erased {
            self.erase_key(number);
        }
        for (slot, entry) in effects.ended {
            self.settling.links.dismiss(slot);
            self.record_end(&entry);
        }
        // Few commits change it, and each write would hold up all who read it.
        let grows = !effects.apps.is_empty() || !effects.zones.is_empty();
        if !effects.partners.is_empty() || !effects.policies.is_empty() || !effects.apps.is_empty() {
            let mut directory = self.directory.write();
            for (name, profile) in effects.partners {
                directory.add_partner(name, profile);
            }
            for (partner, policy) in effects.policies {
                directory.set_policy(&partner, policy);
            }
            for (name, profile) in effects.apps {
                self.add_app(&mut directory, name, profile);
            }
        }
        for (name, drawn) in effects.zones {
            self.zones.set(&name, drawn);
        }
        if grows {
            self.zones.attach(&self.directory.read());
        }
        for (partner, ends) in effects.logs {
            self.logs.learn(partner, ends);
        }
        for (partner, record) in effects.webhooks {
            self.webhooks.learn(partner, record);
        }
    }

    /// A new app has its partner's policy.
    pub(super) fn add_app(&self, directory: &mut Directory, name: AppName, profile: Profile) {
        let policy = directory.policy(&name.partner);
        let slot = directory.add_app(name, profile);
        if let Some(policy) = policy {
            self.policies.set(slot, policy.oldest_valid);
        }
    }

    pub(super) fn set_grants(&self, slot: Slot, grants: SideGrants) {
        self.cross_border.set(slot, grants.cross_border);
        self.saved_places.set(slot, grants.saved_places);
    }

    /// Where a phone is from now on. One that is nowhere is in no zone: see `inside`.
    fn set_place(&self, slot: Slot, place: Option<Reported>) {
        self.places.set(slot, place);
        if place.is_none() {
            self.zones.forget(slot);
        }
    }

    /// What is taken away is gone before that is durable (R-P2). It is taken from what can be seen now, so that nothing
    /// is given with it that is not durable yet.
    pub(super) fn lose(&self, loss: Loss) {
        match loss {
            Loss::Registration(slot) => {
                if self.facts.row(slot).flags.has(Flags::FOLLOWS) {
                    self.places.set_saved(slot, &[]);
                }
                self.facts.set(slot, Facts::default());
                self.set_grants(slot, SideGrants::default());
                self.set_place(slot, None);
            }
            Loss::Consent(slot, purpose) => {
                let mut facts = self.facts.row(slot);
                match purpose {
                    Purpose::EmergencyPush => facts.emergency = Grant::default(),
                    Purpose::Location => facts.location = Grant::default(),
                    Purpose::CrossBorder => {
                        self.cross_border.set(slot, Grant::default());
                        facts.flags.0 &= !Flags::CROSS_BORDER;
                    }
                    Purpose::SavedPlaces => self.saved_places.set(slot, Grant::default()),
                    Purpose::LinkMerging | Purpose::AssociatedStart => {}
                }
                self.facts.set(slot, facts);
            }
            Loss::Place(slot) => self.set_place(slot, None),
            Loss::SavedPlaces(slot) => {
                let mut facts = self.facts.row(slot);
                facts.flags.0 &= !Flags::FOLLOWS;
                self.facts.set(slot, facts);
                self.places.set_saved(slot, &[]);
            }
            Loss::Channel(slot, channel) => {
                let mut facts = self.facts.row(slot);
                facts.channels &= !channel.bit();
                self.facts.set(slot, facts);
            }
            Loss::Policies(apps, policy) => {
                for app in apps {
                    self.policies.set(app, policy.oldest_valid);
                }
            }
        }
    }
}
