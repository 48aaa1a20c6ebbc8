//! A request that is not passed on: the cause to answer for, and where HTTP has a more exact status, that one.

use bytes::Bytes;
use claviger_judge::{Api, NoPermit};
use claviger_model::{Exceeded, RequestId, Slot};
use http::{
    HeaderName, HeaderValue, Method, Response, StatusCode,
    header::{CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING},
    request::Parts,
};
use http_body_util::Full;

use crate::{
    Body, body,
    limits::{HEADER_NAME_MAX, HEADERS_MAX, PATH_MAX, QUERY_MAX},
    tenure::Over,
    upload::UploadFault,
};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// There is no permit.
    NoPermit(NoPermit),
    /// It is refused for what it is, with a more exact status.
    Exactly(Slot, StatusCode),
}

impl Refusal {
    const URI_TOO_LONG: Self = Self::Exactly(Slot::TooLarge, StatusCode::URI_TOO_LONG);
    const HEADERS_TOO_LARGE: Self =
        Self::Exactly(Slot::TooLarge, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);

    pub(crate) fn answer(&self, api: &Api, request: RequestId) -> Response<Body> {
        let mut response = self.in_words(api, request).map(body);
        if response.status() == StatusCode::BAD_REQUEST {
            close_after(&mut response);
        }
        response
    }
}

impl Refusal {
    /// The api's answer, to whatever kind of question.
    pub(crate) fn in_words(&self, api: &Api, request: RequestId) -> Response<Full<Bytes>> {
        match self {
            Self::NoPermit(no_permit) => api.refuse(no_permit, request),
            Self::Exactly(slot, status) => api.answer_with(*slot, *status, request),
        }
    }

    /// The cause to answer for.
    pub(crate) fn slot(&self) -> Slot {
        match self {
            Self::NoPermit(no_permit) => no_permit.slot(),
            Self::Exactly(slot, _) => *slot,
        }
    }

    /// The limit that had no room.
    pub(crate) fn exceeded(&self) -> Option<&Exceeded> {
        match self {
            Self::NoPermit(no_permit) => no_permit.exceeded(),
            Self::Exactly(..) => None,
        }
    }
}

/// A request that can be read in two ways may have two ends: what follows it is not read as a request.
pub(crate) fn close_after<B>(response: &mut Response<B>) {
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
}

impl From<Slot> for Refusal {
    fn from(slot: Slot) -> Self {
        Self::NoPermit(slot.into())
    }
}

impl From<NoPermit> for Refusal {
    fn from(no_permit: NoPermit) -> Self {
        Self::NoPermit(no_permit)
    }
}

impl From<UploadFault> for Refusal {
    fn from(fault: UploadFault) -> Self {
        match fault {
            UploadFault::TooLarge => Slot::TooLarge.into(),
            UploadFault::Broken => Slot::BadRequest.into(),
            UploadFault::Over(over) => over.into(),
        }
    }
}

impl From<Over> for Refusal {
    fn from(Over(no_permit): Over) -> Self {
        no_permit.into()
    }
}

/// Refuses heads that are too large to be worth judging, bodies in a coding that would be lost, and methods that speak to
/// a proxy rather than to an api.
pub(crate) fn check_head(head: &Parts) -> Result<(), Refusal> {
    check_target(head)?;
    check_fields(head.headers.iter())
}

/// The method and the target alone: `TRACE` would echo the credential, `CONNECT` would open a tunnel, and `*` is no path.
pub(crate) fn check_target(head: &Parts) -> Result<(), Refusal> {
    if matches!(head.method, Method::TRACE | Method::CONNECT) || !head.uri.path().starts_with('/') {
        return Err(Slot::BadRequest.into());
    }
    if head.uri.path().len() > PATH_MAX || head.uri.query().is_some_and(|query| query.len() > QUERY_MAX) {
        return Err(Refusal::URI_TOO_LONG);
    }
    Ok(())
}

/// The fields alone. A body is sent as it is or in chunks: the server undoes `chunked` and nothing else, and what was coded
/// otherwise as well would go on in a coding that nobody names any more.
pub(crate) fn check_fields<'a>(
    fields: impl Iterator<Item = (&'a HeaderName, &'a HeaderValue)>,
) -> Result<(), Refusal> {
    let (mut size, mut codings, mut plain, mut long) = (0, 0, true, false);
    for (name, value) in fields {
        size += name.as_str().len() + value.len();
        long |= name.as_str().len() > HEADER_NAME_MAX;
        if *name == TRANSFER_ENCODING {
            codings += 1;
            plain &= value.as_bytes().eq_ignore_ascii_case(b"chunked");
        }
    }
    if codings > 1 || !plain {
        return Err(Slot::BadRequest.into());
    }
    if size > HEADERS_MAX || long { Err(Refusal::HEADERS_TOO_LARGE) } else { Ok(()) }
}

/// Refuses a body that says at once that it is too large. One that doesn't say is cut off while it is sent.
pub(crate) fn check_length(head: &Parts, max: u64) -> Result<(), Refusal> {
    let stated = head.headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if stated.is_some_and(|length: u64| length > max) { Err(Slot::TooLarge.into()) } else { Ok(()) }
}
