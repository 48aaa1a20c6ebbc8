//! What is told of decisions, of nodes and of changes. Every label but an api's and a node's name is from a closed list.

use std::fmt;

use claviger_manage::{ChangeTimes, Manager, Nodes};
use claviger_model::Environment;
use claviger_verify::{Readiness, Verifier, nodes::NodeRow};
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeLabelSet, NoLabelSet},
    metrics::{
        MetricType,
        counter::{ConstCounter, Counter},
        family::Family,
        gauge::{ConstGauge, Gauge},
    },
    registry::{Registry, Unit},
};

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfDecision {
    api: String,
    environment: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfApi {
    api: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfNode {
    node: String,
    name: String,
}

type OfNodes = Family<OfNode, Gauge>;

pub(super) fn of_decisions(registry: &mut Registry, verifier: &Verifier) {
    let decisions = Family::<OfDecision, Counter>::default();
    for decided in verifier.decided() {
        let label = OfDecision {
            api: decided.api.to_string(),
            environment: decided.environment.map_or("none", Environment::as_str),
            outcome: decided.outcome.as_str(),
        };
        decisions.get_or_create(&label).inc_by(decided.count);
    }
    registry.register("decisions", "Attempts decided", decisions);
    let undecided = verifier.undecided().map(|(reason, count)| (reason.as_str(), count));
    let undecided = by("reason", undecided);
    registry.register("undecided", "Attempts answered 503 because no decision could be reached", undecided);
}

pub(super) fn of_this_node(registry: &mut Registry, verifier: &Verifier) {
    let ready = flag(verifier.readiness() == Readiness::Ready);
    registry.register("ready", "Whether this node decides", ready);
    let applied = whole(verifier.applied().0);
    registry.register("feed_applied", "The last change this node takes into account", applied);
    let breaks = ConstCounter::new(verifier.breaks());
    let help = "How often the database's history didn't go on from what this node knew";
    registry.register("feed_breaks", help, breaks);
    let left = verifier.lease_left().map_or(0.0, |left| left.as_secs_f64());
    let help = "How long this node may decide without another renewal";
    registry.register_with_unit("lease_left", help, Unit::Seconds, ConstGauge::new(left));
    let span = ConstGauge::new(verifier.lease_span().as_secs_f64());
    registry.register_with_unit("lease", "How long it may after a renewal", Unit::Seconds, span);
    let size = verifier.size();
    registry.register("replica_secrets", "Secrets this node holds", whole(size.secrets as u64));
    registry.register("replica_accounts", "Accounts this node holds", whole(size.accounts as u64));
    let memory = whole(size.bytes as u64);
    registry.register_with_unit("replica_memory", "Memory of secrets and accounts", Unit::Bytes, memory);
    of_usage(registry, verifier);
    of_limits(registry, verifier);
}

fn of_usage(registry: &mut Registry, verifier: &Verifier) {
    let dropped = verifier.usage_dropped();
    let lost = ConstCounter::new(dropped.attempts + dropped.last_uses + dropped.denials);
    let help = "What could not be counted because too much was waiting";
    registry.register("usage_dropped", help, lost);
    let writing = verifier.usage_writing();
    registry.register("usage_waiting", "Whether counts wait that could not be written", flag(writing.waits));
    let refused = ConstCounter::new(writing.refused);
    registry.register("usage_write_failures", "How often counts could not be written", refused);
}

fn of_limits(registry: &mut Registry, verifier: &Verifier) {
    let limits = verifier.limits_health();
    let alone = flag(limits.degraded);
    registry.register("limits_alone", "Whether this node enforces its share of rates by itself", alone);
    let judged = ConstCounter::new(limits.judged_alone);
    registry.register("limits_judged_alone", "Calls judged by this node's share alone", judged);
    let failures = ConstCounter::new(limits.failures);
    registry.register("limits_failures", "How often what nodes share could not be asked", failures);
}

pub(super) fn of_apis(registry: &mut Registry, manager: &Manager) {
    let observing = Family::<OfApi, Gauge>::default();
    for profile in manager.apis().iter() {
        let label = OfApi { api: profile.name.to_string() };
        observing.get_or_create(&label).set(i64::from(profile.observed().is_some()));
    }
    registry.register("observing", "Whether an api's profile only observes something", observing);
}

pub(super) fn of_changes(registry: &mut Registry, manager: &Manager) {
    let answered = by("via", manager.changes_answered());
    registry.register("changes", "Changes answered, by how it was known that they hold everywhere", answered);
    let pending = whole(manager.changes_pending() as u64);
    let help = "Changes answered before they held everywhere, which don't hold everywhere yet";
    registry.register("changes_pending", help, pending);
    registry.register_collector(Box::new(Waits(manager.change_times())));
    let issued = manager.tokens_issued().map(|(grant, count)| (grant.as_str(), count));
    let issued = by("grant_type", issued);
    registry.register("oauth_tokens_issued", "Access tokens that applications were given", issued);
    registry.register("sign_ins", "Sessions that members began", by("method", manager.sign_ins()));
    let wrong = ConstCounter::new(manager.wrong_passwords());
    registry.register("sign_in_wrong_passwords", "Sign-ins refused because the password was wrong", wrong);
}

pub(super) fn of_all_nodes(registry: &mut Registry, nodes: &Nodes) {
    registry.register("feed_head", "The last change there is", whole(nodes.roll.head.0));
    registry.register("nodes", "Members", whole(nodes.roll.nodes.len() as u64));
    let (lag, lease) = (OfNodes::default(), OfNodes::default());
    for node in &nodes.roll.nodes {
        if let Some(changes) = nodes.roll.lag(node) {
            lag.get_or_create(&label(node)).set(signed(changes));
        }
        lease.get_or_create(&label(node)).set(signed(node.leases.node.as_secs()));
    }
    registry.register("node_lag", "How many changes a node has not confirmed", lag);
    let help = "How long a node may decide after a renewal";
    registry.register_with_unit("node_lease", help, Unit::Seconds, lease);
}

/// How long changes were waited for, each bucket with those before it.
#[derive(Debug)]
struct Waits(ChangeTimes);

impl Collector for Waits {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        const HELP: &str =
            "How long a change was waited for until it held everywhere, or was answered before";
        let ChangeTimes { sum, buckets } = &self.0;
        let count = buckets.iter().map(|(_, count)| count).sum();
        let unit = Some(&Unit::Seconds);
        encoder
            .encode_descriptor("change_wait", HELP, unit, MetricType::Histogram)?
            .encode_histogram::<NoLabelSet>(*sum, count, buckets, None)
    }
}

/// A counter for each value of one label.
fn by(
    label: &'static str,
    counts: impl IntoIterator<Item = (&'static str, u64)>,
) -> Family<[(&'static str, &'static str); 1], Counter> {
    let family = Family::default();
    for (value, count) in counts {
        let counter: Counter = family.get_or_create_owned(&[(label, value)]);
        counter.inc_by(count);
    }
    family
}

fn label(node: &NodeRow) -> OfNode {
    OfNode { node: node.id.to_string(), name: node.name.clone() }
}

fn flag(is: bool) -> ConstGauge<i64> {
    ConstGauge::new(i64::from(is))
}

fn whole(number: u64) -> ConstGauge<i64> {
    ConstGauge::new(signed(number))
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
