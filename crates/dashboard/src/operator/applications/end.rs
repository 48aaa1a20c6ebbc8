//! The form that ends an application for good.

use askama::Template;
use axum::{
    Router,
    extract::{Path, State},
    routing::get,
};
use claviger_manage::{ChangedClient, ClientRow};
use http::{Response, StatusCode};

use super::changeable;
use crate::{
    Body,
    answer::{self, Stop},
    frame::Frame,
    keys_in_words::done_word,
    operator::desk::{Desk, Operator, Place, PostedByOperator, Reader},
};

pub(super) fn routes() -> Router<Desk> {
    Router::new().route("/applications/{id}/revoke", get(ask).post(revoke))
}

#[derive(Template)]
#[template(path = "operator/applications/revoke.html")]
struct RevokePage {
    frame: Frame,
    id: String,
    name: String,
    error: Option<&'static str>,
}

fn page(
    operator: &Operator,
    row: ClientRow,
    status: StatusCode,
    error: Option<&'static str>,
) -> Result<Response<Body>, Stop> {
    let frame = operator.frame(Place::Applications, "Revoke an application");
    answer::page(status, &RevokePage { frame, id: row.id.to_string(), name: row.name, error })
}

async fn ask(
    State(desk): State<Desk>,
    Reader(operator): Reader,
    Path(id): Path<String>,
) -> Result<Response<Body>, Stop> {
    let row = changeable(&desk, &operator, &id).await?;
    if row.revoked_at.is_some() {
        return Ok(answer::go(&format!("/applications/{}", row.id)));
    }
    page(&operator, row, StatusCode::OK, None)
}

async fn revoke(
    State(desk): State<Desk>,
    Path(id): Path<String>,
    posted: PostedByOperator,
) -> Result<Response<Body>, Stop> {
    let PostedByOperator { operator, form } = &posted;
    let row = changeable(&desk, operator, &id).await?;
    if form.get("confirm").trim() != row.name.trim() {
        let error = Some("This is not what is asked for: type it exactly.");
        return page(operator, row, StatusCode::UNPROCESSABLE_ENTITY, error);
    }
    let ChangedClient { row, receipt } = desk.site.manager().revoke_client(&operator.by(), row.id).await?;
    let done = done_word(&receipt, "application-revoked");
    Ok(answer::go(&format!("/applications/{}?done={done}&receipt={}", row.id, receipt.seq)))
}
