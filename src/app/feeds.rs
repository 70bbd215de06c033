//! What feeds are opened with.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::access::Access;
use crate::decide::Authority;
use crate::domain::{AuthorityName, Clock, Credential, Principal};
use crate::feed::{Authorities, Feeds, StoreError};
use crate::intake::Door;
use crate::metrics::Metrics;

use super::Options;

pub(super) fn open_feeds(
    options: &Options,
    door: Door,
    access: Access,
    metrics: &Arc<Metrics>,
    stop: &CancellationToken,
) -> Result<Feeds, StoreError> {
    let authorities = authorities(access, Arc::clone(&options.clock), options.dev);
    let (settings, metrics) = (options.feeds.clone(), Arc::clone(metrics));
    Feeds::open(&options.data_dir, settings, door, authorities, metrics, stop.clone())
}

/// An authority is admitted as long as it has a credential that is not over, and speaks for the senders of all that it
/// has.
fn authorities(access: Access, clock: Arc<dyn Clock>, dev: bool) -> Authorities {
    Arc::new(move |name: &AuthorityName| {
        if dev && name.id() == Authority::development().name {
            return Some(Authority::development());
        }
        let now = clock.now();
        let senders =
            access.list(None, usize::MAX).into_iter().filter_map(|credential| match credential {
                Credential {
                    principal: Principal::Authority { name: of, senders }, revoked: None, expires, ..
                } if of == *name && expires > now => Some(senders.into_vec()),
                _ => None,
            });
        let senders: Vec<_> = senders.flatten().collect();
        (!senders.is_empty()).then(|| Authority { name: name.id().to_owned(), senders: Some(senders) })
    })
}
