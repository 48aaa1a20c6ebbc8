//! The id by which an operator finds a request again: ours on every answer, never the caller's.

use claviger_model::RequestId;
use http::{HeaderMap, HeaderName, HeaderValue};

/// The field that carries it, to the upstream and back to the caller.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Names a request or an answer `id`, replacing what it called itself.
pub fn set(headers: &mut HeaderMap, id: RequestId) {
    let value = HeaderValue::from_bytes(id.text().as_bytes());
    headers.insert(X_REQUEST_ID, value.expect("an id is letters, digits and an underscore"));
}
