//! `POST /v1/keys/{id}/reveal`

use claviger_testkit::Operator;
use serde_json::{Value, json};

use super::{opened, text};

#[test]
fn a_sealed_key_is_shown_again_and_every_showing_is_on_record() {
    let (server, operator, account) = opened("codat");
    let (id, key) = operator.issue_plain(&account, "sealed");
    let path = format!("/v1/keys/{id}");
    for _ in 0..2 {
        let revealed = operator.post(&format!("{path}/reveal"), &Value::Null).expect(200).json();
        assert_eq!(revealed, json!({"id": id, "key": key}));
    }
    let trail = operator.get("/v1/audit-events?limit=100").expect(200).json();
    let events = trail["items"].as_array().unwrap();
    let shown: Vec<_> = events.iter().filter(|event| event["action"] == "key.reveal").collect();
    assert_eq!(shown.len(), 2);
    assert_eq!(shown[0]["detail"]["keys"], json!([id]));
    let server = server.stop().start();
    let revealed = server.operator().post(&format!("{path}/reveal"), &Value::Null).expect(200).json();
    assert_eq!(text(&revealed, "key"), key, "after a restart too");
}

#[test]
fn what_is_revealed_is_the_newest_secret() {
    let (_server, operator, account) = opened("codat");
    let (id, _) = operator.issue_plain(&account, "sealed");
    let rotated =
        operator.post(&format!("/v1/keys/{id}/rotate"), &json!({"overlap": "1h"})).expect(200).json();
    let revealed = operator.post(&format!("/v1/keys/{id}/reveal"), &Value::Null).expect(200).json();
    assert_eq!(revealed["key"], rotated["key"]);
}

#[test]
fn keys_that_are_digests_only_and_revoked_ones_are_never_revealed() {
    let (_server, operator, account) = opened("default");
    let (id, _) = operator.issue_plain(&account, "digest");
    let refused = operator.post(&format!("/v1/keys/{id}/reveal"), &Value::Null).expect(409).json();
    assert_eq!(text(&refused, "code"), "not_sealed");

    let (_server, operator, account) = opened("codat");
    let (id, _) = operator.issue_plain(&account, "sealed");
    assert_eq!(operator.post(&format!("/v1/keys/{id}/revoke"), &Value::Null).status, 200);
    let refused = operator.post(&format!("/v1/keys/{id}/reveal"), &Value::Null).expect(409).json();
    assert_eq!(text(&refused, "code"), "revoked");
}

#[test]
fn revealing_is_an_ability_of_its_own() {
    let (server, operator, account) = opened("codat");
    let (id, key) = operator.issue_plain(&account, "sealed");
    for (can, status) in [(json!(["read", "manage", "verify"]), 403), (json!(["reveal"]), 200)] {
        let order = json!({"name": "somebody", "can": can});
        let issued = operator.post("/v1/operators", &order).expect(201).json();
        let somebody = Operator::new(server.control, text(&issued, "key"));
        let answer = somebody.post(&format!("/v1/keys/{id}/reveal"), &Value::Null).expect(status);
        assert_eq!(answer.text().contains(&key), status == 200);
    }
}
