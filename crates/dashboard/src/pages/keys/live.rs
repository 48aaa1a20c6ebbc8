//! What changes in the list while it is looked at.

use axum::{Json, Router, extract::State, response::IntoResponse as _, routing::get};
use http::Response;
use serde::Serialize;

use super::{asked::Asked, row::Row};
use crate::{Body, answer::Stop, form::Query, site::Site, visit::Visitor};

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

/// The keys of the page that this very query is of.
async fn show(State(site): State<Site>, visitor: Visitor, query: Query) -> Result<Response<Body>, Stop> {
    let browse = Asked::read(&query).browse();
    let found = site.manager().browse_keys(&visitor.by(), visitor.permit.account(), &browse).await?;
    let items = found.keys.iter().map(|key| Item::of(Row::of(key, site.now()))).collect();
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
