//! The Example API: live and test keys, restrictions, and endpoints by which a program lists, makes and revokes keys.

mod endpoints;
mod environments;
mod refusals;
mod restrictions;
mod rotation;

use claviger_testkit::Answer;

use super::wire::assert_said;

const USER: &str = "/v1/users/usr_123";
const KEYS: &str = "/v1/api-keys";

/// No key was sent.
#[track_caller]
fn assert_missing(answer: &Answer) {
    let body = r#"{"success":false,"error":{"code":"unauthorized","message":"Missing or invalid API key"}}"#;
    assert_said(answer, 401, Some(r#"Bearer realm="Example API""#), body);
}

/// The key is not accepted: the same answer but for the challenge.
#[track_caller]
fn assert_invalid(answer: &Answer) {
    let body = r#"{"success":false,"error":{"code":"unauthorized","message":"Missing or invalid API key"}}"#;
    assert_said(answer, 401, Some(r#"Bearer realm="Example API", error="invalid_token""#), body);
}

/// The key may not do this.
#[track_caller]
fn assert_forbidden(answer: &Answer) {
    let message = "API key doesn't have permission for this resource";
    let body = format!(r#"{{"success":false,"error":{{"code":"forbidden","message":"{message}"}}}}"#);
    assert_said(answer, 403, None, &body);
}

/// There is no such key, or none that may be known of.
#[track_caller]
fn assert_not_found(answer: &Answer) {
    assert_said(answer, 404, None, r#"{"success":false,"error":{"code":"not_found","message":"Not found"}}"#);
}

/// The request can't be taken.
#[track_caller]
fn assert_bad_request(answer: &Answer) {
    let body =
        r#"{"success":false,"error":{"code":"bad_request","message":"The request could not be understood"}}"#;
    assert_said(answer, 400, None, body);
}
