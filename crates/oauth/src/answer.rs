//! Answers: JSON that no cache keeps, and errors as RFC 6749 §5.2 has them.

use std::{sync::LazyLock, time::Duration};

use bytes::Bytes;
use claviger_judge::request_id::X_REQUEST_ID;
use claviger_manage::{Refusal, TokenError};
use claviger_model::oauth::ErrorCode;
use http::{
    HeaderMap, HeaderName, HeaderValue, Response, StatusCode,
    header::{
        ACCESS_CONTROL_ALLOW_ORIGIN, ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, PRAGMA,
        REFERRER_POLICY, RETRY_AFTER, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
    },
};
use http_body_util::Full;
use serde::Serialize;
use serde_json::json;

/// Bytes that most bodies fit in.
const USUAL_BODY: usize = 512;

pub(crate) type Answer = Response<Full<Bytes>>;

/// How long to wait before what can't be done now is tried again.
const TRY_AGAIN: Duration = Duration::from_secs(2);

/// Who may read an answer in a browser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Readers {
    /// A page of any origin: nothing here goes by cookies.
    AnyOrigin,
    /// None: it is for servers.
    NoPage,
}

/// An error, and how it is told.
#[derive(Debug)]
pub(crate) struct Wrong {
    status: StatusCode,
    code: ErrorCode,
    description: String,
    /// The client used the `Authorization` field: RFC 6749 §5.2 wants the scheme named that it may use.
    challenge: bool,
    /// How long to wait before the next one.
    retry_after: Option<Duration>,
}

impl Wrong {
    pub(crate) fn request(description: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, ErrorCode::InvalidRequest, description)
    }

    pub(crate) fn new(status: StatusCode, code: ErrorCode, description: impl Into<String>) -> Self {
        let retry_after = (status == StatusCode::SERVICE_UNAVAILABLE).then_some(TRY_AGAIN);
        Self { status, code, description: description.into(), challenge: false, retry_after }
    }

    /// The client isn't known, whatever it said; it said so in the `Authorization` field or elsewhere.
    pub(crate) fn client(by_field: bool) -> Self {
        let description = "the client is unknown, or its secret wrong";
        Self {
            challenge: by_field,
            ..Self::new(StatusCode::UNAUTHORIZED, ErrorCode::InvalidClient, description)
        }
    }

    /// What it becomes where too much was wrong lately: what is wrong is said all the same, and how long to wait.
    pub(crate) fn counted(self, counted: Result<(), Duration>) -> Self {
        match counted {
            Ok(()) => self,
            Err(wait) => {
                let description = format!("{}; too much was wrong lately: wait", self.description);
                Self { description, ..self }.after(wait)
            }
        }
    }

    fn after(self, wait: Duration) -> Self {
        Self { status: StatusCode::TOO_MANY_REQUESTS, challenge: false, retry_after: Some(wait), ..self }
    }

    pub(crate) fn answer(self, realm: &str) -> Answer {
        let body = json!({"error": self.code.as_str(), "error_description": self.description});
        let mut answer = of(self.status, &body);
        if self.challenge
            && let Ok(value) = HeaderValue::from_str(&format!("Basic realm=\"{realm}\", charset=\"UTF-8\""))
        {
            answer.headers_mut().insert(WWW_AUTHENTICATE, value);
        }
        if let Some(wait) = self.retry_after {
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        answer
    }
}

impl From<TokenError> for Wrong {
    fn from(error: TokenError) -> Self {
        let description = error.to_string();
        match error {
            TokenError::InvalidRequest(_) => Self::request(description),
            TokenError::InvalidClient => Self::client(false),
            TokenError::InvalidGrant(_) => {
                Self::new(StatusCode::BAD_REQUEST, ErrorCode::InvalidGrant, description)
            }
            TokenError::Disabled => Self::new(StatusCode::BAD_REQUEST, ErrorCode::AccessDenied, description),
            TokenError::UnauthorizedClient(_) => {
                Self::new(StatusCode::BAD_REQUEST, ErrorCode::UnauthorizedClient, description)
            }
            TokenError::InvalidScope => {
                Self::new(StatusCode::BAD_REQUEST, ErrorCode::InvalidScope, description)
            }
            TokenError::InvalidTarget => {
                Self::new(StatusCode::BAD_REQUEST, ErrorCode::InvalidTarget, description)
            }
            TokenError::Refused(refusal) => Self::from(refusal),
        }
    }
}

/// What isn't the caller's doing. "Try again" is never told as "wrong".
impl From<Refusal> for Wrong {
    fn from(refusal: Refusal) -> Self {
        let description = refusal.to_string();
        let (status, code) = match &refusal {
            Refusal::Unavailable(source) | Refusal::OutcomeUnknown(source) => {
                tracing::warn!(%source, "a token endpoint could not do what was asked");
                (StatusCode::SERVICE_UNAVAILABLE, ErrorCode::TemporarilyUnavailable)
            }
            Refusal::Moved | Refusal::StorageFull => {
                (StatusCode::SERVICE_UNAVAILABLE, ErrorCode::TemporarilyUnavailable)
            }
            Refusal::TooManyAttempts { retry_after } => {
                let wrong =
                    Self::new(StatusCode::TOO_MANY_REQUESTS, ErrorCode::TemporarilyUnavailable, description);
                return wrong.after(*retry_after);
            }
            Refusal::Invalid(_) => (StatusCode::BAD_REQUEST, ErrorCode::InvalidClientMetadata),
            Refusal::NotFound(_) => (StatusCode::NOT_FOUND, ErrorCode::NotFound),
            other => {
                tracing::error!(fault = ?other, "internal fault");
                (StatusCode::INTERNAL_SERVER_ERROR, ErrorCode::ServerError)
            }
        };
        Self::new(status, code, description)
    }
}

/// What every answer carries, to be filled in: a copy costs less than putting it together.
static OF_ALL: LazyLock<HeaderMap> = LazyLock::new(|| {
    let fields = [
        (CONTENT_TYPE, "application/json"),
        (CACHE_CONTROL, "no-store"),
        (PRAGMA, "no-cache"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "no-referrer"),
        (CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'; sandbox"),
        (X_REQUEST_ID, ""),
    ];
    fields.into_iter().map(|(name, value)| (name, HeaderValue::from_static(value))).collect()
});

/// An answer with a JSON body.
pub(crate) fn of(status: StatusCode, body: &impl Serialize) -> Answer {
    let mut json = Vec::with_capacity(USUAL_BODY);
    serde_json::to_writer(&mut json, body).expect("a Vec takes everything, and names are text");
    told(status, Full::new(json.into()))
}

/// An answer without a body.
pub(crate) fn empty(status: StatusCode) -> Answer {
    let mut answer = told(status, Full::default());
    answer.headers_mut().remove(CONTENT_TYPE);
    answer
}

fn told(status: StatusCode, body: Full<Bytes>) -> Answer {
    let mut answer = Response::new(body);
    *answer.status_mut() = status;
    answer.headers_mut().clone_from(&OF_ALL);
    answer
}

/// Another method than the endpoint has.
pub(crate) fn other_method(allowed: &'static str) -> Answer {
    let mut answer = of(
        StatusCode::METHOD_NOT_ALLOWED,
        &json!({"error": ErrorCode::InvalidRequest.as_str(), "error_description": format!("the method is {allowed}")}),
    );
    answer.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    answer
}

/// To a browser that asks whether a page may ask (Fetch standard, "CORS-preflight request").
pub(crate) fn preflight(allowed: &'static str) -> Answer {
    let mut answer = empty(StatusCode::NO_CONTENT);
    for (name, value) in [
        ("access-control-allow-methods", allowed),
        ("access-control-allow-headers", "authorization, content-type, mcp-protocol-version"),
        ("access-control-max-age", "600"),
    ] {
        answer.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    answer
}

/// Says who may read an answer.
pub(crate) fn finish(mut answer: Answer, readers: Readers) -> Answer {
    let headers = answer.headers_mut();
    if readers == Readers::AnyOrigin {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    }
    answer
}
