//! `/v1/accounts`

use axum::{extract::State, response::IntoResponse};
use claviger_manage::{AccountFilter, AccountOrder, AccountPatch, Manager};
use claviger_model::{AccountId, AccountState};
use http::{HeaderMap, Method, StatusCode, Uri};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::completeness;
use crate::{
    by::Caller,
    idempotency::idempotency,
    json::Json,
    page::{Asked, Id, List, page},
    problem::Problem,
    view::{AccountJson, ChangedAccountJson, NewAccountJson},
};

/// An account to create.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CreateAccount {
    /// The name people read.
    name: String,
    /// The api it is a customer of; may be left out where there is one only.
    api: Option<String>,
    /// The company's own id for it; unique within the api.
    external_id: Option<String>,
    /// The company's own data, at most 16 KiB.
    #[schema(value_type = Option<Object>)]
    metadata: Option<Value>,
}

/// A change of an account; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ChangeAccount {
    name: Option<String>,
    /// `active` or `suspended`: none of a suspended account's keys works.
    #[schema(value_type = Option<String>)]
    state: Option<AccountState>,
    #[schema(value_type = Option<Object>)]
    metadata: Option<Value>,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ListAccounts {
    /// Of this api only.
    api: Option<String>,
    /// With this external id only.
    external_id: Option<String>,
    /// Whose name or external id begins so only. In names, A to Z are as good as a to z.
    name: Option<String>,
    /// From 1 to 100.
    limit: Option<usize>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Lists accounts.
#[utoipa::path(get, path = "/v1/accounts", tag = "accounts", params(ListAccounts),
    responses((status = 200, description = "Done", body = List<AccountJson>), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn list_accounts(
    State(manager): State<Manager>,
    Caller(by): Caller,
    Asked(asked): Asked<ListAccounts>,
) -> Result<axum::Json<List<AccountJson>>, Problem> {
    let filter =
        AccountFilter { api: asked.api.map(Into::into), external_id: asked.external_id, name: asked.name };
    let accounts = manager.list_accounts(&by, filter, page(asked.limit, asked.cursor.as_deref())?).await?;
    Ok(axum::Json(List::from_page(accounts)))
}

/// Creates an account, with its first key where the profile provides one.
#[utoipa::path(post, path = "/v1/accounts", tag = "accounts", request_body = CreateAccount,
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes the call safe to repeat for 24 hours")),
    responses((status = 201, description = "Created", body = NewAccountJson), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn create_account(
    State(manager): State<Manager>,
    Caller(by): Caller,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Json<CreateAccount>,
) -> Result<impl IntoResponse, Problem> {
    let repeated = idempotency(&headers, &by, &method, uri.path(), &body.bytes, manager.now())?;
    let CreateAccount { name, api, external_id, metadata } = body.value;
    let order = AccountOrder { api, name, external_id, metadata };
    let answer = manager.create_account(&by, order, repeated).await?;
    let shown = NewAccountJson {
        account: (&answer.account).into(),
        first_key: answer.first_key.as_ref().map(Into::into),
        receipt: (&answer.receipt).into(),
    };
    Ok((StatusCode::CREATED, axum::Json(shown)))
}

/// Shows an account.
#[utoipa::path(get, path = "/v1/accounts/{id}", tag = "accounts", params(("id" = String, Path)),
    responses((status = 200, description = "Done", body = AccountJson), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn show_account(
    State(manager): State<Manager>,
    Caller(by): Caller,
    Id(id): Id<AccountId>,
) -> Result<axum::Json<AccountJson>, Problem> {
    Ok(axum::Json((&manager.show_account(&by, id).await?).into()))
}

/// Renames, describes, suspends or reinstates an account.
#[utoipa::path(patch, path = "/v1/accounts/{id}", tag = "accounts", params(("id" = String, Path)),
    request_body = ChangeAccount,
    responses((status = 200, description = "Done", body = ChangedAccountJson),
        (status = 202, description = "Made, and complete on every node by `guaranteed_by`", body = ChangedAccountJson),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn change_account(
    State(manager): State<Manager>,
    Caller(by): Caller,
    Id(id): Id<AccountId>,
    body: Json<ChangeAccount>,
) -> Result<impl IntoResponse, Problem> {
    let ChangeAccount { name, state, metadata } = body.value;
    let (account, receipt) = manager.change_account(&by, id, AccountPatch { name, state, metadata }).await?;
    let shown = ChangedAccountJson { account: (&account).into(), receipt: (&receipt).into() };
    Ok((completeness(&receipt), axum::Json(shown)))
}

/// How many rows told of addresses, and don't any more.
#[derive(Serialize, ToSchema)]
pub(super) struct Erased {
    erased: u64,
}

/// Erases from where an account's keys were used, and from where and by what its members are signed in.
#[utoipa::path(post, path = "/v1/accounts/{id}/erase-addresses", tag = "accounts", params(("id" = String, Path)),
    responses((status = 200, description = "Done", body = Erased), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn erase_addresses(
    State(manager): State<Manager>,
    Caller(by): Caller,
    Id(id): Id<AccountId>,
) -> Result<axum::Json<Erased>, Problem> {
    Ok(axum::Json(Erased { erased: manager.erase_addresses(&by, id).await? }))
}
