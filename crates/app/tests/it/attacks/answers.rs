//! What the published contracts answer, written down a second time: not read from the profiles.

use claviger_testkit::Answer;

use super::template::contains;

/// What a request must come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// It reaches the upstream, and its answer comes back.
    Passed,
    /// Nothing that could be a key was sent.
    Missing,
    /// The key is not accepted.
    Invalid,
    /// The key may not do this.
    Forbidden,
    /// The request can be read in two ways.
    BadRequest,
    /// A key or its name is not there.
    NotFound,
    /// The bounds of a request, with this status.
    TooLarge(u16),
    /// The HTTP parser refuses it before the program sees it; such answers have no body.
    Unparsed(u16),
}

/// How an api words its answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Words {
    CashCat,
    CiCosts,
    Codat,
    Example,
}

impl Words {
    /// The status and the body, with what differs from request to request written as `*`.
    pub(crate) fn of(self, wanted: Wanted) -> (u16, String) {
        let (status, code, message) = match (self, wanted) {
            (_, Wanted::Passed) => return (200, super::upstream::BODY.to_owned()),
            (_, Wanted::Unparsed(status)) => return (status, String::new()),
            (Self::CashCat, Wanted::Missing) => {
                (401, "unauthorized", "Missing or malformed Authorization header")
            }
            (Self::CashCat, Wanted::Invalid) => (401, "unauthorized", "Invalid API Key"),
            (Self::CashCat, Wanted::Forbidden) => {
                (403, "endpoint", "The API key may not be used for this endpoint")
            }
            (Self::CiCosts, Wanted::Missing) => {
                (401, "missing_authorization", "Authorization header is required")
            }
            (Self::CiCosts, Wanted::Invalid) => (401, "invalid_api_key", "The provided API key is invalid"),
            (Self::CiCosts, Wanted::Forbidden) => {
                (403, "insufficient_permissions", "This API key does not have permission for this action")
            }
            (Self::Codat, Wanted::Missing | Wanted::Invalid) => (401, "", "Unauthorized"),
            (Self::Codat, Wanted::Forbidden) => {
                (403, "", "You are using an outdated API key or a key not associated with that resource.")
            }
            (Self::Codat, Wanted::BadRequest) => (400, "", "The request is not valid."),
            (Self::Codat, Wanted::NotFound) => (404, "", "The API key was not found."),
            (Self::Example, Wanted::Missing | Wanted::Invalid) => {
                (401, "unauthorized", "Missing or invalid API key")
            }
            (Self::Example, Wanted::Forbidden) => {
                (403, "forbidden", "API key doesn't have permission for this resource")
            }
            (_, Wanted::BadRequest) => (400, "bad_request", "The request could not be understood"),
            (_, Wanted::NotFound) => (404, "not_found", "Not found"),
            (_, Wanted::TooLarge(status)) => (status, "too_large", "The request is too large"),
        };
        let body = match self {
            Self::CashCat => {
                format!(r#"{{"error":{{"code":"{code}","message":"{message}","details":null}}}}"#)
            }
            Self::CiCosts => format!(r#"{{"error":{{"code":"{code}","message":"{message}"}}}}"#),
            Self::Codat => {
                format!(
                    r#"{{"statusCode":{status},"service":"PublicApi","error":"{message}","correlationId":"*","canBeRetried":"Unknown","detailedErrorCode":0}}"#
                )
            }
            Self::Example => {
                format!(r#"{{"success":false,"error":{{"code":"{code}","message":"{message}"}}}}"#)
            }
        };
        (status, body)
    }
}

/// Checks an answer of the gateway to the last byte, and that it says nothing about what it is made of.
#[track_caller]
pub(crate) fn check(row: &str, words: Words, wanted: Wanted, answer: &Answer, secrets: &[String]) {
    let body = masked_body(answer);
    assert_eq!((answer.status, &*body), (words.of(wanted).0, &*words.of(wanted).1), "{row}");
    for secret in secrets {
        assert!(!contains(&answer.body, secret.as_bytes()), "{row}: the answer repeats a key");
    }
    assert_eq!(answer.header("server"), None, "{row}");
    if let Wanted::Unparsed(_) = wanted {
        assert_eq!(answer.header("connection"), Some("close"), "{row}");
        return;
    }
    let id = answer.header("x-request-id").unwrap_or_default();
    assert!(id.starts_with("req_"), "{row}: {id}");
    if wanted == Wanted::Passed {
        return;
    }
    assert_eq!(answer.header("content-type"), Some("application/json"), "{row}");
    assert_eq!(answer.header("cache-control"), Some("private, no-store"), "{row}");
    assert_eq!(answer.header("www-authenticate").is_some(), answer.status == 401, "{row}");
    if wanted == Wanted::BadRequest {
        assert_eq!(answer.header("connection"), Some("close"), "{row}: what came next could be misread too");
    }
}

/// The body, with the request's id in it written as `*`.
pub(crate) fn masked_body(answer: &Answer) -> String {
    let mut body = String::from_utf8_lossy(&answer.body).into_owned();
    for (before, length) in [("\"correlationId\":\"", 32), ("\"request_id\":\"", 30)] {
        let Some(place) = body.find(before) else { continue };
        let start = place + before.len();
        body.replace_range(start..start + length, "*");
    }
    body
}
