//! Who calls: found out before anything else is read of a call, for every RPC alike.
//!
//! The layer stands before all doors. It takes the proof that a call came with to [`Access`], asks the table
//! ([`super::rules`]) whether that caller may make that call, counts it against what the caller may ask, and hands the
//! call on with its [`Caller`]. A partner's request is looked through for names that are not its own
//! ([`super::names`]); a stream ends when its credential does ([`super::call`]). Refused calls reach no door.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::HeaderMap;
use http::header::AUTHORIZATION;
use tonic::body::Body;
use tonic::{Code, Request, Status};
use tower::{Layer, Service};

use crate::access::{Access, Holder};
use crate::domain::Caller;
use crate::listen::Peer;
use crate::metrics::Metrics;

use super::call::{Answer, Asked, Call};
use super::names::Names;
use super::rules::{Kind, Rule, rule};
use super::status::Refusal;

/// How long somebody who is not known has for a call that is answered once. Whoever is known has so many open at a
/// time.
const UNKNOWN_ASKS_WITHIN: Duration = Duration::from_secs(10);

/// Finds out who calls.
#[derive(Clone)]
pub(super) struct Auth(Arc<Inner>);

struct Inner {
    access: Access,
    metrics: Arc<Metrics>,
    /// Who calls and shows nothing.
    nobody: Arc<Caller>,
}

/// The doors behind [`Auth`].
#[derive(Clone)]
pub(super) struct Authenticated<S> {
    auth: Auth,
    doors: S,
}

/// Who makes a call, as the layer found out.
pub(super) fn caller<T>(request: &Request<T>) -> Arc<Caller> {
    request.extensions().get().map_or_else(|| Arc::new(Caller::Stranger), Arc::clone)
}

impl Auth {
    /// On a development server anybody who shows nothing is [`Caller::Development`].
    pub(super) fn new(access: Access, metrics: Arc<Metrics>, development: bool) -> Self {
        let nobody = Arc::new(if development { Caller::Development } else { Caller::Stranger });
        Self(Arc::new(Inner { access, metrics, nobody }))
    }

    /// Who makes a call of `rule`, if they may.
    fn admit(&self, rule: &Rule, headers: &HeaderMap, peer: Option<&Peer>) -> Result<Admitted, Refusal> {
        let nobody = || Arc::clone(&self.0.nobody);
        if rule.is_open() {
            if peer.is_some_and(|peer| !self.0.access.may_call_unknown(peer.network())) {
                return Err(Refusal::too_many_unknown());
            }
            return Ok(Admitted { caller: nobody(), holder: None });
        }
        let holder = self.0.access.authenticate(token(headers), peer).map_err(Refusal::from)?;
        let caller = holder.as_ref().map_or_else(nobody, |holder| Arc::clone(holder.caller()));
        if rule.admits(&caller) {
            return Ok(Admitted { caller, holder });
        }
        if holder.is_some() {
            Call { caller, method: rule.path, code: Code::PermissionDenied }.ended();
            return Err(Refusal::not_allowed());
        }
        self.0.access.failed("none", peer);
        Err(Refusal::no_credential())
    }

    /// A call that a layer behind this one may see: without its proof, and with who makes it.
    fn pass(&self, rule: &'static Rule, request: &mut http::Request<Body>) -> Result<Admitted, Refusal> {
        let admitted = self.admit(rule, request.headers(), request.extensions().get::<Peer>())?;
        request.headers_mut().remove(AUTHORIZATION);
        request.extensions_mut().insert(Arc::clone(&admitted.caller));
        Ok(admitted)
    }

    fn refused(&self, refusal: Refusal) -> http::Response<Body> {
        self.0.metrics.calls_refused(refusal.code()).inc();
        Status::from(refusal).into_http()
    }
}

/// A call that may go on.
struct Admitted {
    caller: Arc<Caller>,
    /// Whose credential it is; `None` for nobody's.
    holder: Option<Arc<Holder>>,
}

/// The bearer token of a call. One that is of no use is an empty one, which is nobody's.
fn token(headers: &HeaderMap) -> Option<&str> {
    let mut all = headers.get_all(AUTHORIZATION).iter();
    let first = all.next()?;
    let text = first.to_str().unwrap_or_default();
    let token =
        text.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, token)| token);
    // Two proofs are none: which of them would be the caller's?
    Some(if all.next().is_some() { "" } else { token.unwrap_or_default() })
}

impl<S> Layer<S> for Auth {
    type Service = Authenticated<S>;

    fn layer(&self, doors: S) -> Authenticated<S> {
        Authenticated { auth: self.clone(), doors }
    }
}

type Answering<E> = Pin<Box<dyn Future<Output = Result<http::Response<Body>, E>> + Send>>;

impl<S> Service<http::Request<Body>> for Authenticated<S>
where
    S: Service<http::Request<Body>, Response = http::Response<Body>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Send + 'static,
{
    type Response = http::Response<Body>;
    type Error = S::Error;
    type Future = Answering<S::Error>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.doors.poll_ready(cx)
    }

    fn call(&mut self, mut request: http::Request<Body>) -> Self::Future {
        let admitted = match rule(request.uri().path()) {
            Some(rule) => self.auth.pass(rule, &mut request).map(|admitted| (rule, admitted)),
            None => Err(Refusal::no_such_call()),
        };
        let (rule, Admitted { caller, holder }) = match admitted {
            Ok(admitted) => admitted,
            Err(refusal) => {
                let refused = self.auth.refused(refusal);
                return Box::pin(std::future::ready(Ok(refused)));
            }
        };
        let Some(holder) = holder else {
            let answering = self.doors.call(request);
            let hurried = rule.kind == Kind::Unary && *caller == Caller::Stranger;
            return if hurried { Box::pin(within(UNKNOWN_ASKS_WITHIN, answering)) } else { Box::pin(answering) };
        };
        let open = match holder.admit() {
            Ok(open) => open,
            Err(limited) => {
                Call { caller, method: rule.path, code: Code::ResourceExhausted }.ended();
                let refused = self.auth.refused(limited.into());
                return Box::pin(std::future::ready(Ok(refused)));
            }
        };
        let ended = (rule.kind == Kind::Stream).then(|| holder.ended().clone());
        let names = caller.partner().map(|partner| (Names::new(partner, rule.path), rule.missing()));
        let call = Call { caller, method: rule.path, code: Code::Cancelled };
        let request = request.map(|body| Body::new(Asked::new(body, names, ended.clone())));
        let answering = self.doors.call(request);
        Box::pin(async move { Ok(Answer::within(answering.await?, call, open, ended)) })
    }
}

/// The answer, or that it took too long.
async fn within<E>(
    time: Duration,
    answering: impl Future<Output = Result<http::Response<Body>, E>>,
) -> Result<http::Response<Body>, E> {
    let late = || Status::deadline_exceeded("the request did not come in time").into_http();
    tokio::time::timeout(time, answering).await.unwrap_or_else(|_| Ok(late()))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn found(values: &[&'static str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(AUTHORIZATION, HeaderValue::from_static(value));
        }
        token(&headers).map(str::to_owned)
    }

    #[test]
    fn a_token_is_what_stands_behind_bearer_and_two_are_none() {
        assert_eq!(found(&[]), None);
        for one in ["Bearer a", "bearer a", "BEARER a"] {
            assert_eq!(found(&[one]).as_deref(), Some("a"), "{one}");
        }
        for none in [&["Basic a"][..], &["a"], &[""], &["Bearer"], &["Bearer a", "Bearer a"], &["Bearer a", ""]] {
            assert_eq!(found(none).as_deref(), Some(""), "{none:?}");
        }
    }
}
