//! One app on one device: what its partner says of it and of its person's choices.

use compact_str::CompactString;

use super::{
    AppName, AppSlot, AuditSubject, ChannelKind, Consent, DeviceSlot, Gid, Language, LinkSecret, PlacePrecision,
    Position, Preferences, Private, RegistrationName, Slot, Timestamp,
};

/// The operating system of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Platform {
    /// Android and what is made of it.
    Android = 1,
    /// iOS and iPadOS.
    Ios = 2,
    /// HarmonyOS.
    Harmony = 3,
    /// A browser.
    Web = 4,
    /// Anything else: a siren, a sign, a test.
    Other = 5,
}

/// What a device is (R-B3). None of it identifies a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceTraits {
    /// Operating system.
    pub platform: Platform,
    /// Manufacturer or brand, at most 64 characters.
    pub brand: CompactString,
    /// Model, at most 64 characters.
    pub model: CompactString,
    /// Version of the operating system, at most 32 characters.
    pub os_version: CompactString,
    /// Version of the app, at most 32 characters.
    pub app_version: CompactString,
    /// Languages that the person reads, best first, at most 8.
    pub languages: Vec<Language>,
    /// IANA time zone, at most 64 characters.
    pub time_zone: CompactString,
}

/// An address of a registration at a vendor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Whose address it is.
    pub channel: ChannelKind,
    /// The address, at most 4,096 bytes.
    pub value: Private<String>,
}

/// A kind of identifier that a device may offer (R-B2), in the order in which they are preferred for an alias: those
/// that are made for it come first, those that name a part of the phone last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum IdentifierKind {
    /// Open Anonymous Device Identifier (Mobile Security Alliance).
    Oaid = 1,
    /// `Settings.Secure.ANDROID_ID`.
    AndroidId = 2,
    /// Identifier for vendor.
    Idfv = 3,
    /// Google advertising id.
    Gaid = 4,
    /// Identifier for advertisers.
    Idfa = 5,
    /// International Mobile Equipment Identity.
    Imei = 6,
    /// Hardware address.
    Mac = 7,
    /// Serial number.
    Serial = 8,
    /// International Mobile Subscriber Identity.
    Imsi = 9,
    /// SIM card's number.
    Iccid = 10,
}

impl IdentifierKind {
    /// Whether devices of a platform have such an identifier. A browser has none that lasts.
    pub const fn is_of(self, platform: Platform) -> bool {
        match platform {
            Platform::Android | Platform::Harmony => !matches!(self, Self::Idfv | Self::Idfa),
            Platform::Ios => matches!(self, Self::Idfv | Self::Idfa),
            Platform::Web => false,
            Platform::Other => matches!(self, Self::Imei | Self::Mac | Self::Serial | Self::Imsi | Self::Iccid),
        }
    }
}

/// An identifier that a device offers: a claim, not a proof. Hashed with a key at once, never stored or logged (R-B2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceIdentifier {
    /// Which kind.
    pub kind: IdentifierKind,
    /// Its value, at most 128 bytes.
    pub value: Private<String>,
}

/// What a place covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Footprint {
    /// A point.
    Point(Private<Position>),
    /// All between two corners, edges included: what a coarse place stands for. It does not cross the antimeridian.
    Box {
        /// South-west corner.
        south_west: Private<Position>,
        /// North-east corner.
        north_east: Private<Position>,
    },
}

/// What a phone calls a place that its user follows: 1 to 32 of `A-Z`, `a-z`, `0-9`, `-` and `_`. It means something to
/// the phone alone.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SavedPlaceId(Private<CompactString>);

impl SavedPlaceId {
    /// The id, if it is one.
    pub fn new(id: &str) -> Option<Self> {
        let is_good = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        ((1..=32).contains(&id.len()) && id.bytes().all(is_good)).then(|| Self(Private::new(id.into())))
    }

    /// As the phone gave it.
    pub fn as_str(&self) -> &str {
        self.0.expose()
    }
}

/// A place that somebody follows, wherever their phone is (R-S3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedPlace {
    /// What the phone calls it.
    pub id: SavedPlaceId,
    /// Where it is.
    pub place: Footprint,
    /// How precisely it is held.
    pub precision: PlacePrecision,
}

impl SavedPlace {
    /// The most that a registration has.
    pub const MOST: usize = 8;
}

/// A registration as its store holds it.
#[derive(Debug, Clone, PartialEq)]
pub struct Registration {
    /// Its name, with the CID.
    pub name: RegistrationName,
    /// Who it is in the audit log.
    pub subject: AuditSubject,
    /// The GID as its partner sees it.
    pub gid: Gid,
    /// Its number.
    pub slot: Slot,
    /// Its device's number.
    pub device: DeviceSlot,
    /// Its app's number.
    pub app: AppSlot,
    /// What the device is.
    pub traits: DeviceTraits,
    /// Vendor addresses, at most one a channel.
    pub tokens: Vec<Token>,
    /// Channels whose vendor has said that the address is gone, until another is given (R-B4).
    pub gone: Vec<ChannelKind>,
    /// Grants, at most one a purpose.
    pub consents: Vec<Consent>,
    /// Whether the person is under 14, so that only what a guardian agreed to counts (R-P4).
    pub under_14: bool,
    /// Whether the person takes part in exercises and tests (R-E9).
    pub drills: bool,
    /// How precisely the phone's place is held.
    pub place_precision: PlacePrecision,
    /// What the person wants to be told of (R-S2).
    pub preferences: Preferences,
    /// Where the phone is, if it may be held.
    pub place: Option<Footprint>,
    /// When the place was reported.
    pub place_time: Option<Timestamp>,
    /// When it was registered.
    pub created: Timestamp,
    /// When its partner last changed it.
    pub updated: Timestamp,
}

/// An app on a device that is to be registered.
#[derive(Debug, Clone, PartialEq)]
pub struct NewRegistration {
    /// The app.
    pub app: AppName,
    /// Names this asking for it, so that asking again makes no second one; at most 64 characters.
    pub request: Option<CompactString>,
    /// What the device is.
    pub traits: DeviceTraits,
    /// Identifiers that the device offers, at most 16.
    pub identifiers: Vec<DeviceIdentifier>,
    /// The link secret of the registration that this one is to take the place of: a proof that it may.
    pub earlier_secret: Option<LinkSecret>,
    /// Whether the partner vouches that this is the device which registered before with these identifiers.
    pub vouched: bool,
    /// Vendor addresses, at most one a channel.
    pub tokens: Vec<Token>,
    /// Grants, at most one a purpose.
    pub consents: Vec<Consent>,
    /// Whether the person is under 14, so that only what a guardian agreed to counts (R-P4).
    pub under_14: bool,
    /// Whether the person takes part in exercises and tests.
    pub drills: bool,
    /// How precisely the phone's place is held.
    pub place_precision: PlacePrecision,
    /// What the person wants to be told of.
    pub preferences: Preferences,
    /// Where the phone is, and when it was there.
    pub place: Option<(Footprint, Timestamp)>,
}
