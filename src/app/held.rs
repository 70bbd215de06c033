//! Alerts that waited for a person when the server ended: they are read again, and wait on.

use prost::Message;

use crate::access::Access;
use crate::decide::Authority;
use crate::domain::Alert;
use crate::format;
use crate::intake::{HeldAlert, HeldAlerts, Submission};
use crate::journal::Held;
use crate::locate::Atlas;
use crate::wire::{convert, v1};

/// Takes up those that the journal has. One that this server cannot read any more stays in the journal, and is an
/// alarm.
pub(super) fn recover(held: impl Iterator<Item = Held>, into: &HeldAlerts, atlas: &Atlas, access: &Access) {
    for Held { holding, raw, media_type, received } in held {
        let Some(alert) = read(&raw, &media_type) else {
            tracing::error!(held = %holding.id, "an alert that waits for a person cannot be read any more");
            continue;
        };
        // Its sender was found to be within its limits when it came; a person decides now.
        let mut authority = Authority { name: holding.authority.clone(), ..Authority::development() };
        // Unless it was revoked since: then it speaks for nobody, and whoever approves it is told so.
        if access.is_revoked(&authority.name) {
            authority.senders = Some(Vec::new());
        }
        let sender = holding.sender.clone();
        let submission = Submission::new(alert, raw, media_type, authority, sender, received, atlas);
        into.recover(HeldAlert::new(holding, submission));
    }
}

fn read(raw: &bytes::Bytes, media_type: &str) -> Option<Alert> {
    if media_type == "application/x-protobuf" {
        let structured = v1::StructuredAlert::decode(raw.clone()).ok()?;
        return convert::alert::structured(structured).ok().map(|(alert, _)| alert);
    }
    format::read(raw, Some(media_type)).ok().map(|read| read.alert)
}
