//! How applications get access to an api by OAuth 2.0.
//!
//! Everything that is secret has a form of its own, so that it is found where it doesn't belong, and one can't be taken for
//! another.

use std::time::Duration;

use crate::key::KeyFormat;

/// The longest life of an access token: whoever only reads the clock sees it end within a day.
pub(super) const ACCESS_LASTS_MAX: Duration = Duration::from_hours(24);
/// The longest life of a grant.
pub(super) const GRANT_LASTS_MAX: Duration = Duration::from_hours(366 * 24);

/// What tokens look like and how long they last.
#[derive(Clone, Debug)]
pub struct OauthRules {
    /// What access tokens look like.
    pub access: KeyFormat,
    /// What refresh tokens look like. They are shown to the token endpoint alone and never let a request in.
    pub refresh: KeyFormat,
    /// What authorization codes look like.
    pub code: KeyFormat,
    /// What the secrets of confidential clients look like.
    pub client_secret: KeyFormat,
    /// How long an access token lasts.
    pub access_lasts: Duration,
    /// How long an application may go on by refreshing before it has to ask the member again.
    pub grant_lasts: Duration,
    /// Whether applications may register themselves (RFC 7591).
    pub registration: bool,
}
