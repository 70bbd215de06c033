//! Who calls.

use super::{PartnerName, Sender};

/// Who makes a call, as the door found out. Until access control is built every caller is [`Caller::Development`],
/// which only exists on a server started with `--dev` on loopback.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// Anybody, on a development server that listens on loopback only.
    Development,
    /// The back end of a partner.
    Partner(PartnerName),
    /// An alert authority.
    Authority(Sender),
}
