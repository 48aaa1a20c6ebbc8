//! Switching a key off, and on again.

use axum::{
    Router,
    extract::{Path, State},
    routing::post,
};
use http::Response;

use super::key_id;
use crate::{
    Body,
    answer::{self, Stop},
    site::Site,
    visit::Posted,
};

pub(super) fn routes() -> Router<Site> {
    Router::new().route("/keys/{id}/disable", post(disable)).route("/keys/{id}/enable", post(enable))
}

async fn disable(
    State(site): State<Site>,
    Path(id): Path<String>,
    Posted { visitor, .. }: Posted,
) -> Result<Response<Body>, Stop> {
    let id = key_id(&id)?;
    site.manager().disable_key(&visitor.by(), id).await?;
    Ok(answer::go(&format!("/keys/{id}?done=disabled")))
}

async fn enable(
    State(site): State<Site>,
    Path(id): Path<String>,
    Posted { visitor, .. }: Posted,
) -> Result<Response<Body>, Stop> {
    let id = key_id(&id)?;
    site.manager().enable_key(&visitor.by(), id).await?;
    Ok(answer::go(&format!("/keys/{id}?done=enabled")))
}
