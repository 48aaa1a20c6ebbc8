//! How this node stands: how much of the feed it has, and for how long it may go on deciding.

use std::time::Duration;

use askama::Template;
use axum::{Router, extract::State, routing::get};
use claviger_verify::Readiness;
use http::{Response, StatusCode};

use super::desk::{Desk, Place, Reader};
use crate::{
    Body,
    answer::{self, Stop},
    frame::Frame,
    keys_in_words::Badge,
    words,
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
}

async fn show(State(desk): State<Desk>, Reader(operator): Reader) -> Result<Response<Body>, Stop> {
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
    };
    answer::page(StatusCode::OK, &shown)
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
