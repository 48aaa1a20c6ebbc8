//! What changes in the list while it is looked at.

use axum::{Json, Router, extract::State, response::IntoResponse as _, routing::get};
use claviger_manage::{KeyView, Refusal};
use claviger_model::{KeyId, MemberAbility};
use http::Response;
use serde::Serialize;

use super::{asked::PER_PAGE, require, row::Row};
use crate::{Body, answer::Stop, form::Query, site::Site, visit::Onlooker};

pub(super) fn routes() -> Router<Site> {
    Router::new().route("/keys/live", get(show))
}

#[derive(Serialize)]
struct Live {
    items: Vec<Item>,
}

/// A key of the page: what its row shows and may have changed.
#[derive(Serialize)]
struct Item {
    id: String,
    last_used_at: Option<String>,
    last_used: String,
    state: &'static str,
}

/// Where the keys of a page are asked for: by their ids, because the page is looked at for long and asks often.
pub(super) fn path(keys: &[KeyView]) -> String {
    let ids: Vec<_> = keys.iter().map(|key| key.row.id.to_string()).collect();
    format!("/keys/live?ids={}", ids.join(","))
}

/// The keys with these ids that are there for who asks.
async fn show(
    State(site): State<Site>,
    Onlooker(visitor): Onlooker,
    query: Query,
) -> Result<Response<Body>, Stop> {
    require(&visitor, MemberAbility::Read)?;
    let mut items = Vec::new();
    for id in query.get("ids").split(',').take(PER_PAGE).filter_map(|id| id.parse::<KeyId>().ok()) {
        match site.manager().show_key(&visitor.by(), id).await {
            Ok(key) => items.push(Item::of(Row::of(&key, site.now()))),
            Err(Refusal::NotFound(_)) => {}
            Err(refusal) => return Err(refusal.into()),
        }
    }
    Ok(Json(Live { items }).into_response())
}

impl Item {
    fn of(row: Row) -> Self {
        let (last_used_at, last_used) = match row.used {
            Some(used) => (Some(used.rfc3339), used.text),
            None => (None, "Never".to_owned()),
        };
        Self { id: row.id, last_used_at, last_used, state: row.state.kind }
    }
}
