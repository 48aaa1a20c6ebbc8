//! The form that changes a key's name, scopes, expiry and restrictions.

use axum::Router;

use crate::site::Site;

pub(super) fn routes() -> Router<Site> {
    Router::new()
}
