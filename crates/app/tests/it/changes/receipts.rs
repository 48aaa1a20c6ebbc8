//! What every change returns: its place in the feed, and that it holds.

use serde_json::{Value, json};

use super::{opened, text};

#[test]
fn every_change_is_complete_on_a_single_node_and_later_ones_come_later() {
    let (_server, operator, account) = opened("default");
    let (id, _) = operator.issue_plain(&account, "n");
    let key = format!("/v1/keys/{id}");
    let path = format!("/v1/accounts/{account}");
    let changes = [
        operator.post("/v1/accounts", &json!({"name": "Other"})).expect(201),
        operator.post(&format!("{path}/keys"), &json!({"name": "second"})).expect(201),
        operator.patch(&key, &json!({"scopes": []})).expect(200),
        operator.patch(&key, &json!({"restrictions": {"networks": ["10.0.0.0/8"]}})).expect(200),
        operator.post(&format!("{key}/rotate"), &json!({"overlap": "0"})).expect(200),
        operator.post(&format!("{key}/disable"), &Value::Null).expect(200),
        operator.post(&format!("{key}/enable"), &Value::Null).expect(200),
        operator.patch(&path, &json!({"state": "suspended"})).expect(200),
        operator.patch(&path, &json!({"state": "active"})).expect(200),
        operator.post("/v1/operators", &json!({"name": "o", "can": ["read"]})).expect(201),
        operator.post(&format!("{key}/revoke"), &Value::Null).expect(200),
    ];
    let mut last = 0;
    for change in changes {
        let receipt = &change.json()["receipt"];
        assert_eq!(receipt["complete"], true, "{receipt}");
        assert_eq!(receipt["via"], "ack");
        assert_eq!(receipt["nodes"].as_array().unwrap().len(), 1);
        assert_eq!(receipt.get("guaranteed_by"), None, "it is known, not promised");
        let seq = receipt["seq"].as_u64().unwrap();
        assert!(seq > last, "{seq} comes after {last}");
        last = seq;
    }
}

#[test]
fn a_rename_decides_nothing_and_takes_no_place_in_the_feed() {
    let (_server, operator, account) = opened("default");
    let issued = operator.issue(&account, &json!({"name": "n"}));
    let path = format!("/v1/keys/{}", text(&issued, "id"));
    let renamed = operator.patch(&path, &json!({"name": "m"})).expect(200).json();
    assert_eq!(renamed["receipt"]["seq"], issued["receipt"]["seq"]);
    assert_eq!(renamed["receipt"]["complete"], true);
}

#[test]
fn a_verify_call_may_ask_for_a_node_that_knows_of_a_change() {
    let (_server, operator, account) = opened("default");
    let issued = operator.issue(&account, &json!({"name": "n"}));
    let (key, seq) = (text(&issued, "key"), issued["receipt"]["seq"].as_u64().unwrap());
    assert_eq!(operator.verify(&json!({"key": key, "min_seq": seq}))["allowed"], true);
    let later = operator.post("/v1/keys/verify", &json!({"key": key, "min_seq": seq + 1})).expect(503);
    assert_eq!(text(&later.json(), "code"), "unavailable");
    assert!(later.header("retry-after").is_some());
    assert_eq!(operator.post("/v1/keys/verify", &json!({"key": key, "min_seq": -1})).status, 422);
}
