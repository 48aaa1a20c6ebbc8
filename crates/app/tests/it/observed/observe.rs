//! `mode = "observe"` and restrictions that are only observed: what passes, what is told of it, and who is told

use claviger_testkit::{Server, ServerBuilder, eventually, exchange, repository};
use serde_json::{Value, json};

use super::{metrics, value};
use crate::PROGRAM;

/// The example's profile, changed.
fn profile(change: impl FnOnce(&str) -> String) -> String {
    change(&std::fs::read_to_string(repository().join("profiles/example.toml")).expect("it is there"))
}

fn observing() -> Server {
    ServerBuilder::new(PROGRAM).profile_text(&profile(|text| format!("mode = \"observe\"\n{text}"))).start()
}

fn forward_auth(server: &Server, key: &str, more: &str) -> claviger_testkit::Answer {
    let question = format!(
        "GET /forward-auth/example HTTP/1.1\r\nhost: a\r\nx-original-method: GET\r\nx-original-uri: /v1/users\r\n\
         authorization: Bearer {key}\r\n{more}connection: close\r\n\r\n"
    );
    exchange(server.control, "GET", question.as_bytes()).expect("it is answered")
}

const UNKNOWN: &str = "sk_live_000000000000000000000000";

/// The codes and keys of the report, with their counts.
fn report(server: &Server) -> Vec<(String, Option<String>, u64)> {
    let report = server.operator().get("/v1/observed").expect(200).json();
    let items = report["items"].as_array().expect("a list").iter();
    let text = |item: &Value, field: &str| item[field].as_str().map(ToOwned::to_owned);
    items
        .map(|item| {
            (
                text(item, "code").expect("a code"),
                text(item, "key_id"),
                item["count"].as_u64().expect("a number"),
            )
        })
        .collect()
}

#[test]
fn an_api_that_observes_refuses_nobody_and_proves_nothing_of_whom_it_would_refuse() {
    let server = observing();
    let operator = server.operator();
    let account = operator.account("Ada");
    let (id, key) = operator.issue_plain(&account, "a");
    let good = forward_auth(&server, &key, "").expect(200);
    assert_eq!((good.header("x-claviger-key-id"), good.header("x-claviger-observed")), (Some(&*id), None));
    assert_eq!(operator.post(&format!("/v1/keys/{id}/revoke"), &json!({})).status, 200);
    for (key, code) in [(&*key, "revoked"), (UNKNOWN, "unknown"), ("nonsense", "malformed")] {
        let answer = forward_auth(&server, key, "x-claviger-account: acc_forged\r\n").expect(200);
        assert_eq!(answer.header("x-claviger-observed"), Some(code));
        for field in ["account", "key-id", "environment", "scopes", "created-by", "external-id"] {
            assert_eq!(answer.header(&format!("x-claviger-{field}")), Some(""), "{field} of {code}");
        }
        let passed = server.customer(key).get("/v1/users");
        assert_eq!(passed.status, 200, "the gateway lets it through: {code}");
        let verdict = operator.verify(&json!({"key": key}));
        assert_eq!((&verdict["allowed"], &verdict["observed"]["code"]), (&json!(true), &json!(code)));
        assert_eq!(verdict["permit"], Value::Null);
        assert!(verdict["response"]["status"].as_u64().unwrap() >= 400, "what it would have been answered");
    }
    let wanted = eventually(|| Some(report(&server)).filter(|report| report.len() == 3));
    assert!(wanted.contains(&("revoked".into(), Some(id), 3)), "{wanted:?}");
    assert!(wanted.contains(&("unknown".into(), None, 3)) && wanted.contains(&("malformed".into(), None, 3)));
    let told = metrics(&server, "text/plain");
    assert_eq!(value(&told, "claviger_decisions_total", &["outcome=\"observed_revoked\""]), 3);
    assert_eq!(value(&told, "claviger_decisions_total", &["outcome=\"allowed\""]), 1);
    assert_eq!(value(&told, "claviger_observing", &["api=\"example\""]), 1);
    assert!(server.log().contains("only observed is everything"));
}

#[test]
fn what_a_caller_claims_to_be_observed_reaches_no_upstream() {
    let server = ServerBuilder::new(PROGRAM).profile("example").start();
    let account = server.operator().account("Ada");
    let (_, key) = server.operator().issue_plain(&account, "a");
    assert_eq!(
        forward_auth(&server, &key, "x-claviger-observed: revoked\r\n").header("x-claviger-observed"),
        None
    );
    assert_eq!(forward_auth(&server, UNKNOWN, "x-claviger-observed: unknown\r\n").status, 401);
    assert_eq!(value(&metrics(&server, "text/plain"), "claviger_observing", &[]), 0);
}

#[test]
fn nobody_manages_keys_because_an_api_observes() {
    let text = std::fs::read_to_string(repository().join("profiles/codat.toml")).unwrap();
    let server = ServerBuilder::new(PROGRAM).profile_text(&format!("mode = \"observe\"\n{text}")).start();
    assert_eq!(server.customer("nonsense").get("/apiKeys").status, 401);
}

#[test]
fn a_restriction_that_is_observed_lets_its_key_through_until_it_is_enforced() {
    let server = ServerBuilder::new(PROGRAM).profile("example").start();
    let operator = server.operator();
    let account = operator.account("Ada");
    let order = json!({
        "name": "a", "restrictions": {"endpoints": ["GET /v1/products"], "observed": ["endpoints"]},
    });
    let issued = operator.issue(&account, &order);
    let (id, key) = (issued["id"].as_str().unwrap(), issued["key"].as_str().unwrap());
    let answer = forward_auth(&server, key, "").expect(200);
    assert_eq!(answer.header("x-claviger-key-id"), Some(id), "its key is good");
    assert_eq!(answer.header("x-claviger-observed"), Some("endpoint"));
    let shown = operator.get(&format!("/v1/keys/{id}")).expect(200).json();
    assert_eq!(shown["restrictions"]["observed"], json!(["endpoints"]));
    let verdict = operator.verify(&json!({"key": key, "method": "GET", "path": "/v1/users"}));
    assert_eq!((&verdict["allowed"], &verdict["observed"]["code"]), (&json!(true), &json!("endpoint")));
    assert_eq!(verdict["permit"]["key_id"], id);
    let wanted = vec![("endpoint".to_owned(), Some(id.to_owned()), 2)];
    eventually(|| (report(&server) == wanted).then_some(()));
    let enforced = operator.patch(&format!("/v1/keys/{id}"), &json!({"restrictions": {"observed": []}}));
    assert_eq!(enforced.status, 200);
    assert_eq!(forward_auth(&server, key, "").status, 403);
    for wrong in [json!({"observed": ["rates"]}), json!({"observed": "endpoints"})] {
        assert_eq!(operator.patch(&format!("/v1/keys/{id}"), &json!({"restrictions": wrong})).status, 422);
    }
}

#[test]
fn a_route_that_is_observed_demands_no_scope_yet() {
    let text = profile(|text| {
        let route = "[[routes]]\nmethods = [\"GET\"]\npaths = [\"/v1/users\"]\nscope = \"users:read\"\nmode = \"observe\"\n";
        let scopes =
            if text.contains("[scopes]") { "" } else { "[scopes]\n\"users:read\" = \"Read users\"\n" };
        format!("{text}\n{scopes}\n{route}")
    });
    let server = ServerBuilder::new(PROGRAM).profile_text(&text).start();
    let account = server.operator().account("Ada");
    let issued = server.operator().issue(&account, &json!({"name": "a", "scopes": []}));
    let answer = forward_auth(&server, issued["key"].as_str().unwrap(), "").expect(200);
    assert_eq!(answer.header("x-claviger-observed"), Some("scope"));
    assert_eq!(forward_auth(&server, UNKNOWN, "").status, 401, "a key is demanded all the same");
    assert!(server.log().contains("only observed is what 1 of its routes demand"));
}
