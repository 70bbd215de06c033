//! A notice to bytes, once for all links that carry it.

use prost::Message;

use super::convert;
use super::link_frame::{Frame, OpenLinkResponse};
use crate::domain::{EncodedNotice, Notice};

/// The whole frame that carries `notice`.
pub fn notice(notice: &Notice) -> EncodedNotice {
    let frame = OpenLinkResponse { frame: Some(Frame::Notice(convert::notice::to_wire(notice))) };
    EncodedNotice { key: notice.key, bytes: frame.encode_to_vec().into() }
}
