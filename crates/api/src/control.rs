//! The control listener: one request in, one answer out.

use std::sync::Arc;

use axum::{Router, response::IntoResponse as _};
use bytes::Bytes;
use claviger_judge::{Api, request_id};
use claviger_manage::Manager;
use claviger_model::{Clock, Entropy, RequestId};
use claviger_verify::Verifier;
use http::{HeaderMap, HeaderValue, Method, Request, Response, header};
use http_body_util::{Either, Full};
use tower::ServiceExt as _;
use tracing::Instrument as _;

use crate::{
    Answer, Body, ProcessFigures,
    routes::{self, Shared},
    verify::VerifyCall,
};

/// What the control listener is made of.
pub struct ControlParts {
    /// Changes.
    pub manager: Manager,
    /// Decisions.
    pub verifier: Arc<Verifier>,
    /// The apis, with their answers made ready.
    pub apis: Vec<Arc<Api>>,
    /// What the process says of itself in metrics.
    pub figures: Arc<dyn ProcessFigures>,
    /// The engine's clock.
    pub clock: Arc<dyn Clock>,
    /// Randomness for the ids of requests.
    pub entropy: Arc<dyn Entropy>,
}

/// The service of the control listener. Cheap to clone.
#[derive(Clone)]
pub struct Control {
    verify: VerifyCall,
    /// The fields of every verdict, to be filled in: a copy costs less than putting them together.
    of_verdicts: HeaderMap,
    router: Router,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

impl Control {
    /// The service made of `parts`.
    pub fn new(parts: ControlParts) -> Self {
        let ControlParts { manager, verifier, apis, figures, clock, entropy } = parts;
        let verify = VerifyCall::new(Arc::clone(&verifier), apis);
        let mut of_verdicts = HeaderMap::new();
        of_verdicts.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        of_verdicts.insert(request_id::X_REQUEST_ID, HeaderValue::from_static(""));
        keep_and_take_as_told(&mut of_verdicts);
        let router = routes::router(Shared { manager, verifier, figures });
        Self { verify, of_verdicts, router, clock, entropy }
    }

    /// Answers one request. The verify calls go ahead of the router.
    pub async fn handle<B>(&self, request: Request<B>) -> Answer
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let id = self.mint();
        let verdict = match (request.method(), request.uri().path()) {
            (&Method::POST, "/v1/keys/verify") => self.verify.one(request, id).await,
            (&Method::POST, "/v1/keys/verify-batch") => {
                Box::pin(self.verify.many(request, || self.mint())).await
            }
            // In a box, so that the verify calls don't carry what all others take.
            // What is logged on the way is logged with its id, which costs too much where a verdict takes microseconds.
            _ => {
                let span = tracing::error_span!("request", %id);
                return Box::pin(self.routed(request, id).instrument(span)).await;
            }
        };
        match verdict {
            Ok(json) => {
                let mut answer = Response::new(Either::Left(Full::from(json)));
                answer.headers_mut().clone_from(&self.of_verdicts);
                request_id::set(answer.headers_mut(), id);
                answer
            }
            Err(problem) => finished(problem.into_response().map(Either::Right), id),
        }
    }

    fn mint(&self) -> RequestId {
        RequestId::mint(self.clock.now(), &*self.entropy)
    }

    async fn routed<B>(&self, mut request: Request<B>, id: RequestId) -> Answer
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        request.extensions_mut().insert(id);
        match self.router.clone().oneshot(request.map(Body::new)).await {
            Ok(response) => finished(response.map(Either::Right), id),
            Err(never) => match never {},
        }
    }
}

/// What every answer says of itself.
fn finished(mut answer: Answer, id: RequestId) -> Answer {
    request_id::set(answer.headers_mut(), id);
    keep_and_take_as_told(answer.headers_mut());
    answer
}

fn keep_and_take_as_told(headers: &mut HeaderMap) {
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("private, no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
}
