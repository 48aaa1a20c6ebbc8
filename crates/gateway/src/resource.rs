//! Tells applications who gives tokens for what is here (RFC 9728): a document at a path of its own, and where that is beside
//! the challenge of a 401.

use bytes::Bytes;
use claviger_judge::Host;
use claviger_model::profile::Profile;
use http::{
    HeaderName, HeaderValue, Method, Response, StatusCode,
    header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_TYPE, WWW_AUTHENTICATE},
    request::Parts,
};
use http_body_util::Full;
use serde_json::json;

use crate::{forward::X_FORWARDED_PROTO, misplaced};

/// RFC 9728 §3.1: what follows is the path of the resource.
const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

/// The origin that a caller knows this by.
pub(crate) fn origin(head: &Parts, host: &Host, by_tls: bool, trusted: bool) -> Option<String> {
    let told = head.headers.get(X_FORWARDED_PROTO).filter(|_| trusted);
    let is_safe = told.map_or(by_tls, |scheme| scheme == "https");
    let host = host.field.to_str().ok()?;
    Some(format!("{}://{host}", if is_safe { "https" } else { "http" }))
}

/// Whether a request is for the document.
pub(crate) fn is_asked_for(head: &Parts) -> bool {
    let rest = head.uri.path().strip_prefix(WELL_KNOWN);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The document about the resource that the request names.
pub(crate) fn tell(head: &Parts, profile: &Profile, origin: &str, portal: &str) -> Response<Full<Bytes>> {
    if !matches!(head.method, Method::GET | Method::HEAD) {
        return misplaced::problem(StatusCode::METHOD_NOT_ALLOWED, "the method is GET");
    }
    let path = head.uri.path().strip_prefix(WELL_KNOWN).unwrap_or_default();
    let mut document = json!({
        "resource": format!("{origin}{path}"),
        "authorization_servers": [profile.issuer(portal)],
        "bearer_methods_supported": ["header"],
        "resource_name": profile.title,
    });
    if !profile.scopes.is_empty() {
        document["scopes_supported"] = json!(profile.scope_names());
    }
    let mut response = Response::new(Full::new(document.to_string().into()));
    for (name, value) in [
        (CONTENT_TYPE, "application/json"),
        (CACHE_CONTROL, "private, no-store"),
        (ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (HeaderName::from_static("x-content-type-options"), "nosniff"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Says beside every challenge by which a token could come where the document about what was asked for is (RFC 9728 §3.3,
/// §5.1). A path that can't stand between quotes is left out.
pub(crate) fn point<B>(response: &mut Response<B>, origin: &str, head: &Parts) {
    if response.status() != StatusCode::UNAUTHORIZED {
        return;
    }
    let is_plain = |path: &&str| *path != "/" && !path.contains(['"', '\\']);
    let path = Some(head.uri.path()).filter(is_plain).unwrap_or_default();
    for (name, value) in response.headers_mut() {
        let challenge =
            value.to_str().ok().filter(|text| name == WWW_AUTHENTICATE && text.starts_with("Bearer "));
        let pointed =
            challenge.map(|text| format!("{text}, resource_metadata=\"{origin}{WELL_KNOWN}{path}\""));
        if let Some(Ok(pointed)) = pointed.map(HeaderValue::try_from) {
            *value = pointed;
        }
    }
}
