//! A key that is used by many at the instant it is revoked: no request that begins after the call returned is let
//! through, on whatever connection it comes.

use std::{
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
};

use claviger_testkit::{Connection, Server};
use serde_json::{Value, json};

use super::opened;

const CALLERS: usize = 4;
const ROUNDS: usize = 50;

/// What the callers saw of one key.
#[derive(Default)]
struct Seen {
    revoked: AtomicBool,
    accepted: AtomicUsize,
    refused: AtomicUsize,
}

impl Seen {
    /// Asks until it was refused some times after the revocation was reported.
    fn hammer(&self, mut accepts: impl FnMut() -> bool) {
        let mut refusals_after = 0;
        while refusals_after < 5 {
            let began_after = self.revoked.load(Ordering::SeqCst);
            if accepts() {
                assert!(!began_after, "a request that began after the revocation was reported was accepted");
                self.accepted.fetch_add(1, Ordering::SeqCst);
            } else {
                self.refused.fetch_add(1, Ordering::SeqCst);
                refusals_after += usize::from(began_after);
            }
        }
    }
}

fn gateway(server: &Server, key: &str) -> impl FnMut() -> bool + use<> {
    let request = format!("GET /v1/things HTTP/1.1\r\nHost: api\r\nAuthorization: Bearer {key}\r\n\r\n");
    let mut connection = Connection::open(server.gateway);
    move || {
        connection.send(request.as_bytes());
        let status = connection.answer("GET").expect("the gateway answers").status;
        assert!(matches!(status, 200 | 401), "{status}");
        status == 200
    }
}

fn verify(server: &Server, key: &str) -> impl FnMut() -> bool + use<> {
    let body = json!({"key": key}).to_string();
    let request = format!(
        "POST /v1/keys/verify HTTP/1.1\r\nHost: control\r\nAuthorization: Bearer {}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        server.operator_key(),
        body.len()
    );
    let mut connection = Connection::open(server.control);
    move || {
        connection.send(request.as_bytes());
        let answer = connection.answer("POST").expect("the control listener answers").expect(200);
        answer.json()["allowed"] == true
    }
}

#[test]
fn nothing_is_accepted_that_begins_after_a_revocation_was_reported() {
    let (server, operator, account) = opened("default");
    let mut accepted_before = 0;
    for round in 0..ROUNDS {
        let (id, key) = operator.issue_plain(&account, &format!("round {round}"));
        let seen = Seen::default();
        thread::scope(|scope| {
            for _ in 0..CALLERS {
                scope.spawn(|| seen.hammer(gateway(&server, &key)));
                scope.spawn(|| seen.hammer(verify(&server, &key)));
            }
            while seen.accepted.load(Ordering::SeqCst) < 2 * CALLERS {
                thread::yield_now();
            }
            let revoked = operator.post(&format!("/v1/keys/{id}/revoke"), &Value::Null).expect(200).json();
            assert_eq!(revoked["receipt"]["complete"], true);
            seen.revoked.store(true, Ordering::SeqCst);
        });
        assert!(seen.refused.load(Ordering::SeqCst) >= 2 * CALLERS * 5);
        accepted_before += seen.accepted.load(Ordering::SeqCst);
    }
    println!("{ROUNDS} revocations: {accepted_before} requests accepted before, none after");
}
