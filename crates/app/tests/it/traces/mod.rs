//! A span for each request, taken by a collector, and nobody who waits for one that doesn't take it.

mod collector;

use std::net::TcpListener;

use claviger_testkit::{Customer, Server, ServerBuilder, eventually, exchange};
use serde_json::json;

use self::collector::Collector;
use crate::{
    attacks::Upstream,
    proxies::grpc::{CHECK, GRPC, call as call_grpc, framed, nested},
};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

fn traced(endpoint: &str, upstream: &Upstream) -> Server {
    let builder = ServerBuilder::new(crate::PROGRAM).profile("default");
    let builder = builder.argument("--ext-authz").argument("127.0.0.1:0");
    let builder = builder.argument("--upstream").argument(&upstream.url());
    builder.variable("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint).start()
}

/// Calls with the fields of a trace, and returns what came of it.
fn call(customer: &Customer, fields: &[(&str, &str)]) -> u16 {
    customer.send("GET", "/v1/canary-path?canary=query", fields, "").status
}

/// What the metric of this name says.
fn metric(server: &Server, name: &str) -> Option<u64> {
    let metrics = server.operator().get("/metrics").expect(200);
    metrics.text().lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
}

#[test]
fn a_callers_trace_goes_through_the_gateway_to_the_upstream() {
    let (collector, upstream) = (Collector::start(), Upstream::start());
    let server = traced(&collector.url(), &upstream);
    let account = server.operator().account("canary-account");
    let (id, key) = server.operator().issue_plain(&account, "canary-name");
    let customer = server.customer(&key);
    let parent = format!("00-{TRACE}-{PARENT}-01");
    assert_eq!(call(&customer, &[("traceparent", &parent), ("tracestate", "canary=state")]), 200);
    let told = upstream.last();
    assert_eq!(call(&customer, &[("traceparent", "00-nonsense"), ("tracestate", "canary=other")]), 200);
    let alone = upstream.last();
    assert_eq!(call(&server.customer("canary-key"), &[]), 401);
    let spans = collector.spans("gateway", 3);
    let [first, second, third] = &spans[..] else { panic!("{spans:?}") };

    assert_eq!((&first["trace"], &first["parent"]), (&json!(TRACE), &json!(PARENT)));
    let handed_on = format!("00-{TRACE}-{}-01", first["span"].as_str().unwrap());
    assert_eq!(told.only("traceparent").as_deref(), Some(&*handed_on));
    assert_eq!(told.only("tracestate").as_deref(), Some("canary=state"));
    assert_eq!((&first["name"], &first["kind"], &first["failed"]), (&json!("GET"), &json!(2), &json!(false)));
    assert!(first["nanoseconds"].as_i64().unwrap() > 0, "{first}");
    let mut attributes = first["attributes"].clone();
    let request = attributes["claviger.request_id"].take();
    assert_eq!(told.only("x-request-id").as_deref(), request.as_str());
    let expected = json!({
        "http.request.method": "GET",
        "http.response.status_code": 200,
        "url.scheme": "http",
        "network.protocol.version": "1.1",
        "claviger.listener": "gateway",
        "claviger.api": "default",
        "claviger.outcome": "allowed",
        "claviger.request_id": null,
    });
    assert_eq!(attributes, expected);
    let resource = &first["resource"];
    assert_eq!(resource["service.name"], "claviger");
    assert!(resource["service.instance.id"].as_str().unwrap().starts_with("node_"), "{resource}");

    assert_eq!(second["parent"], "", "what is no trace begins none");
    let handed_on =
        format!("00-{}-{}-01", second["trace"].as_str().unwrap(), second["span"].as_str().unwrap());
    assert_eq!(alone.only("traceparent").as_deref(), Some(&*handed_on));
    assert_eq!(alone.only("tracestate"), None);

    assert_eq!(third["attributes"]["http.response.status_code"], 401);
    assert_eq!(third["attributes"]["claviger.outcome"], "malformed");
    let everything = collector.everything();
    assert!(everything.contains(TRACE));
    for secret in [&*key, &id, &account, "canary-", "canary=query", "127.0.0.1"] {
        assert!(!everything.contains(secret), "{secret} in {everything}");
    }
}

#[test]
fn who_asks_for_a_proxy_is_traced_with_the_outcome() {
    let (collector, upstream) = (Collector::start(), Upstream::start());
    let server = traced(&collector.url(), &upstream);
    let account = server.operator().account("Acme");
    let (id, key) = server.operator().issue_plain(&account, "n");
    let ask = || {
        let question = format!(
            "GET /forward-auth/default HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {key}\r\n\
             x-original-method: GET\r\nx-original-uri: /v1/things\r\nconnection: close\r\n\r\n"
        );
        exchange(server.control, "GET", question.as_bytes()).expect("it is answered").status
    };
    assert_eq!(ask(), 200);
    let _ = server.operator().post(&format!("/v1/keys/{id}/revoke"), &json!({})).expect(200);
    assert_eq!(ask(), 401);
    // Envoy's question about `GET /x` at `a`, without a key.
    let http = nested(0x12, b"\x12\x03GET\x22\x02/x\x2a\x01a");
    let question = framed(&nested(0x0a, &nested(0x22, &http)));
    let (fields, _) = call_grpc(server.ext_authz.unwrap(), CHECK, GRPC, &question);
    assert!(fields.contains("grpc-status: 0\r\n"), "{fields}");
    let _ = server.stop();
    let span = &collector.spans("ext-authz", 1)[0]["attributes"];
    assert_eq!(
        (&span["claviger.outcome"], &span["network.protocol.version"]),
        (&json!("missing"), &json!("2"))
    );
    // Two changes of an operator, the two questions, and the revocation between them.
    let spans = collector.spans("control", 5);
    let outcomes = spans.iter().map(|span| &span["attributes"]["claviger.outcome"]);
    let outcomes: Vec<_> = outcomes.filter(|outcome| !outcome.is_null()).collect();
    assert_eq!(outcomes, ["allowed", "revoked"]);
}

#[test]
fn a_collector_that_hangs_or_is_gone_costs_its_spans_alone() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let upstream = Upstream::start();
    for address in [silent.local_addr().unwrap(), gone] {
        let server = traced(&format!("http://{address}"), &upstream);
        let account = server.operator().account("Acme");
        let (_, key) = server.operator().issue_plain(&account, "n");
        let customer = server.customer(&key);
        // The metrics that are asked for are requests too.
        let lost = eventually(|| {
            assert_eq!(call(&customer, &[]), 200);
            metric(&server, "claviger_spans_lost_total").filter(|lost| *lost > 0)
        });
        assert!(lost > 0 && metric(&server, "claviger_spans_sent_total") == Some(0));
        let mut ended = server.stop();
        let log = ended.log();
        assert_eq!(log.matches("traces are lost").count(), 1, "{log}");
        assert_eq!(ended.code, Some(0));
    }
}

#[test]
fn without_a_collector_nothing_is_traced() {
    let upstream = Upstream::start();
    let server = traced("", &upstream);
    let account = server.operator().account("Acme");
    let (_, key) = server.operator().issue_plain(&account, "n");
    assert_eq!(call(&server.customer(&key), &[("tracestate", "canary=state")]), 200);
    let told = upstream.last();
    assert_eq!((told.only("traceparent"), told.only("tracestate").as_deref()), (None, Some("canary=state")));
    assert_eq!(metric(&server, "claviger_spans_sent_total"), None);
}
