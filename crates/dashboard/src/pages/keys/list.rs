//! The list of an account's keys.

use axum::Router;

use crate::site::Site;

pub(super) fn routes() -> Router<Site> {
    Router::new()
}
