//! Switching a key off, and on again.

use axum::{
    Router,
    extract::{Path, State},
    routing::post,
};
use claviger_manage::Refusal;
use claviger_model::KeyId;
use http::Response;

use super::{detail, key_id};
use crate::{
    Body,
    answer::{self, Stop},
    keys_in_words::done_word,
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
    match site.manager().disable_key(&visitor.by(), id).await {
        Ok(changed) => Ok(back(id, done_word(&changed.receipt, "disabled"))),
        Err(refusal @ Refusal::LastKey) => detail::refused(&site, &visitor, id, &refusal).await,
        Err(other) => Err(other.into()),
    }
}

async fn enable(
    State(site): State<Site>,
    Path(id): Path<String>,
    Posted { visitor, .. }: Posted,
) -> Result<Response<Body>, Stop> {
    let id = key_id(&id)?;
    let changed = site.manager().enable_key(&visitor.by(), id).await?;
    Ok(back(id, done_word(&changed.receipt, "enabled")))
}

/// To the key's page, with word of what was done.
fn back(id: KeyId, done: &str) -> Response<Body> {
    answer::go(&format!("/keys/{id}?done={done}"))
}
