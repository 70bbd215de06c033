//! The link's frames to the device, written out by hand so that a notice which is encoded already is sent as it is.

use bytes::{Buf, BufMut, Bytes};
use prost::encoding::{DecodeContext, WireType};
use prost::{DecodeError, Message};

use super::v1;

/// `hazardcast.v1.OpenLinkResponse`, decoded.
#[derive(Clone, PartialEq, Message)]
pub struct OpenLinkResponse {
    /// Which frame.
    #[prost(oneof = "Frame", tags = "1, 2, 3, 4")]
    pub frame: Option<Frame>,
}

/// The frames of `hazardcast.v1.OpenLinkResponse`.
#[derive(Clone, PartialEq, prost::Oneof)]
#[expect(clippy::large_enum_variant, reason = "as prost generates it: a frame is decoded, read and dropped")]
pub enum Frame {
    /// The link is open.
    #[prost(message, tag = "1")]
    Welcome(v1::ServerWelcome),
    /// Answer to a heartbeat.
    #[prost(message, tag = "2")]
    Heartbeat(v1::ServerHeartbeat),
    /// A notice.
    #[prost(message, tag = "3")]
    Notice(v1::Notice),
    /// The server ends the link.
    #[prost(message, tag = "4")]
    Goodbye(v1::ServerGoodbye),
}

/// What the link's stream carries to the device: a frame, or the bytes of one that many links share.
#[derive(Clone, PartialEq, Debug)]
pub enum LinkFrame {
    /// The bytes of an [`OpenLinkResponse`].
    Encoded(Bytes),
    /// A frame. Boxed: thousands of these wait in the queues of links, and most are notices, encoded.
    Decoded(Box<OpenLinkResponse>),
}

impl Default for LinkFrame {
    fn default() -> Self {
        Self::Decoded(Box::default())
    }
}

impl From<Frame> for LinkFrame {
    fn from(frame: Frame) -> Self {
        Self::Decoded(Box::new(OpenLinkResponse { frame: Some(frame) }))
    }
}

impl LinkFrame {
    /// The frame, if this one was decoded and is of a kind that is known.
    pub fn into_frame(self) -> Option<Frame> {
        match self {
            Self::Decoded(response) => response.frame,
            Self::Encoded(bytes) => OpenLinkResponse::decode(bytes).ok()?.frame,
        }
    }
}

impl Message for LinkFrame {
    fn encode_raw(&self, buffer: &mut impl BufMut) {
        match self {
            Self::Encoded(bytes) => buffer.put_slice(bytes),
            Self::Decoded(response) => response.encode_raw(buffer),
        }
    }

    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: WireType,
        buffer: &mut impl Buf,
        context: DecodeContext,
    ) -> Result<(), DecodeError> {
        match self {
            Self::Decoded(response) => response.merge_field(tag, wire_type, buffer, context),
            Self::Encoded(_) => {
                self.clear();
                self.merge_field(tag, wire_type, buffer, context)
            }
        }
    }

    fn encoded_len(&self) -> usize {
        match self {
            Self::Encoded(bytes) => bytes.len(),
            Self::Decoded(response) => response.encoded_len(),
        }
    }

    fn clear(&mut self) {
        *self = Self::default();
    }
}
