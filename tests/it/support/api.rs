//! Calls to a server's API by the generated clients, and what its refusals say.

use std::fmt;
use std::time::Instant;

use hazardcast::device::Credentials;
use hazardcast::domain::{LinkSecret, Private};
use hazardcast::wire::v1;
use hazardcast::wire::v1::alert_service_client::AlertServiceClient;
use hazardcast::wire::v1::device_service_client::DeviceServiceClient;
use hazardcast::wire::v1::fan_out_service_client::FanOutServiceClient;
use hazardcast::wire::v1::partner_service_client::PartnerServiceClient;
use prost::Message;
use tonic::transport::Channel;
use tonic::{Code, Status};

use super::server::PATIENCE;

/// The first app of a development server.
pub(crate) const ALPHA: &str = "partners/dev/apps/alpha";
/// The second.
pub(crate) const BETA: &str = "partners/dev/apps/beta";

/// A connection to a server.
#[derive(Debug, Clone)]
pub(crate) struct Api {
    /// For clients of other services.
    pub(crate) channel: Channel,
}

impl Api {
    /// Connects to the server at `url`.
    pub(crate) async fn connect(url: &str) -> Self {
        let endpoint = Channel::from_shared(url.to_owned()).expect("a URL").tcp_nodelay(true);
        Self { channel: endpoint.connect().await.expect("it listens") }
    }

    /// `DeviceService`.
    pub(crate) fn devices(&self) -> DeviceServiceClient<Channel> {
        DeviceServiceClient::new(self.channel.clone())
    }

    /// `PartnerService`.
    pub(crate) fn partners(&self) -> PartnerServiceClient<Channel> {
        PartnerServiceClient::new(self.channel.clone())
    }

    /// `AlertService`.
    pub(crate) fn alerts(&self) -> AlertServiceClient<Channel> {
        AlertServiceClient::new(self.channel.clone())
    }

    /// `FanOutService`.
    pub(crate) fn fan_outs(&self) -> FanOutServiceClient<Channel> {
        FanOutServiceClient::new(self.channel.clone())
    }

    /// Registers; panics if that is refused.
    pub(crate) async fn create(&self, request: v1::CreateRegistrationRequest) -> v1::CreateRegistrationResponse {
        self.devices().create_registration(request).await.expect("it is registered").into_inner()
    }

    /// A registration; panics if it cannot be had.
    pub(crate) async fn get(&self, name: &str) -> v1::Registration {
        self.try_get(name).await.expect("it is there")
    }

    /// A registration.
    pub(crate) async fn try_get(&self, name: &str) -> Result<v1::Registration, Status> {
        let answer = self.devices().get_registration(v1::GetRegistrationRequest { name: name.to_owned() }).await?;
        Ok(answer.into_inner().registration.expect("it is told"))
    }

    /// Waits until every device that is to be told of a fan-out was sent to.
    pub(crate) async fn complete(&self, name: &str) -> v1::FanOut {
        let started = Instant::now();
        loop {
            let answer = self.fan_outs().get_fan_out(v1::GetFanOutRequest { name: name.to_owned() }).await;
            let fan_out = answer.expect("it is known").into_inner().fan_out.expect("it is told");
            if fan_out.complete {
                return fan_out;
            }
            assert!(started.elapsed() < PATIENCE, "waited too long for {name}");
            tokio::task::yield_now().await;
        }
    }
}

/// A registration with an app that is asked for.
pub(crate) fn create(parent: &str, registration: v1::Registration) -> v1::CreateRegistrationRequest {
    v1::CreateRegistrationRequest {
        parent: parent.to_owned(),
        registration: Some(registration),
        ..v1::CreateRegistrationRequest::default()
    }
}

/// A phone with consents to emergency push and location, at `[lon, lat]`.
pub(crate) fn phone_at(lon_lat: [f64; 2]) -> v1::Registration {
    v1::Registration {
        consents: vec![consent(v1::ConsentPurpose::EmergencyPush), consent(v1::ConsentPurpose::Location)],
        place: Some(place(lon_lat)),
        ..phone()
    }
}

/// A phone that nobody has agreed to anything for.
pub(crate) fn phone() -> v1::Registration {
    let traits = v1::DeviceTraits {
        platform: v1::Platform::Android.into(),
        brand: "Acme".to_owned(),
        languages: vec!["en".to_owned()],
        ..v1::DeviceTraits::default()
    };
    v1::Registration { traits: Some(traits), ..v1::Registration::default() }
}

/// A grant from now on, without an end.
pub(crate) fn consent(purpose: v1::ConsentPurpose) -> v1::Consent {
    v1::Consent { purpose: purpose.into(), policy_version: 1, origin: "test".to_owned(), ..v1::Consent::default() }
}

/// A point, now.
pub(crate) fn place([longitude, latitude]: [f64; 2]) -> v1::Place {
    let point = v1::Position { longitude, latitude };
    v1::Place { footprint: Some(v1::place::Footprint::Point(point)), report_time: None }
}

/// An address at a vendor.
pub(crate) fn token(channel: v1::Channel, value: &str) -> v1::ChannelToken {
    v1::ChannelToken { channel: channel.into(), value: value.to_owned() }
}

/// An identifier that a device offers.
pub(crate) fn identifier(kind: v1::device_identifier::Kind, value: &str) -> v1::DeviceIdentifier {
    v1::DeviceIdentifier { kind: kind.into(), value: value.to_owned() }
}

/// What opens the link of a registration that was made.
pub(crate) fn credentials(created: &v1::CreateRegistrationResponse) -> Credentials {
    let secret = <[u8; 32]>::try_from(&*created.link_secret).expect("32 bytes");
    let registration = created.registration.as_ref().expect("it is told").name.parse().expect("a name");
    Credentials { registration, secret: LinkSecret(Private::new(secret)) }
}

/// What a call that was refused says, with the details of `google.rpc`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Refused {
    /// The status, as its name.
    pub(crate) code: String,
    /// `ErrorInfo.reason`; empty without one.
    pub(crate) reason: String,
    /// The first `BadRequest.FieldViolation.field`; empty without one.
    pub(crate) field: String,
    /// For people.
    pub(crate) message: String,
}

impl From<Status> for Refused {
    fn from(status: Status) -> Self {
        let (code, message) = (status.code(), status.message().to_owned());
        let mut refused =
            Self { code: format!("{code:?}"), reason: String::new(), field: String::new(), message: message.clone() };
        if status.details().is_empty() {
            return refused;
        }
        let details = RpcStatus::decode(status.details()).expect("google.rpc.Status");
        assert_eq!((Code::from(details.code), &details.message), (code, &message), "both say the same");
        for detail in details.details {
            match detail.type_url.as_str() {
                "type.googleapis.com/google.rpc.ErrorInfo" => {
                    let info = ErrorInfo::decode(&*detail.value).expect("google.rpc.ErrorInfo");
                    assert_eq!(info.domain, "hazardcast");
                    refused.reason = info.reason;
                }
                "type.googleapis.com/google.rpc.BadRequest" => {
                    let bad = BadRequest::decode(&*detail.value).expect("google.rpc.BadRequest");
                    let [first, others @ ..] = bad.violations.as_slice() else { panic!("no violation") };
                    assert!(message.starts_with(&first.description), "{message}");
                    assert!(others.iter().all(|other| message.contains(&other.description)), "{message}");
                    refused.field.clone_from(&first.field);
                }
                "type.googleapis.com/google.rpc.RetryInfo" => {}
                other => panic!("a detail of an unknown type: {other}"),
            }
        }
        refused
    }
}

impl fmt::Debug for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {:?}: {}", self.code, self.reason, self.field, self.message)
    }
}

#[derive(Clone, PartialEq, Message)]
struct RpcStatus {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
    #[prost(message, repeated, tag = "3")]
    details: Vec<prost_types::Any>,
}

#[derive(Clone, PartialEq, Message)]
struct ErrorInfo {
    #[prost(string, tag = "1")]
    reason: String,
    #[prost(string, tag = "2")]
    domain: String,
}

#[derive(Clone, PartialEq, Message)]
struct BadRequest {
    #[prost(message, repeated, tag = "1")]
    violations: Vec<FieldViolation>,
}

#[derive(Clone, PartialEq, Message)]
struct FieldViolation {
    #[prost(string, tag = "1")]
    field: String,
    #[prost(string, tag = "2")]
    description: String,
}
