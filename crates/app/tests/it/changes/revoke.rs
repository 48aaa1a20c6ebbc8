//! `POST /v1/keys/{id}/revoke`

use claviger_testkit::Connection;
use serde_json::{Value, json};

use super::{opened, status, text};

fn asking(key: &str) -> String {
    format!("GET /v1/things HTTP/1.1\r\nHost: api\r\nAuthorization: Bearer {key}\r\n\r\n")
}

#[test]
fn revocation_is_final() {
    let (server, operator, account) = opened("cicosts");
    let (id, key) = operator.issue_plain(&account, "goes");
    let path = format!("/v1/keys/{id}");
    let revoked = operator.post(&format!("{path}/revoke"), &Value::Null).expect(200).json();
    assert_eq!(text(&revoked["key"], "state"), "revoked");
    assert!(revoked["key"]["revoked_at"].is_string());
    assert_eq!(status(&server, &key), 401);
    for (verb, body) in [("enable", Value::Null), ("disable", Value::Null), ("rotate", json!({}))] {
        let refused = operator.post(&format!("{path}/{verb}"), &body).expect(409).json();
        assert_eq!(text(&refused, "code"), "revoked", "{verb}");
    }
    let patches = [json!({"name": "back"}), json!({"scopes": "all"}), json!({"expires_at": null})];
    for patch in patches {
        assert_eq!(operator.patch(&path, &patch).status, 409, "{patch}");
    }
    assert_eq!(status(&server, &key), 401);
    assert_eq!(operator.get(&path).expect(200).json(), revoked["key"], "it is kept, as it ended");
}

#[test]
fn revoking_again_is_no_fault_and_changes_nothing() {
    let (_server, operator, account) = opened("default");
    let (id, _) = operator.issue_plain(&account, "goes");
    let path = format!("/v1/keys/{id}/revoke");
    let first = operator.post(&path, &Value::Null).expect(200).json();
    let again = operator.post(&path, &Value::Null).expect(200).json();
    assert_eq!(first["key"], again["key"]);
    assert_eq!(again["receipt"]["complete"], true);
    let events = operator.get(&format!("/v1/audit-events?subject={id}")).expect(200).json();
    let actions: Vec<_> = events["items"].as_array().unwrap().iter().map(|e| text(e, "action")).collect();
    assert_eq!(actions, ["key.issue", "key.revoke"]);
}

#[test]
fn a_revoked_key_stays_revoked_after_a_restart() {
    let (server, operator, account) = opened("default");
    let (id, key) = operator.issue_plain(&account, "goes");
    let (_, other) = operator.issue_plain(&account, "stays");
    assert_eq!(operator.post(&format!("/v1/keys/{id}/revoke"), &Value::Null).status, 200);
    let server = server.kill().start();
    assert_eq!((status(&server, &key), status(&server, &other)), (401, 200));
    assert_eq!(server.operator().verify(&json!({"key": key}))["denial"]["code"], "revoked");
}

#[test]
fn all_secrets_of_a_key_end_with_it() {
    let (server, operator, account) = opened("default");
    let (id, first) = operator.issue_plain(&account, "goes");
    let path = format!("/v1/keys/{id}");
    let second = operator.post(&format!("{path}/rotate"), &json!({"overlap": "24h"})).expect(200).json();
    assert_eq!(operator.post(&format!("{path}/revoke"), &Value::Null).status, 200);
    assert_eq!((status(&server, &first), status(&server, text(&second, "key"))), (401, 401));
}

#[test]
fn the_next_request_on_connections_that_are_open_already_is_refused() {
    let (server, operator, account) = opened("default");
    let (id, key) = operator.issue_plain(&account, "goes");
    let mut kept: Vec<_> = (0..8).map(|_| Connection::open(server.gateway)).collect();
    for connection in &mut kept {
        connection.send(asking(&key).as_bytes());
        assert_eq!(connection.answer("GET").unwrap().status, 200);
    }
    assert_eq!(operator.post(&format!("/v1/keys/{id}/revoke"), &Value::Null).status, 200);
    for connection in &mut kept {
        connection.send(asking(&key).repeat(3).as_bytes());
        for _ in 0..3 {
            assert_eq!(connection.answer("GET").unwrap().status, 401);
        }
    }
}

#[test]
fn pipelined_requests_turn_from_yes_to_no_once_and_never_back() {
    let (server, operator, account) = opened("default");
    let (id, key) = operator.issue_plain(&account, "goes");
    let mut connection = Connection::open(server.gateway);
    connection.send(asking(&key).repeat(200).as_bytes());
    assert_eq!(connection.answer("GET").unwrap().status, 200);
    assert_eq!(operator.post(&format!("/v1/keys/{id}/revoke"), &Value::Null).status, 200);
    connection.send(asking(&key).repeat(20).as_bytes());
    let answers: Vec<_> = (1..220).map(|_| connection.answer("GET").unwrap().status).collect();
    assert!(answers.windows(2).all(|pair| pair != [401, 200]), "no answer turns back: {answers:?}");
    assert!(answers[199..].iter().all(|status| *status == 401), "sent after the revocation: {answers:?}");
}

#[test]
fn only_the_key_that_was_named_is_revoked() {
    let (server, operator, account) = opened("default");
    let keys: Vec<_> = (0..20).map(|n| operator.issue_plain(&account, &format!("key {n}"))).collect();
    for (id, _) in keys.iter().step_by(2) {
        assert_eq!(operator.post(&format!("/v1/keys/{id}/revoke"), &Value::Null).status, 200);
    }
    for (place, (_, key)) in keys.iter().enumerate() {
        assert_eq!(status(&server, key), if place % 2 == 0 { 401 } else { 200 }, "key {place}");
    }
}
