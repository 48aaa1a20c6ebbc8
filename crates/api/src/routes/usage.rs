//! `/v1/usage` and `/v1/denials`

use axum::extract::State;
use claviger_manage::{Fault, Manager, UsageQuery};
use claviger_model::KeyId;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    by::Caller,
    page::{Asked, List},
    problem::Problem,
    view::{CountJson, DenialJson, WouldBeDeniedJson},
};

const DAYS_DEFAULT: u32 = 30;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct AskUsage {
    /// Of this api only.
    api: Option<String>,
    /// Of this key only.
    key_id: Option<String>,
    /// The last so many days, today included: 1 to 400, 30 where left out.
    days: Option<u32>,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct AskDenials {
    /// The last ten of this key.
    key_id: Option<String>,
    /// Those of this request, as its caller was told in `X-Request-Id`.
    request_id: Option<String>,
}

/// Counts by day, secret, environment and outcome, the newest day first: the newest 100,000 of them.
#[utoipa::path(get, path = "/v1/usage", tag = "usage", params(AskUsage),
    responses((status = 200, description = "Done", body = List<CountJson>), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn usage(
    State(manager): State<Manager>,
    Caller(by): Caller,
    Asked(asked): Asked<AskUsage>,
) -> Result<axum::Json<List<CountJson>>, Problem> {
    let days = asked.days.unwrap_or(DAYS_DEFAULT);
    let query = UsageQuery { api: asked.api, key: key_id(asked.key_id)?, days };
    let counts = manager.usage(&by, query).await?;
    Ok(axum::Json(List { items: counts.iter().map(Into::into).collect(), next_cursor: None }))
}

/// What would have been denied by what is only observed, by reason and key: the most frequent first.
#[utoipa::path(get, path = "/v1/observed", tag = "usage", params(AskUsage),
    responses((status = 200, description = "Done", body = List<WouldBeDeniedJson>), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn observed(
    State(manager): State<Manager>,
    Caller(by): Caller,
    Asked(asked): Asked<AskUsage>,
) -> Result<axum::Json<List<WouldBeDeniedJson>>, Problem> {
    let days = asked.days.unwrap_or(DAYS_DEFAULT);
    let query = UsageQuery { api: asked.api, key: key_id(asked.key_id)?, days };
    let found = manager.would_be_denied(&by, query).await?;
    Ok(axum::Json(List { items: found.iter().map(Into::into).collect(), next_cursor: None }))
}

/// Denied attempts, the newest first.
#[utoipa::path(get, path = "/v1/denials", tag = "usage", params(AskDenials),
    responses((status = 200, description = "Done", body = List<DenialJson>), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn denials(
    State(manager): State<Manager>,
    Caller(by): Caller,
    Asked(asked): Asked<AskDenials>,
) -> Result<axum::Json<List<DenialJson>>, Problem> {
    if asked.key_id.is_none() == asked.request_id.is_none() {
        return Err(Problem::invalid(vec![Fault::new("", "ask by key_id or by request_id")]));
    }
    let denials = manager.denials(&by, key_id(asked.key_id)?, asked.request_id).await?;
    Ok(axum::Json(List { items: denials.iter().map(Into::into).collect(), next_cursor: None }))
}

fn key_id(text: Option<String>) -> Result<Option<KeyId>, Problem> {
    let id = text.map(|text| text.parse()).transpose();
    id.map_err(|error| Problem::invalid(vec![Fault::new("/key_id", format!("{error}"))]))
}
