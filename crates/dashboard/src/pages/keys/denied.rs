//! Denied attempts with a key: why, and what to do about it.

use claviger_model::{Timestamp, profile::Profile};
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
        reason: attempt.code.help().title,
        detail: attempt.detail.into(),
        advice: attempt.code.help().solution,
        at: Time::ago(attempt.at, now),
        address: attempt.address.map(|address| address.to_string()),
        endpoint: attempt.endpoint.map(Into::into),
        request: attempt.request.to_string(),
        support: profile.support.as_ref().map(|support| frame::with_request(support, attempt.request)),
    };
    attempts.into_iter().map(told).collect()
}
