//! What the stories share.

pub(crate) mod alert;
pub(crate) mod server;
