//! The model: what is held, by the simplest means.

use super::*;

/// The most claims to one CID.
const CLAIMS: usize = 4;

/// The most keys.
const KEYS: usize = 4;

/// What is kept of an identifier: a hash by the key of this number.
type Hash = (IdentifierKind, u8, usize);

/// A registration as the model has it.
#[derive(Debug, Clone)]
pub(super) struct Held {
    pub(super) app: usize,
    pub(super) slot: Slot,
    /// Equal for those whose devices its partner knows to be one.
    pub(super) device: usize,
    hashes: Vec<Hash>,
    pub(super) secret: LinkSecret,
    pub(super) languages: bool,
    pub(super) tokens: BTreeMap<ChannelKind, String>,
    pub(super) gone: BTreeSet<ChannelKind>,
    pub(super) consents: BTreeMap<Purpose, Consent>,
    pub(super) drills: bool,
    pub(super) preferences: u8,
    pub(super) under_14: bool,
    pub(super) precision: PlacePrecision,
    pub(super) place: Option<(Footprint, Timestamp)>,
    pub(super) saved: BTreeMap<SavedPlaceId, SavedPlace>,
    pub(super) created: Timestamp,
    pub(super) updated: Timestamp,
    /// When its link was last noted to be open.
    seen: Option<Timestamp>,
    /// Those that claim its CID, the newest last.
    claims: Vec<RegistrationName>,
    /// Names by which it is found besides the one that it is shown by.
    aliases: Vec<RegistrationName>,
}

impl Held {
    pub(super) fn may_be_placed(&self, policies: &Policies, now: Timestamp) -> bool {
        self.counts(Purpose::Location, policies, now)
    }

    pub(super) fn counts(&self, purpose: Purpose, policies: &Policies, now: Timestamp) -> bool {
        self.consents.get(&purpose).is_some_and(|consent| {
            // Rows keep whole seconds.
            let lasts = consent.expires.is_none_or(|ends| ends.as_second() > now.as_second());
            lasts && consent.policy >= policies.oldest(self.app)
        })
    }

    /// What a row says of a purpose.
    pub(super) fn grant(&self, purpose: Purpose) -> Grant {
        let held = self.consents.get(&purpose);
        held.map_or_else(Grant::default, |consent| Grant::until(consent.policy, consent.expires))
    }

    fn is_silent(&self, since: Timestamp, now: Timestamp) -> bool {
        let place = self.place.map(|(_, at)| at);
        let last = [Some(since), Some(self.updated), self.seen, place].into_iter().flatten().max().expect("one");
        self.tokens.is_empty() && now.duration_since(last) >= SignedDuration::try_from(WAIT).expect("short")
    }
}

#[derive(Debug, Default)]
pub(super) struct Model {
    pub(super) policies: Policies,
    /// By the name that it is shown by.
    pub(super) held: BTreeMap<String, (RegistrationName, Held)>,
    /// Every name there ever was, in order of their making.
    pub(super) names: Vec<RegistrationName>,
    /// Whom an identifier means, the first first: at most one an app, and never a claim.
    offered: BTreeMap<Hash, Vec<RegistrationName>>,
    /// With the key of their time.
    requests: BTreeMap<(usize, u8), (Slot, usize)>,
    /// When each key was retired, the newest but one last.
    retired: Vec<Timestamp>,
    /// How many keys are no more, the oldest.
    erased: usize,
    pub(super) old_secrets: Vec<(RegistrationName, LinkSecret)>,
    slots: u32,
    devices: usize,
}

impl Model {
    pub(super) fn pick(&self, of: Pick) -> Option<RegistrationName> {
        (!self.names.is_empty()).then(|| of.get(&self.names).clone())
    }

    /// The secret of a registration that is there.
    pub(super) fn secret(&self, of: Pick) -> Option<LinkSecret> {
        self.find(&self.pick(of)?).map(|(_, held)| held.secret)
    }

    /// The registration that a name means, and the one by which it is shown.
    pub(super) fn find(&self, name: &RegistrationName) -> Option<(&RegistrationName, &Held)> {
        let own = self.held.get(&name.to_string());
        let found = own.or_else(|| self.held.values().find(|(_, held)| held.aliases.contains(name)));
        found.map(|(shown, held)| (shown, held))
    }

    pub(super) fn get(&mut self, name: &RegistrationName) -> Option<&mut Held> {
        let shown = self.find(name)?.0.to_string();
        self.held.get_mut(&shown).map(|(_, held)| held)
    }

    fn known(&self, name: &RegistrationName) -> &Held {
        self.find(name).expect("it is held").1
    }

    pub(super) fn by_slot(&self, slot: Slot) -> Option<RegistrationName> {
        self.held.values().find(|(_, held)| held.slot == slot).map(|(name, _)| name.clone())
    }

    /// An app's registrations in order of their making, as they are shown.
    pub(super) fn listed(&self, app: &AppName) -> Vec<RegistrationName> {
        let mut of_app: Vec<_> = self.held.values().filter(|(name, _)| name.app == *app).collect();
        of_app.sort_by_key(|(_, held)| held.slot);
        of_app.into_iter().map(|(name, _)| name.clone()).collect()
    }

    /// What was asked for was answered so: is that right, and what is held from now on?
    pub(super) fn register(
        &mut self,
        asked: &Asked,
        secret: Option<LinkSecret>,
        done: Result<Registered, RegistryError>,
        now: Timestamp,
    ) {
        let repeated = asked.request.and_then(|request| self.requests.get(&(asked.app, request)).copied());
        if let Some((slot, _)) = repeated {
            let done = done.expect("it was done before");
            let name = self.by_slot(slot).expect("a request is forgotten with its registration");
            assert_eq!((&done.registration.name, done.created), (&name, false));
            let held = self.get(&name).expect("a request is forgotten with its registration");
            let old = std::mem::replace(&mut held.secret, done.link_secret);
            return self.old_secrets.push((name, old));
        }
        if let Err(refused) = self.policies.admit(asked.app, asked.under_14, &consents(&asked.consents, now)) {
            return assert_eq!(Refused::of(&done.expect_err("it is refused")), refused);
        }
        let mut held = held(asked, self.key(), now);
        if held.place.is_some() && !held.may_be_placed(&self.policies, now) {
            return assert!(matches!(done, Err(RegistryError::NoLocationConsent)));
        }
        if let Some(place) = held.place {
            held.place = held_as(place, held.precision);
            if held.place.is_none() {
                return assert!(matches!(done, Err(RegistryError::UnfitPlace(_))));
            }
        }
        let done = done.expect("nothing speaks against it");
        self.rekey(&held.hashes.clone(), now);
        let name = done.registration.name.clone();
        held.secret = done.link_secret;
        let offered: Vec<RegistrationName> =
            held.hashes.iter().filter_map(|offered| self.offered.get(offered)).flatten().cloned().collect();
        let mut own: Vec<_> = offered.iter().filter(|name| name.app == app(APPS[asked.app])).cloned().collect();
        own.dedup();
        let proven = secret.and_then(|secret| self.proven(&own, secret));
        let earlier = proven.or_else(|| own.first().filter(|_| asked.vouched).cloned());
        assert_eq!(done.created, earlier.is_none());
        let of_partner = offered.iter().find(|other| other.app.partner == name.app.partner);
        if let Some(earlier) = earlier {
            assert_eq!(name, earlier, "who proves that it is the same has the same name");
            let before = self.known(&earlier).clone();
            held = Held {
                device: before.device,
                created: before.created,
                claims: before.claims,
                aliases: before.aliases,
                ..held
            };
            self.old_secrets.push((earlier.clone(), before.secret));
            self.forget(&earlier);
        } else {
            assert!(!self.names.contains(&name), "the name is new");
            held.device = of_partner.map_or(self.devices, |other| self.known(other).device);
            self.devices += 1;
            match own.first().filter(|holder| self.has_room(holder, now)) {
                Some(holder) => {
                    assert_eq!((name.cid, name.installation.is_some()), (holder.cid, true));
                    held.device = self.known(holder).device;
                    self.get(holder).expect("it is held").claims.push(name.clone());
                }
                None => assert!(name.installation.is_none() && own.iter().all(|own| own.cid != name.cid)),
            }
            self.names.push(name.clone());
        }
        held.slot = Slot(self.slots);
        self.slots += 1;
        assert_eq!(done.registration.slot, held.slot, "nobody has the slot of another, not of the one before either");
        if let Some(request) = asked.request {
            self.requests.insert((asked.app, request), (held.slot, self.key()));
        }
        self.hold(name, held, now);
    }

    /// Holds a registration under its name. What its device offers means it, unless that means another or it is a
    /// claim.
    fn hold(&mut self, name: RegistrationName, mut held: Held, now: Timestamp) {
        if name.installation.is_none() {
            let valid: Vec<_> = (0..=self.key()).map(|key| self.is_valid(key, now)).collect();
            held.hashes.retain(|offered| {
                let members = self.offered.entry(*offered).or_default();
                let is_free = members.iter().all(|member| member.app != name.app) && valid[offered.2];
                if is_free {
                    members.push(name.clone());
                }
                is_free
            });
        }
        self.held.insert(name.to_string(), (name, held));
    }

    /// Whose secret it is, of these and of those that claim their CIDs.
    fn proven(&self, own: &[RegistrationName], secret: LinkSecret) -> Option<RegistrationName> {
        let all = own.iter().flat_map(|holder| [holder].into_iter().chain(&self.known(holder).claims));
        all.into_iter().find(|name| self.known(name).secret == secret).cloned()
    }

    /// Whether one more may claim this CID. One that is as good as gone makes way.
    fn has_room(&mut self, holder: &RegistrationName, now: Timestamp) -> bool {
        let claims = self.known(holder).claims.clone();
        let silent = || {
            claims.iter().find(|claim| {
                let held = self.known(claim);
                held.is_silent(held.created, now)
            })
        };
        if claims.len() < CLAIMS {
            return true;
        }
        let Some(silent) = silent().cloned() else { return false };
        self.end(&silent, now);
        true
    }

    /// A registration ends. The newest that claims its CID holds it.
    fn end(&mut self, name: &RegistrationName, now: Timestamp) {
        let Some((shown, held)) =
            self.find(name).map(|(shown, _)| shown.to_string()).and_then(|name| self.held.remove(&name))
        else {
            return;
        };
        self.forget(&shown);
        self.requests.retain(|_, (slot, _)| *slot != held.slot);
        for (_, other) in self.held.values_mut() {
            other.claims.retain(|claim| *claim != shown);
        }
        let mut claims = held.claims;
        let Some(newest) = claims.pop() else { return };
        let (_, mut heir) = self.held.remove(&newest.to_string()).expect("it is held");
        heir.claims = claims;
        heir.aliases.push(newest);
        self.hold(shown, heir, now);
    }

    /// The number of the newest key.
    fn key(&self) -> usize {
        self.retired.len()
    }

    /// Whether what was hashed with a key still counts.
    fn is_valid(&self, key: usize, now: Timestamp) -> bool {
        let overlap = SignedDuration::try_from(OVERLAP).expect("short");
        key >= self.erased && self.retired.get(key).is_none_or(|retired| now.duration_since(*retired) < overlap)
    }

    /// A new key, if there are not too many.
    pub(super) fn rotate(&mut self, now: Timestamp) -> bool {
        let room = self.key() + 1 - self.erased < KEYS;
        if room {
            self.retired.push(now);
        }
        room
    }

    /// What these identifiers meant under earlier keys they mean under the newest.
    fn rekey(&mut self, hashes: &[Hash], now: Timestamp) {
        for &newest @ (kind, value, key) in hashes {
            let valid: Vec<usize> = (0..key).rev().filter(|earlier| self.is_valid(*earlier, now)).collect();
            for earlier in valid {
                let earlier = (kind, value, earlier);
                for member in self.offered.remove(&earlier).unwrap_or_default() {
                    let known = self.offered.entry(newest).or_default();
                    let is_free = known.iter().all(|known| known.app != member.app);
                    if is_free {
                        known.push(member.clone());
                    }
                    let held = self.get(&member).expect("it is held");
                    held.hashes.retain(|hash| *hash != earlier && *hash != newest);
                    if is_free {
                        held.hashes.push(newest);
                    }
                }
            }
        }
    }

    /// What was hashed with keys whose time is over is no more, nor are they.
    pub(super) fn drop_hashes(&mut self, now: Timestamp) {
        while !self.is_valid(self.erased, now) {
            self.erased += 1;
        }
        let erased = self.erased;
        self.offered.retain(|(.., key), _| *key >= erased);
        self.requests.retain(|_, (_, key)| *key >= erased);
        self.held.values_mut().for_each(|(_, held)| held.hashes.retain(|(.., key)| *key >= erased));
    }

    /// Nothing that was offered means this registration any more, and no request.
    fn forget(&mut self, name: &RegistrationName) {
        self.offered.values_mut().for_each(|members| members.retain(|member| member != name));
        if let Some(slot) = self.find(name).map(|(_, held)| held.slot) {
            self.requests.retain(|_, (member, _)| *member != slot);
        }
    }

    /// Whoever is claimed and silent ends.
    pub(super) fn settle(&mut self, now: Timestamp) {
        let claimed = self.held.values().filter(|(_, held)| !held.claims.is_empty());
        let silent = claimed.filter(|(_, held)| held.is_silent(self.known(&held.claims[0]).created, now));
        let silent: Vec<_> = silent.map(|(name, _)| name.clone()).collect();
        for name in &silent {
            self.end(name, now);
        }
    }

    /// All were asked for by their secrets: that is noted, once a day, of those who claim or are claimed.
    pub(super) fn see(&mut self, now: Timestamp) {
        for (name, held) in self.held.values_mut() {
            let concerned = name.installation.is_some() || !held.claims.is_empty();
            if concerned && held.seen.is_none_or(|seen| now.duration_since(seen) >= SignedDuration::from_hours(24)) {
                held.seen = Some(now);
            }
        }
    }

    /// What an act does that was done, to a registration that is there.
    pub(super) fn change(&mut self, act: &Act, name: &RegistrationName, now: Timestamp) {
        if let Act::Delete { .. } = act {
            return self.end(name, now);
        }
        let Some(held) = self.get(name) else { return };
        match act {
            Act::Register(_) | Act::Delete { .. } => {}
            Act::Update { languages, tokens: addresses, drills, under_14, precision, preferences, .. } => {
                if let Some(precision) = *precision {
                    let coarser = precision > held.precision;
                    held.precision = precision;
                    held.place =
                        held.place.and_then(|place| if coarser { held_as(place, precision) } else { Some(place) });
                }
                held.under_14 = under_14.unwrap_or(held.under_14);
                if *under_14 == Some(true) {
                    held.consents.retain(|_, consent| consent.guardian.is_some());
                }
                held.languages = languages.unwrap_or(held.languages);
                held.drills = drills.unwrap_or(held.drills);
                held.preferences = preferences.unwrap_or(held.preferences);
                if let Some(addresses) = addresses {
                    held.tokens = tokens(addresses);
                    held.gone.retain(|channel| !held.tokens.contains_key(channel));
                }
                held.updated = now;
            }
            Act::Place { place, .. } => {
                let place = place.map(|place| at(place, now));
                let place = place.and_then(|place| held_as(place, held.precision));
                match (place, held.place) {
                    (Some((_, reported)), Some((_, known))) if reported < known => {}
                    _ => held.place = place,
                }
            }
            Act::Grant { consent, .. } => {
                let consent = consents(&[*consent], now).remove(0);
                held.consents.insert(consent.purpose, consent);
                held.updated = now;
            }
            Act::Save { id, place, precision, .. } => {
                let place = precision.coarsen(footprint(*place)).expect("it was taken");
                let saved = SavedPlace { id: saved_id(*id), place, precision: *precision };
                held.saved.insert(saved_id(*id), saved);
                held.updated = now;
            }
            Act::Unsave { id, .. } => {
                held.saved.remove(&saved_id(*id)).expect("it was there");
                held.updated = now;
            }
            Act::Withdraw { purpose, .. } => {
                held.consents.remove(purpose);
                held.updated = now;
            }
            Act::Gone { channel, address, .. } => {
                if held.tokens.get(channel) == Some(&value(*address)) {
                    held.tokens.remove(channel);
                    held.gone.insert(*channel);
                }
            }
        }
        self.expire(now);
    }

    /// No place without a consent that counts, and none that is too old.
    pub(super) fn expire(&mut self, now: Timestamp) {
        let Self { held, policies, .. } = self;
        for (_, held) in held.values_mut() {
            let may_be_placed = held.may_be_placed(policies, now);
            held.place = held.place.filter(|(_, at)| may_be_placed && now.duration_since(*at) <= LIFETIME);
            if !held.counts(Purpose::SavedPlaces, policies, now) {
                held.saved.clear();
            }
        }
    }
}

/// What is held of what was asked for, before its place among others is known.
fn held(asked: &Asked, key: usize, now: Timestamp) -> Held {
    Held {
        app: asked.app,
        slot: Slot(0),
        device: 0,
        hashes: known_kinds(&asked.identifiers).into_iter().map(|(kind, value)| (kind, value, key)).collect(),
        secret: LinkSecret(Private::new([0; 32])),
        languages: true,
        tokens: tokens(&asked.tokens),
        gone: BTreeSet::new(),
        consents: consents(&asked.consents, now).into_iter().map(|consent| (consent.purpose, consent)).collect(),
        drills: asked.drills,
        preferences: asked.preferences,
        under_14: asked.under_14,
        precision: asked.precision,
        place: asked.place.map(|place| at(place, now)),
        saved: BTreeMap::new(),
        created: now,
        updated: now,
        seen: None,
        claims: Vec::new(),
        aliases: Vec::new(),
    }
}
