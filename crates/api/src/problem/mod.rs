//! What the management API answers when it doesn't do what was asked: RFC 9457 problems with closed codes.

mod help;

use std::time::Duration;

use axum::response::{IntoResponse, Response};
use claviger_manage::{Fault, Refusal};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use utoipa::ToSchema;

/// How many seconds to wait where a decision or a change could not be made.
const TRY_AGAIN_SECONDS: u16 = 1;

/// Why something was not done. The code is the contract; the texts may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Code {
    /// No operator key, or none that is good.
    Unauthorized,
    /// Who asks lacks the ability, or nobody may do it to this.
    Forbidden,
    /// No such resource, or none that may be known of.
    NotFound,
    /// The resource has no such method.
    MethodNotAllowed,
    /// The request can't be understood, or can be in two ways.
    MalformedRequest,
    /// The body is not JSON.
    UnsupportedMediaType,
    /// The body is beyond its bound.
    TooLarge,
    /// Fields can't be taken: `errors` names them.
    Invalid,
    /// As many keys as the account may have.
    TooManyKeys,
    /// The account's last working key.
    LastKey,
    /// The last operator key that may do everything.
    LastOperator,
    /// The key or application is revoked.
    Revoked,
    /// The external id names something else.
    ExternalIdTaken,
    /// The account has a member with this address.
    MemberExists,
    /// The account's last administrator.
    LastAdministrator,
    /// The one-time link was used.
    LinkUsed,
    /// The one-time link ran out.
    LinkExpired,
    /// No member with this address and password.
    WrongPassword,
    /// Too many attempts to sign in.
    TooManyAttempts,
    /// The api keeps digests only.
    NotSealed,
    /// The node answers, so it is not dead.
    NodeAlive,
    /// A replayed call: it created what `id` names.
    AlreadyCreated,
    /// The idempotency key was used for another request.
    IdempotencyMismatch,
    /// Nothing was changed or decided; try again.
    Unavailable,
    /// There is no room to store a change.
    StorageFull,
    /// It may or may not have happened; repeating is safe.
    OutcomeUnknown,
    /// A fault of ours.
    Internal,
}

impl Code {
    /// Every code.
    pub(crate) const ALL: [Self; 27] = [
        Self::Unauthorized,
        Self::Forbidden,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::MalformedRequest,
        Self::UnsupportedMediaType,
        Self::TooLarge,
        Self::Invalid,
        Self::TooManyKeys,
        Self::LastKey,
        Self::LastOperator,
        Self::Revoked,
        Self::ExternalIdTaken,
        Self::MemberExists,
        Self::LastAdministrator,
        Self::LinkUsed,
        Self::LinkExpired,
        Self::WrongPassword,
        Self::TooManyAttempts,
        Self::NotSealed,
        Self::NodeAlive,
        Self::AlreadyCreated,
        Self::IdempotencyMismatch,
        Self::Unavailable,
        Self::StorageFull,
        Self::OutcomeUnknown,
        Self::Internal,
    ];

    /// The code as it is written.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not_found",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::MalformedRequest => "malformed_request",
            Self::UnsupportedMediaType => "unsupported_media_type",
            Self::TooLarge => "too_large",
            Self::Invalid => "invalid",
            Self::TooManyKeys => "too_many_keys",
            Self::LastKey => "last_key",
            Self::LastOperator => "last_operator",
            Self::Revoked => "revoked",
            Self::ExternalIdTaken => "external_id_taken",
            Self::MemberExists => "member_exists",
            Self::LastAdministrator => "last_administrator",
            Self::LinkUsed => "link_used",
            Self::LinkExpired => "link_expired",
            Self::WrongPassword => "wrong_password",
            Self::TooManyAttempts => "too_many_attempts",
            Self::NotSealed => "not_sealed",
            Self::NodeAlive => "node_alive",
            Self::AlreadyCreated => "already_created",
            Self::IdempotencyMismatch => "idempotency_mismatch",
            Self::Unavailable => "unavailable",
            Self::StorageFull => "storage_full",
            Self::OutcomeUnknown => "outcome_unknown",
            Self::Internal => "internal",
        }
    }

    /// One sentence for the code.
    pub(crate) const fn title(self) -> &'static str {
        self.help().title
    }

    pub(crate) const fn status(self) -> StatusCode {
        match self {
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            // Not 401: that asks for an operator key.
            Self::Forbidden | Self::WrongPassword => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::MalformedRequest => StatusCode::BAD_REQUEST,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Invalid | Self::IdempotencyMismatch => StatusCode::UNPROCESSABLE_ENTITY,
            Self::TooManyKeys
            | Self::LastKey
            | Self::LastOperator
            | Self::Revoked
            | Self::ExternalIdTaken
            | Self::MemberExists
            | Self::LastAdministrator
            | Self::NotSealed
            | Self::NodeAlive
            | Self::AlreadyCreated => StatusCode::CONFLICT,
            Self::LinkUsed | Self::LinkExpired => StatusCode::GONE,
            Self::TooManyAttempts => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable | Self::OutcomeUnknown => StatusCode::SERVICE_UNAVAILABLE,
            Self::StorageFull => StatusCode::INSUFFICIENT_STORAGE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

/// A problem, as it is answered.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Problem {
    /// `/problems/{code}`, where the problem is explained.
    #[serde(rename = "type")]
    kind: String,
    /// One sentence for the code.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// The code.
    pub(crate) code: Code,
    /// What went wrong this time, and what to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// The fields that can't be taken.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldError>,
    /// What a replayed call created.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    /// How many seconds to wait before the next try, for the header field.
    #[serde(skip)]
    retry_after: Option<u16>,
}

/// A field that can't be taken.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FieldError {
    /// The field, as a JSON Pointer (RFC 6901).
    pointer: String,
    /// What is wrong with it.
    detail: String,
}

impl Problem {
    pub(crate) fn new(code: Code, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        Self {
            kind: format!("/problems/{}", code.as_str()),
            title: code.title(),
            status: code.status().as_u16(),
            code,
            detail: (!detail.is_empty()).then_some(detail),
            errors: Vec::new(),
            id: None,
            retry_after: (code.status() == StatusCode::SERVICE_UNAVAILABLE).then_some(TRY_AGAIN_SECONDS),
        }
    }

    /// Fields that can't be taken.
    pub(crate) fn invalid(faults: Vec<Fault>) -> Self {
        let errors =
            faults.into_iter().map(|fault| FieldError { pointer: fault.pointer, detail: fault.detail });
        Self { errors: errors.collect(), ..Self::new(Code::Invalid, "") }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let detail = refusal.to_string();
        match refusal {
            Refusal::Forbidden(_) | Refusal::IsGrant => Self::new(Code::Forbidden, detail),
            Refusal::NotFound(_) => Self::new(Code::NotFound, detail),
            Refusal::Invalid(faults) => Self::invalid(faults),
            Refusal::NameTooLong { .. } => Self::invalid(vec![Fault::new("/name", detail)]),
            Refusal::TooManyKeys { .. } => Self::new(Code::TooManyKeys, detail),
            // Nobody says in a call what they saw before.
            Refusal::ChangedMeanwhile => Self::new(Code::Internal, detail),
            Refusal::LastKey => Self::new(Code::LastKey, detail),
            Refusal::LastOperator => Self::new(Code::LastOperator, detail),
            Refusal::Revoked => Self::new(Code::Revoked, detail),
            Refusal::ExternalIdTaken => Self::new(Code::ExternalIdTaken, detail),
            Refusal::MemberExists => Self::new(Code::MemberExists, detail),
            Refusal::LastAdministrator => Self::new(Code::LastAdministrator, detail),
            Refusal::LinkUsed => Self::new(Code::LinkUsed, detail),
            Refusal::LinkExpired => Self::new(Code::LinkExpired, detail),
            Refusal::WrongPassword => Self::new(Code::WrongPassword, detail),
            Refusal::TooManyAttempts { retry_after } => Self {
                retry_after: Some(whole_seconds(retry_after)),
                ..Self::new(Code::TooManyAttempts, detail)
            },
            Refusal::NotSealed => Self::new(Code::NotSealed, detail),
            Refusal::NodeAlive => Self::new(Code::NodeAlive, detail),
            Refusal::AuthorityLost => Self::new(Code::Unauthorized, detail),
            Refusal::AlreadyCreated { id } => {
                Self { id: Some(id), ..Self::new(Code::AlreadyCreated, detail) }
            }
            Refusal::IdempotencyMismatch => Self::new(Code::IdempotencyMismatch, detail),
            Refusal::Unavailable(source) => {
                tracing::warn!(%source, "a change could not be made");
                Self::new(Code::Unavailable, detail)
            }
            Refusal::Moved => Self::new(Code::Unavailable, detail),
            Refusal::StorageFull => Self::new(Code::StorageFull, detail),
            Refusal::OutcomeUnknown(source) => {
                tracing::error!(%source, "the outcome of a change is unknown");
                Self::new(Code::OutcomeUnknown, detail)
            }
            Refusal::Internal(fault) => {
                tracing::error!(%fault, "internal fault");
                Self::new(Code::Internal, detail)
            }
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.code.status();
        let body = serde_json::to_vec(&self).expect("a problem is plain JSON");
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"Claviger\""));
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// At least one: a client that is told zero asks again at once.
fn whole_seconds(span: Duration) -> u16 {
    let seconds = span.as_millis().div_ceil(1000).max(1);
    u16::try_from(seconds).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_operator_key_may_do_is_not_blamed_on_the_operator_key() {
        let problem = Problem::from(Refusal::IsGrant);
        assert_eq!((problem.status, problem.title), (403, "This isn't allowed"));
        assert!(problem.detail.is_some_and(|detail| detail.starts_with("an application holds this key")));
    }

    #[test]
    fn a_caller_is_told_how_long_to_wait() {
        for (refusal, status, seconds) in [
            (Refusal::TooManyAttempts { retry_after: Duration::from_millis(1500) }, 429, Some("2")),
            (Refusal::TooManyAttempts { retry_after: Duration::ZERO }, 429, Some("1")),
            (Refusal::LinkUsed, 410, None),
        ] {
            let response = Problem::from(refusal).into_response();
            let told = response.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok());
            assert_eq!((response.status().as_u16(), told), (status, seconds));
        }
    }
}
