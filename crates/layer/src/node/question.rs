//! Writes a question for the node.

use bytes::Bytes;
use http::{
    HeaderValue, Request,
    header::{AUTHORIZATION, CONTENT_TYPE},
};
use http_body_util::Full;
use serde::Serialize;
use zeroize::Zeroizing;

use super::Asking;
use crate::attempt::Attempt;

#[derive(Serialize)]
struct Question<'a> {
    #[serde(flatten)]
    attempt: &'a Attempt,
    /// How many equal attempts it stands for: each is judged and counted.
    #[serde(skip_serializing_if = "is_one")]
    count: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_one(count: &usize) -> bool {
    *count == 1
}

/// The request by which `count` equal attempts are asked about.
pub(super) fn write(asking: &Asking, attempt: &Attempt, count: usize) -> Request<Full<Bytes>> {
    let mut request = Request::new(Full::new(body(attempt, count)));
    *request.method_mut() = http::Method::POST;
    *request.uri_mut() = asking.endpoint.clone();
    let headers = request.headers_mut();
    headers.insert(AUTHORIZATION, asking.authorization.clone());
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    request
}

/// It has the plain key in it, and is wiped when it was sent.
fn body(attempt: &Attempt, count: usize) -> Bytes {
    let mut written = Zeroizing::new(Vec::with_capacity(attempt.written_max()));
    let question = Question { attempt, count };
    serde_json::to_writer(&mut *written, &question).expect("an attempt is plain JSON");
    Bytes::from_owner(written)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Environment, plain_key::PlainKey};

    #[test]
    fn a_question_is_what_the_verify_call_takes_and_never_outgrows_its_room() {
        let attempt = Attempt {
            key: PlainKey::new("\u{1}\"\\".repeat(100)),
            api: "cashcat".into(),
            method: "GET".into(),
            path: "/v1/\"".into(),
            address: Some("2001:db8::1".parse().unwrap()),
            referrer: Some("https://a.com/\\".into()),
            scopes: ["a".into(), "b".into()].into(),
            environment: Some(Environment::Live),
        };
        let mut written = Vec::new();
        for count in [1, 100] {
            let body = body(&attempt, count);
            assert!(body.len() <= attempt.written_max());
            written.push(serde_json::from_slice::<serde_json::Value>(&body).unwrap());
        }
        let mut expected = serde_json::json!({
            "key": "\u{1}\"\\".repeat(100), "api": "cashcat", "method": "GET", "path": "/v1/\"",
            "address": "2001:db8::1", "referrer": "https://a.com/\\", "scopes": ["a", "b"], "environment": "live",
        });
        assert_eq!(written[0], expected);
        expected["count"] = 100.into();
        assert_eq!(written[1], expected);
    }
}
