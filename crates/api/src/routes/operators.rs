//! `/v1/operators`

use axum::{extract::State, response::IntoResponse};
use claviger_manage::{Manager, OperatorOrder};
use claviger_model::{Abilities, OperatorId};
use http::{HeaderMap, Method, StatusCode, Uri};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::completeness;
use crate::{
    by::Caller,
    idempotency::idempotency,
    json::Json,
    page::{Asked, Id, List, page},
    problem::Problem,
    view::{ChangedOperatorJson, IssuedOperatorJson, OperatorJson},
};

/// An operator key to issue.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct IssueOperator {
    /// Who or what will hold it.
    name: String,
    /// `verify`, `read`, `manage`, `reveal`, or `all`; at least one.
    #[schema(value_type = Vec<String>)]
    can: Abilities,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ListOperators {
    /// From 1 to 100.
    limit: Option<usize>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Lists operator keys.
#[utoipa::path(get, path = "/v1/operators", tag = "operators", params(ListOperators),
    responses((status = 200, description = "Done", body = List<OperatorJson>), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn list_operators(
    State(manager): State<Manager>,
    Caller(by): Caller,
    Asked(asked): Asked<ListOperators>,
) -> Result<axum::Json<List<OperatorJson>>, Problem> {
    let operators = manager.list_operators(&by, page(asked.limit, asked.cursor.as_deref())?).await?;
    Ok(axum::Json(List::from_page(operators)))
}

/// Issues an operator key. Its secret is in this answer and nowhere else.
#[utoipa::path(post, path = "/v1/operators", tag = "operators", request_body = IssueOperator,
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes the call safe to repeat for 24 hours")),
    responses((status = 201, description = "Created", body = IssuedOperatorJson), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn issue_operator(
    State(manager): State<Manager>,
    Caller(by): Caller,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Json<IssueOperator>,
) -> Result<impl IntoResponse, Problem> {
    let repeated = idempotency(&headers, &by, &method, uri.path(), &body.bytes, manager.now())?;
    let IssueOperator { name, can } = body.value;
    let issued = manager.issue_operator(&by, OperatorOrder { name, abilities: can }, repeated).await?;
    Ok((StatusCode::CREATED, axum::Json(IssuedOperatorJson::from(&issued))))
}

/// Ends an operator key for good.
#[utoipa::path(post, path = "/v1/operators/{id}/revoke", tag = "operators", params(("id" = String, Path)),
    responses((status = 200, description = "Done", body = ChangedOperatorJson),
        (status = 202, description = "Made, and complete on every node by `guaranteed_by`", body = ChangedOperatorJson),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn revoke_operator(
    State(manager): State<Manager>,
    Caller(by): Caller,
    Id(id): Id<OperatorId>,
) -> Result<impl IntoResponse, Problem> {
    let (row, receipt) = manager.revoke_operator(&by, id).await?;
    let shown = ChangedOperatorJson { operator: (&row).into(), receipt: (&receipt).into() };
    Ok((completeness(&receipt), axum::Json(shown)))
}
