//! The nodes: how far each has come and for how long it may go on deciding; and how far one change has come.

use std::time::Duration;

use askama::Template;
use axum::{Router, extract::State, routing::get};
use claviger_manage::{Nodes, Receipt, Refusal};
use claviger_model::Timestamp;
use claviger_verify::{Readiness, nodes::NodeRow};
use http::{Response, StatusCode};

use super::desk::{Desk, Operator, Place, Reader};
use crate::{
    Body,
    answer::{self, Stop},
    form::Query,
    frame::Frame,
    keys_in_words::Badge,
    words::{self, Time},
};

pub(super) fn routes() -> Router<Desk> {
    Router::new().route("/nodes", get(show))
}

#[derive(Template)]
#[template(path = "operator/nodes.html")]
struct NodesPage {
    frame: Frame,
    badge: Badge,
    applied: String,
    lease_bound: String,
    lease_left: Option<String>,
    held: [(&'static str, String); 4],
    dropped: Option<String>,
    version: &'static str,
    /// `None` where the database can't be asked.
    nodes: Option<Vec<NodeLine>>,
    receipt: Option<ReceiptShown>,
}

struct NodeLine {
    id: String,
    name: String,
    is_this: bool,
    lag: String,
    lease: String,
    version: String,
    renewed: Time,
}

/// How far the change has come that was asked about.
struct ReceiptShown {
    seq: u64,
    badge: Badge,
    via: &'static str,
    guaranteed_by: Option<Time>,
    confirmed: Vec<String>,
    pending: Vec<String>,
}

async fn show(
    State(desk): State<Desk>,
    Reader(operator): Reader,
    query: Query,
) -> Result<Response<Body>, Stop> {
    let verifier = desk.site.verifier();
    let (size, dropped) = (verifier.size(), verifier.usage_dropped());
    let count = |number: usize| words::grouped(u64::try_from(number).unwrap_or(u64::MAX));
    let lost = dropped.attempts + dropped.last_uses + dropped.denials;
    let shown = NodesPage {
        frame: operator.frame(Place::Nodes, "Nodes"),
        badge: match verifier.readiness() {
            Readiness::Ready => Badge::new("active", "Deciding"),
            Readiness::Loading => Badge::new("warn", "Loading the keys"),
            Readiness::LeaseLost => Badge::new("revoked", "Lease lost"),
        },
        applied: words::grouped(verifier.applied().0),
        lease_bound: seconds(verifier.lease_bound()),
        lease_left: verifier.lease_left().map(seconds),
        held: [
            ("Secrets", count(size.secrets)),
            ("Accounts", count(size.accounts)),
            ("Different policies", count(size.terms)),
            ("Memory of secrets and accounts", format!("{} KiB", count(size.bytes.div_ceil(1024)))),
        ],
        dropped: (lost > 0).then(|| words::grouped(lost)),
        version: env!("CARGO_PKG_VERSION"),
        nodes: nodes(&desk, &operator).await?,
        receipt: receipt(&desk, &operator, query.get("receipt")).await?,
    };
    answer::page(StatusCode::OK, &shown)
}

/// The members. That the database can't be asked is what this page is looked at for.
async fn nodes(desk: &Desk, operator: &Operator) -> Result<Option<Vec<NodeLine>>, Stop> {
    match desk.site.manager().list_nodes(&operator.by()).await {
        Ok(nodes) => Ok(Some(lines(&nodes, desk.site.now()))),
        Err(Refusal::Unavailable(_)) => Ok(None),
        Err(refusal) => Err(refusal.into()),
    }
}

fn lines(nodes: &Nodes, now: Timestamp) -> Vec<NodeLine> {
    let line = |node: &NodeRow| NodeLine {
        id: node.id.to_string(),
        name: node.name.clone(),
        is_this: nodes.this == Some(node.id),
        lag: nodes.roll.lag(node).map_or_else(|| "Loading".to_owned(), words::grouped),
        lease: seconds(node.leases.node),
        version: node.version.clone(),
        renewed: Time::ago(node.renewed_at, now),
    };
    nodes.roll.nodes.iter().map(line).collect()
}

/// The receipt with the number that was asked for; none where there is no such change, or nothing was asked.
async fn receipt(desk: &Desk, operator: &Operator, asked: &str) -> Result<Option<ReceiptShown>, Stop> {
    let Ok(seq) = asked.parse() else { return Ok(None) };
    match desk.site.manager().show_receipt(&operator.by(), seq).await {
        Ok(receipt) => Ok(Some(ReceiptShown::of(&receipt, desk.site.now()))),
        Err(Refusal::Unavailable(_) | Refusal::NotFound(_)) => Ok(None),
        Err(refusal) => Err(refusal.into()),
    }
}

impl ReceiptShown {
    fn of(receipt: &Receipt, now: Timestamp) -> Self {
        Self {
            seq: receipt.seq,
            badge: if receipt.complete {
                Badge::new("active", "Complete")
            } else {
                Badge::new("warn", "Pending")
            },
            via: match receipt.via {
                "ack" => "Every node has confirmed it.",
                "lease" => "Whoever has not confirmed it can hold no lease any more.",
                _ => "Some nodes may still decide as before it.",
            },
            guaranteed_by: receipt.guaranteed_by.map(|at| Time::ago(at, now)),
            confirmed: receipt.nodes.iter().map(ToString::to_string).collect(),
            pending: receipt.pending.iter().map(ToString::to_string).collect(),
        }
    }
}

/// `98.4 s`.
fn seconds(span: Duration) -> String {
    format!("{}.{} s", span.as_secs(), span.subsec_millis() / 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_told_in_tenths_of_a_second() {
        assert_eq!(seconds(Duration::from_millis(98_460)), "98.4 s");
        assert_eq!(seconds(Duration::ZERO), "0.0 s");
    }
}
