//! One call that was let in: what it asks and what it is answered, for as long as its caller may.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{HeaderMap, header::HeaderName};
use http_body::Frame;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::body::Body;
use tonic::{Code, Status};

use crate::access;
use crate::domain::Caller;

use super::denial::not_there;
use super::names::{self, Names};
use super::rules::Missing;
use super::status::Refusal;

/// Where gRPC says how a call ended.
const STATUS: HeaderName = HeaderName::from_static("grpc-status");

/// Resolves when the caller's credential is over.
type Over = Pin<Box<WaitForCancellationFutureOwned>>;

/// A call and how it ended: who made it, what it was, and what came of it.
#[derive(Debug)]
pub(super) struct Call {
    /// Who made it.
    pub(super) caller: Arc<Caller>,
    /// The RPC's path.
    pub(super) method: &'static str,
    /// What came of it. A stream that its caller left is [`Code::Cancelled`].
    pub(super) code: Code,
}

impl Call {
    /// Every call of a known caller comes by here once, when it has ended: let in or refused, answered or broken off.
    /// It is the one place that knows who, what and what came of it, whatever the RPC.
    pub(super) fn ended(&self) {
        if let Caller::Known { credential, principal } = &*self.caller {
            let (caller, method, code) = (principal.kind(), self.method, self.code);
            tracing::debug!(%credential, caller, method, ?code, "called");
        }
    }
}

/// A request's body: its messages pass once their names were looked at, and none when the credential is over.
pub(super) struct Asked {
    body: Body,
    names: Option<(Names, Missing)>,
    over: Option<Over>,
    done: bool,
}

impl Asked {
    /// `names` looks at a partner's; `ended` is the credential's, for a stream.
    pub(super) fn new(body: Body, names: Option<(Names, Missing)>, ended: Option<CancellationToken>) -> Self {
        Self { body, names, over: ended.map(over), done: false }
    }

    /// What of this data may pass; an empty one is none.
    fn look(&mut self, data: Bytes) -> Result<Bytes, Status> {
        let Some((names, missing)) = &mut self.names else { return Ok(data) };
        names.push(&data).map_err(|refused| match refused {
            names::Refused::Foreign => not_there(*missing),
            names::Refused::Malformed => Refusal::malformed().into(),
            names::Refused::Compressed => Status::unimplemented("compressed requests are not read"),
        })
    }

    fn last(&mut self, status: Status) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        self.done = true;
        Poll::Ready(Some(Err(status)))
    }
}

impl http_body::Body for Asked {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        loop {
            if self.done {
                return Poll::Ready(None);
            }
            if is_over(self.over.as_mut(), cx) {
                return self.last(Refusal::credential_over().into());
            }
            match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => match self.look(data) {
                        Ok(data) if data.is_empty() => {}
                        Ok(data) => return Poll::Ready(Some(Ok(Frame::data(data)))),
                        Err(status) => return self.last(status),
                    },
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
                Some(Err(error)) => return self.last(error),
                None => {
                    self.done = true;
                    let rest = self.names.as_mut().map(|(names, _)| names.rest()).unwrap_or_default();
                    return Poll::Ready((!rest.is_empty()).then(|| Ok(Frame::data(rest))));
                }
            }
        }
    }
}

/// An answer's body. It is one of its caller's open calls until it is dropped.
pub(super) struct Answer {
    body: Body,
    over: Option<Over>,
    done: bool,
    ending: Ending,
}

/// Tells how a call ended, once, when it has.
struct Ending {
    call: Call,
    _open: access::Open,
}

impl Drop for Ending {
    fn drop(&mut self) {
        self.call.ended();
    }
}

impl Answer {
    /// `ended` is the credential's, for a stream. One answer is not broken off: what it tells has been done.
    pub(super) fn within(
        response: http::Response<Body>,
        mut call: Call,
        open: access::Open,
        ended: Option<CancellationToken>,
    ) -> http::Response<Body> {
        // An answer that is an error alone has its status here; any other behind its body, or it is cut off before.
        call.code = code(response.headers()).unwrap_or(Code::Cancelled);
        let ending = Ending { call, _open: open };
        response.map(|body| Body::new(Self { body, over: ended.map(over), done: false, ending }))
    }
}

impl http_body::Body for Answer {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if self.done {
            return Poll::Ready(None);
        }
        if is_over(self.over.as_mut(), cx) {
            self.done = true;
            let status = Status::from(Refusal::credential_over());
            self.ending.call.code = status.code();
            let mut trailers = HeaderMap::new();
            return Poll::Ready(Some(status.add_header(&mut trailers).map(|()| Frame::trailers(trailers))));
        }
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        if let Some(Ok(frame)) = &frame
            && let Some(code) = frame.trailers_ref().and_then(code)
        {
            self.ending.call.code = code;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.done || self.body.is_end_stream()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        if self.over.is_some() { http_body::SizeHint::default() } else { self.body.size_hint() }
    }
}

fn over(ended: CancellationToken) -> Over {
    Box::pin(ended.cancelled_owned())
}

fn is_over(over: Option<&mut Over>, cx: &mut Context<'_>) -> bool {
    over.is_some_and(|over| over.as_mut().poll(cx).is_ready())
}

fn code(headers: &HeaderMap) -> Option<Code> {
    headers.get(STATUS).map(|value| Code::from_bytes(value.as_bytes()))
}
