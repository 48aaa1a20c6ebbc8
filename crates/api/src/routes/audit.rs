//! `/v1/audit-events`

use axum::extract::State;
use claviger_manage::{AuditFilter, ChainCheck, Manager};
use claviger_model::Digest;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    by::Caller,
    page::{Asked, List, page},
    problem::Problem,
    view::AuditJson,
};

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ListEvents {
    /// Of this account only.
    account_id: Option<String>,
    /// About the thing with this id only.
    subject: Option<String>,
    /// By this request only.
    request_id: Option<String>,
    /// From 1 to 100.
    limit: Option<usize>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// What walking the chain found.
#[derive(Default, Serialize, ToSchema)]
pub(super) struct ChainReport {
    /// Whether every event follows from the one before, up to the head.
    whole: bool,
    /// How many events there are.
    #[serde(skip_serializing_if = "Option::is_none")]
    events: Option<u64>,
    /// The last event's hash, hexadecimal: keep it elsewhere, and later changes of the past will show.
    #[serde(skip_serializing_if = "Option::is_none")]
    head: Option<String>,
    /// The first event that doesn't follow.
    #[serde(skip_serializing_if = "Option::is_none")]
    number: Option<u64>,
    /// What is wrong with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// Lists audit events, in the order they happened.
#[utoipa::path(get, path = "/v1/audit-events", tag = "audit", params(ListEvents),
    responses((status = 200, description = "Done", body = List<AuditJson>), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn list_events(
    State(manager): State<Manager>,
    Caller(by): Caller,
    Asked(asked): Asked<ListEvents>,
) -> Result<axum::Json<List<AuditJson>>, Problem> {
    let account = asked.account_id.as_deref().map(super::account_id).transpose()?;
    let filter = AuditFilter { account, subject: asked.subject, request: asked.request_id };
    let events = manager.list_audit(&by, filter, page(asked.limit, asked.cursor.as_deref())?).await?;
    Ok(axum::Json(List::from_page(events)))
}

/// Walks the hash chain from the first event to the head.
#[utoipa::path(get, path = "/v1/audit-events/check", tag = "audit",
    responses((status = 200, description = "Done", body = ChainReport), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn check_chain(
    State(manager): State<Manager>,
    Caller(by): Caller,
) -> Result<axum::Json<ChainReport>, Problem> {
    Ok(axum::Json(match manager.check_audit(&by).await? {
        ChainCheck::Whole { events, head } => ChainReport {
            whole: true,
            events: Some(events),
            head: Some(Digest::from_bytes(head).to_hex()),
            ..ChainReport::default()
        },
        ChainCheck::Broken { number, reason } => {
            ChainReport { number: Some(number), reason: Some(reason), ..ChainReport::default() }
        }
    }))
}
