//! The control listener: one request in, one answer out.

use std::sync::Arc;

use axum::Router;
use bytes::Bytes;
use claviger_judge::{Api, request_id};
use claviger_manage::Manager;
use claviger_model::{Clock, Entropy, RequestId};
use claviger_verify::Verifier;
use http::{HeaderValue, Method, Request, Response, header};
use tower::ServiceExt as _;

use crate::{
    Body,
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
    /// The engine's clock.
    pub clock: Arc<dyn Clock>,
    /// The engine's randomness.
    pub entropy: Arc<dyn Entropy>,
}

/// The service of the control listener. Cheap to clone.
#[derive(Clone)]
pub struct Control {
    verify: VerifyCall,
    router: Router,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

impl Control {
    /// The service made of `parts`.
    pub fn new(parts: ControlParts) -> Self {
        let ControlParts { manager, verifier, apis, clock, entropy } = parts;
        let verify = VerifyCall::new(Arc::clone(&verifier), apis);
        Self { verify, router: routes::router(Shared { manager, verifier }), clock, entropy }
    }

    /// Answers one request. The verify calls go ahead of the router.
    pub async fn handle<B>(&self, mut request: Request<B>) -> Response<Body>
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let id = RequestId::mint(self.clock.now(), &*self.entropy);
        let mut response = match (request.method(), request.uri().path()) {
            (&Method::POST, "/v1/keys/verify") => self.verify.answer(request, id).await,
            (&Method::POST, "/v1/keys/verify-batch") => {
                self.verify.answer_batch(request, || RequestId::mint(self.clock.now(), &*self.entropy)).await
            }
            _ => {
                request.extensions_mut().insert(id);
                match self.router.clone().oneshot(request.map(Body::new)).await {
                    Ok(response) => response,
                    Err(never) => match never {},
                }
            }
        };
        let headers = response.headers_mut();
        request_id::set(headers, id);
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        response
    }
}
