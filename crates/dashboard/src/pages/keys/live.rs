//! What changes in the list while it is looked at.

use axum::Router;

use crate::site::Site;

pub(super) fn routes() -> Router<Site> {
    Router::new()
}
