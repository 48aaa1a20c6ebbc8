//! A node that can't be asked is an outage, and never a wrong key.

use std::time::Duration;

use claviger_layer::Node;
use claviger_testkit::{Answer, ServerBuilder, Stopwatch};
use serde_json::json;

use super::stage::{Service, node_of};

#[track_caller]
fn assert_unavailable(answer: &Answer) {
    assert_eq!(answer.status, 503, "{}", answer.text());
    let after: u8 = answer.header("retry-after").expect("it is told").parse().expect("it is a number");
    assert!((1..=3).contains(&after));
    assert_eq!(answer.header("www-authenticate"), None);
}

#[test]
fn a_node_that_is_gone_is_503_until_it_is_back() {
    let server = ServerBuilder::new(crate::PROGRAM).profile("cashcat").on_lasting_ports().start();
    let operator = server.operator();
    let key = operator.issue_plain(&operator.account("Acme"), "n").1;
    let service = Service::behind(&node_of(&server).build().unwrap().api("cashcat"));
    let _ = service.customer(&key).get("/v1").expect(200);
    let stopped = server.stop();
    for presented in [&key, "cc_live_nobody", ""] {
        assert_unavailable(&service.customer(presented).get("/v1"));
    }
    let _server = stopped.start();
    let _ = service.customer(&key).get("/v1").expect(200);
    assert_eq!(service.customer("cc_live_nobody").get("/v1").status, 401);
}

#[test]
fn a_node_that_is_slow_is_503_in_time() {
    let server = ServerBuilder::new(crate::PROGRAM).profile("cashcat").start();
    let operator = server.operator();
    let key = operator.issue_plain(&operator.account("Acme"), "n").1;
    let node = node_of(&server).time_out(Duration::from_millis(300)).build().unwrap();
    let service = Service::behind(&node.api("cashcat"));
    let _ = service.customer(&key).get("/v1").expect(200);
    server.pause();
    let clock = Stopwatch::start();
    assert_unavailable(&service.customer(&key).get("/v1"));
    // Far less than anything else that would end it.
    assert!(
        (Duration::from_millis(300)..Duration::from_secs(10)).contains(&clock.now()),
        "{:?}",
        clock.now()
    );
    server.resume();
    let _ = service.customer(&key).get("/v1").expect(200);
}

#[test]
fn what_is_no_node_or_does_not_take_our_word_is_503() {
    let server = ServerBuilder::new(crate::PROGRAM).profile("cashcat").start();
    let operator = server.operator();
    let key = operator.issue_plain(&operator.account("Acme"), "n").1;
    let reader = operator.post("/v1/operators", &json!({"name": "r", "can": ["read"]})).expect(201).json();
    let reader = reader["key"].as_str().expect("it is text");
    let control = format!("http://{}", server.control);
    for (what, url, operator_key, api) in [
        ("a gateway", format!("http://{}", server.gateway), server.operator_key(), "cashcat"),
        ("a portal", format!("http://{}", server.portal), server.operator_key(), "cashcat"),
        ("another path", format!("{control}/elsewhere"), server.operator_key(), "cashcat"),
        ("nobody", "http://127.0.0.1:1".to_owned(), server.operator_key(), "cashcat"),
        ("a wrong operator key", control.clone(), "op_nobody", "cashcat"),
        ("an api key", control.clone(), key.as_str(), "cashcat"),
        ("an operator key that may not verify", control.clone(), reader, "cashcat"),
        ("another api", control, server.operator_key(), "codat"),
    ] {
        let service = Service::behind(&Node::new(&url, operator_key).unwrap().api(api));
        for presented in [&key, "cc_live_nobody"] {
            let answer = service.customer(presented).get("/v1");
            assert_eq!(answer.status, 503, "{what}: {}", answer.text());
        }
    }
}
