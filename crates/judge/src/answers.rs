//! The answers of an api, made ready once: status, header fields and body for each cause.

use bytes::Bytes;
use claviger_model::{
    RequestId, Slot,
    profile::{Answer, Body, Profile},
};
use http::{
    HeaderMap, HeaderName, HeaderValue, Response, StatusCode,
    header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE},
};
use http_body_util::Full;

use crate::{
    challenge::{Presented, challenges},
    request_id,
};

/// Part of a profile's answer can't travel over HTTP.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the answer \"{slot}\" of api \"{api}\" can't be sent: {what}")]
pub struct UnsendableHeader {
    api: String,
    slot: &'static str,
    what: String,
}

pub(crate) struct Answers(Vec<Prepared>);

struct Prepared {
    status: StatusCode,
    headers: HeaderMap,
    body: PreparedBody,
}

enum PreparedBody {
    Fixed(Bytes),
    PerRequest(Body),
}

impl Answers {
    pub(crate) fn prepare(profile: &Profile) -> Result<Self, UnsendableHeader> {
        let unsendable = |slot: Slot, what: String| UnsendableHeader {
            api: profile.name.to_string(),
            slot: slot.as_str(),
            what,
        };
        let prepare = |slot: &Slot| Prepared::new(profile, *slot).map_err(|what| unsendable(*slot, what));
        Slot::ALL.iter().map(prepare).collect::<Result<_, _>>().map(Self)
    }

    /// The answer for one cause to `request`, with another status than its own where one is given.
    pub(crate) fn render(
        &self,
        slot: Slot,
        status: Option<StatusCode>,
        request: RequestId,
    ) -> Response<Full<Bytes>> {
        let prepared = &self.0[slot as usize];
        let status = status.unwrap_or(prepared.status);
        let body = match &prepared.body {
            PreparedBody::Fixed(bytes) => bytes.clone(),
            PreparedBody::PerRequest(body) => body.render(status.as_u16(), request).into_owned().into(),
        };
        let mut response = Response::new(Full::new(body));
        *response.status_mut() = status;
        *response.headers_mut() = prepared.headers.clone();
        let headers = response.headers_mut();
        request_id::set(headers, request);
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.entry(RETRY_AFTER).or_insert_with(|| retry_after(request));
        }
        response
    }
}

impl Prepared {
    fn new(profile: &Profile, slot: Slot) -> Result<Self, String> {
        let answer = profile.answers.get(slot);
        let status = StatusCode::from_u16(answer.status).map_err(|error| error.to_string())?;
        let mut headers = own_headers(answer)?;
        headers.insert(CONTENT_TYPE, header_value(&answer.content_type)?);
        // No answer about a credential is anybody else's (RFC 9111 §3.5).
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
        if status == StatusCode::UNAUTHORIZED {
            let presented = if slot == Slot::Missing { Presented::Nothing } else { Presented::Something };
            for challenge in challenges(&profile.credentials, presented) {
                headers.append(WWW_AUTHENTICATE, challenge);
            }
        }
        let body = match &answer.body {
            Body::Fixed(text) => PreparedBody::Fixed(Bytes::copy_from_slice(text.as_bytes())),
            Body::PerRequest(_) => PreparedBody::PerRequest(answer.body.clone()),
        };
        Ok(Self { status, headers, body })
    }
}

fn own_headers(answer: &Answer) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    for (name, value) in &answer.headers {
        let name = HeaderName::try_from(name.as_str()).map_err(|error| format!("{name:?}: {error}"))?;
        headers.append(name, header_value(value)?);
    }
    Ok(headers)
}

fn header_value(text: &str) -> Result<HeaderValue, String> {
    HeaderValue::try_from(text).map_err(|error| format!("{text:?}: {error}"))
}

/// One to three seconds: callers that were refused together don't come back together. The id's last byte is random.
fn retry_after(request: RequestId) -> HeaderValue {
    HeaderValue::from(1 + u16::from(request.to_bytes()[15] % 3))
}
