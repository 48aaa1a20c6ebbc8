//! The operators' pages: what support needs to find, what must be stopped at once, and how the node stands.
//!
//! They are served where the management API is, never on the portal, and can do nothing that it can't. What is not
//! here (issuing keys, changing profiles) is the CLI's and the API's.

mod accounts;
mod apis;
mod applications;
mod attempts;
mod audit;
mod desk;
mod find;
mod keys;
mod members;
mod nodes;
mod operators;
mod session;
mod shown;
mod sign_in;
mod transport;

use std::{net::SocketAddr, sync::Arc};

use axum::{
    Router,
    routing::{get, post},
};
use bytes::Bytes;
use claviger_judge::request_id;
use claviger_model::RequestId;
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri};
use tower::ServiceExt as _;
use tracing::Instrument as _;

use self::desk::{Desk, Operator};
use crate::{
    Body, PagesParts, PortalError,
    answer::{self, Stop},
    assets,
    pages::reports,
    portal::{PeerAddress, noted},
    site::Site,
};

/// The operators' pages. Cheap to clone.
#[derive(Clone)]
pub struct OperatorPages {
    desk: Desk,
    router: Router,
}

impl OperatorPages {
    /// The pages made of `parts`. Whatever origin the portal has, these have the one they are asked at, and how they are
    /// asked there is what browsers say.
    pub fn new(parts: PagesParts) -> Result<Self, PortalError> {
        let desk = Desk { site: site(parts)?, sessions: Arc::default(), attempts: Arc::default() };
        Ok(Self { router: router(desk.clone()), desk })
    }

    /// The same made of other `parts`: whoever is signed in stays so.
    pub fn remade(&self, parts: PagesParts) -> Result<Self, PortalError> {
        let desk = Desk { site: site(parts)?, ..self.desk.clone() };
        Ok(Self { router: router(desk.clone()), desk })
    }

    /// Answers one request.
    pub async fn handle<B>(&self, peer: SocketAddr, request: Request<B>) -> Response<Body>
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let id = RequestId::mint(self.desk.site.now(), self.desk.site.entropy());
        self.answer(peer, request, id).instrument(tracing::error_span!("request", %id)).await
    }

    async fn answer<B>(&self, peer: SocketAddr, mut request: Request<B>, id: RequestId) -> Response<Body>
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        request.extensions_mut().insert(id);
        request.extensions_mut().insert(PeerAddress(peer));
        let request = noted(request);
        let by_tls = transport::is_to_last(request.headers());
        let mut response = match self.router.clone().oneshot(request.map(Body::new)).await {
            Ok(response) => answer::finish_in(response, id, |stop| desk::outside(&stop.title)),
            Err(never) => match never {},
        };
        answer::protect(response.headers_mut(), self.desk.site.is_secure_for_good());
        if by_tls {
            transport::keep(response.headers_mut());
        }
        request_id::set(response.headers_mut(), id);
        response
    }
}

fn site(parts: PagesParts) -> Result<Site, PortalError> {
    Site::new(PagesParts { public_origin: None, by_tls: false, ..parts })
}

fn router(desk: Desk) -> Router {
    Router::new()
        .route("/", get(async |_: Operator| answer::go("/accounts")))
        .route(
            "/assets/{name}",
            get(async |uri: Uri, headers: HeaderMap| assets::serve(uri.path(), &headers)),
        )
        .route("/csp-report", post(reports::take))
        .merge(sign_in::routes())
        .merge(accounts::routes())
        .merge(keys::routes())
        .merge(members::routes())
        .merge(find::routes())
        .merge(apis::routes())
        .merge(applications::routes())
        .merge(operators::routes())
        .merge(nodes::routes())
        .merge(audit::routes())
        .fallback(async || Stop::not_found())
        .method_not_allowed_fallback(async |method: Method| {
            Stop::new(StatusCode::METHOD_NOT_ALLOWED, "This can't be done here")
                .saying(format!("There is no {method} of this page."))
        })
        .with_state(desk)
}
