//! Links: one per registration, long-lived, the first way to tell a device (R-L6, R-E7).
//!
//! [`Session`] is one link's protocol, pure and the same for any wire. [`Hub`] knows which links are live and gives
//! each what it is to carry. What drives a session over a wire is a door ([`crate::grpc`]).

mod hub;
mod session;

pub use hub::{Ending, Hub, LiveLink, NotSent};
pub use session::{Input, Moment, Output, Session, Settings};
