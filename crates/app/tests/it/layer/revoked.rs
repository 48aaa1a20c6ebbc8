//! What begins after a revocation was reported is refused, whatever was under way.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use claviger_testkit::{Connection, ServerBuilder};
use serde_json::Value;

use super::stage::{Gate, Service, node_of};

const CALLERS: usize = 6;
const ROUNDS: usize = 20;

#[test]
fn an_answer_that_is_under_way_lets_nobody_in_who_came_after_the_receipt() {
    let server = ServerBuilder::new(crate::PROGRAM).profile("cashcat").start();
    let operator = server.operator();
    let (id, key) = operator.issue_plain(&operator.account("Acme"), "goes");
    let (gate, answers) = Gate::closed();
    let service = Service::behind(&gate.before(node_of(&server)).api("cashcat"));
    thread::scope(|scope| {
        let before = scope.spawn(|| service.customer(&key).get("/v1").status);
        service.arrivals.next();
        // The node has said yes, and nobody has heard it yet.
        answers.next();
        let receipt = operator.post(&format!("/v1/keys/{id}/revoke"), &Value::Null).expect(200).json();
        assert_eq!(receipt["receipt"]["complete"], true);
        let after = scope.spawn(|| service.customer(&key).get("/v1").status);
        service.arrivals.next();
        gate.let_through();
        assert_eq!(before.join().unwrap(), 200, "it began before");
        assert_eq!(after.join().unwrap(), 401);
    });
    assert_eq!(gate.asked(), 2);
}

#[test]
fn nothing_is_let_in_that_begins_after_a_revocation_was_reported() {
    let server = ServerBuilder::new(crate::PROGRAM).profile("cashcat").start();
    let operator = server.operator();
    let account = operator.account("Acme");
    let (gate, _answers) = Gate::open();
    let service = Service::behind(&gate.before(node_of(&server)).api("cashcat"));
    let mut requests = 0;
    for round in 0..ROUNDS {
        let (id, key) = operator.issue_plain(&account, &format!("round {round}"));
        let revoked = AtomicBool::new(false);
        requests += thread::scope(|scope| {
            let callers: Vec<_> =
                (0..CALLERS).map(|_| scope.spawn(|| hammer(&service, &key, &revoked))).collect();
            service.arrivals.next();
            let receipt = operator.post(&format!("/v1/keys/{id}/revoke"), &Value::Null).expect(200).json();
            assert_eq!(receipt["receipt"]["complete"], true);
            revoked.store(true, Ordering::SeqCst);
            callers.into_iter().map(|caller| caller.join().unwrap()).sum::<usize>()
        });
    }
    assert!(gate.asked() < requests, "{} questions for {requests} requests", gate.asked());
}

/// Asks until it was refused some times after the revocation was reported; how often it asked.
fn hammer(service: &Service, key: &str, revoked: &AtomicBool) -> usize {
    let request = format!("GET /v1 HTTP/1.1\r\nHost: api\r\nAuthorization: Bearer {key}\r\n\r\n");
    let mut connection = Connection::open(service.address);
    let (mut asked, mut refused_after) = (0, 0);
    while refused_after < 5 {
        let began_after = revoked.load(Ordering::SeqCst);
        connection.send(request.as_bytes());
        let status = connection.answer("GET").expect("the service answers").status;
        asked += 1;
        match status {
            200 => assert!(!began_after, "let in after the revocation was reported"),
            401 => refused_after += usize::from(began_after),
            _ => unreachable!("{status}"),
        }
    }
    asked
}
