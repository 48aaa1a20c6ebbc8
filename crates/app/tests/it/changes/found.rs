//! Keys found by what a customer reads out or pastes: the hint, the company's own id, the key itself.

use serde_json::{Value, json};

use super::{names, opened, text};

#[test]
fn a_pasted_key_is_found_whatever_stands_around_it_and_in_whichever_state_it_is() {
    let (server, operator, account) = opened("default");
    let (id, key) = operator.issue_plain(&account, "n");
    let find = |pasted: &str| operator.post("/v1/keys/find", &json!({"key": pasted}));
    for pasted in [key.clone(), format!(" \"{key}\"\n"), format!("Authorization: Bearer {key}")] {
        let found = find(&pasted).expect(200);
        assert_eq!(found.json(), operator.get(&format!("/v1/keys/{id}")).expect(200).json());
        assert!(!found.text().contains(&key));
    }
    let rotate = json!({"overlap": "0"});
    let second = operator.post(&format!("/v1/keys/{id}/rotate"), &rotate).expect(200).json();
    let _ = operator.post(&format!("/v1/keys/{id}/revoke"), &Value::Null).expect(200);
    for secret in [&*key, text(&second, "key")] {
        let found = find(secret).expect(200).json();
        assert_eq!((text(&found, "id"), text(&found, "state")), (&*id, "revoked"), "also by a former secret");
    }
    for unknown in ["", "nonsense", &format!("{key}x"), &key[..key.len() - 1], server.operator_key()] {
        assert_eq!(text(&find(unknown).expect(404).json(), "detail"), "no such key");
    }
    assert!(!server.log().contains(&key));
    for order in [json!({}), json!({"key": null}), json!({"key": key, "account_id": account})] {
        assert_eq!(operator.post("/v1/keys/find", &order).status, 422);
    }
}

#[test]
fn keys_are_listed_by_hint_and_by_external_id() {
    let (_server, operator, account) = opened("default");
    let other = operator.account("Other");
    let one = operator.issue(&account, &json!({"name": "one", "external_id": "k_1"}));
    operator.issue(&other, &json!({"name": "two", "external_id": "k_1"}));
    operator.issue(&account, &json!({"name": "three"}));
    let listed = |query: &str| {
        let list = operator.get(&format!("/v1/{query}")).expect(200).json();
        names(&list).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(listed("keys?external_id=k_1"), ["one", "two"]);
    assert_eq!(listed(&format!("accounts/{account}/keys?external_id=k_1")), ["one"]);
    assert_eq!(listed("keys?external_id=k_"), [""; 0]);
    let hint = text(&one, "hint");
    assert!(listed(&format!("keys?hint={hint}")).contains(&"one".to_owned()));
    assert_eq!(listed("keys?hint=my_live_"), ["one", "two", "three"]);
    assert_eq!(listed("keys?hint=nothing_like_it"), [""; 0]);
}
