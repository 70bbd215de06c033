//! Listeners: they take connections in, over TLS where there are certificates, and bound what each may cost.
//!
//! A [`Door`] is opened once and gives [`Incoming`] connections, whose handshakes are done: each in a task of its own,
//! so that a slow one delays nobody. A [`Connection`] is a stream of bytes that ends by itself when its peer is silent
//! for too long; its [`Peer`] says where it comes from and which certificate it showed. [`Certificates`] are loaded
//! from files, and again when those change: connections that are open go on with what they have.
//!
//! Who a peer is and what it may do is not decided here: that is [`crate::access`]'s.

mod accept;
mod certificates;
mod connection;
mod peer;
#[cfg(test)]
mod tests;

pub use accept::{Bounds, Door, Incoming, over_ten_seconds};
pub use certificates::{CertificateError, CertificateFiles, Certificates, Protocol};
pub use connection::Connection;
pub use peer::{Network, Peer, ShownCertificate};
