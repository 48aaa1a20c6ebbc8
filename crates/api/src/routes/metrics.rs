//! `/metrics`: how this node and the others stand, as `OpenMetrics` text. It names nodes, never keys or accounts.

use std::sync::{Arc, atomic::Ordering};

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use claviger_manage::{Manager, Nodes};
use claviger_verify::{Readiness, Verifier, nodes::NodeRow};
use http::header::CONTENT_TYPE;
use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{
        counter::ConstCounter,
        family::Family,
        gauge::{ConstGauge, Gauge},
    },
    registry::{Registry, Unit},
};

use super::Shared;
use crate::problem::{Code, Problem};

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfNode {
    node: String,
    name: String,
}

type OfNodes = Family<OfNode, Gauge>;

/// Shows how this node and the others stand.
#[utoipa::path(get, path = "/metrics", tag = "health", security(()),
    responses((status = 200, description = "OpenMetrics", body = String, content_type = "application/openmetrics-text"), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn metrics(
    State(manager): State<Manager>,
    State(verifier): State<Arc<Verifier>>,
    State(shared): State<Shared>,
) -> Result<Response, Problem> {
    let mut registry = Registry::with_prefix("claviger");
    this_node(&mut registry, &verifier);
    let failed = ConstGauge::new(i64::from(shared.reload_failed.load(Ordering::Relaxed)));
    registry.register("reload_failed", "Whether files that were read again could not be used", failed);
    if let Some(nodes) = manager.nodes_heard_last() {
        all_nodes(&mut registry, &nodes);
    }
    let mut text = String::new();
    encode(&mut text, &registry).map_err(|error| Problem::new(Code::Internal, error.to_string()))?;
    Ok(([(CONTENT_TYPE, OPEN_METRICS)], text).into_response())
}

fn this_node(registry: &mut Registry, verifier: &Verifier) {
    let ready = i64::from(verifier.readiness() == Readiness::Ready);
    registry.register("ready", "Whether this node decides", ConstGauge::new(ready));
    let applied = verifier.applied().0;
    registry.register(
        "feed_applied",
        "The last change this node takes into account",
        ConstGauge::new(whole(applied)),
    );
    let left = verifier.lease_left().map_or(0.0, |left| left.as_secs_f64());
    registry.register_with_unit(
        "lease_left",
        "How long this node may decide without another renewal",
        Unit::Seconds,
        ConstGauge::new(left),
    );
    let size = verifier.size();
    registry.register(
        "replica_secrets",
        "Secrets this node holds",
        ConstGauge::new(whole(size.secrets as u64)),
    );
    registry.register_with_unit(
        "replica_memory",
        "Memory of secrets and accounts",
        Unit::Bytes,
        ConstGauge::new(whole(size.bytes as u64)),
    );
    let dropped = verifier.usage_dropped();
    let lost = dropped.attempts + dropped.last_uses + dropped.denials;
    let limits = verifier.limits_health();
    let alone = ConstGauge::new(i64::from(limits.degraded));
    registry.register("limits_alone", "Whether this node enforces its share of rates by itself", alone);
    let judged = ConstCounter::new(limits.judged_alone);
    registry.register("limits_judged_alone", "Calls judged by this node's share alone", judged);
    registry.register(
        "usage_dropped",
        "What could not be counted because too much was waiting",
        ConstCounter::new(lost),
    );
}

fn all_nodes(registry: &mut Registry, nodes: &Nodes) {
    let head = nodes.roll.head.0;
    registry.register("feed_head", "The last change there is", ConstGauge::new(whole(head)));
    registry.register("nodes", "Members", ConstGauge::new(whole(nodes.roll.nodes.len() as u64)));
    let (lag, lease) = (OfNodes::default(), OfNodes::default());
    for node in &nodes.roll.nodes {
        if let Some(changes) = nodes.roll.lag(node) {
            lag.get_or_create(&label(node)).set(whole(changes));
        }
        lease.get_or_create(&label(node)).set(whole(node.leases.node.as_secs()));
    }
    registry.register("node_lag", "How many changes a node has not confirmed", lag);
    registry.register_with_unit(
        "node_lease",
        "How long a node may decide after a renewal",
        Unit::Seconds,
        lease,
    );
}

fn label(node: &NodeRow) -> OfNode {
    OfNode { node: node.id.to_string(), name: node.name.clone() }
}

fn whole(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
