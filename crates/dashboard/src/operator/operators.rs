//! Operator keys: who may do what here. They are issued and revoked by the CLI and the API.

use askama::Template;
use axum::{Router, extract::State, routing::get};
use claviger_manage::{OperatorRow, PageRequest};
use claviger_model::OperatorId;
use http::{Response, StatusCode};

use super::{
    desk::{Desk, Operator, Place, Reader},
    shown,
};
use crate::{
    Body,
    answer::{self, Stop},
    form::Query,
    frame::Frame,
    words::Time,
};

const PER_PAGE: usize = 100;

pub(super) fn routes() -> Router<Desk> {
    Router::new().route("/operators", get(list))
}

#[derive(Template)]
#[template(path = "operator/operators.html")]
struct ListPage {
    frame: Frame,
    operators: Vec<OperatorLine>,
    next: Option<String>,
    first: Option<String>,
}

struct OperatorLine {
    id: String,
    name: String,
    hint: String,
    abilities: String,
    created: Time,
    revoked: Option<Time>,
    is_own: bool,
}

/// Where in the list an operator key is.
pub(super) async fn place_of(
    desk: &Desk,
    operator: &Operator,
    id: OperatorId,
) -> Result<Option<String>, Stop> {
    let mut after = None;
    loop {
        let request = PageRequest { after, limit: PER_PAGE };
        let page = desk.site.manager().list_operators(&operator.by(), request).await?;
        if page.items.iter().any(|row| row.id == id) {
            let cursor = after.map(|id| id.to_string()).unwrap_or_default();
            return Ok(Some(format!("{}#{id}", shown::link("/operators", &[("cursor", &cursor)]))));
        }
        if page.next.is_none() {
            return Ok(None);
        }
        after = page.next;
    }
}

async fn list(
    State(desk): State<Desk>,
    Reader(operator): Reader,
    query: Query,
) -> Result<Response<Body>, Stop> {
    let after: Option<OperatorId> = query.get("cursor").parse().ok();
    let request = PageRequest { after, limit: PER_PAGE };
    let page = desk.site.manager().list_operators(&operator.by(), request).await?;
    let line = |row: &OperatorRow| OperatorLine {
        id: row.id.to_string(),
        name: row.name.clone(),
        hint: row.hint.clone(),
        abilities: row.abilities.names().join(", "),
        created: Time::date(row.created_at),
        revoked: row.revoked_at.map(|at| Time::ago(at, desk.site.now())),
        is_own: row.id == operator.permit.id(),
    };
    let shown = ListPage {
        frame: operator.frame(Place::Operators, "Operator keys"),
        operators: page.items.iter().map(line).collect(),
        next: page.next.map(|id| shown::link("/operators", &[("cursor", &id.to_string())])),
        first: after.map(|_| "/operators".to_owned()),
    };
    answer::page(StatusCode::OK, &shown)
}
