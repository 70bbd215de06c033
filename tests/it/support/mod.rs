//! What the stories share.

pub(crate) mod alert;
pub(crate) mod api;
pub(crate) mod authority;
pub(crate) mod encodings;
pub(crate) mod grid;
pub(crate) mod house;
pub(crate) mod message;
pub(crate) mod phone;
pub(crate) mod raw;
pub(crate) mod server;
pub(crate) mod signer;
pub(crate) mod site;
pub(crate) mod source;
