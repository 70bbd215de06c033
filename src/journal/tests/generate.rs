//! Random entries, bulletins with every kind of ground among them.

use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::{collection::vec, strategy::Union};

use super::*;
use crate::decide::{HeldId, HoldKind, HoldReason, Holding, Settlement, StatePart, Tier, Unanswered, Voice};
use crate::domain::{
    Actor, ActorKind, AlertRef, Area, Category, Certainty, Circle, CredentialId, EventKey, Geocode, Ground, Info,
    InfoTexts, Intensity, IntensityBand, IntensityScale, Language, NamedValue, NonEmpty, NoticeKind, Polygon, Position,
    ResponseType, Ring, Severity, Source, StateScope, Urgency,
};
use crate::locate::AffectedArea;

fn text() -> impl Strategy<Value = String> {
    "[a-zé水 ,<\n]{0,8}"
}

fn instant() -> impl Strategy<Value = Timestamp> {
    (-60_000_000_000_i64..200_000_000_000, 0..1_000_000_000)
        .prop_map(|(seconds, nanos)| Timestamp::new(seconds, nanos).expect("within jiff's range"))
}

fn float() -> impl Strategy<Value = f32> {
    prop::num::f32::NORMAL | prop::num::f32::ZERO
}

fn altitude() -> impl Strategy<Value = f64> {
    prop::num::f64::NORMAL | prop::num::f64::ZERO
}

/// Corners round a centre, anywhere on the globe and over the antimeridian.
fn ring() -> impl Strategy<Value = Ring> {
    let corner = (-30.0..30.0_f64, -30.0..30.0_f64);
    ((-330.0..330.0_f64, -60.0..60.0_f64), vec(corner, 3..9)).prop_filter_map("no ring", |((lon, lat), corners)| {
        Ring::new(corners.into_iter().map(|(east, north)| [lon + east, lat + north])).ok()
    })
}

/// As a source may write it: within ±360, so that unrolling takes it beyond.
fn far_ring() -> impl Strategy<Value = Ring> {
    vec((-40.0..40.0_f64, -60.0..60.0_f64), 3..6).prop_filter_map("no ring", |corners| {
        let wrapped = |lon: f64| if lon > 360.0 { lon - 360.0 } else { lon };
        Ring::new(corners.into_iter().map(|(east, lat)| [wrapped(350.0 + east), lat])).ok()
    })
}

fn polygon() -> impl Strategy<Value = Polygon> {
    (Union::new([ring().boxed(), far_ring().boxed()]), vec(ring(), 0..3))
        .prop_map(|(outer, holes)| Polygon { outer, holes })
}

fn circle() -> impl Strategy<Value = Circle> {
    (-180.0..=180.0_f64, -90.0..=90.0_f64, 0.001..20_004.0_f64)
        .prop_map(|(lon, lat, radius_km)| Circle::new(lon, lat, radius_km).expect("a circle"))
}

fn geocode() -> impl Strategy<Value = Geocode> {
    (text(), text()).prop_map(|(scheme, code)| Geocode { scheme: scheme.into(), code: code.into() })
}

fn area() -> impl Strategy<Value = Area> {
    (text(), vec(polygon(), 0..3), vec(circle(), 0..3), vec(geocode(), 0..3), of((altitude(), of(altitude()))))
        .prop_map(|(description, polygons, circles, geocodes, altitude_ft)| Area {
            description,
            polygons,
            circles,
            geocodes,
            altitude_ft,
        })
}

fn intensity() -> impl Strategy<Value = Intensity> {
    (float(), select(vec![IntensityScale::Mmi, IntensityScale::Csis, IntensityScale::Jma]))
        .prop_map(|(value, scale)| Intensity { value, scale })
}

fn source() -> impl Strategy<Value = Source> {
    (-1_800_000_000..1_800_000_000, -900_000_000..=900_000_000, of(float()), float(), instant()).prop_map(
        |(lon_e7, lat_e7, depth_km, magnitude, origin)| Source {
            epicentre: Position::from_e7(lon_e7, lat_e7).expect("on the globe"),
            depth_km,
            magnitude,
            origin,
        },
    )
}

/// What an info's ground is: `None` here for that of its tier.
fn ground() -> impl Strategy<Value = Option<Ground>> {
    let band = (intensity(), area(), of(instant()), of(source()))
        .prop_map(|(intensity, area, arrival, source)| IntensityBand { intensity, area, arrival, source });
    prop_oneof![
        4 => Just(None),
        1 => Just(Some(Ground::None)),
        1 => source().prop_map(|source| Some(Ground::Earthquake(source))),
        1 => vec(area(), 1..3).prop_map(|areas| NonEmpty::new(areas).map(Ground::Areas)),
        1 => vec(band, 1..3).prop_map(|bands| NonEmpty::new(bands).map(Ground::Bands)),
    ]
}

fn values() -> impl Strategy<Value = Vec<NamedValue>> {
    vec((text(), text()).prop_map(|(name, value)| NamedValue { name: name.into(), value }), 0..3)
}

fn texts() -> impl Strategy<Value = InfoTexts> {
    (of(text()), of(text()), of(text()), of(text()), of(text()), of(text()), of(text())).prop_map(
        |(sender_name, headline, description, instruction, web, contact, audience)| InfoTexts {
            sender_name,
            headline,
            description,
            instruction,
            web,
            contact,
            audience,
        },
    )
}

fn info() -> impl Strategy<Value = (Info, Option<Ground>)> {
    let words = (
        select(vec!["en-us", "zh-hans", "cy"]),
        vec(select(Category::ALL), 0..3),
        vec(select(ResponseType::ALL), 0..3),
        select(Urgency::ALL),
        select(Severity::ALL),
        select(Certainty::ALL),
    );
    let times = (of(instant()), of(instant()), of(instant()));
    (words, times, text(), texts(), values(), values(), ground()).prop_map(
        |(words, (effective, onset, expires), event, texts, event_codes, parameters, ground)| {
            let (language, categories, response_types, urgency, severity, certainty) = words;
            let language = Language::parse(language).expect("a tag");
            let info = Info {
                language,
                categories,
                event,
                response_types,
                urgency,
                severity,
                certainty,
                event_codes,
                effective,
                onset,
                expires,
                texts,
                parameters,
                ground: Ground::None,
            };
            (info, ground)
        },
    )
}

fn tier() -> impl Strategy<Value = Tier> {
    let areas = vec(area(), 1..3).prop_filter_map("no ground", |areas| AffectedArea::new(&areas));
    (areas, select(&Priority::ALL[..]), of(intensity()), vec(info(), 1..3)).prop_map(
        |(area, priority, intensity, infos)| {
            let own = || Ground::Areas(NonEmpty::new(area.areas().to_vec()).expect("areas with ground"));
            let infos = infos.into_iter().map(|(info, ground)| Info { ground: ground.unwrap_or_else(own), ..info });
            let infos = NonEmpty::new(infos.collect()).expect("one or two");
            Tier { area, priority, intensity, infos }
        },
    )
}

fn alert_id() -> impl Strategy<Value = AlertId> {
    ("[a-z@.水]{1,12}", "[A-Z0-9:é]{1,12}", instant()).prop_map(|(sender, identifier, sent)| AlertId {
        sender: Sender::new(&sender).expect("a sender"),
        identifier: Identifier::new(&identifier).expect("an identifier"),
        sent,
    })
}

fn references() -> impl Strategy<Value = Vec<AlertRef>> {
    vec(alert_id().prop_map(|id| AlertRef { id }), 0..3)
}

fn delivery_key() -> impl Strategy<Value = DeliveryKey> {
    (any::<u64>(), any::<u32>()).prop_map(|(lineage, revision)| key(lineage, revision))
}

fn event() -> impl Strategy<Value = EventKey> {
    (text(), text(), of(any::<u32>())).prop_map(|(scheme, key, serial)| EventKey {
        scheme: scheme.into(),
        key: key.into(),
        serial,
    })
}

fn voice() -> impl Strategy<Value = (Voice, prop::sample::Index)> {
    let names = vec(event(), 0..3);
    (alert_id(), text(), of(any::<u32>()), names, of(source()), any::<prop::sample::Index>()).prop_map(
        |(alert, series, serial, names, earthquake, tier)| {
            let voice = Voice { alert, series: series.into(), serial, names, earthquake, tiers: Vec::new() };
            (voice, tier)
        },
    )
}

/// The voices of a bulletin with so many tiers, each with one of them.
fn placed(voices: Vec<(Voice, prop::sample::Index)>, content: &Content) -> Vec<Voice> {
    let Content::Warn(tiers) = content else { return Vec::new() };
    let of = |(voice, tier): (Voice, prop::sample::Index)| {
        let tier = u8::try_from(tier.index(tiers.len())).expect("a few tiers");
        Voice { tiers: vec![TierIndex(tier)], ..voice }
    };
    voices.into_iter().map(of).collect()
}

fn state() -> impl Strategy<Value = StatePart> {
    (text(), text()).prop_map(|(scope, hazard)| StatePart { scope: StateScope(scope.into()), hazard: hazard.into() })
}

fn bulletin() -> impl Strategy<Value = Bulletin> {
    let cancel = vec(info(), 0..2).prop_map(|infos| {
        let infos = infos.into_iter().map(|(info, ground)| Info { ground: ground.unwrap_or(Ground::None), ..info });
        Content::Cancel(infos.collect())
    });
    let warn = vec(tier(), 1..4).prop_map(|tiers| Content::Warn(NonEmpty::new(tiers).expect("one to three")));
    let times = (instant(), instant());
    let events = (vec(voice(), 1..3), vec(event(), 0..3), of(state()));
    (
        delivery_key(),
        alert_id(),
        mode(),
        prop_oneof![warn, cancel],
        times,
        vec(any::<u64>(), 0..3),
        references(),
        events,
    )
        .prop_map(|(key, alert, mode, content, (expires, admitted), absorbs, supersedes, events)| {
            let (voices, withdraws, state) = events;
            Bulletin::remake(BulletinParts {
                lineage: key.lineage,
                revision: key.revision,
                alert,
                mode,
                voices: placed(voices, &content),
                withdraws,
                state,
                content,
                expires,
                admitted,
                absorbs: absorbs.into_iter().map(LineageId).collect(),
                supersedes,
            })
        })
}

fn mode() -> impl Strategy<Value = Mode> {
    select(vec![Mode::Actual, Mode::Exercise, Mode::System, Mode::Test, Mode::Draft])
}

fn devices() -> impl Strategy<Value = Vec<DeviceSlot>> {
    vec(any::<u32>().prop_map(DeviceSlot), 0..20)
}

fn actor() -> impl Strategy<Value = Actor> {
    (select(&ActorKind::ALL[..]), text(), of(any::<[u8; 10]>().prop_map(CredentialId)))
        .prop_map(|(kind, name, credential)| Actor { kind, name: name.into(), credential })
}

/// An alert that waits under this number.
pub(super) fn held(id: impl Strategy<Value = u64>) -> impl Strategy<Value = Entry> {
    let reason = (select(&HoldKind::ALL[..]), text(), text()).prop_map(|(kind, field, found)| HoldReason {
        kind,
        field: field.into(),
        found: found.into(),
    });
    let of_alert = (alert_id(), mode(), vec(reason, 1..4), text(), actor());
    let times = (instant(), instant(), instant());
    let unanswered = select(vec![Unanswered::Send, Unanswered::Drop]);
    (id.prop_map(HeldId), of_alert, times, unanswered, vec(any::<u8>(), 0..40), text()).prop_map(
        |(id, (alert, mode, reasons, authority, sender), times, unanswered, raw, media_type)| {
            let reasons = NonEmpty::new(reasons).expect("one to three");
            let (held, deadline, received) = times;
            let holding = Holding { id, alert, mode, reasons, authority, sender, held, deadline, unanswered };
            Entry::Held(Held { holding, raw: raw.into(), media_type, received })
        },
    )
}

/// The end of the wait of the one with this number.
pub(super) fn settled(id: impl Strategy<Value = u64>) -> impl Strategy<Value = Entry> {
    (id.prop_map(HeldId), select(&Settlement::ALL[..]), actor(), instant())
        .prop_map(|(id, settlement, by, at)| Entry::Settled(Settled { id, settlement, by, at }))
}

/// Any entry.
pub(super) fn entry() -> impl Strategy<Value = Entry> {
    let admitted = (bulletin(), vec(any::<u8>(), 0..40), text(), instant(), text()).prop_map(
        |(bulletin, raw, media_type, received, authority)| {
            Entry::Admitted(Admitted { bulletin, raw: raw.into(), media_type, received, authority })
        },
    );
    let scope = of("[a-z水]{1,8}".prop_map(|scope| StateScope(scope.into())));
    let noted = (alert_id(), mode(), references(), vec(event(), 0..3), scope, instant()).prop_map(
        |(id, mode, supersedes, withdraws, state, at)| {
            Entry::Noted(Noted { id, mode, supersedes, withdraws, state, at })
        },
    );
    let kinds = [NoticeKind::Alert, NoticeKind::Update, NoticeKind::Release];
    let told = (
        delivery_key(),
        any::<u8>(),
        select(kinds.to_vec()),
        select(&Priority::ALL[..]),
        select(&ChannelKind::ALL[..]),
        devices(),
    );
    let sent = told.prop_map(|(key, tier, kind, priority, channel, devices)| Entry::Sent {
        key,
        tier: TierIndex(tier),
        kind,
        priority,
        channel,
        devices,
    });
    prop_oneof![
        3 => admitted,
        1 => noted,
        1 => sent,
        1 => (delivery_key(), devices()).prop_map(|(key, devices)| Entry::Acknowledged { key, devices }),
        1 => delivery_key().prop_map(|key| Entry::Finished { key }),
        1 => held(any::<u64>()),
        1 => settled(any::<u64>()),
    ]
}

/// The entry with its devices as the journal gives them back.
pub(super) fn sorted(mut entry: Entry) -> Entry {
    if let Entry::Sent { devices, .. } | Entry::Acknowledged { devices, .. } = &mut entry {
        devices.sort_unstable();
        devices.dedup();
    }
    entry
}
