//! The link's frames.

use crate::domain::{DeliveryKey, DeviceFrame, LinkSecret, Private, ServerFrame};
use crate::wire::link_frame::{Frame, LinkFrame};
use crate::wire::v1;
use crate::wire::v1::open_link_request::Frame as Request;

use super::{InvalidField, terms, time};

/// The most keys in one acknowledgement, and in a hello.
pub const MAX_KEYS: usize = 256;

/// A frame to the device.
pub fn to_wire(frame: ServerFrame) -> LinkFrame {
    match frame {
        ServerFrame::Notice(notice) => LinkFrame::Encoded(notice.bytes),
        ServerFrame::Welcome { server_time, heartbeat } => Frame::Welcome(v1::ServerWelcome {
            server_time: Some(time::to_wire(server_time)),
            heartbeat_interval: Some(time::duration_to_wire(heartbeat)),
        })
        .into(),
        ServerFrame::Heartbeat { server_time } => {
            Frame::Heartbeat(v1::ServerHeartbeat { server_time: Some(time::to_wire(server_time)) }).into()
        }
        ServerFrame::Goodbye { reason, reconnect_after } => Frame::Goodbye(v1::ServerGoodbye {
            reason: terms::goodbye_reason::to_wire(reason).into(),
            reconnect_delay: Some(time::duration_to_wire(reconnect_after)),
        })
        .into(),
    }
}

/// A frame from the device; `None` for one of a kind that is not known, which is ignored.
pub fn from_wire(request: v1::OpenLinkRequest) -> Result<Option<DeviceFrame>, InvalidField> {
    let Some(frame) = request.frame else { return Ok(None) };
    Ok(Some(match frame {
        Request::Hello(hello) => {
            let registration = hello.registration.parse();
            let registration = registration.map_err(|error| InvalidField::new("hello.registration", error))?;
            let secret = <[u8; 32]>::try_from(&*hello.link_secret);
            let secret = secret.map_err(|_| InvalidField::new("hello.link_secret", "must be 32 bytes"))?;
            let shown = keys(hello.shown, "hello.shown")?;
            DeviceFrame::Hello { registration, secret: LinkSecret(Private::new(secret)), shown }
        }
        Request::Heartbeat(v1::DeviceHeartbeat {}) => DeviceFrame::Heartbeat,
        Request::Acknowledge(acknowledge) => {
            let keys = keys(acknowledge.keys, "acknowledge.keys")?;
            DeviceFrame::Acknowledge { keys, presented: acknowledge.presented }
        }
        Request::Goodbye(v1::DeviceGoodbye {}) => DeviceFrame::Goodbye,
    }))
}

fn keys(keys: Vec<v1::DeliveryKey>, field: &str) -> Result<Vec<DeliveryKey>, InvalidField> {
    if keys.len() > MAX_KEYS {
        return Err(InvalidField::new(field, format!("more than {MAX_KEYS}")));
    }
    Ok(keys.into_iter().map(terms::key_from_wire).collect())
}
