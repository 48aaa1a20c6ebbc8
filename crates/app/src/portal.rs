//! The portal listener: one page that says where keys are managed until there are pages for it.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;

use crate::serve::Handle;

/// The portal.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Portal;

impl Handle for Portal {
    type Body = Full<Bytes>;

    async fn handle(&self, _peer: SocketAddr, request: Request<Incoming>) -> Response<Full<Bytes>> {
        page(request.method(), request.uri().path())
    }
}

const NOTICE: &str = "<!doctype html>
<html lang=\"en\">
<meta charset=\"utf-8\">
<meta name=\"viewport\" content=\"width=device-width\">
<title>API keys</title>
<main>
<h1>API keys</h1>
<p>Keys are issued and revoked by the people who run this API. Ask them for yours.
<p>If you run it: <code>claviger key --help</code> manages keys from the command line, and the control listener answers
the management API; its description is at <code>/v1/openapi.json</code> there.
</main>
</html>
";

const ABSENT: &str = "<!doctype html>
<html lang=\"en\">
<meta charset=\"utf-8\">
<meta name=\"viewport\" content=\"width=device-width\">
<title>Not found</title>
<main>
<h1>Not found</h1>
<p>There is no page here.
</main>
</html>
";

const REFUSED: &str = "<!doctype html>
<html lang=\"en\">
<meta charset=\"utf-8\">
<meta name=\"viewport\" content=\"width=device-width\">
<title>Not possible</title>
<main>
<h1>Not possible</h1>
<p>This page can only be looked at.
</main>
</html>
";

const CONTENT_SECURITY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
    font-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; \
    object-src 'none'; manifest-src 'self'; require-trusted-types-for 'script'; trusted-types default";
const PERMISSIONS: &str = "camera=(), microphone=(), geolocation=(), payment=(), usb=(), \
    publickey-credentials-get=(self), clipboard-write=(self)";

/// What every answer of the portal carries.
const HEADERS: [(HeaderName, &str); 9] = [
    (header::CONTENT_TYPE, "text/html; charset=utf-8"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::CACHE_CONTROL, "no-store"),
    // Not `no-referrer`: browsers would send `Origin: null` with forms of the same origin.
    (header::REFERRER_POLICY, "same-origin"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("permissions-policy"), PERMISSIONS),
];

fn page(method: &Method, path: &str) -> Response<Full<Bytes>> {
    let (status, text) = match (method, path) {
        (&Method::GET | &Method::HEAD, "/") => (StatusCode::OK, NOTICE),
        (&Method::GET | &Method::HEAD, _) => (StatusCode::NOT_FOUND, ABSENT),
        _ => (StatusCode::METHOD_NOT_ALLOWED, REFUSED),
    };
    let mut response = Response::new(Full::new(Bytes::from_static(text.as_bytes())));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if status == StatusCode::METHOD_NOT_ALLOWED {
        headers.insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_answer_is_strict_about_what_browsers_may_do() {
        for (method, path, status) in [
            (Method::GET, "/", 200),
            (Method::GET, "/login", 404),
            (Method::POST, "/", 405),
            (Method::TRACE, "/", 405),
        ] {
            let response = page(&method, path);
            assert_eq!(response.status(), status, "{method} {path}");
            for (name, value) in HEADERS {
                assert_eq!(response.headers()[&name], value, "{method} {path}");
            }
        }
    }

    #[test]
    fn the_page_needs_nothing_from_anywhere() {
        for text in [NOTICE, ABSENT, REFUSED] {
            assert!(!["<script", "<style", "style=", "src=", "href="].iter().any(|part| text.contains(part)));
        }
    }
}
