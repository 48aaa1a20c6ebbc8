//! T16, T18: what gets 401.

use claviger_testkit::{ServerBuilder, repository};
use serde_json::{Value, json};

use super::{KEYS, USER, assert_invalid, assert_missing};
use crate::contracts::{
    serve,
    wire::{mistyped, received, revoke, text},
};

#[test]
fn t16_without_a_key_or_with_a_bad_one_the_answer_is_401() {
    let server = serve("example");
    let account = server.operator().account("Acme");
    let (_, key) = server.operator().issue_plain(&account, "Production Key");
    let nobody = server.customer("").authorized_by("");
    for (method, path) in
        [("GET", USER), ("GET", KEYS), ("POST", KEYS), ("DELETE", "/v1/api-keys/key_123"), ("GET", "/")]
    {
        assert_missing(&nobody.send(method, path, &[], ""));
        assert_missing(&nobody.send(method, path, &[("X-API-Key", &key)], ""));
        assert_missing(&nobody.clone().authorized_by("Bearer ").send(method, path, &[], ""));
        assert_missing(&nobody.clone().authorized_by(&format!("Basic {key}")).send(method, path, &[], ""));
        assert_invalid(&server.customer("sk_live_abc123xyz789").send(method, path, &[], ""));
        assert_invalid(&server.customer(&mistyped(&key)).send(method, path, &[], ""));
    }
}

#[test]
fn t18_revoked_and_mistyped_keys_are_refused() {
    let server = serve("example");
    let account = server.operator().account("Acme");
    let (id, key) = server.operator().issue_plain(&account, "Production Key");
    for wrong in [&*mistyped(&key), &key[1..], &key[..key.len() - 1], &format!("{key}x"), &key.to_uppercase()]
    {
        assert_invalid(&server.customer(wrong).get(USER));
    }
    received(server.customer(&key).get(USER));
    revoke(&server, &id);
    assert_invalid(&server.customer(&key).get(USER));
}

#[test]
fn t18_a_key_of_the_other_environment_is_refused() {
    let shipped = std::fs::read_to_string(repository().join("profiles/example.toml")).expect("it ships");
    let hosts = r#"live = ["api.example.com"]
test = ["sandbox.example.com"]"#;
    let profile = shipped.replace(r#"any = ["api.example.com"]"#, hosts);
    assert_ne!(profile, shipped);
    let server = ServerBuilder::new(crate::PROGRAM).profile_text(&profile).start();
    let operator = server.operator();
    let account = operator.account("Acme");
    let (_, live) = operator.issue_plain(&account, "Live");
    let test = text(&operator.issue(&account, &json!({"name": "Test", "environment": "test"})), "key");
    for (key, home, abroad) in
        [(&live, "api.example.com", "sandbox.example.com"), (&test, "sandbox.example.com", "api.example.com")]
    {
        received(server.customer(key).at_host(home).get(USER));
        assert_invalid(&server.customer(key).at_host(abroad).get(USER));
        assert_invalid(&server.customer(key).at_host(&abroad.to_uppercase()).get(USER));
    }
    let relabelled = test.replace("sk_test_", "sk_live_");
    assert_invalid(&server.customer(&relabelled).at_host("api.example.com").get(USER));
}

#[test]
fn t18_whoever_asks_for_a_decision_can_name_the_environment() {
    let server = serve("example");
    let operator = server.operator();
    let account = operator.account("Acme");
    let test = text(&operator.issue(&account, &json!({"name": "Test", "environment": "test"})), "key");
    assert_eq!(operator.verify(&json!({"key": test}))["permit"]["environment"], "test");
    let verdict = operator.verify(&json!({"key": test, "environment": "live"}));
    assert_eq!(
        (&verdict["allowed"], &verdict["denial"]["code"]),
        (&Value::Bool(false), &json!("environment"))
    );
    let body = r#"{"success":false,"error":{"code":"unauthorized","message":"Missing or invalid API key"}}"#;
    assert_eq!((&verdict["response"]["status"], &verdict["response"]["body"]), (&json!(401), &json!(body)));
}
