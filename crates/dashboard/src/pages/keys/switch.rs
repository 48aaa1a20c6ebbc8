//! Disabling and enabling a key.

use axum::Router;

use crate::site::Site;

pub(super) fn routes() -> Router<Site> {
    Router::new()
}
