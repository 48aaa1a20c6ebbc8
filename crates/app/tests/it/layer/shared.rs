//! Equal attempts share questions, and are counted as if they didn't.

use std::thread;

use claviger_testkit::{Operator, ServerBuilder, eventually};
use serde_json::json;

use super::stage::{Gate, Service, node_of};

const CALLERS: usize = 40;

/// Lets `CALLERS` and one more ask at the same time, and returns how many were answered 200 and 429.
fn at_once(service: &Service, gate: &Gate, key: &str) -> (usize, usize) {
    thread::scope(|scope| {
        let ask = || service.customer(key).get("/v1").status;
        let mut callers = vec![scope.spawn(ask)];
        service.arrivals.next();
        callers.extend((0..CALLERS).map(|_| scope.spawn(ask)));
        for _ in 0..CALLERS {
            service.arrivals.next();
        }
        gate.let_through();
        let statuses: Vec<_> =
            callers.into_iter().map(|caller| caller.join().expect("it doesn't panic")).collect();
        let of = |wanted| statuses.iter().filter(|status| **status == wanted).count();
        (of(200), of(429))
    })
}

fn used(operator: &Operator, key: &str, outcome: impl Fn(&str) -> bool) -> u64 {
    let usage = operator.get(&format!("/v1/usage?key_id={key}")).expect(200).json();
    let items = usage["items"].as_array().expect("usage is a list").iter();
    let items = items.filter(|item| outcome(item["outcome"].as_str().unwrap_or_default()));
    items.filter_map(|item| item["count"].as_u64()).sum()
}

#[test]
fn many_at_once_are_few_questions_and_every_one_is_counted() {
    let server = ServerBuilder::new(crate::PROGRAM).profile("cashcat").start();
    let operator = server.operator();
    let (id, key) = operator.issue_plain(&operator.account("Acme"), "n");
    let (gate, _answers) = Gate::closed();
    let service = Service::behind(&gate.before(node_of(&server)).api("cashcat"));
    assert_eq!(at_once(&service, &gate, &key), (CALLERS + 1, 0));
    assert!(gate.asked() < CALLERS / 2, "{} questions", gate.asked());
    eventually(|| (used(&operator, &id, |outcome| outcome == "allowed") == 41).then_some(()));
}

#[test]
fn a_limit_lets_in_as_many_as_it_has_room_for() {
    let server = ServerBuilder::new(crate::PROGRAM).profile("cashcat").start();
    let operator = server.operator();
    let order =
        json!({"name": "n", "restrictions": {"rates": [{"name": "burst", "limit": 25, "window": "1d"}]}});
    let issued = operator.issue(&operator.account("Acme"), &order);
    let text = |field: &str| issued[field].as_str().expect("it is text");
    let (gate, _answers) = Gate::closed();
    let service = Service::behind(&gate.before(node_of(&server)).api("cashcat"));
    assert_eq!(at_once(&service, &gate, text("key")), (25, 16));
    eventually(|| {
        let counts = [true, false]
            .map(|allowed| used(&operator, text("id"), |outcome| (outcome == "allowed") == allowed));
        (counts == [25, 16]).then_some(())
    });
}
