//! Connected apps: what members have allowed, and taking it back.

use axum::Router;

use crate::site::Site;

pub(super) fn routes() -> Router<Site> {
    Router::new()
}
