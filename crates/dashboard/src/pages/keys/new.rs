//! The form that makes a key, and the answer that shows its secret.

use axum::Router;

use crate::site::Site;

pub(super) fn routes() -> Router<Site> {
    Router::new()
}
