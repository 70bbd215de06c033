//! What the stories share.

pub mod alert;
pub mod server;
