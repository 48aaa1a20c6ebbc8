//! T3, T10–T12, T17: a key may do everything unless it is restricted by address, page or endpoint.

use serde_json::{Value, json};

use super::{USER, assert_forbidden};
use crate::contracts::{
    serve,
    wire::{received, text},
};

#[test]
fn t3_a_key_gives_full_access_unless_it_is_restricted() {
    let server = serve("example");
    let account = server.operator().account("Acme");
    let issued = server.operator().issue(&account, &json!({"name": "Production Key"}));
    let none = json!({"networks": null, "referrers": null, "endpoints": null});
    assert_eq!((&issued["scopes"], &issued["restrictions"]), (&json!("all"), &none));
    let customer = server.customer(&text(&issued, "key"));
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
        for path in [USER, "/", "/v1/orders/ord_1/refunds?all=yes", "/v2/anything"] {
            let told = received(customer.send(method, path, &[("Referer", "https://a.example/")], ""));
            assert_eq!(told["scopes"], "all");
        }
    }
}

#[test]
fn t10_a_key_can_be_restricted_by_ip_address() {
    let server = serve("example");
    let operator = server.operator();
    let account = operator.account("Acme");
    let restricted = |networks: Value| {
        text(
            &operator.issue(&account, &json!({"name": "Office", "restrictions": {"networks": networks}})),
            "key",
        )
    };
    let nowhere = json!({"name": "Nowhere", "restrictions": {"networks": []}});
    assert_eq!(operator.post(&format!("/v1/accounts/{account}/keys"), &nowhere).status, 422);
    for here in [json!(["127.0.0.1"]), json!(["127.0.0.0/8"]), json!(["203.0.113.0/24", "127.0.0.1/32"])] {
        received(server.customer(&restricted(here)).get(USER));
    }
    for elsewhere in [json!(["203.0.113.7"]), json!(["10.0.0.0/8", "::1"])] {
        let customer = server.customer(&restricted(elsewhere));
        assert_forbidden(&customer.get(USER));
        let claims = [
            ("X-Forwarded-For", "203.0.113.7"),
            ("X-Real-IP", "203.0.113.7"),
            ("Forwarded", "for=203.0.113.7"),
        ];
        for claim in claims {
            assert_forbidden(&customer.send("GET", USER, &[claim], ""));
        }
    }
}

#[test]
fn t11_a_key_can_be_restricted_by_referrer() {
    let server = serve("example");
    let order = json!({"name": "Web page", "restrictions": {"referrers": ["https://app.example.com/*", "https://*.shop.example"]}});
    let account = server.operator().account("Acme");
    let customer = server.customer(&text(&server.operator().issue(&account, &order), "key"));
    for page in ["https://app.example.com/", "https://APP.example.com/a?b", "https://eu.shop.example/cart"] {
        received(customer.send("GET", USER, &[("Referer", page)], ""));
    }
    assert_forbidden(&customer.get(USER));
    for page in [
        "",
        "null",
        "http://app.example.com/",
        "https://app.example.com:444/",
        "https://app.example.com.evil.io/",
        "https://app.example.com@evil.io/",
        "https://evil.io/?https://app.example.com/",
        "https://shop.example/",
        "https://app.example.com%2eevil.io/",
        "app.example.com",
    ] {
        assert_forbidden(&customer.send("GET", USER, &[("Referer", page)], ""));
    }
    let twice = [("Referer", "https://app.example.com/"), ("Referer", "https://app.example.com/")];
    assert_forbidden(&customer.send("GET", USER, &twice, ""));
}

#[test]
fn t12_a_key_can_be_restricted_to_endpoints() {
    let server = serve("example");
    let order =
        json!({"name": "Reader", "restrictions": {"endpoints": ["GET /v1/users/*", "POST /v1/reports/**"]}});
    let account = server.operator().account("Acme");
    let customer = server.customer(&text(&server.operator().issue(&account, &order), "key"));
    for (method, path) in [
        ("GET", USER),
        ("GET", "/v1/users/usr_123?expand=all"),
        ("POST", "/v1/reports/2025"),
        ("POST", "/v1/reports/2025/01"),
    ] {
        received(customer.send(method, path, &[], ""));
    }
    for (method, path) in [
        ("POST", USER),
        ("GET", "/v1/users"),
        ("GET", "/v1/users/usr_123/cards"),
        ("GET", "/v1/usersx/1"),
        ("GET", "/v1/orders?x=/v1/users/1"),
        ("GET", "/V1/users/1"),
        ("POST", "/v1/reports"),
        ("GET", "/v1/api-keys"),
    ] {
        assert_forbidden(&customer.send(method, path, &[], ""));
    }
}

#[test]
fn t17_a_key_without_permission_gets_403_and_its_permissions_can_be_looked_up() {
    let server = serve("example");
    let operator = server.operator();
    let account = operator.account("Acme");
    let (id, key) = operator.issue_plain(&account, "Production Key");
    received(server.customer(&key).get(USER));
    let narrow =
        ["key", "restrict", &id, "--network", "127.0.0.0/8", "--endpoint", "GET /v1/orders/**", "--json"];
    let changed = server.cli().run(&narrow).expect(0).json();
    assert_eq!(changed["receipt"]["complete"], true);
    assert_forbidden(&server.customer(&key).get(USER));
    received(server.customer(&key).get("/v1/orders/ord_1"));

    let permissions =
        json!({"networks": ["127.0.0.0/8"], "referrers": null, "endpoints": ["GET /v1/orders/**"]});
    assert_eq!(operator.get(&format!("/v1/keys/{id}")).expect(200).json()["restrictions"], permissions);
    let shown = server.cli().run(&["key", "show", &id]).expect(0).out;
    assert!(shown.contains("GET /v1/orders/**") && shown.contains("127.0.0.0/8"), "{shown}");

    let asked = json!({"key": key, "method": "GET", "path": USER, "address": "127.0.0.1"});
    let verdict = operator.verify(&asked);
    assert_eq!(
        (&verdict["denial"]["code"], &verdict["response"]["status"]),
        (&json!("endpoint"), &json!(403))
    );
    let body = server.customer(&key).get(USER);
    assert_eq!(verdict["response"]["body"], body.text());
    received(server.customer(&key).get("/v1/orders/ord_1"));
}
