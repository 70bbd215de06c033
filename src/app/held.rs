//! Alerts that waited for a person when the server ended: they are read again, and wait on.

use prost::Message;

use crate::access::Access;
use crate::decide::Authority;
use crate::domain::{Alert, AlertId};
use crate::format::Bounds;
use crate::intake::{HeldAlert, HeldAlerts, Submission};
use crate::journal::Held;
use crate::locate::Atlas;
use crate::wire::{convert, v1};

/// Takes up those that the journal has. One that this server cannot read any more stays in the journal, and is an
/// alarm.
pub(super) fn recover(
    held: impl Iterator<Item = Held>,
    into: &HeldAlerts,
    bounds: &Bounds,
    atlas: &Atlas,
    access: &Access,
) {
    for Held { holding, raw, media_type, received } in held {
        let Some(alert) = read(&raw, &media_type, &holding.alert, bounds) else {
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

/// The alert of this name: what came may hold others beside it.
fn read(raw: &bytes::Bytes, media_type: &str, id: &AlertId, bounds: &Bounds) -> Option<Alert> {
    if media_type == "application/x-protobuf" {
        let structured = v1::StructuredAlert::decode(raw.clone()).ok()?;
        return convert::alert::structured(structured).ok().map(|(alert, _)| alert);
    }
    let messages = bounds.messages(raw, Some(media_type)).ok()?;
    messages.into_iter().filter_map(|message| message.outline.ok()?.alert.ok()).find(|alert| alert.id == *id)
}
