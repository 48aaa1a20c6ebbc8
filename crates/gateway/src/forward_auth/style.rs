//! How a proxy is answered: in the api's own words, or as nginx understands it.
//!
//! nginx's `auth_request` takes 2xx, 401 and 403, and makes everything else a 500 of its own; nor does it pass on a body.
//! It is told the cause in a field, and brings that field along when it asks for the answer to be put in words: so the
//! second call judges nothing, counts nothing and can't say yes.

use bytes::Bytes;
use claviger_judge::{Api, request_id};
use claviger_model::{RequestId, Slot, seconds_up};
use http::{
    HeaderMap, HeaderName, HeaderValue, Response, StatusCode,
    header::{CONTENT_TYPE, RETRY_AFTER},
};
use http_body_util::Full;

use crate::refusal::Refusal;

/// The cause of a refusal, an item of structured fields (RFC 9651): `rate;retry_after=12`.
const REASON: HeaderName = HeaderName::from_static("x-claviger-reason");
const RETRY: &str = ";retry_after=";

/// How to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// Status, fields and body of the api's profile.
    Profile,
    /// 401 or 403 and the cause, without a body; 503 where it can't be known, which nginx makes a 500.
    Nginx,
}

impl Style {
    pub(super) fn refuse(self, api: &Api, refusal: &Refusal, request: RequestId) -> Response<Full<Bytes>> {
        let answer = refusal.in_words(api, request);
        match self {
            Self::Profile => answer,
            Self::Nginx => for_nginx(answer, refusal),
        }
    }
}

fn for_nginx(answer: Response<Full<Bytes>>, refusal: &Refusal) -> Response<Full<Bytes>> {
    let (mut head, _) = answer.into_parts();
    head.status = match head.status {
        StatusCode::UNAUTHORIZED => StatusCode::UNAUTHORIZED,
        _ if refusal.slot() == Slot::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::FORBIDDEN,
    };
    let retry =
        refusal.exceeded().map(|exceeded| format!("{RETRY}{}", seconds_up(exceeded.retry_after).max(1)));
    let reason = format!("{}{}", refusal.slot().as_str(), retry.unwrap_or_default());
    head.headers.remove(CONTENT_TYPE);
    head.headers.insert(REASON, HeaderValue::try_from(reason).expect("names of causes are plain"));
    Response::from_parts(head, Full::default())
}

/// Puts the refusal that a proxy was told of in the api's own words. Where no cause can be read the answer is
/// that none can be given now; no cause is answered with a success.
pub(super) fn explain(api: &Api, told: &HeaderMap, request: RequestId) -> Response<Full<Bytes>> {
    let reason = told.get(REASON).and_then(|reason| read_reason(reason.to_str().ok()?));
    let (slot, retry_after) = reason.unwrap_or((Slot::Unavailable, None));
    // What was refused can be looked up by its own id.
    let refused = told.get(request_id::X_REQUEST_ID).and_then(|id| id.to_str().ok()?.parse().ok());
    let mut answer = api.answer(slot, refused.unwrap_or(request));
    if let Some(seconds) = retry_after {
        answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    answer
}

fn read_reason(reason: &str) -> Option<(Slot, Option<u64>)> {
    let (name, retry) = match reason.split_once(RETRY) {
        Some((name, seconds)) => (name, Some(seconds.parse().ok()?)),
        None => (reason, None),
    };
    Some((Slot::from_name(name)?, retry))
}
