//! The doors: how they are opened, and what feeds are opened with.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio_util::sync::CancellationToken;

use crate::access::Access;
use crate::audit::Audit;
use crate::decide::Authority;
use crate::domain::{AuthorityName, Clock, Credential, Principal};
use crate::fan_out::FanOuts;
use crate::feed::{Authorities, Feeds, StoreError};
use crate::grpc::{self, Health, Services};
use crate::http::{self, AlertPosts, Readiness};
use crate::intake::{Desk, Door};
use crate::listen::{Certificates, Incoming};
use crate::locate::Atlas;
use crate::metrics::Metrics;
use crate::registry::Registry;
use crate::tasks::Tasks;

use super::{AppError, Options, address, listen};

/// How long calls and links have to end when the server stops.
const DOORS_CLOSE_WITHIN: Duration = Duration::from_secs(3);

/// Answers what the operator's machines ask from now on; where.
pub(super) async fn serve_http(
    options: &Options,
    certificates: Option<&Arc<Certificates>>,
    readiness: &Readiness,
    stop: &CancellationToken,
    (tasks, metrics): (&Tasks, &Arc<Metrics>),
) -> Result<(SocketAddr, AlertPosts), AppError> {
    let listener = listen(options.http_listen).await?;
    let address = address(&listener, options.http_listen)?;
    let certificates = certificates.filter(|_| options.tls.as_ref().is_some_and(|tls| tls.http)).map(Arc::clone);
    let posts = AlertPosts::new(certificates.is_some());
    let incoming = http::door(listener, certificates).open(tasks, metrics);
    let serve = http::serve(incoming, Arc::clone(metrics), readiness.clone(), posts.clone(), stop.clone());
    tasks.spawn_essential("http", serve);
    Ok((address, posts))
}

/// Serves until `stop`; streams that do not end then are cut off.
pub(super) async fn serve_grpc(
    incoming: Incoming,
    services: Services,
    health: Health,
    stop: CancellationToken,
    cut: CancellationToken,
) {
    let serving = grpc::serve(incoming, services, health, stop.clone());
    let cutting = async {
        stop.cancelled().await;
        tokio::time::sleep(DOORS_CLOSE_WITHIN).await;
        cut.cancel();
        std::future::pending::<()>().await;
    };
    tokio::select! {
        served = serving => {
            if let Err(error) = served {
                tracing::error!(%error, "gRPC is not served any more");
            }
        }
        () = cutting => {}
    }
}

/// What all doors of alerts share.
pub(super) fn alert_door(
    options: &Options,
    desk: &Desk,
    atlas: &Arc<ArcSwap<Atlas>>,
    audit: &Audit,
    tasks: &Tasks,
    (fan_outs, registry): (&FanOuts, &Registry),
) -> Door {
    Door {
        desk: desk.clone(),
        atlas: Arc::clone(atlas),
        audit: audit.clone(),
        reading: options.reading,
        clock: Arc::clone(&options.clock),
        tasks: tasks.clone(),
        fan_outs: fan_outs.clone(),
        registry: registry.clone(),
    }
}

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

/// An authority may send what it was admitted for. One that has credentials alone is admitted as long as one of them is
/// not over, and speaks for the senders of all that it has.
fn authorities(access: Access, clock: Arc<dyn Clock>, dev: bool) -> Authorities {
    Arc::new(move |name: &AuthorityName| {
        if dev && name.id() == Authority::development().name {
            return Some(Authority::development());
        }
        if access.authority(name).is_some() {
            return access.admitted_authority(name);
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
        (!senders.is_empty()).then(|| Authority { name: name.id().to_owned(), senders: Some(senders), limits: None })
    })
}
