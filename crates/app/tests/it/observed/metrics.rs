//! `/metrics`, by the rules of Prometheus and as the reference lists it

use std::{collections::BTreeSet, fs};

use claviger_testkit::{Certificates, Prometheus, ServerBuilder, eventually, repository};
use serde_json::json;

use super::{metrics, started, value};
use crate::PROGRAM;

const PLAIN: &str = "text/plain";

/// The name and the type of everything that is told in the text format.
fn told(metrics: &str) -> BTreeSet<(String, String)> {
    let types = metrics.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    types
        .filter_map(|line| line.split_once(' '))
        .map(|(name, kind)| (name.to_owned(), kind.to_owned()))
        .collect()
}

fn names(metrics: &str) -> BTreeSet<String> {
    told(metrics).into_iter().map(|(name, _)| name).collect()
}

fn page(path: &str) -> String {
    fs::read_to_string(repository().join(path)).expect("it is in the repository")
}

/// Everything there can be: what is only told where TLS is spoken is told too.
fn everything() -> String {
    let certificates = Certificates::make();
    let server = ServerBuilder::new(PROGRAM).profile("example").certificates(&certificates).start();
    server.operator().verify(&json!({"key": "nonsense"}));
    eventually(|| Some(metrics(&server, PLAIN)).filter(|metrics| metrics.contains("claviger_node_lag")))
}

#[test]
fn the_reference_lists_what_is_told_and_nothing_else() {
    let reference = page("docs/reference/metrics.md");
    let rows = reference.lines().filter_map(|line| line.strip_prefix("| `"));
    let listed: BTreeSet<_> = rows
        .map(|row| {
            let mut cells = row.split('|').map(|cell| cell.trim().trim_end_matches('`').to_owned());
            (cells.next().unwrap(), cells.next().unwrap())
        })
        .collect();
    assert_eq!(told(&everything()), listed);
}

#[test]
fn promtool_finds_nothing_to_object_to() {
    let server = started("example");
    eventually(|| metrics(&server, PLAIN).contains("claviger_node_lag").then_some(()));
    let checked = Prometheus::tool(&["check", "metrics"], &metrics(&server, PLAIN));
    assert_eq!(checked.expect(0).err, "");
}

#[test]
fn decisions_are_counted_at_once_and_without_a_word_of_the_request() {
    let server = started("example");
    let operator = server.operator();
    let account = operator.account("Ada Lovelace");
    let (id, key) = operator.issue_plain(&account, "canary-name");
    let caller = server.customer(&key);
    (0..3).for_each(|_| assert_eq!(caller.get("/v1/canary-path?canary-query").status, 200));
    assert_eq!(server.customer("canary-key").get("/v1/canary-path").status, 401);
    let told = metrics(&server, PLAIN);
    let count = |labels: &[&str]| value(&told, "claviger_decisions_total", labels);
    assert_eq!(count(&["api=\"example\"", "environment=\"live\"", "outcome=\"allowed\""]), 3);
    assert_eq!(count(&["environment=\"none\"", "outcome=\"malformed\""]), 1);
    assert_eq!(value(&told, "claviger_http_requests_total", &["\"gateway\"", "\"2xx\""]), 3);
    assert_eq!(value(&told, "claviger_http_requests_total", &["\"gateway\"", "\"4xx\""]), 1);
    assert_eq!(
        value(&told, "claviger_change_wait_seconds_count", &[]),
        value(&told, "claviger_changes_total", &[])
    );
    assert!(value(&told, "claviger_changes_total", &["\"ack\""]) >= 2);
    assert!(value(&told, "claviger_connections", &["\"control\""]) >= 1, "the one that asks");
    assert!(
        value(&told, "claviger_http_request_duration_seconds_count", &[]) >= 1,
        "a thread's first is timed"
    );
    for secret in [&*key, &id, &account, "canary", "Ada"] {
        assert!(!told.contains(secret), "{secret} in {told}");
    }
}

#[test]
fn open_metrics_end_as_the_standard_wants_and_tell_the_same() {
    let server = started("example");
    eventually(|| metrics(&server, PLAIN).contains("claviger_node_lag").then_some(()));
    let open = metrics(&server, "application/openmetrics-text; version=1.0.0");
    assert!(open.ends_with("\n# EOF\n"));
    let of_counter = |name: String| name.trim_end_matches("_total").to_owned();
    let plain: BTreeSet<_> = names(&metrics(&server, PLAIN)).into_iter().map(of_counter).collect();
    assert_eq!(names(&open), plain);
}

#[test]
fn a_prometheus_reads_it_and_no_alert_rule_fails() {
    let server = started("example");
    let prometheus = Prometheus::scraping(&server);
    let read = eventually(|| {
        let answer = prometheus.get("/api/v1/query?query=claviger_ready")?;
        answer["data"]["result"].as_array()?.first().cloned()
    });
    assert_eq!(read["value"][1], "1");
    let rules = eventually(|| {
        let answer = prometheus.get("/api/v1/rules")?;
        let rules = answer["data"]["groups"][0]["rules"].as_array()?.clone();
        rules.iter().all(|rule| rule["health"] != "unknown").then_some(rules)
    });
    for rule in &rules {
        assert_eq!(rule["health"], "ok", "{rule}");
        assert_eq!(rule["state"], "inactive", "{rule}");
    }
}

/// What a query of `PromQL` reads: what looks like the name of one of these.
fn read_by(query: &str) -> impl Iterator<Item = &str> {
    let words = query.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    words.filter(|word| word.starts_with("claviger_") || word.starts_with("process_"))
}

fn with_series(names: &BTreeSet<String>) -> BTreeSet<String> {
    let parts = ["", "_bucket", "_sum", "_count"];
    names.iter().flat_map(|name| parts.map(|part| format!("{name}{part}"))).collect()
}

#[test]
fn the_dashboard_and_the_alerts_read_what_there_is() {
    let known = with_series(&names(&everything()));
    let dashboard: serde_json::Value = serde_json::from_str(&page("deploy/grafana/claviger.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels.iter().flat_map(|panel| panel["targets"].as_array().into_iter().flatten());
    let of_dashboard: Vec<_> = targets.map(|target| target["expr"].as_str().unwrap().to_owned()).collect();
    assert!(of_dashboard.len() > 10);
    let alerts = page("deploy/prometheus/alerts.yml");
    let of_alerts = alerts.lines().filter_map(|line| line.trim().strip_prefix("expr: ")).map(str::to_owned);
    for query in of_dashboard.iter().cloned().chain(of_alerts) {
        let read: Vec<_> = read_by(&query).collect();
        assert!(!read.is_empty() || query.contains("up{"), "{query}");
        for name in read {
            assert!(known.contains(name), "{name} in {query}");
        }
    }
}
