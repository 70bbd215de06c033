//! What the log does by itself, by the clock.

use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tokio_util::sync::CancellationToken;

use crate::domain::{Act, AuditEntry};

use super::Audit;

/// How often it is written what places were reported. A crash loses the counts of this long, no more.
const PLACES: Duration = Duration::from_mins(1);

/// How often the log is anchored.
const ANCHOR: Duration = Duration::from_hours(24);

/// Writes what places were reported, and once a day an anchor whose number and hash go into the server's own log, where
/// others keep them. Ends when it is stopped.
pub async fn keep(audit: Audit, stop: CancellationToken) {
    let now = Instant::now();
    let (mut places, mut anchor) = (interval_at(now + PLACES, PLACES), interval_at(now + ANCHOR, ANCHOR));
    places.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = places.tick() => audit.write_places(),
            _ = anchor.tick() => {
                if audit.append(&AuditEntry::server(Act::LogAnchored)).synced().await.is_ok() {
                    audit.tell_head();
                }
            }
        }
    }
}
