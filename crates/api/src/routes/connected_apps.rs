//! `/v1/accounts/{id}/connected-apps`

use axum::{extract::State, response::IntoResponse};
use claviger_manage::Manager;
use claviger_model::AccountId;

use super::completeness;
use crate::{
    by::Caller,
    page::{ConnectedId, Id, List},
    problem::Problem,
    view::{ConnectedAppJson, WithdrawnJson},
};

/// Lists the applications that an account's members have allowed something, in one page.
#[utoipa::path(get, path = "/v1/accounts/{id}/connected-apps", tag = "oauth-clients", params(("id" = String, Path)),
    responses((status = 200, description = "Done", body = List<ConnectedAppJson>), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn list_connected(
    State(manager): State<Manager>,
    Caller(by): Caller,
    Id(account): Id<AccountId>,
) -> Result<axum::Json<List<ConnectedAppJson>>, Problem> {
    let items = manager.list_consents(&by, account).await?.iter().map(Into::into).collect();
    Ok(axum::Json(List { items, next_cursor: None }))
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
