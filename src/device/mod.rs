//! The device side of a link, as an SDK wraps it: what a phone keeps, works out and answers.
//!
//! [`Seen`] decides what a person is shown, so that nothing is shown twice; [`ServerClock`] tells the server's time;
//! [`assess`] what a notice means where the phone is (R-E10), without telling the server anything. [`Link`] keeps a
//! link open. [`Fleet`] runs many, for load tests and the demo.

mod assess;
mod clock;
mod fleet;
mod link;
mod seen;

pub use assess::{Assessment, assess};
pub use clock::ServerClock;
pub use fleet::{Fleet, FleetOptions, Receipts};
pub use link::{Backoff, Credentials, Event, Link};
pub use seen::{Delivery, Seen, Shown};
