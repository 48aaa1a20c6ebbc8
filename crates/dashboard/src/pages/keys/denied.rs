//! Denied attempts with a key: why, and what to do about it.

use claviger_model::{DenialCode, Timestamp, profile::Profile};
use claviger_verify::usage::DeniedAttempt;

use crate::{frame, words::Time};

/// A denied attempt in words.
#[derive(Debug)]
pub(super) struct Denied {
    pub(super) reason: &'static str,
    pub(super) detail: String,
    pub(super) advice: &'static str,
    pub(super) at: Time,
    pub(super) address: Option<String>,
    pub(super) endpoint: Option<String>,
    pub(super) request: String,
    /// Where help is asked for, with the request's id.
    pub(super) support: Option<String>,
}

/// The attempts in words, the newest first.
pub(super) fn told(mut attempts: Vec<DeniedAttempt>, profile: &Profile, now: Timestamp) -> Vec<Denied> {
    attempts.sort_by_key(|attempt| std::cmp::Reverse(attempt.at));
    let told = |attempt: DeniedAttempt| Denied {
        reason: reason(attempt.code),
        detail: attempt.detail.into(),
        advice: advice(attempt.code),
        at: Time::ago(attempt.at, now),
        address: attempt.address.map(|address| address.to_string()),
        endpoint: attempt.endpoint.map(Into::into),
        request: attempt.request.to_string(),
        support: profile.support.as_ref().map(|support| frame::with_request(support, attempt.request)),
    };
    attempts.into_iter().map(told).collect()
}

/// Why, in a few words.
pub(super) const fn reason(code: DenialCode) -> &'static str {
    match code {
        DenialCode::Missing => "No key was sent",
        DenialCode::Malformed => "The request can't be understood",
        DenialCode::Unknown => "Unknown key",
        DenialCode::Revoked => "The secret is revoked",
        DenialCode::Disabled => "The key is disabled",
        DenialCode::Expired => "The key has expired",
        DenialCode::Environment => "Wrong environment",
        DenialCode::Scope => "A permission is missing",
        DenialCode::Network => "The address is not allowed",
        DenialCode::Referrer => "The website is not allowed",
        DenialCode::Endpoint => "The endpoint is not allowed",
        DenialCode::Rate => "Too many requests",
        DenialCode::Quota => "The quota is used up",
    }
}

/// What to do about it.
const fn advice(code: DenialCode) -> &'static str {
    match code {
        DenialCode::Missing => "Send the key with every request.",
        DenialCode::Malformed => "Send one key, whole and unchanged, in one header.",
        DenialCode::Unknown => "Check which key the program uses.",
        DenialCode::Revoked => "Give the program the key's new secret, or a key of its own.",
        DenialCode::Disabled => "Enable the key, or stop the program.",
        DenialCode::Expired => "Move the expiry, or give the program a new key.",
        DenialCode::Environment => "Use a key of the other environment there, or call the other host.",
        DenialCode::Scope => "Add the permission to the key, if the program should have it.",
        DenialCode::Network => {
            "Add the address to the key's allowed networks, if the program should call from there."
        }
        DenialCode::Referrer => {
            "Add the website to the key's allowed websites, if it should call from there."
        }
        DenialCode::Endpoint => {
            "Add the endpoint to the key's allowed endpoints, if the program should call it."
        }
        DenialCode::Rate => "Let the program wait, and send its requests more evenly.",
        DenialCode::Quota => "Wait for the next period, or ask for a higher quota.",
    }
}
