//! What a message does, and whether it may.

mod bulletin;
pub use bulletin::{Bulletin, BulletinParts, Content, Tier, TierIndex};
