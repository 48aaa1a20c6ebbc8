//! `/v1/nodes` and `/v1/receipts`: who follows the feed, and how far a change has come.

use axum::extract::State;
use claviger_manage::Manager;
use claviger_model::NodeId;

use crate::{
    by::Caller,
    page::Id,
    problem::Problem,
    view::{NodesJson, ReceiptJson},
};

/// Lists the nodes that follow the feed, with what each has confirmed and its lease.
#[utoipa::path(get, path = "/v1/nodes", tag = "nodes",
    responses((status = 200, description = "Done", body = NodesJson), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn list_nodes(
    State(manager): State<Manager>,
    Caller(by): Caller,
) -> Result<axum::Json<NodesJson>, Problem> {
    let nodes = manager.list_nodes(&by).await?;
    Ok(axum::Json(NodesJson::from(&nodes)))
}

/// Ends the membership of a node that is known to be dead, so that no change waits for its lease.
#[utoipa::path(post, path = "/v1/nodes/{id}/fence", tag = "nodes", params(("id" = String, Path)),
    responses((status = 200, description = "Done: these are left", body = NodesJson), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn fence_node(
    State(manager): State<Manager>,
    Caller(by): Caller,
    Id(id): Id<NodeId>,
) -> Result<axum::Json<NodesJson>, Problem> {
    let left = manager.fence_node(&by, id).await?;
    Ok(axum::Json(NodesJson::from(&left)))
}

/// Shows how far the change at this place in the feed has come.
#[utoipa::path(get, path = "/v1/receipts/{seq}", tag = "nodes", params(("seq" = u64, Path)),
    responses((status = 200, description = "Done", body = ReceiptJson), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn show_receipt(
    State(manager): State<Manager>,
    Caller(by): Caller,
    Id(seq): Id<u64>,
) -> Result<axum::Json<ReceiptJson>, Problem> {
    let receipt = manager.show_receipt(&by, seq).await?;
    Ok(axum::Json(ReceiptJson::from(&receipt)))
}
