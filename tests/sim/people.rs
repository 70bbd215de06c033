//! Devices made for a test, and what their people agree to.

use hazardcast::domain::{
    AppName, ChannelKind, Consent, ConsentOrigin, DeviceTraits, Footprint, Language, NewRegistration, PartnerName,
    PlacePrecision, Platform, PolicyVersion, Position, Preferences, Private, Purpose, SavedPlace, SavedPlaceId,
    Timestamp, Token,
};

use crate::house::NOON;

/// The tests' one app.
pub(crate) fn app() -> AppName {
    AppName::new(PartnerName::new("dev").expect("a name"), "alpha").expect("a name")
}

/// A grant under a policy that no test retires; it holds until it is withdrawn, or until `expires`.
pub(crate) fn consent(purpose: Purpose, expires: Option<Timestamp>) -> Consent {
    let (policy, origin) = (PolicyVersion(60_000), ConsentOrigin("test".to_owned()));
    Consent { purpose, policy, granted: Timestamp::UNIX_EPOCH, expires, origin, guardian: None }
}

/// A place.
pub(crate) fn point([lon, lat]: [f64; 2]) -> Footprint {
    Footprint::Point(Private::new(Position::from_degrees(lon, lat).expect("on the globe")))
}

/// The one place that somebody follows.
pub(crate) fn home(at: [f64; 2]) -> SavedPlace {
    SavedPlace { id: home_id(), place: point(at), precision: PlacePrecision::Exact }
}

/// What its phone calls it.
pub(crate) fn home_id() -> SavedPlaceId {
    SavedPlaceId::new("home").expect("an id")
}

/// A token for the null channel.
pub(crate) fn null_token() -> Token {
    Token { channel: ChannelKind::Null, value: Private::new("null".to_owned()) }
}

/// A device at a place whose person has agreed to everything; by the null channel where `null`, else by links alone.
pub(crate) fn device(at: [f64; 2], null: bool) -> NewRegistration {
    NewRegistration {
        app: app(),
        request: None,
        traits: DeviceTraits {
            platform: Platform::Android,
            brand: "".into(),
            model: "".into(),
            os_version: "".into(),
            app_version: "".into(),
            languages: vec![Language::parse("en").expect("a tag")],
            time_zone: "".into(),
        },
        identifiers: Vec::new(),
        earlier_secret: None,
        vouched: false,
        tokens: if null { vec![null_token()] } else { Vec::new() },
        consents: vec![consent(Purpose::EmergencyPush, None), consent(Purpose::Location, None)],
        drills: false,
        under_14: false,
        place_precision: PlacePrecision::Exact,
        preferences: Preferences::default(),
        place: Some((point(at), NOON)),
    }
}
