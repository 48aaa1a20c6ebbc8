//! A denial is to the byte what the gateway answers.

use claviger_layer::Carrier;
use claviger_testkit::{Answer, Customer, ServerBuilder};
use serde_json::{Value, json};

use super::stage::{Service, node_of};
use crate::attacks::masked_body;

/// All that a caller sees of an answer, but its date and what the connection it came on is.
fn seen(answer: &Answer) -> (u16, Vec<(String, String)>, String) {
    let of_its_own = |name: &str| ["date", "connection"].contains(&name);
    let mut fields: Vec<_> = answer.headers.iter().filter(|(name, _)| !of_its_own(name)).cloned().collect();
    for (name, value) in &mut fields {
        if name == "x-request-id" {
            assert!(value.starts_with("req_"));
            value.clear();
        }
        // Where applications learn how to get access is the gateway's to say: a service has an address of its own.
        if let Some((challenge, _)) = value.split_once(", resource_metadata=") {
            *value = challenge.to_owned();
        }
    }
    fields.sort();
    (answer.status, fields, masked_body(answer))
}

#[test]
fn every_profile_s_denials_are_the_gateway_s() {
    for profile in ["cashcat", "example", "codat", "cicosts", "default"] {
        let server = ServerBuilder::new(crate::PROGRAM).profile(profile).start();
        let operator = server.operator();
        let account = operator.account("Acme");
        let node = node_of(&server).build().unwrap();
        let carriers = if profile == "codat" { vec![Carrier::Basic] } else { vec![Carrier::Bearer] };
        let service = Service::behind(&node.api(profile).carriers(carriers));
        let of = |order: Value| {
            let issued = operator.issue(&account, &order);
            let text = |field: &str| issued[field].as_str().expect("it is text").to_owned();
            (text("id"), text("key"))
        };
        let (id, revoked) = of(json!({"name": "revoked"}));
        let _ = operator.post(&format!("/v1/keys/{id}/revoke"), &Value::Null).expect(200);
        let (id, disabled) = of(json!({"name": "disabled"}));
        let _ = operator.post(&format!("/v1/keys/{id}/disable"), &Value::Null).expect(200);
        let elsewhere = of(json!({"name": "n", "restrictions": {"networks": ["203.0.113.0/24"]}})).1;
        let endpoint = of(json!({"name": "n", "restrictions": {"endpoints": ["GET /v2"]}})).1;
        let authorizations = [revoked, disabled, elsewhere, endpoint, "cc_live_nobody".to_owned()];
        let mut authorizations: Vec<_> =
            authorizations.iter().map(|key| authorization(profile, key)).collect();
        authorizations.extend(["", "Bearer", "Basic ?", "Nonsense x", "Bearer \t"].map(str::to_owned));
        for authorization in authorizations {
            let ask = |customer: Customer| customer.authorized_by(&authorization).get("/v1/things?a=b");
            let (relayed, gateway) = (ask(service.customer("")), ask(server.customer("")));
            assert!((400..500).contains(&gateway.status), "{profile} {authorization}: {}", gateway.status);
            assert_eq!(seen(&relayed), seen(&gateway), "{profile} {authorization}");
        }
    }
}

fn authorization(profile: &str, key: &str) -> String {
    use base64::Engine as _;
    if profile == "codat" {
        format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(key))
    } else {
        format!("Bearer {key}")
    }
}

#[test]
fn callers_are_told_of_limits_and_when_to_come_back() {
    let server = ServerBuilder::new(crate::PROGRAM).profile("default").start();
    let operator = server.operator();
    let order =
        json!({"name": "n", "restrictions": {"rates": [{"name": "burst", "limit": 1, "window": "1h"}]}});
    let issued = operator.issue(&operator.account("Acme"), &order);
    let key = issued["key"].as_str().expect("it is text");
    let service = Service::behind(&node_of(&server).build().unwrap().api("default"));
    let first = service.customer(key).get("/v1").expect(200);
    assert_eq!(first.header("ratelimit"), Some("\"burst\";r=0;t=3600"));
    let refused = service.customer(key).get("/v1").expect(429);
    let after: u64 = refused.header("retry-after").expect("it is told").parse().unwrap();
    assert!((3590..=3600).contains(&after), "{after}");
    assert_eq!(refused.header("ratelimit-policy"), Some("\"burst\";q=1;w=3600"));
}

#[test]
fn a_401_has_a_challenge_for_each_way_a_key_may_travel() {
    let file = claviger_testkit::repository().join("profiles/default.toml");
    let text = std::fs::read_to_string(file).expect("the profile ships");
    let text = text.replace("accept = [\"bearer\"]", "accept = [\"bearer\", \"X-API-Key\"]");
    let server = ServerBuilder::new(crate::PROGRAM).profile_text(&text).start();
    let service = Service::behind(&node_of(&server).build().unwrap().api("default"));
    let refused = service.customer("").authorized_by("").get("/v1").expect(401);
    assert_eq!(refused.header("www-authenticate"), Some("Bearer realm=\"My API\", ApiKey realm=\"My API\""));
    let key = server.operator().issue_plain(&server.operator().account("Acme"), "n").1;
    let own = service.customer("").authorized_by("").send("GET", "/v1", &[("X-API-Key", &key)], "");
    assert_eq!(own.status, 200);
    let both = service.customer(&key).send("GET", "/v1", &[("X-API-Key", &key)], "");
    assert_eq!(both.status, 400);
}
