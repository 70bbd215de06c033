//! What is done to a registry, drawn at random.

use proptest::prelude::*;
use proptest::sample::Index as Pick;

use super::super::*;

pub(super) const APPS: [&str; 3] = [ALPHA, BETA, ROUTES];
pub(super) const PARTNERS: [&str; 2] = ["news", "maps"];
pub(super) const CHANNELS: [ChannelKind; 3] = [ChannelKind::Null, ChannelKind::Fcm, ChannelKind::Apns];
pub(super) const KINDS: [IdentifierKind; 3] = [IdentifierKind::Oaid, IdentifierKind::AndroidId, IdentifierKind::Imei];
/// The newest version of a privacy policy, which is never retired.
pub(super) const VERSIONS: u16 = 4;

/// One thing that is done to one registration; `of` picks which, from all there ever were.
#[derive(Debug, Clone)]
pub(super) enum Act {
    Register(Asked),
    Update {
        of: Pick,
        languages: Option<bool>,
        tokens: Option<Vec<u8>>,
        drills: Option<bool>,
        under_14: Option<bool>,
        precision: Option<PlacePrecision>,
        preferences: Option<u8>,
    },
    Delete {
        of: Pick,
    },
    Place {
        of: Pick,
        place: Option<(u8, i64)>,
    },
    Grant {
        of: Pick,
        consent: Agreed,
    },
    Withdraw {
        of: Pick,
        purpose: Purpose,
    },
    Save {
        of: Pick,
        id: u8,
        place: u8,
        precision: PlacePrecision,
    },
    Unsave {
        of: Pick,
        id: u8,
    },
    /// The vendor says that this address is gone; it may be another now.
    Gone {
        of: Pick,
        channel: ChannelKind,
        address: u8,
    },
}

/// What somebody agrees to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Agreed {
    pub(super) purpose: Purpose,
    /// Until it ends, if it does.
    pub(super) seconds: Option<i64>,
    pub(super) policy: u16,
    pub(super) guardian: bool,
}

/// What is asked to be registered. Values are small numbers, so that they meet.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) app: usize,
    pub(super) request: Option<u8>,
    pub(super) identifiers: Vec<(IdentifierKind, u8)>,
    /// The link secret of which registration it brings.
    pub(super) secret: Option<Pick>,
    pub(super) vouched: bool,
    pub(super) tokens: Vec<u8>,
    pub(super) consents: Vec<Agreed>,
    pub(super) drills: bool,
    pub(super) under_14: bool,
    pub(super) precision: PlacePrecision,
    pub(super) preferences: u8,
    pub(super) place: Option<(u8, i64)>,
}

#[derive(Debug, Clone)]
pub(super) enum Step {
    /// Asked for before the first is answered: they share commits as it happens.
    Together(Vec<Act>),
    /// Time goes on, and the keeper looks.
    Wait(i64),
    /// A partner retires its policy up to a version.
    Retire(usize, u16),
    /// A new identity key.
    Rotate,
    Reopen,
}

pub(super) fn purpose() -> impl Strategy<Value = Purpose> {
    // Mostly those that something is held by.
    prop_oneof![
        4 => Just(Purpose::Location),
        3 => Just(Purpose::EmergencyPush),
        2 => Just(Purpose::SavedPlaces),
        1 => prop::sample::select(&Purpose::ALL[..]),
    ]
}

/// A consent. Most are under the newest version of the policy that there is.
pub(super) fn agreed() -> impl Strategy<Value = Agreed> {
    let policy = prop_oneof![1 => 1..VERSIONS, 4 => Just(VERSIONS)];
    (purpose(), prop::option::weighted(0.4, 1..100_i64), policy, any::<bool>())
        .prop_map(|(purpose, seconds, policy, guardian)| Agreed { purpose, seconds, policy, guardian })
}

/// A place, and how many seconds ago the phone was there.
pub(super) fn somewhere() -> impl Strategy<Value = (u8, i64)> {
    (0..5_u8, 0..60_i64)
}

pub(super) fn addresses() -> impl Strategy<Value = Vec<u8>> {
    // Often none: who has one is never taken for gone.
    prop_oneof![Just(vec![0; CHANNELS.len()]), prop::collection::vec(0..4_u8, CHANNELS.len())]
}

pub(super) fn asked() -> impl Strategy<Value = Asked> {
    let identifiers = prop::collection::vec((prop::sample::select(&KINDS[..]), 0..4_u8), 0..3);
    let request = prop::option::weighted(0.3, 0..6_u8);
    let consents = prop::collection::vec(agreed(), 0..4);
    let place = prop::option::of(somewhere());
    let proof = (prop::option::weighted(0.3, any::<Pick>()), prop::bool::weighted(0.1));
    let flags = (any::<bool>(), prop::bool::weighted(0.2), precision(), 0..4_u8);
    (0..APPS.len(), request, identifiers, proof, addresses(), consents, flags, place).prop_map(
        |(app, request, identifiers, (secret, vouched), tokens, mut consents, flags, place)| {
            consents.sort_by_key(|consent| consent.purpose);
            consents.dedup_by_key(|consent| consent.purpose);
            let (drills, under_14, precision, preferences) = flags;
            Asked {
                app,
                request,
                identifiers,
                secret,
                vouched,
                tokens,
                consents,
                drills,
                under_14,
                precision,
                preferences,
                place,
            }
        },
    )
}

pub(super) fn precision() -> impl Strategy<Value = PlacePrecision> {
    prop_oneof![3 => Just(PlacePrecision::Exact), 2 => prop::sample::select(&PlacePrecision::ALL[..])]
}

pub(super) fn update() -> impl Strategy<Value = Act> {
    let flags = (
        prop::option::of(any::<bool>()),
        prop::option::weighted(0.3, any::<bool>()),
        prop::option::weighted(0.3, precision()),
        prop::option::of(0..4_u8),
    );
    (any::<Pick>(), prop::option::of(any::<bool>()), prop::option::of(addresses()), flags).prop_map(
        |(of, languages, tokens, (drills, under_14, precision, preferences))| Act::Update {
            precision,
            preferences,
            of,
            languages,
            tokens,
            drills,
            under_14,
        },
    )
}

pub(super) fn act() -> impl Strategy<Value = Act> {
    let of = any::<Pick>;
    prop_oneof![
        4 => asked().prop_map(Act::Register),
        2 => update(),
        1 => of().prop_map(|of| Act::Delete { of }),
        4 => (of(), prop::option::weighted(0.9, somewhere())).prop_map(|(of, place)| Act::Place { of, place }),
        3 => (of(), 0..3_u8, 0..5_u8, precision())
            .prop_map(|(of, id, place, precision)| Act::Save { of, id, place, precision }),
        1 => (of(), 0..3_u8).prop_map(|(of, id)| Act::Unsave { of, id }),
        2 => (of(), agreed()).prop_map(|(of, consent)| Act::Grant { of, consent }),
        2 => (of(), purpose()).prop_map(|(of, purpose)| Act::Withdraw { of, purpose }),
        1 => (of(), prop::sample::select(&CHANNELS[..]), 1..4_u8)
            .prop_map(|(of, channel, address)| Act::Gone { of, channel, address }),
    ]
}

pub(super) fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => prop::collection::vec(act(), 1..6).prop_map(Step::Together),
        2 => prop_oneof![6 => 1..80_i64, 1 => Just(31 * 24 * 3_600)].prop_map(Step::Wait),
        1 => (0..PARTNERS.len(), 1..VERSIONS).prop_map(|(partner, version)| Step::Retire(partner, version)),
        1 => Just(Step::Rotate),
        1 => Just(Step::Reopen),
    ];
    prop::collection::vec(step, 1..24)
}
