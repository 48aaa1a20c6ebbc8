//! The answers to requests that are for no api, and so have no profile to be answered by (RFC 9457).

use bytes::Bytes;
use claviger_judge::HostError;
use http::{
    HeaderValue, Response, StatusCode,
    header::{CACHE_CONTROL, CONTENT_TYPE},
};
use http_body_util::Full;

use crate::refusal::close_after;

/// Why a request belongs to no api.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Misplaced {
    #[error("no api is served under this host")]
    NoApi,
    #[error(transparent)]
    Host(#[from] HostError),
}

impl Misplaced {
    const fn status(self) -> StatusCode {
        match self {
            Self::NoApi => StatusCode::MISDIRECTED_REQUEST,
            Self::Host(HostError::Missing | HostError::Two | HostError::Malformed) => StatusCode::BAD_REQUEST,
        }
    }

    pub(crate) fn answer(self) -> Response<Full<Bytes>> {
        let mut response = problem(self.status(), &self.to_string());
        if response.status() == StatusCode::BAD_REQUEST {
            close_after(&mut response);
        }
        response
    }
}

/// An answer in nobody's words (RFC 9457).
pub(crate) fn problem(status: StatusCode, detail: &str) -> Response<Full<Bytes>> {
    let problem = serde_json::json!({
        "type": "about:blank",
        "title": status.canonical_reason().unwrap_or_default(),
        "status": status.as_u16(),
        "detail": detail,
    });
    let mut response = Response::new(Full::new(problem.to_string().into()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    response
}
