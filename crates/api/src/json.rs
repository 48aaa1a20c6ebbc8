//! The body of a call: JSON of a closed shape, bounded, read strictly.

use std::time::Duration;

use axum::extract::{FromRequest, Request};
use claviger_judge::body::{Unread, read_whole};
use claviger_manage::Fault;
use http::{HeaderMap, header};
use serde::{Deserialize, Deserializer, de::DeserializeOwned};

use crate::{
    problem::{Code, Problem},
    strict::{self, JsonFault},
};

/// Largest body of a call, in bytes.
pub(crate) const BODY_MAX: usize = 64 << 10;
/// How long a body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// A body of the wanted shape.
pub(crate) struct Json<T> {
    pub(crate) value: T,
    /// The bytes it was read from, for the fingerprint of a creating call.
    pub(crate) bytes: bytes::Bytes,
}

impl<T: DeserializeOwned, S: Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        expects_json(request.headers())?;
        let bytes = collect(request.into_body()).await?;
        Ok(Self { value: read(&bytes)?, bytes })
    }
}

/// A body that may be left out: an empty one is the default.
pub(crate) struct MaybeJson<T>(pub(crate) Json<T>);

impl<T: DeserializeOwned + Default, S: Sync> FromRequest<S> for MaybeJson<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let typed = expects_json(request.headers());
        let bytes = collect(request.into_body()).await?;
        if bytes.is_empty() {
            return Ok(Self(Json { value: T::default(), bytes }));
        }
        typed?;
        Ok(Self(Json { value: read(&bytes)?, bytes }))
    }
}

pub(crate) fn expects_json(headers: &HeaderMap) -> Result<(), Problem> {
    let content_type =
        headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media = content_type.split(';').next().unwrap_or_default().trim();
    if headers.contains_key(header::CONTENT_ENCODING) {
        return Err(Problem::new(
            Code::UnsupportedMediaType,
            "an encoded body is not read: send it as it is",
        ));
    }
    if media.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    Err(Problem::new(Code::UnsupportedMediaType, "send the header Content-Type: application/json"))
}

pub(crate) async fn collect<B>(body: B) -> Result<bytes::Bytes, Problem>
where
    B: http_body::Body<Data = bytes::Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    collect_up_to(body, BODY_MAX).await
}

/// The same where a body may have another length at most.
pub(crate) async fn collect_up_to<B>(body: B, most: usize) -> Result<bytes::Bytes, Problem>
where
    B: http_body::Body<Data = bytes::Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    read_whole(body, most, BODY_TIMEOUT).await.map_err(|unread| match unread {
        Unread::TooLarge => Problem::new(Code::TooLarge, format!("a body may be at most {most} bytes")),
        Unread::TooSlow => {
            let detail = format!("the body took longer than {} seconds", BODY_TIMEOUT.as_secs());
            Problem::new(Code::MalformedRequest, detail)
        }
        Unread::Broken(why) => Problem::new(Code::MalformedRequest, format!("the body can't be read: {why}")),
    })
}

/// A field that is there, be it `null`.
pub(crate) fn stated<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// The same for a shape that has no member with members of any name: reading it once finds the member that is there twice.
pub(crate) fn read_flat<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> Result<T, Problem> {
    strict::from_flat_slice(bytes).map_err(problem)
}

pub(crate) fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    strict::from_slice(bytes).map_err(problem)
}

fn problem(fault: JsonFault) -> Problem {
    match fault {
        JsonFault::Malformed(detail) => {
            Problem::new(Code::MalformedRequest, format!("the body is not JSON: {detail}"))
        }
        JsonFault::Unfit { pointer, detail } => Problem::invalid(vec![Fault::new(&pointer, detail)]),
    }
}
