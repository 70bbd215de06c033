//! What the operator's machines ask over HTTP, on a listener of its own: `/metrics`, `/livez` and `/readyz`; and the
//! door of alerts for authorities that speak no gRPC, `POST /v1/alerts`.
//!
//! [`serve`] answers from the first moment, before anything else is open; [`Readiness`] is told how far the server is.
//! `/livez` says that the process answers, and nothing more: a restart mends what it would tell. `/readyz` is 200 when
//! alerts and devices can come, else 503; either way its body says which parts are ready.

mod alerts;
mod readiness;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::serve::Listener;
use axum::{Json, Router};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::listen::{Bounds, Certificates, Connection, Door, Incoming, Protocol};
use crate::metrics::{CONTENT_TYPE, Metrics};

pub use alerts::AlertPosts;
pub use readiness::{Loading, Parts, Readiness, Status};

/// Connections at a time: the operator's machines are few.
const CONNECTIONS: usize = 64;

/// How long a handshake, and then the first byte, may take.
const OPENING: Duration = Duration::from_secs(10);

/// A caller that says nothing for so long is cut off, so that idle ones cannot keep others out.
const SILENCE: Duration = Duration::from_secs(30);

/// How long answers may take after the stop.
const CLOSING: Duration = Duration::from_secs(2);

#[derive(Debug, Clone)]
struct Sources {
    metrics: Arc<Metrics>,
    readiness: Readiness,
}

/// The door of `listener`, over TLS if there are certificates.
pub fn door(listener: TcpListener, certificates: Option<Arc<Certificates>>) -> Door {
    let bounds = Bounds {
        connections: CONNECTIONS,
        of_one_network: None,
        new_of_one_network: None,
        opening: OPENING,
        silence: SILENCE,
    };
    Door { name: "http", listener, certificates, protocol: Protocol::Http1, bounds, cut: CancellationToken::new() }
}

/// Answers on the connections that come in until `stop` is cancelled, then ends within seconds, whatever its callers
/// do.
pub async fn serve(
    incoming: Incoming,
    metrics: Arc<Metrics>,
    readiness: Readiness,
    alerts: AlertPosts,
    stop: CancellationToken,
) {
    let router = router(Sources { metrics, readiness }).merge(alerts::router(alerts));
    let serving = axum::serve(Connections(incoming), router).with_graceful_shutdown(stop.clone().cancelled_owned());
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

/// Connections, as axum takes them.
struct Connections(Incoming);

impl Listener for Connections {
    type Io = Connection;
    type Addr = ();

    async fn accept(&mut self) -> (Connection, ()) {
        match self.0.next().await {
            Some(connection) => (connection, ()),
            // The runtime ends.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> std::io::Result<()> {
        Ok(())
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
