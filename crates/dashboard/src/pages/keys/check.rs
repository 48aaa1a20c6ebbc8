//! "Key not working?": what stands in the way of a key that someone pastes.

use axum::Router;

use crate::site::Site;

pub(super) fn routes() -> Router<Site> {
    Router::new()
}
