//! T8, T9: the variable for the key, and how keys are renewed.

use serde_json::{Value, json};

use super::{USER, assert_invalid};
use crate::contracts::{
    serve, serve_with_clock,
    wire::{ids, received, text},
};

#[test]
fn t8_the_api_names_the_variable_for_the_key() {
    let apis = serve("example").operator().get("/v1/apis").expect(200).json();
    assert_eq!(apis["items"][0]["env_var"], "API_KEY");
}

#[test]
fn t9_keys_are_due_for_rotation_after_90_days() {
    let server = serve_with_clock("example");
    let operator = server.operator();
    let account = operator.account("Acme");
    let (old, key) = operator.issue_plain(&account, "Production");
    let due = format!("/v1/accounts/{account}/keys?due_for_rotation=true");
    server.move_clock("+89d");
    let (young, _) = operator.issue_plain(&account, "Staging");
    assert!(ids(&server, &due).is_empty());
    server.move_clock("+91d");
    assert_eq!(ids(&server, &due), [&*old]);
    let listed = server.cli().run(&["key", "list", "--due"]).expect(0).out;
    assert!(listed.contains(&old) && !listed.contains(&young), "{listed}");
    received(server.customer(&key).get(USER));

    let rotated = server.cli().run(&["key", "rotate", &old, "--overlap", "24h", "--json"]).expect(0).json();
    assert_eq!(rotated["id"], old);
    assert!(ids(&server, &due).is_empty());
    let renewed = text(&rotated, "key");
    for both in [&key, &renewed] {
        assert_eq!(received(server.customer(both).get(USER))["key_id"], old);
    }
    server.move_clock("+93d");
    assert_invalid(&server.customer(&key).get(USER));
    assert_eq!(received(server.customer(&renewed).get(USER))["key_id"], old);
}

#[test]
fn t9_a_compromised_key_is_replaced_at_once() {
    let server = serve("example");
    let operator = server.operator();
    let account = operator.account("Acme");
    let (id, key) = operator.issue_plain(&account, "Production");
    let rotated =
        operator.post(&format!("/v1/keys/{id}/rotate"), &json!({"overlap": "0"})).expect(200).json();
    assert_eq!((&rotated["id"], &rotated["receipt"]["complete"]), (&json!(id), &json!(true)));
    assert_invalid(&server.customer(&key).get(USER));
    received(server.customer(&text(&rotated, "key")).get(USER));
}

#[test]
fn t9_several_services_have_a_key_each() {
    let server = serve("example");
    let operator = server.operator();
    let account = operator.account("Acme");
    let keys = ["Billing", "Reports", "Mobile"].map(|name| operator.issue_plain(&account, name));
    assert_eq!(operator.post(&format!("/v1/keys/{}/revoke", keys[1].0), &Value::Null).status, 200);
    for (place, (id, key)) in keys.iter().enumerate() {
        let answer = server.customer(key).get(USER);
        if place == 1 { assert_invalid(&answer) } else { assert_eq!(received(answer)["key_id"], *id) }
    }
}
