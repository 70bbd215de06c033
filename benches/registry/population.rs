//! The registrations of the benches: the n-th is the same on every machine.

#[path = "../shared/random.rs"]
mod random;

use hazardcast::domain::{Cid, Position};
use hazardcast::wire::v1;

use random::Random;

/// Of what every random choice is made.
pub(crate) const SEED: u64 = 20_261_125;

const CITIES: u32 = 4_000;

/// Some kilometres: how far a device is from its home when it reports a place.
const ROAMS_DEGREES: f64 = 0.01;

const ORIGIN: &str = "first-run dialog, build 512";

const MODELS: [(&str, &str); 6] = [
    ("samsung", "SM-S928B"),
    ("Xiaomi", "2312DRA50G"),
    ("google", "Pixel 9 Pro"),
    ("OPPO", "CPH2609"),
    ("vivo", "V2318A"),
    ("motorola", "moto g84 5G"),
];

const REGIONS: [(&str, &str); 6] = [
    ("ja", "Asia/Tokyo"),
    ("es-MX", "America/Mexico_City"),
    ("zh-Hans-CN", "Asia/Shanghai"),
    ("en-US", "America/Los_Angeles"),
    ("tr", "Europe/Istanbul"),
    ("id", "Asia/Jakarta"),
];

/// People round cities, of which the n-th has a share in proportion to 1/n.
pub(crate) struct Population {
    cities: Vec<City>,
}

struct City {
    /// Of all people, those in this city and the ones before.
    up_to: f64,
    lon: f64,
    lat: f64,
    spread: f64,
}

impl Population {
    pub(crate) fn new() -> Self {
        let mut random = Random::new(u64::MAX);
        let all: f64 = (1..=CITIES).map(|rank| 1.0 / f64::from(rank)).sum();
        let mut up_to = 0.0;
        let cities = (1..=CITIES).map(|rank| {
            up_to += 1.0 / f64::from(rank) / all;
            let (lon, lat) = (random.between(-180.0, 180.0), random.between(-50.0, 65.0));
            City { up_to, lon, lat, spread: 0.25 / f64::from(rank).powf(0.35) }
        });
        Self { cities: cities.collect() }
    }

    /// Where the largest cities are.
    pub(crate) fn city(&self, rank: usize) -> [f64; 2] {
        [self.cities[rank].lon, self.cities[rank].lat]
    }

    /// Where the n-th device lives.
    pub(crate) fn home(&self, number: u64) -> Position {
        let mut random = Random::new(number);
        let share = random.between(0.0, 1.0);
        let at = self.cities.partition_point(|city| city.up_to < share).min(self.cities.len() - 1);
        let City { lon, lat, spread, .. } = self.cities[at];
        random.near(lon, lat, spread)
    }

    /// The n-th report of a place: whose, among so many devices, and where.
    pub(crate) fn report(&self, number: u64, devices: u64) -> (u64, Position) {
        let mut random = Random::new(number ^ 0x5e_0000_0000);
        let device = random.next() % devices;
        let home = self.home(device);
        (device, random.near(home.lon(), home.lat(), ROAMS_DEGREES))
    }

    /// The n-th device's registration: one FCM token of 150 bytes, three consents, one place, one identifier.
    pub(crate) fn registration(&self, number: u64) -> v1::CreateRegistrationRequest {
        let mut random = Random::new(number ^ 0x70_0000_0000);
        let (brand, model) = MODELS[random.below(MODELS.len())];
        let (language, time_zone) = REGIONS[random.below(REGIONS.len())];
        let traits = v1::DeviceTraits {
            platform: v1::Platform::Android.into(),
            brand: brand.to_owned(),
            model: model.to_owned(),
            os_version: "15".to_owned(),
            app_version: format!("5.{}.1", random.below(20)),
            languages: vec![language.to_owned(), "en".to_owned()],
            time_zone: time_zone.to_owned(),
        };
        let consent = |purpose: v1::ConsentPurpose| v1::Consent {
            purpose: purpose.into(),
            policy_version: 1,
            origin: ORIGIN.to_owned(),
            ..v1::Consent::default()
        };
        let purposes =
            [v1::ConsentPurpose::EmergencyPush, v1::ConsentPurpose::Location, v1::ConsentPurpose::LinkMerging];
        let token = v1::ChannelToken { channel: v1::Channel::Fcm.into(), value: random.token() };
        let identifier = v1::DeviceIdentifier {
            kind: v1::device_identifier::Kind::AndroidId.into(),
            value: format!("{:016x}", random.next()),
        };
        v1::CreateRegistrationRequest {
            registration: Some(v1::Registration {
                traits: Some(traits),
                tokens: vec![token],
                consents: purposes.map(consent).to_vec(),
                place: Some(place(self.home(number))),
                ..v1::Registration::default()
            }),
            identifiers: vec![identifier],
            ..v1::CreateRegistrationRequest::default()
        }
    }
}

/// The report of a place for the device with this name.
pub(crate) fn report(app: &str, cid: Cid, at: Position) -> v1::ReportPlaceRequest {
    v1::ReportPlaceRequest { name: format!("{app}/registrations/{cid}"), place: Some(place(at)) }
}

fn place(at: Position) -> v1::Place {
    let point = v1::Position { longitude: at.lon(), latitude: at.lat() };
    v1::Place { footprint: Some(v1::place::Footprint::Point(point)), report_time: None }
}

impl Random {
    fn new(number: u64) -> Self {
        Self(SEED.wrapping_add(number.wrapping_mul(0xd134_2543_de82_ef95)))
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    /// A place round a point, normally distributed (Box and Muller).
    fn near(&mut self, lon: f64, lat: f64, spread: f64) -> Position {
        let turn = self.between(0.0, std::f64::consts::TAU);
        let length = (-2.0 * self.between(1e-12, 1.0).ln()).sqrt() * spread;
        let lat = (lat + length * turn.sin()).clamp(-85.0, 85.0);
        let lon = (lon + length * turn.cos() / lat.to_radians().cos() + 540.0).rem_euclid(360.0) - 180.0;
        Position::from_degrees(lon, lat).expect("on the globe")
    }

    /// As a vendor makes them: 150 characters that nothing can be left out of.
    fn token(&mut self) -> String {
        const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let mut token = String::with_capacity(150);
        while token.len() < 150 {
            let bits = self.next();
            token.extend((0..10).map(|at| char::from(LETTERS[(bits >> (6 * at) & 63) as usize])));
        }
        token
    }
}
