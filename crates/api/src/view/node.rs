//! Nodes as they are shown.

use std::collections::BTreeMap;

use claviger_manage::Nodes;
use claviger_model::NodeId;
use claviger_verify::nodes::{NodeRow, Roll};
use serde::Serialize;
use utoipa::ToSchema;

/// All nodes that follow the feed.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Nodes)]
pub(crate) struct NodesJson {
    /// The last change there is.
    head: u64,
    /// The nodes, the oldest first.
    items: Vec<NodeJson>,
    /// Always `null`: there is one page.
    next_cursor: Option<String>,
}

/// A node, from its start or its return on.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Node)]
pub(crate) struct NodeJson {
    id: String,
    /// What people call it.
    name: String,
    /// Whether it is the one that answers.
    this: bool,
    version: String,
    /// The last change it has confirmed; `null` while it holds nothing.
    acked: Option<u64>,
    /// How many changes it is behind; `null` while it holds nothing.
    lag: Option<u64>,
    /// For how many seconds it may go on deciding after a renewal.
    lease_seconds: u64,
    /// The same for apis whose profile asks for less.
    stricter_lease_seconds: BTreeMap<String, u64>,
    /// How often it has renewed its lease.
    renewals: u64,
    joined_at: String,
    renewed_at: String,
}

impl From<&Nodes> for NodesJson {
    fn from(nodes: &Nodes) -> Self {
        let head = nodes.roll.head.0;
        let shown = |node| NodeJson::of(&nodes.roll, node, nodes.this);
        Self { head, items: nodes.roll.nodes.iter().map(shown).collect(), next_cursor: None }
    }
}

impl NodeJson {
    fn of(roll: &Roll, node: &NodeRow, this: Option<NodeId>) -> Self {
        let stricter = node.leases.stricter.iter();
        Self {
            id: node.id.to_string(),
            name: node.name.clone(),
            this: this == Some(node.id),
            version: node.version.clone(),
            acked: node.acked.map(|acked| acked.0),
            lag: roll.lag(node),
            lease_seconds: node.leases.node.as_secs(),
            stricter_lease_seconds: stricter.map(|(api, span)| (api.to_string(), span.as_secs())).collect(),
            renewals: node.renewals,
            joined_at: node.joined_at.to_string(),
            renewed_at: node.renewed_at.to_string(),
        }
    }
}
