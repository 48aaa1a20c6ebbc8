//! One key: what it may do, how it is used, and what was denied.

use axum::Router;

use crate::site::Site;

pub(super) fn routes() -> Router<Site> {
    Router::new()
}
