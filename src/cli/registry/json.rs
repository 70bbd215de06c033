//! Messages of the API as JSON: proto3's, with the fields named as in the `.proto` files; read by either name.
//!
//! What is read is hostile until it is a message: nothing that is not in the `.proto` files is passed over, and a fault
//! says where it is and not what was there. How deep it goes is bounded by the messages themselves.

use std::sync::LazyLock;

use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, ReflectMessage, Value};
use serde_json::{Map, Value as Json};

use crate::domain::Timestamp;
use crate::wire::FILE_DESCRIPTOR_SET;
use crate::wire::v1;

/// Every message of the API, as this program was built with them.
static MESSAGES: LazyLock<DescriptorPool> =
    LazyLock::new(|| DescriptorPool::decode(FILE_DESCRIPTOR_SET).expect("it was compiled together with this program"));

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    /// Path of the field; empty where it is the line itself.
    pub(super) field: String,
    /// What is wrong with it.
    pub(super) reason: String,
}

impl Fault {
    pub(super) fn new(field: &str, reason: impl Into<String>) -> Self {
        Self { field: field.to_owned(), reason: reason.into() }
    }
}

/// Reads one line.
pub(super) fn read_request(line: &[u8]) -> Result<v1::CreateRegistrationRequest, Fault> {
    let json: Json = serde_json::from_slice(line)
        .map_err(|error| Fault::new("", format!("is not JSON from column {} on", error.column())))?;
    let message = read(&json, descriptor("CreateRegistrationRequest"), "")?;
    message.transcode_to().map_err(|_| Fault::new("", "is no request"))
}

/// Writes one registration.
pub(super) fn write_registration(registration: &v1::Registration) -> Json {
    let message = DynamicMessage::decode(descriptor("Registration"), registration.encode_to_vec().as_slice());
    message.map_or(Json::Null, |message| write(&message))
}

fn descriptor(name: &str) -> MessageDescriptor {
    MESSAGES.get_message_by_name(&format!("hazardcast.v1.{name}")).expect("it is a message of the API")
}

const TIMESTAMP: &str = "google.protobuf.Timestamp";

fn read(json: &Json, descriptor: MessageDescriptor, path: &str) -> Result<DynamicMessage, Fault> {
    if descriptor.full_name() == TIMESTAMP {
        return read_instant(json, descriptor, path);
    }
    let Json::Object(object) = json else { return Err(Fault::new(path, "is no object")) };
    let mut message = DynamicMessage::new(descriptor.clone());
    let mut given: Vec<u32> = Vec::new();
    for (name, json) in object {
        let named = descriptor.get_field_by_name(name).or_else(|| descriptor.get_field_by_json_name(name));
        let Some(field) = named else {
            let shown: String = name.chars().filter(|c| !c.is_control()).take(64).collect();
            return Err(Fault::new(&join(path, &shown), "is not known"));
        };
        if json.is_null() {
            continue;
        }
        let path = join(path, field.name());
        // Of several that stand for one another only one may be given.
        let same =
            field.containing_oneof().map_or(vec![field.number()], |of| of.fields().map(|f| f.number()).collect());
        if given.iter().any(|number| same.contains(number)) {
            return Err(Fault::new(&path, "is given twice, or beside what it stands for"));
        }
        given.push(field.number());
        let value = read_field(json, &field, &path)?;
        message.set_field(&field, value);
    }
    Ok(message)
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

fn read_field(json: &Json, field: &FieldDescriptor, path: &str) -> Result<Value, Fault> {
    if field.is_map() {
        return Err(Fault::new(path, "cannot be given in a file"));
    }
    if !field.is_list() {
        return read_value(json, &field.kind(), path);
    }
    let Json::Array(items) = json else { return Err(Fault::new(path, "is no array")) };
    let item = |(i, json): (usize, &Json)| read_value(json, &field.kind(), &format!("{path}[{i}]"));
    items.iter().enumerate().map(item).collect::<Result<_, _>>().map(Value::List)
}

fn read_value(json: &Json, kind: &Kind, path: &str) -> Result<Value, Fault> {
    let wrong = |expected: &str| Fault::new(path, format!("is no {expected}"));
    // Whole numbers may be written as text too, as proto3's JSON writes the long ones.
    let whole = || match json {
        Json::Number(number) => number.as_i64().or_else(|| exactly(number.as_f64()?)),
        Json::String(text) => text.parse().ok(),
        _ => None,
    };
    match kind {
        Kind::String => json.as_str().map(|text| Value::String(text.to_owned())).ok_or_else(|| wrong("text")),
        Kind::Bool => json.as_bool().map(Value::Bool).ok_or_else(|| wrong("true or false")),
        Kind::Double => json.as_f64().map(Value::F64).ok_or_else(|| wrong("number")),
        Kind::Float => json.as_f64().map(|number| Value::F32(number as f32)).ok_or_else(|| wrong("number")),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => {
            let number = whole().and_then(|number| i32::try_from(number).ok());
            number.map(Value::I32).ok_or_else(|| wrong("whole number of 32 bits"))
        }
        Kind::Uint32 | Kind::Fixed32 => {
            let number = whole().and_then(|number| u32::try_from(number).ok());
            number.map(Value::U32).ok_or_else(|| wrong("whole number of 32 bits, from 0 on"))
        }
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => {
            whole().map(Value::I64).ok_or_else(|| wrong("whole number of 64 bits"))
        }
        Kind::Enum(values) => {
            let named = json.as_str().and_then(|name| values.get_value_by_name(name)).map(|value| value.number());
            let numbered = || i32::try_from(json.as_i64()?).ok();
            named.or_else(numbered).map(Value::EnumNumber).ok_or_else(|| wrong(values.name()))
        }
        Kind::Message(message) => read(json, message.clone(), path).map(Value::Message),
        Kind::Uint64 | Kind::Fixed64 | Kind::Bytes => Err(Fault::new(path, "cannot be given in a file")),
    }
}

/// A whole number that was written with a point or an exponent.
fn exactly(number: f64) -> Option<i64> {
    let fits = number.fract() == 0.0 && number.abs() < 9e15;
    fits.then_some(number as i64)
}

fn read_instant(json: &Json, descriptor: MessageDescriptor, path: &str) -> Result<DynamicMessage, Fault> {
    let instant: Option<Timestamp> = json.as_str().and_then(|text| text.parse().ok());
    let instant = instant.ok_or_else(|| Fault::new(path, "is no time such as 2030-03-17T17:46:40Z"))?;
    // A wire time's nanoseconds count forward from its second, before 1970 too.
    let (mut seconds, mut nanos) = (instant.as_second(), instant.subsec_nanosecond());
    if nanos < 0 {
        (seconds, nanos) = (seconds - 1, nanos + 1_000_000_000);
    }
    let mut message = DynamicMessage::new(descriptor);
    message.set_field_by_number(1, Value::I64(seconds));
    message.set_field_by_number(2, Value::I32(nanos));
    Ok(message)
}

fn write(message: &DynamicMessage) -> Json {
    if message.descriptor().full_name() == TIMESTAMP {
        let part = |number| message.get_field_by_number(number);
        let (seconds, nanos) = (part(1).and_then(|part| part.as_i64()), part(2).and_then(|part| part.as_i32()));
        let instant = Timestamp::new(seconds.unwrap_or_default(), nanos.unwrap_or_default());
        return instant.map_or(Json::Null, |instant| Json::String(instant.to_string()));
    }
    let fields = message.fields().map(|(field, value)| (field.name().to_owned(), write_value(value, &field.kind())));
    Json::Object(fields.collect::<Map<_, _>>())
}

fn write_value(value: &Value, kind: &Kind) -> Json {
    match value {
        Value::Bool(value) => Json::Bool(*value),
        Value::I32(value) => (*value).into(),
        Value::U32(value) => (*value).into(),
        Value::I64(value) => Json::String(value.to_string()),
        Value::U64(value) => Json::String(value.to_string()),
        Value::F32(value) => f64::from(*value).into(),
        Value::F64(value) => (*value).into(),
        Value::String(value) => Json::String(value.clone()),
        Value::EnumNumber(number) => {
            let name = kind.as_enum().and_then(|values| values.get_value(*number));
            name.map_or_else(|| (*number).into(), |value| Json::String(value.name().to_owned()))
        }
        Value::Message(message) => write(message),
        Value::List(items) => items.iter().map(|item| write_value(item, kind)).collect(),
        // There are none in what is exported: see the tests.
        Value::Bytes(_) | Value::Map(_) => Json::Null,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn read_json(json: &Json) -> Result<v1::CreateRegistrationRequest, Fault> {
        read_request(json.to_string().as_bytes())
    }

    fn whole() -> Json {
        json!({
            "request_id": "r-1",
            "registration": {
                "traits": { "platform": "PLATFORM_IOS", "languages": ["ja", "en-US"], "time_zone": "Asia/Tokyo" },
                "tokens": [{ "channel": "CHANNEL_APNS", "value": "a" }],
                "consents": [{
                    "purpose": "CONSENT_PURPOSE_LOCATION", "policy_version": 3, "origin": "dialog",
                    "grant_time": "2030-03-17T17:46:40.5Z",
                }],
                "drills": true,
                "place": { "point": { "longitude": 139.7, "latitude": -35.6 } },
                "preferences": {
                    "least_severity": "SEVERITY_SEVERE",
                    "hazards": ["CATEGORY_GEO"],
                    "quiet_hours": { "start_minute": 1320, "end_minute": 420 },
                },
            },
            "identifiers": [{ "kind": "KIND_IDFV", "value": "x" }],
        })
    }

    #[test]
    fn a_request_is_read_and_what_is_in_it_is_written_the_same_again() {
        let request = read_json(&whole()).expect("it is in order");
        let registration = request.registration.expect("it is there");
        assert_eq!((request.request_id.as_str(), request.identifiers.len()), ("r-1", 1));
        let granted = registration.consents[0].grant_time.expect("it is said");
        assert_eq!((granted.seconds, granted.nanos), (1_900_000_000, 500_000_000));
        let mut expected = whole()["registration"].clone();
        expected["consents"][0]["policy_version"] = json!(3);
        assert_eq!(write_registration(&registration), expected);
    }

    #[test]
    fn a_request_may_be_written_as_others_write_it() {
        let line = br#" {"requestId":"r-1","registration":{"traits":{"platform":2,"timeZone":null},
            "preferences":{"quietHours":{"startMinute":"60","endMinute":1.2e2}}}} "#;
        let request = read_request(line).expect("it is in order");
        let registration = request.registration.expect("it is there");
        let quiet = registration.preferences.and_then(|preferences| preferences.quiet_hours).expect("it is there");
        assert_eq!((quiet.start_minute, quiet.end_minute), (60, 120));
        assert_eq!((request.request_id.as_str(), registration.traits.map(|traits| traits.platform)), ("r-1", Some(2)));
    }

    #[test]
    fn what_is_wrong_is_named_by_its_field_and_never_repeated() {
        let secret = "s3cret";
        for (field, json) in [
            ("", json!([])),
            ("registration", json!({ "registration": secret })),
            ("registration.colour", json!({ "registration": { "colour": secret } })),
            ("registration.traits.platform", json!({ "registration": { "traits": { "platform": secret } } })),
            ("registration.traits.languages", json!({ "registration": { "traits": { "languages": secret } } })),
            ("registration.traits.languages[1]", json!({ "registration": { "traits": { "languages": ["a", null] } } })),
            ("registration.drills", json!({ "registration": { "drills": secret } })),
            (
                "registration.consents[0].policy_version",
                json!({ "registration": { "consents": [{ "policy_version": -1 }] } }),
            ),
            (
                "registration.consents[0].grant_time",
                json!({ "registration": { "consents": [{ "grantTime": secret }] } }),
            ),
            (
                "registration.place.point.latitude",
                json!({ "registration": { "place": { "point": { "latitude": secret } } } }),
            ),
            ("registration.place.point", json!({ "registration": { "place": { "box": {}, "point": {} } } })),
            ("request_id", json!({ "request_id": "a", "requestId": "b" })),
        ] {
            let fault = read_json(&json).expect_err(field);
            assert_eq!(fault.field, field, "{json}: {fault:?}");
            assert!(!fault.reason.is_empty() && !format!("{fault:?}").contains(secret), "{fault:?}");
        }
        let fault = read_request(b"{\"registration\": s3cret").expect_err("no JSON");
        assert_eq!((fault.field.as_str(), fault.reason.as_str()), ("", "is not JSON from column 18 on"));
        assert!(read_request(&[0xff, 0xfe]).is_err() && read_request(b"").is_err());
        assert!(read_request("[".repeat(60_000).as_bytes()).is_err());
    }

    /// Every kind of field that a message leads to.
    fn kinds(message: &MessageDescriptor, found: &mut Vec<(String, Kind, bool)>) {
        for field in message.fields() {
            found.push((field.full_name().to_owned(), field.kind(), field.is_map()));
            if let Kind::Message(inner) = field.kind() {
                kinds(&inner, found);
            }
        }
    }

    #[test]
    fn no_field_of_a_registration_is_of_a_kind_that_a_file_cannot_hold() {
        let mut found = Vec::new();
        kinds(&descriptor("CreateRegistrationRequest"), &mut found);
        for (name, kind, is_map) in found {
            assert!(!is_map && !matches!(kind, Kind::Uint64 | Kind::Fixed64 | Kind::Bytes), "{name}");
        }
    }

    /// JSON that is nearly a request: its names, and anything as their values.
    fn nearly() -> impl Strategy<Value = Json> {
        let names = prop::sample::select(vec![
            "registration",
            "traits",
            "platform",
            "languages",
            "tokens",
            "channel",
            "value",
            "consents",
            "purpose",
            "grant_time",
            "place",
            "point",
            "box",
            "longitude",
            "requestId",
            "identifiers",
            "kind",
            "preferences",
            "x",
        ]);
        let leaf = prop_oneof![
            Just(Json::Null),
            any::<bool>().prop_map(Json::from),
            any::<i64>().prop_map(Json::from),
            any::<f64>().prop_map(Json::from),
            ".{0,12}".prop_map(Json::from),
            prop::sample::select(vec!["PLATFORM_IOS", "CHANNEL_FCM", "2030-03-17T17:46:40Z"]).prop_map(Json::from),
        ];
        leaf.prop_recursive(6, 64, 6, move |inner| {
            prop_oneof![
                2 => prop::collection::vec((names.clone(), inner.clone()), 0..6)
                    .prop_map(|fields| fields.into_iter().map(|(name, json)| (name.to_owned(), json)).collect()),
                1 => prop::collection::vec(inner, 0..4).prop_map(Json::Array),
            ]
        })
    }

    proptest! {
        #[test]
        fn whatever_a_line_holds_it_is_read_or_its_fault_is_told(line in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Err(fault) = read_request(&line) {
                prop_assert!(!fault.reason.is_empty());
            }
        }

        #[test]
        fn whatever_is_nearly_a_request_is_read_or_its_fault_is_told(json in nearly()) {
            match read_json(&json) {
                // What was read is written, and read to the same again.
                Ok(request) => {
                    let registration = request.registration.unwrap_or_default();
                    let again = read_json(&json!({ "registration": write_registration(&registration) }));
                    prop_assert_eq!(again.map(|again| again.registration), Ok(Some(registration)));
                }
                Err(fault) => prop_assert!(!fault.reason.is_empty() && fault.field.len() < 200),
            }
        }

        #[test]
        fn a_request_with_a_byte_changed_is_read_or_its_fault_is_told(
            at in any::<prop::sample::Index>(),
            to in any::<u8>(),
        ) {
            let mut line = whole().to_string().into_bytes();
            let at = at.index(line.len());
            line[at] = to;
            if let Err(fault) = read_request(&line) {
                prop_assert!(!fault.reason.is_empty());
            }
        }
    }
}
