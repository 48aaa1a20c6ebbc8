//! The decision as a tower layer, for servers that hold the replica in their own process.
//!
//! It puts a [`Permit`](claviger_verify::Permit) into the request's extensions and never forwards anything; what
//! belongs to a proxy alone (hop-by-hop fields, `X-Forwarded-*`) is the gateway's.

use std::{
    fmt,
    future::Future,
    net::IpAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use claviger_model::{Clock, Entropy, RequestId, Slot};
use claviger_verify::Verifier;
use http::{Request, Response, request::Parts};
use http_body::Body;
use http_body_util::{Either, Full};
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use crate::{Api, Caller, Host, credential, identity, request_id};

/// The address of the connection's other end, put into the request's extensions by the server.
///
/// Without it a key restricted to networks is refused.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub IpAddr);

/// Wraps services so that only requests with a permit reach them.
#[derive(Clone)]
pub struct ClavigerLayer {
    guard: Arc<Guard>,
}

struct Guard {
    api: Arc<Api>,
    verifier: Arc<Verifier>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

impl ClavigerLayer {
    /// A layer that judges by `api`'s profile.
    pub fn new(
        api: Arc<Api>,
        verifier: Arc<Verifier>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        Self { guard: Arc::new(Guard { api, verifier, clock, entropy }) }
    }
}

impl<S> Layer<S> for ClavigerLayer {
    type Service = ClavigerService<S>;

    fn layer(&self, inner: S) -> ClavigerService<S> {
        ClavigerService { inner, guard: Arc::clone(&self.guard) }
    }
}

/// A service behind the decision.
#[derive(Clone)]
pub struct ClavigerService<S> {
    inner: S,
    guard: Arc<Guard>,
}

impl Guard {
    /// Judges a request and makes its head what the service behind may see.
    fn admit(&self, head: &mut Parts, id: RequestId) -> Result<(), Slot> {
        let host = Host::of(&head.uri, &head.headers).or(Err(Slot::BadRequest))?;
        let peer = head.extensions.get::<Peer>().map(|peer| peer.0);
        let permit = self.api.judge(&self.verifier, head, Caller { host: &host, peer }, id)?;
        let credentials = &self.api.profile().credentials;
        if !credentials.forward {
            credential::withdraw(&mut head.headers, credentials);
        }
        identity::remove_claimed(&mut head.headers);
        request_id::set(&mut head.headers, id);
        head.extensions.insert(permit);
        Ok(())
    }
}

impl<S, B, R> Service<Request<B>> for ClavigerService<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    R: Body<Data = Bytes>,
{
    type Response = Response<Either<Full<Bytes>, R>>;
    type Error = S::Error;
    type Future = Answering<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let id = RequestId::mint(self.guard.clock.now(), &*self.guard.entropy);
        let (mut head, body) = request.into_parts();
        let origin = match self.guard.admit(&mut head, id) {
            Ok(()) => Origin::Behind { answering: self.inner.call(Request::from_parts(head, body)), id },
            Err(slot) => Origin::Here { answer: Some(self.guard.api.answer(slot, id)) },
        };
        Answering { origin }
    }
}

pin_project! {
    /// The answer: the api's own at once, or that of the service behind, named with the request's id.
    pub struct Answering<F> {
        #[pin]
        origin: Origin<F>,
    }
}

pin_project! {
    #[project = OriginProjection]
    enum Origin<F> {
        Behind { #[pin] answering: F, id: RequestId },
        Here { answer: Option<Response<Full<Bytes>>> },
    }
}

impl<F, R, E> Future for Answering<F>
where
    F: Future<Output = Result<Response<R>, E>>,
{
    type Output = Result<Response<Either<Full<Bytes>, R>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(Ok(match self.project().origin.project() {
            OriginProjection::Behind { answering, id } => {
                let mut response = ready!(answering.poll(cx))?;
                request_id::set(response.headers_mut(), *id);
                response.map(Either::Right)
            }
            OriginProjection::Here { answer } => {
                answer.take().expect("a future isn't polled after it is ready").map(Either::Left)
            }
        }))
    }
}

impl fmt::Debug for ClavigerLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ClavigerLayer").field(&self.guard.api).finish()
    }
}

impl<S> fmt::Debug for ClavigerService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ClavigerService").field(&self.guard.api).finish()
    }
}
