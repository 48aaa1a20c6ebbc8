//! The decision as a tower layer, for servers that hold the replica in their own process.
//!
//! It puts a [`Permit`](claviger_verify::Permit) into the request's extensions and never forwards anything; what
//! belongs to a proxy alone (hop-by-hop fields, `X-Forwarded-*`) is the gateway's.

use std::{
    fmt,
    future::Future,
    mem,
    net::IpAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use claviger_model::{Clock, Entropy, RequestId, Slot};
use claviger_verify::Verifier;
use http::{HeaderMap, Request, Response, request::Parts};
use http_body::Body;
use http_body_util::{Either, Full};
use tower_layer::Layer;
use tower_service::Service;

use crate::{Api, Caller, Host, NoPermit, credential, identity, request_id};

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
    /// Judges a request and makes its head what the service behind may see; what its answer tells of limits.
    async fn admit(&self, head: &mut Parts, id: RequestId) -> Result<HeaderMap, NoPermit> {
        let host = Host::of(&head.uri, &head.headers).or(Err(Slot::BadRequest))?;
        let peer = head.extensions.get::<Peer>().map(|peer| peer.0);
        let permit = self.api.judge(&self.verifier, head, Caller { host: &host, peer }, id).await?;
        let told = self.api.limit_fields(&permit);
        let credentials = &self.api.profile().credentials;
        if !credentials.forward {
            credential::withdraw(&mut head.headers, credentials);
        }
        identity::remove_claimed(&mut head.headers);
        request_id::set(&mut head.headers, id);
        head.extensions.insert(permit);
        Ok(told)
    }
}

type Answering<R, E> = Pin<Box<dyn Future<Output = Result<Response<Either<Full<Bytes>, R>>, E>> + Send>>;

impl<S, B, R> Service<Request<B>> for ClavigerService<S>
where
    S: Service<Request<B>, Response = Response<R>, Future: Send> + Clone + Send + 'static,
    B: Send + 'static,
    R: Body<Data = Bytes>,
{
    type Response = Response<Either<Full<Bytes>, R>>;
    type Error = S::Error;
    type Future = Answering<R, S::Error>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    /// The api's own answer, or that of the service behind, named with the request's id.
    fn call(&mut self, request: Request<B>) -> Self::Future {
        let guard = Arc::clone(&self.guard);
        let id = RequestId::mint(guard.clock.now(), &*guard.entropy);
        let (mut head, body) = request.into_parts();
        // The one that said it is ready is the one to be called.
        let fresh = self.inner.clone();
        let mut inner = mem::replace(&mut self.inner, fresh);
        Box::pin(async move {
            let told = match guard.admit(&mut head, id).await {
                Ok(told) => told,
                Err(no_permit) => return Ok(guard.api.refuse(&no_permit, id).map(Either::Left)),
            };
            let mut response = inner.call(Request::from_parts(head, body)).await?;
            response.headers_mut().extend(told);
            request_id::set(response.headers_mut(), id);
            Ok(response.map(Either::Right))
        })
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
