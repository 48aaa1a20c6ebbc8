//! What an allowed request brings along, and what restricts a key as much here as at the gateway.

use claviger_layer::{Carrier, Environment, TrustedProxies};
use claviger_testkit::ServerBuilder;
use serde_json::json;

use super::stage::{Service, node_of};

#[test]
fn a_handler_learns_whose_request_it_is_and_nothing_that_the_caller_claims() {
    let server = ServerBuilder::new(crate::PROGRAM).profile("cashcat").start();
    let operator = server.operator();
    let order = json!({"name": "Acme", "external_id": "cus_42"});
    let account = operator.post("/v1/accounts", &order).expect(201).json()["id"].clone();
    let order = json!({"name": "n", "expires_at": "2126-01-01T00:00:00Z"});
    let issued = operator.issue(account.as_str().expect("it is text"), &order);
    let key = issued["key"].as_str().expect("it is text");
    let service = Service::behind(&node_of(&server).build().unwrap().api("cashcat"));
    let claims = [
        ("X-Claviger-Account", "acc_forged"),
        ("X_Claviger_Key-Id", "key_forged"),
        ("x.claviger.scopes", "all"),
        ("X-Mine", "stays"),
    ];
    let learnt = service.customer(key).send("POST", "/v1/things?a=b", &claims, "{}").expect(200).json();
    let expected = json!({
        "account": account, "key": issued["id"], "external_id": "cus_42", "environment": "live", "scopes": "all",
        "expires_at": "2126-01-01T00:00:00Z", "fields": ["connection", "content-length", "host", "x-mine"],
    });
    assert_eq!(learnt, expected);
}

#[test]
fn a_scope_that_is_missing_is_refused_by_the_handler_or_in_the_api_s_words() {
    let server = ServerBuilder::new(crate::PROGRAM).profile("cicosts").start();
    let operator = server.operator();
    let account = operator.account("Acme");
    let issue = |scopes: &[&str]| {
        let issued = operator.issue(&account, &json!({"name": "n", "scopes": scopes}));
        issued["key"].as_str().expect("it is text").to_owned()
    };
    let api = node_of(&server).build().unwrap().api("cicosts");
    let (reads, writes) = (issue(&["alerts:read"]), operator.issue_plain(&account, "all").1);
    let unscoped = Service::behind(&api.clone());
    let path = "/v1/scoped";
    assert_eq!(unscoped.customer(&writes).get(path).expect(200).text(), "written");
    let required = Service::behind(&api.scopes(["alerts:write"]).unwrap());
    assert_eq!(required.customer(&writes).get(path).expect(200).text(), "written");
    let refused = required.customer(&reads).get(path).expect(403);
    assert!(refused.text().contains("insufficient_permissions"), "{}", refused.text());
}

#[test]
fn a_key_is_as_restricted_as_at_the_gateway() {
    let server = ServerBuilder::new(crate::PROGRAM).profile("cashcat").start();
    let operator = server.operator();
    let account = operator.account("Acme");
    let node = node_of(&server).build().unwrap();
    let service = Service::behind(&node.api("cashcat"));
    for (restrictions, path, fields, status) in [
        (json!({"networks": ["127.0.0.0/8"]}), "/v1", None, 200),
        (json!({"networks": ["203.0.113.0/24"]}), "/v1", None, 403),
        (json!({"networks": ["203.0.113.0/24"]}), "/v1", Some(("X-Forwarded-For", "203.0.113.9")), 403),
        (json!({"referrers": ["https://a.com/*"]}), "/v1", Some(("Referer", "https://a.com/b")), 200),
        (json!({"referrers": ["https://a.com/*"]}), "/v1", Some(("Referer", "https://b.com/b")), 403),
        (json!({"referrers": ["https://a.com/*"]}), "/v1", None, 403),
        (json!({"endpoints": ["GET /v1/users/**"]}), "/v1/users/1?a=/b", None, 200),
        (json!({"endpoints": ["GET /v1/users/**"]}), "/v1/accounts/1?/v1/users/1", None, 403),
        (json!({"endpoints": ["GET /v1/users/**"]}), "/v1/users/../accounts/1", None, 400),
        (json!({"endpoints": ["GET /v1/users/**"]}), "/v1/users/%2e%2e/accounts", None, 400),
        // A router within another is shown the rest; what was sent counts.
        (json!({"endpoints": ["GET /nested/v1/users/**"]}), "/nested/v1/users/1", None, 200),
        (json!({"endpoints": ["GET /v1/users/**"]}), "/nested/v1/users/1", None, 403),
    ] {
        let issued = operator.issue(&account, &json!({"name": "n", "restrictions": restrictions}));
        let key = issued["key"].as_str().expect("it is text");
        let fields: Vec<_> = fields.into_iter().collect();
        let answer = service.customer(key).send("GET", path, &fields, "");
        assert_eq!(answer.status, status, "{restrictions} {path} {fields:?}: {}", answer.text());
        let gateway = server.customer(key).send("GET", path, &fields, "").status;
        assert_eq!(gateway, status, "{restrictions} {path} {fields:?}");
    }
    let issued =
        operator.issue(&account, &json!({"name": "n", "restrictions": {"networks": ["203.0.113.0/24"]}}));
    let proxies = TrustedProxies::new(["127.0.0.1"]).unwrap();
    let behind_a_proxy = Service::behind(&node.api("cashcat").trusted_proxies(proxies));
    let caller = behind_a_proxy.customer(issued["key"].as_str().expect("it is text"));
    assert_eq!(caller.send("GET", "/v1", &[("X-Forwarded-For", "203.0.113.9")], "").status, 200);
    assert_eq!(
        caller.send("GET", "/v1", &[("X-Forwarded-For", "203.0.113.9, 198.51.100.1")], "").status,
        403
    );
}

#[test]
fn keys_travel_where_the_profile_says_and_go_no_further_unless_they_may() {
    let server = ServerBuilder::new(crate::PROGRAM).profile("codat").start();
    let operator = server.operator();
    let key = operator.issue_plain(&operator.account("Acme"), "n").1;
    let api = node_of(&server).build().unwrap().api("codat").carriers([Carrier::Basic]);
    let basic = {
        use base64::Engine as _;
        format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(&key))
    };
    let fields = |api| {
        let service = Service::behind(&api);
        let answer = service.customer(&key).authorized_by(&basic).get("/v1").expect(200);
        answer.json()["fields"].as_array().expect("it is a list").contains(&json!("authorization"))
    };
    assert!(!fields(api.clone()));
    assert!(fields(api.clone().forward_credential()));
    let live = Service::behind(&api.environment(Environment::Test));
    assert_eq!(live.customer(&key).authorized_by(&basic).get("/v1").status, 401, "of another environment");
}
