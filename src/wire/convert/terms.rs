//! CAP's words and this house's, one for one.

use crate::domain::{
    Category, Certainty, ChannelKind, DeliveryKey, GoodbyeReason, IdentifierKind, Intensity, IntensityScale, LineageId,
    Mode, NoticeKind, PlacePrecision, Platform, Priority, Purpose, Revision, Role, Severity, Urgency,
};
use crate::wire::v1;

use super::InvalidField;

macro_rules! one_for_one {
    ($name:ident, $domain:ty, $wire:ty { $($value:path => $other:path),+ $(,)? }) => {
        /// Between domain and wire.
        pub mod $name {
            use super::*;

            /// To the wire.
            pub const fn to_wire(value: $domain) -> $wire {
                match value { $($value => $other),+ }
            }

            /// From the wire; `None` for the unset value and for one that is not known.
            pub fn from_wire(value: i32) -> Option<$domain> {
                let value = <$wire>::try_from(value).ok()?;
                [$($value),+].into_iter().find(|&known| to_wire(known) == value)
            }

            /// From the wire, naming the field that holds none or an unknown one.
            pub fn required(value: i32, field: &str) -> Result<$domain, InvalidField> {
                let reason = if value == 0 { "is required".to_owned() } else { format!("{value} is not known") };
                from_wire(value).ok_or_else(|| InvalidField::new(field, reason))
            }
        }
    };
}

one_for_one!(category, Category, v1::Category {
    Category::Geo => v1::Category::Geo,
    Category::Met => v1::Category::Met,
    Category::Safety => v1::Category::Safety,
    Category::Security => v1::Category::Security,
    Category::Rescue => v1::Category::Rescue,
    Category::Fire => v1::Category::Fire,
    Category::Health => v1::Category::Health,
    Category::Env => v1::Category::Env,
    Category::Transport => v1::Category::Transport,
    Category::Infra => v1::Category::Infra,
    Category::CBRNE => v1::Category::Cbrne,
    Category::Other => v1::Category::Other,
});
one_for_one!(mode, Mode, v1::AlertMode {
    Mode::Actual => v1::AlertMode::Actual,
    Mode::Exercise => v1::AlertMode::Exercise,
    Mode::System => v1::AlertMode::System,
    Mode::Test => v1::AlertMode::Test,
    Mode::Draft => v1::AlertMode::Draft,
});
one_for_one!(urgency, Urgency, v1::Urgency {
    Urgency::Immediate => v1::Urgency::Immediate,
    Urgency::Expected => v1::Urgency::Expected,
    Urgency::Future => v1::Urgency::Future,
    Urgency::Past => v1::Urgency::Past,
    Urgency::Unknown => v1::Urgency::Unknown,
});
one_for_one!(severity, Severity, v1::Severity {
    Severity::Extreme => v1::Severity::Extreme,
    Severity::Severe => v1::Severity::Severe,
    Severity::Moderate => v1::Severity::Moderate,
    Severity::Minor => v1::Severity::Minor,
    Severity::Unknown => v1::Severity::Unknown,
});
one_for_one!(certainty, Certainty, v1::Certainty {
    Certainty::Observed => v1::Certainty::Observed,
    Certainty::Likely => v1::Certainty::Likely,
    Certainty::Possible => v1::Certainty::Possible,
    Certainty::Unlikely => v1::Certainty::Unlikely,
    Certainty::Unknown => v1::Certainty::Unknown,
});
one_for_one!(priority, Priority, v1::Priority {
    Priority::Information => v1::Priority::Information,
    Priority::Advisory => v1::Priority::Advisory,
    Priority::Warning => v1::Priority::Warning,
    Priority::LifeThreat => v1::Priority::LifeThreat,
});
one_for_one!(role, Role, v1::OperatorRole {
    Role::View => v1::OperatorRole::View,
    Role::Operate => v1::OperatorRole::Operate,
    Role::Approve => v1::OperatorRole::Approve,
    Role::Administer => v1::OperatorRole::Administer,
});
one_for_one!(notice_kind, NoticeKind, v1::notice::Kind {
    NoticeKind::Alert => v1::notice::Kind::Alert,
    NoticeKind::Update => v1::notice::Kind::Update,
    NoticeKind::Release => v1::notice::Kind::Release,
});
one_for_one!(scale, IntensityScale, v1::intensity::Scale {
    IntensityScale::Mmi => v1::intensity::Scale::Mmi,
    IntensityScale::Csis => v1::intensity::Scale::Csis,
    IntensityScale::Jma => v1::intensity::Scale::Jma,
});
one_for_one!(goodbye_reason, GoodbyeReason, v1::server_goodbye::Reason {
    GoodbyeReason::Draining => v1::server_goodbye::Reason::Draining,
    GoodbyeReason::Replaced => v1::server_goodbye::Reason::Replaced,
    GoodbyeReason::Unauthenticated => v1::server_goodbye::Reason::Unauthenticated,
    GoodbyeReason::ProtocolError => v1::server_goodbye::Reason::ProtocolError,
    GoodbyeReason::TimedOut => v1::server_goodbye::Reason::TimedOut,
});
one_for_one!(channel, ChannelKind, v1::Channel {
    ChannelKind::Link => v1::Channel::Link,
    ChannelKind::Null => v1::Channel::Null,
    ChannelKind::Apns => v1::Channel::Apns,
    ChannelKind::Fcm => v1::Channel::Fcm,
    ChannelKind::Huawei => v1::Channel::Huawei,
    ChannelKind::Honor => v1::Channel::Honor,
    ChannelKind::Xiaomi => v1::Channel::Xiaomi,
    ChannelKind::Oppo => v1::Channel::Oppo,
    ChannelKind::Vivo => v1::Channel::Vivo,
    ChannelKind::Meizu => v1::Channel::Meizu,
    ChannelKind::WebPush => v1::Channel::WebPush,
});
one_for_one!(platform, Platform, v1::Platform {
    Platform::Android => v1::Platform::Android,
    Platform::Ios => v1::Platform::Ios,
    Platform::Harmony => v1::Platform::Harmony,
    Platform::Web => v1::Platform::Web,
    Platform::Other => v1::Platform::Other,
});
one_for_one!(place_precision, PlacePrecision, v1::PlacePrecision {
    PlacePrecision::Exact => v1::PlacePrecision::Exact,
    PlacePrecision::About1Km => v1::PlacePrecision::About1Km,
    PlacePrecision::About10Km => v1::PlacePrecision::About10Km,
    PlacePrecision::District => v1::PlacePrecision::District,
});
one_for_one!(purpose, Purpose, v1::ConsentPurpose {
    Purpose::EmergencyPush => v1::ConsentPurpose::EmergencyPush,
    Purpose::Location => v1::ConsentPurpose::Location,
    Purpose::SavedPlaces => v1::ConsentPurpose::SavedPlaces,
    Purpose::LinkMerging => v1::ConsentPurpose::LinkMerging,
    Purpose::AssociatedStart => v1::ConsentPurpose::AssociatedStart,
    Purpose::CrossBorder => v1::ConsentPurpose::CrossBorder,
});
one_for_one!(identifier_kind, IdentifierKind, v1::device_identifier::Kind {
    IdentifierKind::Oaid => v1::device_identifier::Kind::Oaid,
    IdentifierKind::AndroidId => v1::device_identifier::Kind::AndroidId,
    IdentifierKind::Idfv => v1::device_identifier::Kind::Idfv,
    IdentifierKind::Gaid => v1::device_identifier::Kind::Gaid,
    IdentifierKind::Idfa => v1::device_identifier::Kind::Idfa,
    IdentifierKind::Imei => v1::device_identifier::Kind::Imei,
    IdentifierKind::Mac => v1::device_identifier::Kind::Mac,
    IdentifierKind::Serial => v1::device_identifier::Kind::Serial,
    IdentifierKind::Imsi => v1::device_identifier::Kind::Imsi,
    IdentifierKind::Iccid => v1::device_identifier::Kind::Iccid,
});

/// A delivery key to the wire.
pub fn key_to_wire(key: DeliveryKey) -> v1::DeliveryKey {
    v1::DeliveryKey { lineage: key.lineage.0, revision: key.revision.0 }
}

/// A delivery key from the wire.
pub fn key_from_wire(key: v1::DeliveryKey) -> DeliveryKey {
    DeliveryKey { lineage: LineageId(key.lineage), revision: Revision(key.revision) }
}

/// An intensity to the wire.
pub fn intensity_to_wire(intensity: Intensity) -> v1::Intensity {
    v1::Intensity { value: intensity.value, scale: scale::to_wire(intensity.scale).into() }
}
