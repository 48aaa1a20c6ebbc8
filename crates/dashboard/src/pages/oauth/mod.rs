//! Applications: what one asks a member for, and what members have allowed.

mod authorize;
mod back;
mod connected;
mod consent;

use axum::Router;

use crate::site::Site;

pub(super) fn routes() -> Router<Site> {
    authorize::routes().merge(connected::routes())
}
