//! What the operator's machines ask over plain HTTP, on a listener of its own: `/metrics`, `/livez` and `/readyz`.
//!
//! [`serve`] answers from the first moment, before anything else is open; [`Readiness`] is told how far the server is.
//! `/livez` says that the process answers, and nothing more: a restart mends what it would tell. `/readyz` is 200 when
//! alerts and devices can come, else 503; either way its body says which parts are ready.

mod guard;
mod readiness;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::metrics::{CONTENT_TYPE, Metrics};

pub use readiness::{Loading, Parts, Readiness, Status};

use guard::GuardedListener;

/// How long answers may take after the stop.
const CLOSING: Duration = Duration::from_secs(2);

#[derive(Debug, Clone)]
struct Sources {
    metrics: Arc<Metrics>,
    readiness: Readiness,
}

/// Answers on `listener` until `stop` is cancelled, then ends within seconds, whatever its callers do.
pub async fn serve(listener: TcpListener, metrics: Arc<Metrics>, readiness: Readiness, stop: CancellationToken) {
    let router = router(Sources { metrics, readiness });
    let serving =
        axum::serve(GuardedListener::new(listener), router).with_graceful_shutdown(stop.clone().cancelled_owned());
    let too_long = async {
        stop.cancelled().await;
        tokio::time::sleep(CLOSING).await;
    };
    tokio::select! {
        // Its result is `Ok` by its contract: failures to accept are retried inside.
        _ = serving => {}
        () = too_long => {}
    }
}

fn router(sources: Sources) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/livez", get(async || "live\n"))
        .route("/readyz", get(ready))
        .with_state(sources)
}

async fn metrics(State(sources): State<Sources>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, CONTENT_TYPE)], sources.metrics.render())
}

async fn ready(State(sources): State<Sources>) -> Response {
    let status = sources.readiness.status();
    let code = if status.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (code, [(header::CACHE_CONTROL, "no-store")], Json(status)).into_response()
}

#[cfg(test)]
mod tests;
