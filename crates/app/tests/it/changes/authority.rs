//! Who may is asked again when a change is made: a body held back doesn't outlive a revocation.

use claviger_testkit::{Address, Answer, Connection, ServerBuilder};
use serde_json::{Value, json};

/// Begins a POST whose body is held back, does `meanwhile`, then sends the rest.
fn held_back(address: Address, path: &str, key: &str, body: &Value, meanwhile: impl FnOnce()) -> Answer {
    let body = body.to_string();
    let mut connection = Connection::open(address);
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: api.test\r\nAuthorization: Bearer {key}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{}",
        body.len(),
        &body[..3]
    );
    connection.send(head.as_bytes());
    meanwhile();
    connection.send(&body.as_bytes()[3..]);
    connection.answer("POST").expect("there is an answer")
}

#[test]
fn an_operator_revoked_while_its_request_arrives_changes_nothing() {
    let server = ServerBuilder::new(crate::PROGRAM).profile("example").start();
    let operator = server.operator();
    let leaving =
        operator.post("/v1/operators", &json!({"name": "leaving", "can": ["all"]})).expect(201).json();
    let (id, key) = (leaving["id"].as_str().expect("an id"), leaving["key"].as_str().expect("a key"));
    let order = json!({"name": "back door", "can": ["all"]});
    let answer = held_back(server.control, "/v1/operators", key, &order, || {
        let revoked = operator.post(&format!("/v1/operators/{id}/revoke"), &Value::Null).expect(200).json();
        assert_eq!(revoked["receipt"]["complete"], true);
    });
    assert_eq!(answer.expect(401).json()["code"], "unauthorized");
    let listed = operator.get("/v1/operators").expect(200).json();
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(2));
}

#[test]
fn a_key_revoked_narrowed_or_suspended_while_its_request_arrives_makes_no_other() {
    let server = ServerBuilder::new(crate::PROGRAM).profile("example").start();
    let operator = server.operator();
    let ways = [
        ("revoked", "POST", "/v1/keys/{key}/revoke", Value::Null),
        ("disabled", "POST", "/v1/keys/{key}/disable", Value::Null),
        ("rotated", "POST", "/v1/keys/{key}/rotate", json!({"overlap": "0"})),
        ("narrowed", "PATCH", "/v1/keys/{key}", json!({"restrictions": {"networks": ["192.0.2.0/24"]}})),
        ("suspended", "PATCH", "/v1/accounts/{account}", json!({"state": "suspended"})),
    ];
    for (way, method, path, body) in ways {
        let account = operator.account(way);
        let (id, key) = operator.issue_plain(&account, "used");
        let answer = held_back(server.gateway, "/v1/api-keys", &key, &json!({"name": "another"}), || {
            let path = path.replace("{key}", &id).replace("{account}", &account);
            let _ = operator.call(method, &path, &body).expect(200);
        });
        assert_eq!(answer.status, 401, "{way}: {}", answer.text());
        let keys =
            operator.get(&format!("/v1/accounts/{account}/keys?include_revoked=true")).expect(200).json();
        assert_eq!(keys["items"].as_array().map(Vec::len), Some(1), "{way}");
    }
}

#[test]
fn a_key_that_someone_put_into_a_path_is_not_kept() {
    let server = ServerBuilder::new(crate::PROGRAM).profile("cashcat").start();
    let operator = server.operator();
    let (id, key) = operator.issue_plain(&operator.account("Acme"), "used");
    let _ = server.customer(&key).get(&format!("/api/v1/keys/{key}/x")).expect(200);
    let kept = claviger_testkit::eventually(|| {
        let shown = operator.get(&format!("/v1/keys/{id}")).expect(200).json();
        shown["secrets"][0]["last_used_for"].as_str().map(ToOwned::to_owned)
    });
    assert_eq!(kept, "GET /api/v1/keys/…/x");
}
