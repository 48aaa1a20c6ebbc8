//! `POST /v1/keys/{id}/disable` and `/enable`

use serde_json::{Value, json};

use super::{opened, status, text};

#[test]
fn a_disabled_key_is_refused_at_once_and_works_again_at_once() {
    let (server, operator, account) = opened("default");
    let (id, key) = operator.issue_plain(&account, "switched");
    for _ in 0..3 {
        let disabled = operator.post(&format!("/v1/keys/{id}/disable"), &Value::Null).expect(200).json();
        assert_eq!(text(&disabled["key"], "state"), "disabled");
        assert_eq!(disabled["receipt"]["complete"], true);
        assert_eq!(status(&server, &key), 401);
        assert_eq!(operator.verify(&json!({"key": key}))["denial"]["code"], "disabled");
        let enabled = operator.post(&format!("/v1/keys/{id}/enable"), &Value::Null).expect(200).json();
        assert_eq!(text(&enabled["key"], "state"), "active");
        assert_eq!(status(&server, &key), 200);
    }
}

#[test]
fn switching_to_what_a_key_already_is_changes_nothing() {
    let (server, operator, account) = opened("default");
    let (id, key) = operator.issue_plain(&account, "n");
    assert_eq!(operator.post(&format!("/v1/keys/{id}/enable"), &Value::Null).status, 200);
    assert_eq!(status(&server, &key), 200);
    for _ in 0..2 {
        assert_eq!(operator.post(&format!("/v1/keys/{id}/disable"), &Value::Null).status, 200);
    }
    assert_eq!(status(&server, &key), 401);
}

#[test]
fn the_last_working_key_of_a_contract_that_wants_one_can_not_be_disabled() {
    let (server, operator, account) = opened("codat");
    let keys = operator.get(&format!("/v1/accounts/{account}/keys")).expect(200).json();
    let first = text(&keys["items"][0], "id").to_owned();
    let (second, plain) = operator.issue_plain(&account, "second");
    assert_eq!(operator.post(&format!("/v1/keys/{first}/disable"), &Value::Null).status, 200);
    for verb in ["disable", "revoke"] {
        let refused = operator.post(&format!("/v1/keys/{second}/{verb}"), &Value::Null).expect(409).json();
        assert_eq!(text(&refused, "code"), "last_key");
    }
    assert_eq!(operator.verify(&json!({"key": plain}))["allowed"], true);
    assert_eq!(server.customer("").authorized_by("Basic x").get("/x").status, 401);
}
