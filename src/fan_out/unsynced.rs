//! What a lane has sent and does not yet know to be on disk.

use std::collections::VecDeque;
use std::time::Duration;

use crate::journal::Ticket;

/// How many batches may be sent before the first of them is known to be on disk: after a crash at most these are sent
/// again, under the same keys.
const BATCHES: usize = 8;

/// How long a lane waits for the disk. One that is slower than this hangs: what is on its way was accepted and goes on,
/// since for a threat to life twice is better than never.
const PATIENCE: Duration = Duration::from_secs(2);

/// The tickets of batches that were sent, oldest first.
#[derive(Default)]
pub(super) struct Unsynced {
    tickets: VecDeque<Ticket>,
    hangs: bool,
}

impl Unsynced {
    /// A batch was sent. Waits until there is room for the next.
    pub(super) async fn add(&mut self, ticket: Ticket) {
        self.tickets.push_back(ticket);
        while self.tickets.len() > BATCHES
            && let Some(oldest) = self.tickets.pop_front()
        {
            let patience = if self.hangs { Duration::ZERO } else { PATIENCE };
            // A journal that cannot write has closed the alert door; what is on its way goes on, since it was accepted.
            let hangs = tokio::time::timeout(patience, oldest.synced()).await.is_err();
            if hangs && !self.hangs {
                tracing::warn!("the alert journal's disk hangs: notices are sent before it is known to whom");
            }
            self.hangs = hangs;
        }
    }

    /// Waits for all of them.
    pub(super) async fn all(self) {
        for ticket in self.tickets {
            let _ = ticket.synced().await;
        }
    }
}
