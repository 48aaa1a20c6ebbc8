//! Wraps services so that only requests that are allowed reach them.

use std::{
    fmt,
    future::Future,
    mem,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use http_body_util::{Either, Full};
use tower_layer::Layer;
use tower_service::Service;

use crate::{Answer, Decide, Decision, Indeterminate, grpc, identity};

/// Lets a service have only the requests that `D` allows. Cheap to clone.
pub struct ClavigerLayer<D> {
    guard: Arc<Guard<D>>,
}

/// A service behind the decision.
pub struct ClavigerService<S, D> {
    inner: S,
    guard: Arc<Guard<D>>,
}

struct Guard<D> {
    decide: D,
    /// How many requests were answered 503.
    turn: AtomicU32,
}

impl<D: Decide> ClavigerLayer<D> {
    /// A layer for which `decide` decides.
    pub fn new(decide: D) -> Self {
        Self { guard: Arc::new(Guard { decide, turn: AtomicU32::new(0) }) }
    }
}

impl<S, D> Layer<S> for ClavigerLayer<D> {
    type Service = ClavigerService<S, D>;

    fn layer(&self, inner: S) -> ClavigerService<S, D> {
        ClavigerService { inner, guard: Arc::clone(&self.guard) }
    }
}

impl<D> Guard<D> {
    /// Told once, here; a caller is told no reason.
    fn unavailable(&self, indeterminate: Indeterminate) -> Answer {
        tracing::warn!(reason = indeterminate.reason(), "a request could not be decided and is answered 503");
        indeterminate.into_answer(self.turn.fetch_add(1, Ordering::Relaxed))
    }
}

type Answering<R, E> = Pin<Box<dyn Future<Output = Result<Response<Either<Full<Bytes>, R>>, E>> + Send>>;

impl<S, D, B, R> Service<Request<B>> for ClavigerService<S, D>
where
    S: Service<Request<B>, Response = Response<R>, Future: Send> + Clone + Send + 'static,
    D: Decide,
    B: Send + 'static,
    R: Body<Data = Bytes>,
{
    type Response = Response<Either<Full<Bytes>, R>>;
    type Error = S::Error;
    type Future = Answering<R, S::Error>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    /// The answer of the service behind, or one in its place.
    fn call(&mut self, request: Request<B>) -> Self::Future {
        let guard = Arc::clone(&self.guard);
        let (mut head, body) = request.into_parts();
        // The one that said it is ready is the one to be called.
        let fresh = self.inner.clone();
        let mut inner = mem::replace(&mut self.inner, fresh);
        Box::pin(async move {
            let of_grpc = grpc::media_type(&head.headers);
            let answer = match guard.decide.decide(&mut head).await {
                Ok(Decision::Allow(allowed)) => {
                    identity::remove_claimed(&mut head.headers);
                    head.extensions.insert(allowed.permit);
                    head.extensions.insert(allowed.scopes);
                    let mut response = inner.call(Request::from_parts(head, body)).await?;
                    response.headers_mut().extend(allowed.told);
                    return Ok(response.map(Either::Right));
                }
                Ok(Decision::Deny(answer)) => answer,
                Err(indeterminate) => guard.unavailable(indeterminate),
            };
            let answer = match of_grpc {
                Some(media_type) => grpc::trailers_only(answer, media_type),
                None => answer,
            };
            Ok(answer.map(Either::Left))
        })
    }
}

impl<D> Clone for ClavigerLayer<D> {
    fn clone(&self) -> Self {
        Self { guard: Arc::clone(&self.guard) }
    }
}

impl<S: Clone, D> Clone for ClavigerService<S, D> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), guard: Arc::clone(&self.guard) }
    }
}

impl<D: fmt::Debug> fmt::Debug for ClavigerLayer<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ClavigerLayer").field(&self.guard.decide).finish()
    }
}

impl<S, D: fmt::Debug> fmt::Debug for ClavigerService<S, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ClavigerService").field(&self.guard.decide).finish()
    }
}
