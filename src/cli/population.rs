//! Devices for a demo or a load test, and their registration through the public API.

use anyhow::{Context, Result, bail};

use crate::device::Credentials;
use crate::domain::{LinkSecret, Position, Private};
use crate::wire::convert::geography;
use crate::wire::v1;
use crate::wire::v1::batch_create_registrations_response::result::Result as Outcome;
use crate::wire::v1::device_service_client::DeviceServiceClient;

use super::connection::Connection;

/// The app of a development server that devices are registered with.
pub(super) const DEV_APP: &str = "partners/dev/apps/alpha";

/// Registrations in one call.
const BATCH: usize = 1_000;

/// A device to be registered.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sketch {
    /// Where it is.
    pub(super) place: Position,
    /// Whether its person agrees to emergency push.
    pub(super) consents: bool,
    /// Whether its person takes part in exercises and tests.
    pub(super) drills: bool,
    /// Whether it is to be reached by the null channel, which stands in for a vendor's push service.
    pub(super) null: bool,
}

/// Registers devices with `app`, in order; `done` hears how many are registered so far.
pub(super) async fn register(
    connection: Connection,
    app: &str,
    sketches: &[Sketch],
    mut done: impl FnMut(u64),
) -> Result<Vec<Credentials>> {
    let mut client = DeviceServiceClient::new(connection).max_decoding_message_size(16 << 20);
    let mut credentials = Vec::with_capacity(sketches.len());
    for batch in sketches.chunks(BATCH) {
        let requests: Vec<_> = batch.iter().map(request).collect();
        let sent = requests.len();
        let request = v1::BatchCreateRegistrationsRequest { parent: app.to_owned(), requests };
        let answers = client.batch_create_registrations(request).await.context("registering devices")?.into_inner();
        if answers.results.len() != sent {
            bail!("the server answered {} of {sent} registrations", answers.results.len());
        }
        for answer in answers.results {
            credentials.push(read(answer.result)?);
        }
        done(credentials.len() as u64);
    }
    Ok(credentials)
}

fn request(sketch: &Sketch) -> v1::CreateRegistrationRequest {
    let consent = |purpose: v1::ConsentPurpose| v1::Consent {
        purpose: purpose.into(),
        policy_version: 1,
        origin: "simulated".to_owned(),
        ..v1::Consent::default()
    };
    let mut consents = vec![consent(v1::ConsentPurpose::Location)];
    if sketch.consents {
        consents.push(consent(v1::ConsentPurpose::EmergencyPush));
    }
    let null = v1::ChannelToken { channel: v1::Channel::Null.into(), value: "null".to_owned() };
    let place = v1::Place {
        footprint: Some(v1::place::Footprint::Point(geography::position_to_wire(sketch.place))),
        report_time: None,
    };
    let traits = v1::DeviceTraits {
        platform: v1::Platform::Other.into(),
        brand: "simulated".to_owned(),
        languages: vec!["es".to_owned(), "en".to_owned()],
        ..v1::DeviceTraits::default()
    };
    v1::CreateRegistrationRequest {
        registration: Some(v1::Registration {
            traits: Some(traits),
            tokens: if sketch.null { vec![null] } else { Vec::new() },
            consents,
            place: Some(place),
            drills: sketch.drills,
            ..v1::Registration::default()
        }),
        ..v1::CreateRegistrationRequest::default()
    }
}

fn read(answer: Option<Outcome>) -> Result<Credentials> {
    let registered = match answer {
        Some(Outcome::Registered(registered)) => registered,
        Some(Outcome::Refused(problem)) => bail!("a registration was refused: {}", problem.message),
        None => bail!("a registration was not answered"),
    };
    let registration = registered.registration.context("the answer has no registration")?.name.parse()?;
    let secret = <[u8; 32]>::try_from(&*registered.link_secret).context("the link secret is not 32 bytes")?;
    Ok(Credentials { registration, secret: LinkSecret(Private::new(secret)) })
}
