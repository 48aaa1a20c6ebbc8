//! Showing a sealed key again, to those who may; that they looked is on the audit trail before they see it.

use axum::{
    Router,
    extract::{Path, State},
    routing::post,
};
use http::Response;

use super::{
    key_id,
    secret::{self, Why},
};
use crate::{Body, answer::Stop, site::Site, visit::Posted};

pub(super) fn routes() -> Router<Site> {
    Router::new().route("/keys/{id}/reveal", post(reveal))
}

async fn reveal(
    State(site): State<Site>,
    Path(id): Path<String>,
    Posted { visitor, .. }: Posted,
) -> Result<Response<Body>, Stop> {
    let (by, id) = (visitor.by(), key_id(&id)?);
    let key = site.manager().show_key(&by, id).await?;
    let plain = site.manager().reveal_key(&by, id).await?;
    secret::show(&site, &visitor, &key, &plain, Why::Revealed)
}
