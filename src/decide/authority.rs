//! Who may warn whom (R-E1).

use crate::domain::{Alert, Sender};

/// An authority that the operator has admitted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authority {
    /// Its name in this server.
    pub name: String,
    /// The CAP senders that it speaks for; `None` means any.
    pub senders: Option<Vec<Sender>>,
}

impl Authority {
    /// The authority of a development server: any sender, the whole world.
    pub fn development() -> Self {
        Self { name: "dev".to_owned(), senders: None }
    }

    /// Whether the alert is within what the authority may send.
    pub fn may_send(&self, alert: &Alert) -> bool {
        self.senders.as_ref().is_none_or(|senders| senders.contains(&alert.id.sender))
    }
}
