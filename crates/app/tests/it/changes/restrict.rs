//! `PATCH /v1/keys/{id}`: what narrows a key holds for the very next request.

use claviger_testkit::{Operator, Server};
use serde_json::{Value, json};

use super::{opened, opened_with_clock, status, text};

struct Case {
    server: Server,
    operator: Operator,
    path: String,
    key: String,
}

impl Case {
    fn new() -> Self {
        let (server, operator, account) = opened("cicosts");
        let (id, key) = operator.issue_plain(&account, "to be narrowed");
        Self { server, operator, path: format!("/v1/keys/{id}"), key }
    }

    #[track_caller]
    fn patch(&self, patch: &Value) {
        let changed = self.operator.patch(&self.path, patch).expect(200).json();
        assert_eq!(changed["receipt"]["complete"], true);
    }

    #[track_caller]
    fn ask(&self, path: &str, headers: &[(&str, &str)]) -> u16 {
        let answer = self.server.customer(&self.key).send("GET", path, headers, "");
        let attempt = json!({
            "key": self.key, "method": "GET", "path": path, "address": "127.0.0.1",
            "referrer": headers.first().map(|(_, page)| *page),
        });
        let allowed = self.operator.verify(&attempt)["allowed"] == true;
        assert_eq!(allowed, answer.status == 200, "gateway and verify decide alike");
        answer.status
    }
}

#[test]
fn a_network_holds_at_once_and_is_lifted_at_once() {
    let case = Case::new();
    assert_eq!(case.ask("/v1/costs", &[]), 200);
    case.patch(&json!({"restrictions": {"networks": ["10.0.0.0/8", "2001:db8::/32"]}}));
    assert_eq!(case.ask("/v1/costs", &[]), 403);
    let mapped = json!({"key": case.key, "address": "::ffff:10.1.2.3"});
    assert_eq!(case.operator.verify(&mapped)["allowed"], true, "a mapped address is its IPv4 address");
    assert_eq!(case.operator.verify(&json!({"key": case.key}))["denial"]["code"], "network", "absent");
    case.patch(&json!({"restrictions": {"networks": ["10.0.0.0/8", "127.0.0.1"]}}));
    assert_eq!(case.ask("/v1/costs", &[]), 200);
    case.patch(&json!({"restrictions": {"networks": null}}));
    assert_eq!(case.operator.verify(&json!({"key": case.key}))["allowed"], true);
}

#[test]
fn a_referrer_holds_at_once() {
    let case = Case::new();
    case.patch(&json!({"restrictions": {"referrers": ["https://acme.example/app"]}}));
    for (page, wanted) in [
        ("https://acme.example/app", 200),
        ("https://acme.example/app/costs?x=1", 200),
        ("https://acme.example/apple", 403),
        ("http://acme.example/app", 403),
        ("https://acme.example:8443/app", 403),
        ("https://acme.example.evil.example/app", 403),
        ("https://acme.example@evil.example/app", 403),
    ] {
        assert_eq!(case.ask("/v1/costs", &[("Referer", page)]), wanted, "{page}");
    }
    assert_eq!(case.ask("/v1/costs", &[]), 403, "absence never grants");
}

#[test]
fn an_endpoint_holds_at_once() {
    let case = Case::new();
    case.patch(&json!({"restrictions": {"endpoints": ["GET /v1/costs/*"]}}));
    assert_eq!(case.ask("/v1/costs/42", &[]), 200);
    assert_eq!(case.ask("/v1/costs", &[]), 403);
    assert_eq!(case.ask("/v1/costs/42/parts", &[]), 403);
    assert_eq!(case.server.customer(&case.key).send("POST", "/v1/costs/42", &[], "").status, 403);
    assert_eq!(case.operator.verify(&json!({"key": case.key}))["denial"]["code"], "endpoint", "absent");
}

#[test]
fn a_scope_holds_at_once() {
    let case = Case::new();
    assert_eq!(case.ask("/v1/alerts", &[]), 200);
    case.patch(&json!({"scopes": ["costs:read"]}));
    assert_eq!((case.ask("/v1/costs", &[]), case.ask("/v1/alerts", &[])), (200, 403));
    case.patch(&json!({"scopes": ["alerts:read"]}));
    assert_eq!((case.ask("/v1/costs", &[]), case.ask("/v1/alerts", &[])), (403, 200));
    case.patch(&json!({"scopes": []}));
    assert_eq!((case.ask("/v1/costs", &[]), case.ask("/v1/alerts", &[])), (403, 403));
    case.patch(&json!({"scopes": "all"}));
    assert_eq!(case.ask("/v1/alerts", &[]), 200);
}

#[test]
fn all_restrictions_must_be_met_together() {
    let case = Case::new();
    case.patch(&json!({
        "restrictions": {"networks": ["127.0.0.1"], "endpoints": ["GET /v1/costs"]}, "scopes": ["costs:read"],
    }));
    assert_eq!(case.ask("/v1/costs", &[]), 200);
    assert_eq!(case.ask("/v1/alerts", &[]), 403);
    case.patch(&json!({"restrictions": {"networks": ["10.0.0.1"], "endpoints": ["GET /v1/costs"]}}));
    assert_eq!(case.ask("/v1/costs", &[]), 403);
}

#[test]
fn a_key_ends_with_its_expiry_and_stays_ended_when_the_clock_steps_back() {
    let (server, operator, account) = opened_with_clock("cicosts");
    let (id, key) = operator.issue_plain(&account, "ends");
    let (_, endless) = operator.issue_plain(&account, "endless");
    let patch = json!({"expires_at": "2100-01-01T00:00:00Z"});
    let changed = operator.patch(&format!("/v1/keys/{id}"), &patch).expect(200).json();
    assert_eq!(text(&changed["key"], "expires_at"), "2100-01-01T00:00:00Z");
    assert_eq!(status(&server, &key), 200);
    server.move_clock("+80y");
    let refused = server.customer(&key).get("/v1/things").expect(401).json();
    assert_eq!(refused["error"]["code"], "expired_api_key");
    server.move_clock("-1h");
    assert_eq!(status(&server, &key), 401, "time revives no key");
    assert_eq!(operator.verify(&json!({"key": key}))["denial"]["code"], "expired");
    assert_eq!(status(&server, &endless), 200);
}
