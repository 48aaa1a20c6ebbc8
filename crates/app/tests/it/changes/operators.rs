//! `/v1/operators`: keys of those who run Claviger, and what each may do.

use claviger_testkit::{Operator, Server};
use serde_json::{Value, json};

use super::{names, opened, status, text};

fn hire(server: &Server, operator: &Operator, can: &[&str]) -> (String, Operator) {
    let order = json!({"name": can.join(" and "), "can": can});
    let issued = operator.post("/v1/operators", &order).expect(201).json();
    assert_eq!(issued["can"], json!(can));
    (text(&issued, "id").to_owned(), Operator::new(server.control, text(&issued, "key")))
}

#[test]
fn an_operator_may_do_what_its_key_says_and_nothing_else() {
    let (server, operator, account) = opened("codat");
    let (id, key) = operator.issue_plain(&account, "n");
    let calls: [(&str, &str, String, Value); 12] = [
        ("verify", "POST", "/v1/keys/verify".to_owned(), json!({"key": key})),
        ("read", "GET", "/v1/apis".to_owned(), Value::Null),
        ("read", "GET", "/v1/accounts".to_owned(), Value::Null),
        ("read", "GET", format!("/v1/keys/{id}"), Value::Null),
        ("read", "GET", "/v1/audit-events".to_owned(), Value::Null),
        ("read", "GET", "/v1/usage".to_owned(), Value::Null),
        ("read", "GET", format!("/v1/denials?key_id={id}"), Value::Null),
        ("read", "GET", "/v1/operators".to_owned(), Value::Null),
        ("manage", "POST", "/v1/accounts".to_owned(), json!({"name": "n"})),
        ("manage", "PATCH", format!("/v1/keys/{id}"), json!({"name": "m"})),
        ("manage", "POST", format!("/v1/keys/{id}/rotate"), json!({})),
        ("reveal", "POST", format!("/v1/keys/{id}/reveal"), Value::Null),
    ];
    for ability in ["verify", "read", "manage", "reveal"] {
        let (_, hired) = hire(&server, &operator, &[ability]);
        for (needed, method, path, body) in &calls {
            let answer = hired.call(method, path, body);
            if *needed == ability {
                assert!(matches!(answer.status, 200 | 201), "{ability}: {method} {path}: {}", answer.text());
            } else {
                assert_eq!(answer.status, 403, "{ability}: {method} {path}");
                assert_eq!(text(&answer.json(), "code"), "forbidden");
            }
        }
    }
}

#[test]
fn nobody_gives_an_ability_they_lack() {
    let (server, operator, _) = opened("default");
    let (_, manager) = hire(&server, &operator, &["read", "manage"]);
    for can in [json!(["all"]), json!(["reveal"]), json!(["manage", "verify"])] {
        assert_eq!(manager.post("/v1/operators", &json!({"name": "n", "can": can})).status, 403, "{can}");
    }
    hire(&server, &manager, &["manage"]);
}

#[test]
fn a_revoked_operator_is_nobody_at_once() {
    let (server, operator, _) = opened("default");
    let (id, hired) = hire(&server, &operator, &["read"]);
    assert_eq!(hired.get("/v1/keys").status, 200);
    let revoked = operator.post(&format!("/v1/operators/{id}/revoke"), &Value::Null).expect(200).json();
    assert_eq!(revoked["receipt"]["complete"], true);
    assert!(revoked["operator"]["revoked_at"].is_string());
    assert_eq!(text(&hired.get("/v1/keys").expect(401).json(), "code"), "unauthorized");
    let server = server.stop().start();
    let hired = Operator::new(server.control, "clv_op_0");
    assert_eq!(hired.get("/v1/keys").status, 401);
    assert_eq!(server.operator().get("/v1/keys").status, 200);
}

#[test]
fn the_last_operator_who_may_do_everything_stays() {
    let (server, operator, _) = opened("default");
    let listed = operator.get("/v1/operators").expect(200).json();
    let first = text(&listed["items"][0], "id").to_owned();
    hire(&server, &operator, &["manage"]);
    let path = format!("/v1/operators/{first}/revoke");
    let refused = operator.post(&path, &Value::Null).expect(409).json();
    assert_eq!(text(&refused, "code"), "last_operator");
    let (_, second) = hire(&server, &operator, &["all"]);
    assert_eq!(second.post(&path, &Value::Null).status, 200);
    assert_eq!(operator.get("/v1/keys").status, 401);
}

#[test]
fn operators_are_listed_without_their_keys() {
    let (server, operator, _) = opened("default");
    hire(&server, &operator, &["read"]);
    let answer = operator.get("/v1/operators").expect(200);
    assert_eq!(names(&answer.json()), ["first", "read"]);
    assert!(!answer.text().contains(&server.operator_key()[12..]));
    assert_eq!(answer.json()["items"][0]["can"], json!(["all"]));
}

#[test]
fn an_api_key_is_never_an_operator_and_an_operator_key_never_an_api_key() {
    let (server, operator, account) = opened("default");
    let (_, key) = operator.issue_plain(&account, "n");
    assert_eq!(Operator::new(server.control, &key).get("/v1/keys").status, 401);
    assert_eq!(status(&server, server.operator_key()), 401);
    assert_eq!(operator.verify(&json!({"key": server.operator_key()}))["allowed"], false);
}

#[test]
fn what_can_not_be_an_operator_is_refused() {
    let (_server, operator, _) = opened("default");
    for order in [
        json!({"name": "n"}),
        json!({"name": "n", "can": []}),
        json!({"name": "n", "can": ["fly"]}),
        json!({"name": "", "can": ["read"]}),
        json!({"name": "n\n", "can": ["read"]}),
    ] {
        assert_eq!(operator.post("/v1/operators", &order).status, 422, "{order}");
    }
    let missing = "/v1/operators/op_01h455vb4pex5vsknk084sn02q/revoke";
    assert_eq!(operator.post(missing, &Value::Null).status, 404);
}
