//! An event as the JSON that a receiver gets.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::domain::{EventKind, PartnerEvent};

/// `type`, `timestamp` and `data`, as Standard Webhooks recommends. Nothing is in it that is not in the API's event.
pub(super) fn of(event: &PartnerEvent) -> Bytes {
    let mut data = Map::new();
    data.insert("cursor".to_owned(), event.cursor.to_string().into());
    if let Some(name) = &event.registration {
        data.insert("registration".to_owned(), name.to_string().into());
    }
    let mut add = |key: &str, value: Value| drop(data.insert(key.to_owned(), value));
    match event.kind {
        EventKind::ZoneEntered(ref zone) => add("zone", zone.to_string().into()),
        EventKind::TokenGone(channel) => add("channel", channel.name().into()),
        EventKind::ConsentGranted(purpose, policy)
        | EventKind::ConsentWithdrawn(purpose, policy)
        | EventKind::ConsentExpired(purpose, policy) => {
            add("purpose", purpose.name().into());
            add("policy_version", policy.0.into());
        }
        EventKind::Gap(count) => add("event_count", count.into()),
        EventKind::PlaceForgotten | EventKind::Restarted | EventKind::Deleted => {}
    }
    let body = json!({ "type": event.kind.name(), "timestamp": event.time.to_string(), "data": data });
    Bytes::from(body.to_string())
}

/// What tells the event from every other, for `webhook-id`: the same each time that it is sent.
pub(super) fn id(event: &PartnerEvent) -> String {
    format!("evt_{}", event.cursor)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{ChannelKind, EventCursor, PolicyVersion, Purpose, Timestamp};

    fn event(kind: EventKind) -> PartnerEvent {
        let name = format!("partners/acme/apps/main/registrations/{}", "0".repeat(26)).parse().unwrap();
        let gap = matches!(kind, EventKind::Gap(_));
        PartnerEvent {
            cursor: EventCursor { number: 1, proof: 2 },
            time: Timestamp::constant(1_900_000_000, 0),
            registration: (!gap).then_some(name),
            kind,
        }
    }

    #[test]
    fn an_event_says_what_happened_and_to_whom() {
        let read = |kind| serde_json::from_slice::<Value>(&of(&event(kind))).unwrap();
        let gone = read(EventKind::TokenGone(ChannelKind::Fcm));
        assert_eq!((&gone["type"], &gone["data"]["channel"]), (&json!("token.gone"), &json!("fcm")));
        assert_eq!(gone["timestamp"], json!("2030-03-17T17:46:40Z"));
        assert_eq!(gone["data"]["registration"].as_str().map(str::len), Some(64));
        let ended = read(EventKind::ConsentExpired(Purpose::CrossBorder, PolicyVersion(7)));
        assert_eq!((&ended["data"]["purpose"], &ended["data"]["policy_version"]), (&json!("cross_border"), &json!(7)));
        let gap = read(EventKind::Gap(9));
        assert_eq!((&gap["data"]["event_count"], gap["data"].get("registration")), (&json!(9), None));
    }
}
