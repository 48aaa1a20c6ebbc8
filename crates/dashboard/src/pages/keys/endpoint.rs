//! Whether an endpoint restriction would admit a request, by the rules that decide.

use axum::Router;

use crate::site::Site;

pub(super) fn routes() -> Router<Site> {
    Router::new()
}
