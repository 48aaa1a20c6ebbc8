//! T6, T7: test keys move nothing, live keys are watched.

use claviger_testkit::eventually;
use serde_json::{Value, json};

use super::{USER, assert_forbidden, assert_invalid};
use crate::contracts::{
    serve,
    wire::{counts, revoke, text},
};

const JSON: [(&str, &str); 1] = [("Content-Type", "application/json")];

#[test]
fn t6_test_keys_change_nothing_and_are_counted_apart() {
    let server = serve("example");
    let operator = server.operator();
    let account = operator.account("Acme");
    let issued = operator.issue(&account, &json!({"name": "Development", "environment": "test"}));
    let (id, key) = (text(&issued, "id"), text(&issued, "key"));
    let random = key.strip_prefix("sk_test_").expect("a test key says that it is one");
    assert!(random.len() == 24 && random.bytes().all(|letter| letter.is_ascii_alphanumeric()), "{key}");
    assert_eq!((&issued["environment"], &issued["hint"]), (&json!("test"), &json!("sk_test_")));

    let tester = server.customer(&key);
    let made = tester.send("POST", "/v1/users", &JSON, r#"{"name":"Nobody"}"#).expect(201).json();
    assert_eq!((&made["name"], &made["received"]["environment"]), (&json!("Nobody"), &json!("test")));
    let (live, live_key) = operator.issue_plain(&account, "Production");
    for customer in [&tester, &server.customer(&live_key)] {
        assert!(!customer.get("/v1/users").expect(200).json()["data"].to_string().contains("Nobody"));
    }
    let apart = json!([["test", "allowed", 2]]);
    eventually(|| (counts(&server, &id) == apart).then_some(()));
    eventually(|| (counts(&server, &live) == json!([["live", "allowed", 1]])).then_some(()));
}

#[test]
fn t7_live_keys_work_on_real_data_and_their_refusals_are_kept() {
    let server = serve("example");
    let operator = server.operator();
    let account = operator.account("Acme");
    let order = json!({"name": "Production", "restrictions": {"endpoints": ["GET /v1/users/**", "POST /v1/users", "GET /v1/users"]}});
    let issued = operator.issue(&account, &order);
    let (id, key) = (text(&issued, "id"), text(&issued, "key"));
    assert!(key.starts_with("sk_live_"));
    let customer = server.customer(&key);
    let made = customer.send("POST", "/v1/users", &JSON, r#"{"name":"Grace"}"#).expect(201).json();
    assert_eq!(made["received"]["environment"], "live");
    assert!(customer.get("/v1/users").expect(200).json()["data"].to_string().contains("Grace"));

    assert_forbidden(&customer.get("/v1/orders?card=4242"));
    revoke(&server, &id);
    let refused = customer.get(USER);
    assert_invalid(&refused);
    let denials = eventually(|| {
        let denials = operator.get(&format!("/v1/denials?key_id={id}")).expect(200).json();
        (denials["items"].as_array().map(Vec::len) == Some(2)).then_some(denials)
    });
    let told = |place: usize| {
        let denial: &Value = &denials["items"][place];
        ["code", "endpoint", "address"].map(|field| text(denial, field))
    };
    assert_eq!(told(0), ["revoked", &format!("GET {USER}"), "127.0.0.1"]);
    assert_eq!(told(1), ["endpoint", "GET /v1/orders", "127.0.0.1"]);
    let by_request =
        format!("/v1/denials?request_id={}", refused.header("x-request-id").expect("it has an id"));
    assert_eq!(operator.get(&by_request).expect(200).json()["items"][0]["key_id"], id);
}
