//! `/v1/denials`: what an owner asks when a customer says "it doesn't work".

use claviger_testkit::{Operator, eventually};
use serde_json::{Value, json};

use super::{opened, text};

fn denials(operator: &Operator, query: &str) -> Vec<Value> {
    let list = operator.get(&format!("/v1/denials?{query}")).expect(200).json();
    list["items"].as_array().expect("a list has items").clone()
}

#[test]
fn a_caller_learns_that_and_the_operator_why() {
    let (server, operator, account) = opened("cashcat");
    let (id, key) = operator.issue_plain(&account, "revoked");
    assert_eq!(operator.post(&format!("/v1/keys/{id}/revoke"), &Value::Null).status, 200);
    let refused = server.customer(&key).send("POST", "/v1/cats?name=Tom", &[], "").expect(401);
    assert!(!refused.text().contains("revoked"));
    let request = refused.header("x-request-id").unwrap();
    let found = eventually(|| denials(&operator, &format!("request_id={request}")).pop());
    assert_eq!(text(&found, "request_id"), request);
    assert_eq!(
        (text(&found, "code"), text(&found, "api"), text(&found, "key_id")),
        ("revoked", "cashcat", &*id)
    );
    assert_eq!(text(&found, "address"), "127.0.0.1");
    assert_eq!(text(&found, "endpoint"), "POST /v1/cats");
    assert!(!text(&found, "detail").is_empty() && text(&found, "at").ends_with('Z'));
}

#[test]
fn a_request_without_a_good_key_can_be_looked_up_too() {
    let (server, operator, _) = opened("cashcat");
    let unknown = format!("cc_live_{}", "0".repeat(44));
    for (key, code) in [("", "missing"), ("nonsense", "malformed"), (&*unknown, "unknown")] {
        let caller = server.customer(key);
        let caller = if key.is_empty() { caller.authorized_by("") } else { caller };
        let request = caller.get("/v1/cats").expect(401).header("x-request-id").unwrap().to_owned();
        let found = eventually(|| denials(&operator, &format!("request_id={request}")).pop());
        assert_eq!((text(&found, "code"), &found["key_id"]), (code, &Value::Null));
        assert!(!found.to_string().contains(&unknown), "what was presented is not kept");
    }
}

#[test]
fn the_last_ten_denials_of_a_key_are_kept_the_newest_first() {
    let (server, operator, account) = opened("cicosts");
    let issued = operator.issue(&account, &json!({"name": "narrow", "scopes": ["costs:read"]}));
    let caller = server.customer(text(&issued, "key"));
    for number in 0..25 {
        assert_eq!(caller.get(&format!("/v1/alerts/{number}")).status, 403);
    }
    assert_eq!(caller.get("/v1/costs").status, 200);
    let query = format!("key_id={}", text(&issued, "id"));
    let newest = |found: &Vec<Value>| found.first().is_some_and(|d| d["endpoint"] == "GET /v1/alerts/24");
    let found = eventually(|| Some(denials(&operator, &query)).filter(newest));
    let endpoints: Vec<_> = found.iter().map(|denial| text(denial, "endpoint")).collect();
    let wanted: Vec<_> = (15..25).rev().map(|number| format!("GET /v1/alerts/{number}")).collect();
    assert_eq!(endpoints, wanted);
    assert!(found.iter().all(|denial| denial["code"] == "scope"));
    assert!(text(&found[0], "detail").contains("alerts:read"), "the owner is told which scope is lacking");
}

#[test]
fn a_denied_verify_call_is_found_by_its_request_id() {
    let (_server, operator, account) = opened("cashcat");
    let (id, key) = operator.issue_plain(&account, "n");
    assert_eq!(operator.post(&format!("/v1/keys/{id}/disable"), &Value::Null).status, 200);
    let answer =
        operator.post("/v1/keys/verify", &json!({"key": key, "method": "GET", "path": "/x"})).expect(200);
    assert_eq!(answer.json()["allowed"], false);
    let request = answer.header("x-request-id").unwrap().to_owned();
    let found = eventually(|| denials(&operator, &format!("request_id={request}")).pop());
    assert_eq!((text(&found, "code"), text(&found, "endpoint")), ("disabled", "GET /x"));
}

#[test]
fn denials_are_asked_for_by_one_thing() {
    let (_server, operator, account) = opened("cashcat");
    let (id, _) = operator.issue_plain(&account, "n");
    assert_eq!(denials(&operator, &format!("key_id={id}")), Vec::<Value>::new());
    assert_eq!(denials(&operator, "request_id=req_01h455vb4pex5vsknk084sn02q"), Vec::<Value>::new());
    for query in ["", "key_id=x", &*format!("key_id={id}&request_id=req_01h455vb4pex5vsknk084sn02q")] {
        assert_eq!(operator.get(&format!("/v1/denials?{query}")).status, 422, "{query}");
    }
}
