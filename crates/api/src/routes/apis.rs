//! `/v1/apis`

use axum::extract::State;
use claviger_manage::Manager;
use claviger_model::Ability;

use crate::{by::Caller, page::List, problem::Problem, view::ApiJson};

/// Lists the apis this node serves, as their profiles describe them.
#[utoipa::path(get, path = "/v1/apis", tag = "apis",
    responses((status = 200, description = "Done", body = List<ApiJson>), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn list_apis(
    State(manager): State<Manager>,
    Caller(by): Caller,
) -> Result<axum::Json<List<ApiJson>>, Problem> {
    by.require(Ability::Read)?;
    let items = manager.apis().iter().map(|profile| ApiJson::from(&**profile)).collect();
    Ok(axum::Json(List { items, next_cursor: None }))
}
