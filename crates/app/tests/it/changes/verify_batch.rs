//! `POST /v1/keys/verify-batch`: each attempt is judged and counted as by a call of its own.

use std::collections::BTreeSet;

use claviger_testkit::Operator;
use serde_json::{Value, json};

use super::{opened, text};

fn batch(operator: &Operator, attempts: &Value) -> Vec<Value> {
    let answer = operator.post("/v1/keys/verify-batch", &json!({"attempts": attempts})).expect(200).json();
    answer["results"].as_array().expect("results are a list").clone()
}

#[test]
fn each_attempt_is_decided_as_by_a_call_of_its_own_and_in_its_place() {
    let (_server, operator, account) = opened("example");
    let issue = |order: Value| text(&operator.issue(&account, &order), "key").to_owned();
    let good = issue(json!({"name": "good"}));
    let users = issue(json!({"name": "users", "restrictions": {"endpoints": ["GET /v1/users"]}}));
    let limited =
        issue(json!({"name": "n", "restrictions": {"rates": [{"name": "a", "limit": 2, "window": "1h"}]}}));
    let attempts = json!([
        {"key": good}, {"key": "nonsense"}, {"key": ""},
        {"key": users, "method": "GET", "path": "/v1/users"}, {"key": users, "method": "GET", "path": "/v1/products"},
        {"key": limited}, {"key": limited}, {"key": limited},
        {"key": limited, "api": "another"}, {"key": good, "count": 3},
    ]);
    let results = batch(&operator, &attempts);
    let codes: Vec<_> = results
        .iter()
        .map(|result| match (&result["allowed"], &result["denial"]["code"], &result["problem"]["code"]) {
            (Value::Bool(true), ..) => "allowed",
            (_, Value::String(code), _) | (_, _, Value::String(code)) => code,
            _ => panic!("{result}"),
        })
        .collect();
    assert_eq!(
        codes,
        [
            "allowed",
            "malformed",
            "missing",
            "allowed",
            "endpoint",
            "allowed",
            "allowed",
            "rate",
            "invalid",
            "allowed"
        ]
    );
    assert_eq!(results[9]["allowed_count"], 3);
    for (result, attempt) in results.iter().zip(attempts.as_array().expect("a list")).take(5) {
        let alone = operator.verify(attempt);
        assert_eq!((&result["permit"], &result["denial"]), (&alone["permit"], &alone["denial"]), "{attempt}");
        assert_eq!(result["response"]["status"], alone["response"]["status"]);
    }
    let ids: BTreeSet<_> =
        results.iter().filter_map(|one| one["response"]["headers"]["x-request-id"].as_str()).collect();
    assert_eq!(ids.len(), 4, "each denial is found by an id of its own");
    let thousand = batch(&operator, &json!(vec![json!({"key": good}); 1_000]));
    assert_eq!(thousand.iter().filter(|result| result["allowed"] == true).count(), 1_000);
}

#[test]
fn what_can_be_no_batch_is_refused_as_a_whole_and_nothing_is_counted() {
    let (_server, operator, account) = opened("example");
    let issued = operator.issue(&account, &json!({"name": "good"}));
    let (id, key) = (text(&issued, "id").to_owned(), text(&issued, "key").to_owned());
    for (attempts, place) in [
        (json!([]), "/attempts"),
        (json!(vec![json!({"key": key}); 1_001]), "/attempts"),
        (json!(vec![json!({"key": key, "count": 100}); 11]), "/attempts"),
        (json!([{"key": key}, {"key": key, "path": "x"}]), "/attempts/1/path"),
        (json!([{"key": key}, {"key": key, "count": 0}]), "/attempts/1/count"),
        (json!([{"key": key}, {}]), "/attempts/1"),
        (json!([{"key": key, "colour": "red"}]), "/attempts/0/colour"),
        (json!({"key": key}), "/attempts"),
    ] {
        let refused =
            operator.post("/v1/keys/verify-batch", &json!({"attempts": attempts})).expect(422).json();
        let pointer = text(&refused["errors"][0], "pointer");
        assert!(pointer.starts_with(place), "{pointer} instead of {place}");
    }
    let long = json!({"attempts": [{"key": key, "path": format!("/{}", "x".repeat(1 << 20))}]});
    assert_eq!(operator.post("/v1/keys/verify-batch", &long).status, 413);
    assert_eq!(operator.get("/v1/keys/verify-batch").status, 405);
    let later =
        operator.post("/v1/keys/verify-batch", &json!({"attempts": [{"key": key, "min_seq": 1_000_000}]}));
    assert_eq!(later.status, 503);
    let usage = operator.get(&format!("/v1/usage?key_id={id}")).expect(200).json();
    assert_eq!(usage["items"], json!([]));
}
