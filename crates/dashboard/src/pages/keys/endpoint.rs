//! Whether an endpoint restriction would admit a request, by the rules that decide.

use axum::{Json, Router, extract::State, response::IntoResponse as _, routing::get};
use claviger_model::{
    path::CanonicalPath,
    restriction::{Endpoints, Methods},
};
use http::Response;
use serde::Serialize;

use crate::{Body, form::Query, site::Site, visit::Visitor};

pub(super) fn routes() -> Router<Site> {
    Router::new().route("/keys/endpoint-check", get(check))
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct Checked {
    pattern_ok: bool,
    /// What is wrong, or would be worth knowing.
    detail: Option<String>,
    matches: bool,
}

async fn check(State(_): State<Site>, _: Visitor, query: Query) -> Response<Body> {
    Json(Checked::of(query.get("pattern").trim(), query.get("path").trim())).into_response()
}

impl Checked {
    /// Whether `pattern`, a line of a key's endpoints, admits `request`: `GET /v1/users/42`, or a path alone.
    fn of(pattern: &str, request: &str) -> Self {
        let endpoints = match Endpoints::parse(&[pattern]) {
            Ok(endpoints) => endpoints,
            Err(error) => {
                return Self { pattern_ok: false, detail: Some(error.to_string()), matches: false };
            }
        };
        let told = |detail: &str| Self { pattern_ok: true, detail: Some(detail.to_owned()), matches: false };
        if request.is_empty() {
            return Self { pattern_ok: true, detail: None, matches: false };
        }
        let (method, path) = match request.split_once(' ') {
            Some((method, path)) => (Some(method), path.trim_start()),
            None => (None, request),
        };
        if !method.is_none_or(Methods::is_name) {
            return told("Write the method in capital letters, then a space and the path: GET /v1/users/42");
        }
        // A request's query takes no part in the decision.
        let path = path.split('?').next().unwrap_or(path);
        if !path.starts_with('/') {
            return told("Write the path as requests have it, beginning with /");
        }
        let Ok(path) = CanonicalPath::new(path) else {
            return told("Refused whatever the key: this path can be read in more than one way");
        };
        let matches = endpoints.admit(method.unwrap_or("GET"), path);
        let detail = (!matches && method.is_none()).then(|| {
            "Refused: no line matches this path with GET. Write another method before it".to_owned()
        });
        Self { pattern_ok: true, detail, matches }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_judged_as_requests_are() {
        for (pattern, request, matches) in [
            ("GET /v1/users/**", "GET /v1/users/42/posts", true),
            ("GET /v1/users/**", "/v1/users/42", true),
            ("GET /v1/users/**", "HEAD /v1/users/42?full=1", true),
            ("GET /v1/users/*", "GET /v1/users/42/posts", false),
            ("POST /v1/users", "/v1/users", false),
            ("* /v1/users", "DELETE /v1/users", true),
            ("* /v1/**", "GET /v1/../admin", false),
            ("* /v1/**", "get /v1/users", false),
            ("* /v1/**", "v1/users", false),
            ("* /v1/**", "", false),
        ] {
            let checked = Checked::of(pattern, request);
            assert!(checked.pattern_ok, "{pattern}");
            assert_eq!(checked.matches, matches, "{pattern} {request}: {:?}", checked.detail);
        }
    }

    #[test]
    fn what_is_wrong_with_a_pattern_is_said() {
        for (pattern, said) in [
            ("", "must be a method or *"),
            ("/v1/users", "must be a method or *"),
            ("GET /v1/user*", "whole segments"),
            ("GET /v1//users", "plain segments"),
        ] {
            let checked = Checked::of(pattern, "GET /v1/users");
            assert!(!checked.pattern_ok && !checked.matches, "{pattern}");
            assert!(checked.detail.as_ref().is_some_and(|detail| detail.contains(said)), "{checked:?}");
        }
    }
}
