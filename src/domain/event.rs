//! What a partner is told of its registrations: an address that is gone, a consent that ended, a registration that was
//! deleted.
//!
//! An event names a registration as its partner does, and says what happened and when; no place, token or identifier is
//! in it, and of zones only the one that it is in. Where it stands in its partner's log is an [`EventCursor`], which
//! says nothing to anybody else.

use std::fmt;
use std::str::FromStr;

use super::{ChannelKind, InvalidId, PolicyVersion, Purpose, RegistrationName, Timestamp, ZoneName};

/// What happened. A new kind also gets a number on disk (`registry::events`), a message in the API, and a place in what
/// webhooks send; each `match` says so.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// The channel's vendor said that the registration's address is gone: it was removed (R-B4).
    TokenGone(ChannelKind),
    /// The person agreed, after the registration was made.
    ConsentGranted(Purpose, PolicyVersion),
    /// The person withdrew.
    ConsentWithdrawn(Purpose, PolicyVersion),
    /// What the person agreed to has ended without a withdrawal: its time has come, or the person is a child, and no
    /// guardian had agreed.
    ConsentExpired(Purpose, PolicyVersion),
    /// The place of the phone was forgotten, since nothing allows to hold it any more, or it was too old.
    PlaceForgotten,
    /// The app was registered anew on its device: what was agreed to before, its place and its addresses are gone.
    Restarted,
    /// The registration was deleted. Of what happened to it before nothing is told any more.
    Deleted,
    /// The registration has come into a zone of its partner (R-S1). It is told only as long as the registration is in
    /// that zone: where it was before is nobody's to know (R-P5).
    ZoneEntered(ZoneName),
    /// So many events before this one were not kept: they were too old, too many, or came faster than they could be
    /// written. Of no registration.
    Gap(u64),
}

impl EventKind {
    /// The kind's name, as a webhook's `type` has it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::TokenGone(_) => "token.gone",
            Self::ConsentGranted(..) => "consent.granted",
            Self::ConsentWithdrawn(..) => "consent.withdrawn",
            Self::ConsentExpired(..) => "consent.expired",
            Self::PlaceForgotten => "place.forgotten",
            Self::Restarted => "registration.restarted",
            Self::Deleted => "registration.deleted",
            Self::ZoneEntered(_) => "zone.entered",
            Self::Gap(_) => "events.gap",
        }
    }
}

/// Something that happened, in its place in its partner's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartnerEvent {
    /// Where it stands; also what tells it from every other.
    pub cursor: EventCursor,
    /// When it happened, by the server's clock.
    pub time: Timestamp,
    /// To which registration; `None` for a gap.
    pub registration: Option<RegistrationName>,
    /// What.
    pub kind: EventKind,
}

/// A place in one partner's log: right behind the event of that number. It is good for that log alone, which the
/// registry's key proves. Written as 32 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct EventCursor {
    /// The event's number in the log, from 1; 0 is before all.
    pub number: u64,
    /// What proves the log.
    pub proof: u64,
}

impl fmt::Display for EventCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Told apart from a number by the proof, so that nobody counts with it.
        write!(f, "{:016x}{:016x}", self.number ^ self.proof, self.proof)
    }
}

impl FromStr for EventCursor {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        if text.len() != 32 || !text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)) {
            return Err(InvalidId::Malformed);
        }
        let (masked, proof) = text.split_at(16);
        let [masked, proof] = [masked, proof].map(|half| u64::from_str_radix(half, 16));
        let proof = proof.map_err(|_| InvalidId::Malformed)?;
        Ok(Self { number: masked.map_err(|_| InvalidId::Malformed)? ^ proof, proof })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_cursor_reads_back_and_only_as_it_was_written(number in any::<u64>(), proof in any::<u64>()) {
            let cursor = EventCursor { number, proof };
            let text = cursor.to_string();
            prop_assert_eq!(text.parse(), Ok(cursor));
            prop_assert!(text[1..].parse::<EventCursor>().is_err());
            let signed = format!("+{}", &text[1..]);
            prop_assert!(signed.parse::<EventCursor>().is_err());
        }
    }
}
