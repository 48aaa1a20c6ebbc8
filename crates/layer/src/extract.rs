//! What axum knows of a request, and extractors for its handlers.

use std::net::{IpAddr, SocketAddr};

use axum::{
    body::Body,
    extract::{ConnectInfo, FromRequestParts, OriginalUri},
    response::{IntoResponse, Response},
};
use http::{Extensions, StatusCode, Uri, request::Parts};

use crate::{MissingScope, RemotePermit, Scopes, scopes::problem};

/// That a handler asks for what only the layer knows, on a route that the layer isn't around: a fault of the service,
/// answered 500.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this route is not behind the layer that checks API keys")]
pub struct NotBehindTheLayer;

impl IntoResponse for NotBehindTheLayer {
    fn into_response(self) -> Response {
        tracing::error!("a handler asks for a permit on a route that is not behind ClavigerLayer");
        let body = r#"{"title":"Something went wrong on our side","status":500}"#;
        problem(StatusCode::INTERNAL_SERVER_ERROR, body).map(Body::new)
    }
}

impl IntoResponse for MissingScope {
    fn into_response(self) -> Response {
        self.answer().map(Body::new)
    }
}

impl<S: Sync> FromRequestParts<S> for RemotePermit {
    type Rejection = NotBehindTheLayer;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, NotBehindTheLayer> {
        parts.extensions.get().cloned().ok_or(NotBehindTheLayer)
    }
}

impl<S: Sync> FromRequestParts<S> for Scopes {
    type Rejection = NotBehindTheLayer;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, NotBehindTheLayer> {
        parts.extensions.get().cloned().ok_or(NotBehindTheLayer)
    }
}

/// The connection's other end, where the service is served with `into_make_service_with_connect_info`.
pub(crate) fn peer(extensions: &Extensions) -> Option<IpAddr> {
    extensions.get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip())
}

/// The target before routers were nested.
pub(crate) fn original_uri(extensions: &Extensions) -> Option<&Uri> {
    extensions.get::<OriginalUri>().map(|original| &original.0)
}
