//! A request's body: read whole, within bounds, and only as what it says it is.

use std::{error::Error, time::Duration};

use bytes::Bytes;
use claviger_judge::body::{Unread, read_whole};
use claviger_model::oauth::{ErrorCode, Parameters};
use http::{
    HeaderMap, Request, StatusCode,
    header::{CONTENT_ENCODING, CONTENT_TYPE},
};
use http_body::Body;

use crate::answer::Wrong;

/// Largest body of a form, in bytes.
const BODY_MAX: usize = 64 << 10;
/// How long one may take to arrive.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A request's head that matters here, and its body.
pub(crate) struct Read {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// Reads a body of the media type `expected`.
pub(crate) async fn read<B>(request: Request<B>, expected: &str) -> Result<Read, Wrong>
where
    B: Body<Data = Bytes> + Send,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let (head, body) = request.into_parts();
    // A secret in a query would stand in every log on the way.
    if head.uri.query().is_some_and(|query| !query.is_empty()) {
        return Err(Wrong::request("parameters belong in the body, not in the query"));
    }
    if head.headers.contains_key(CONTENT_ENCODING) || !is_of(&head.headers, expected) {
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        return Err(Wrong::new(status, ErrorCode::InvalidRequest, format!("the body must be {expected}")));
    }
    let body = read_whole(body, BODY_MAX, TIMEOUT).await.map_err(|unread| match unread {
        Unread::TooLarge => {
            let description = format!("the body may have {BODY_MAX} bytes");
            Wrong::new(StatusCode::PAYLOAD_TOO_LARGE, ErrorCode::InvalidRequest, description)
        }
        Unread::TooSlow => {
            Wrong::new(StatusCode::REQUEST_TIMEOUT, ErrorCode::InvalidRequest, "the body came too slowly")
        }
        Unread::Broken(_) => Wrong::request("the body broke off"),
    })?;
    Ok(Read { headers: head.headers, body })
}

/// The parameters of a form.
pub(crate) fn parameters(body: &[u8]) -> Result<Parameters<'_>, Wrong> {
    if std::str::from_utf8(body).is_err() {
        return Err(Wrong::request("the body must be UTF-8"));
    }
    Parameters::read(body).map_err(|error| Wrong::request(error.to_string()))
}

fn is_of(headers: &HeaderMap, expected: &str) -> bool {
    let mut values = headers.get_all(CONTENT_TYPE).iter();
    let only = values.next().and_then(|value| value.to_str().ok());
    let essence = only.and_then(|value| value.split(';').next()).map(str::trim);
    essence.is_some_and(|essence| essence.eq_ignore_ascii_case(expected)) && values.next().is_none()
}
