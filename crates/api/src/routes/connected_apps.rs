//! `/v1/accounts/{id}/connected-apps`

use axum::{extract::State, response::IntoResponse};
use claviger_manage::Manager;
use claviger_model::AccountId;
use serde::Deserialize;
use utoipa::IntoParams;

use super::completeness;
use crate::{
    by::Caller,
    page::{Asked, ConnectedId, Id, List, page},
    problem::Problem,
    view::{ConnectedAppJson, WithdrawnJson},
};

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ListConnected {
    /// From 1 to 100.
    limit: Option<usize>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Lists the applications that an account's members have allowed something, in the order of their registration.
#[utoipa::path(get, path = "/v1/accounts/{id}/connected-apps", tag = "oauth-clients",
    params(("id" = String, Path), ListConnected),
    responses((status = 200, description = "Done", body = List<ConnectedAppJson>), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn list_connected(
    State(manager): State<Manager>,
    Caller(by): Caller,
    Id(account): Id<AccountId>,
    Asked(asked): Asked<ListConnected>,
) -> Result<axum::Json<List<ConnectedAppJson>>, Problem> {
    let page = page(asked.limit, asked.cursor.as_deref())?;
    Ok(axum::Json(List::from_page(manager.list_consents(&by, account, page).await?)))
}

/// Takes back what a member has allowed an application, with every grant by it. 200 means that no node accepts its tokens
/// any more; 202 says by when none will.
#[utoipa::path(post, path = "/v1/accounts/{id}/connected-apps/{client_id}/{member_id}/withdraw", tag = "oauth-clients",
    params(("id" = String, Path), ("client_id" = String, Path), ("member_id" = String, Path)),
    responses((status = 200, description = "Done", body = WithdrawnJson),
        (status = 202, description = "Made, and complete on every node by `guaranteed_by`", body = WithdrawnJson),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn withdraw(
    State(manager): State<Manager>,
    Caller(by): Caller,
    ConnectedId { account, client, member }: ConnectedId,
) -> Result<impl IntoResponse, Problem> {
    let receipt = manager.withdraw(&by, account, client, member).await?;
    let (client_id, member_id) = (client.to_string(), member.to_string());
    let shown = WithdrawnJson { client_id, member_id, receipt: (&receipt).into() };
    Ok((completeness(&receipt), axum::Json(shown)))
}
