//! `/v1/usage` and what keys say of their last use

use claviger_testkit::{Operator, eventually};
use serde_json::{Value, json};

use super::{opened, opened_with_clock, text};

/// `(environment, outcome, count)` of each row, sorted.
fn rows(operator: &Operator, query: &str) -> Vec<(String, String, u64)> {
    let usage = operator.get(&format!("/v1/usage?{query}")).expect(200).json();
    let items = usage["items"].as_array().expect("a list has items").iter();
    let mut rows: Vec<_> = items
        .map(|row| {
            let environment = row["environment"].as_str().unwrap_or("-").to_owned();
            let count = row["count"].as_u64().expect("a count is a number");
            (environment, text(row, "outcome").to_owned(), count)
        })
        .collect();
    rows.sort();
    rows
}

fn row(environment: &str, outcome: &str, count: u64) -> (String, String, u64) {
    (environment.to_owned(), outcome.to_owned(), count)
}

#[test]
fn uses_and_denials_of_live_and_test_keys_are_counted_apart() {
    let (server, operator, account) = opened("example");
    let issue = |environment: &str| {
        let order = json!({
            "name": environment, "environment": environment, "restrictions": {"endpoints": ["GET /v1/users"]},
        });
        let issued = operator.issue(&account, &order);
        (text(&issued, "id").to_owned(), text(&issued, "key").to_owned())
    };
    let ((live, live_key), (test, test_key)) = (issue("live"), issue("test"));
    for (key, allowed, denied) in [(&live_key, 5, 2), (&test_key, 3, 4)] {
        let caller = server.customer(key);
        (0..allowed).for_each(|_| assert_eq!(caller.get("/v1/users").status, 200));
        (0..denied).for_each(|_| assert_eq!(caller.get("/v1/products").status, 403));
    }
    assert_eq!(server.customer("sk_live_000000000000000000000000").get("/v1/users").status, 401);
    assert_eq!(server.customer("nonsense").get("/v1/users").status, 401);
    let wanted = vec![
        row("-", "malformed", 1),
        row("live", "allowed", 5),
        row("live", "endpoint", 2),
        row("live", "unknown", 1),
        row("test", "allowed", 3),
        row("test", "endpoint", 4),
    ];
    eventually(|| (rows(&operator, "api=example") == wanted).then_some(()));
    let of_live = vec![row("live", "allowed", 5), row("live", "endpoint", 2)];
    assert_eq!(rows(&operator, &format!("key_id={live}")), of_live);
    let of_test = vec![row("test", "allowed", 3), row("test", "endpoint", 4)];
    assert_eq!(rows(&operator, &format!("key_id={test}&days=1")), of_test);
    assert_eq!(operator.get("/v1/usage?api=other").expect(200).json()["items"], json!([]));
    assert_eq!(operator.get("/v1/usage?key_id=x").status, 422);
}

#[test]
fn a_key_says_when_from_where_and_for_what_it_was_last_used() {
    let (server, operator, account) = opened("default");
    let (id, key) = operator.issue_plain(&account, "used");
    let show = || operator.get(&format!("/v1/keys/{id}")).expect(200).json();
    assert_eq!(show()["last_used_at"], Value::Null);
    assert_eq!(server.customer(&key).send("POST", "/v1/orders/7?secret=hush", &[], "").status, 201);
    let used = eventually(|| Some(show()).filter(|key| !key["last_used_at"].is_null()));
    let secret = &used["secrets"][0];
    assert_eq!(secret["last_used_at"], used["last_used_at"]);
    assert_eq!(text(secret, "last_used_from"), "127.0.0.1");
    assert_eq!(text(secret, "last_used_for"), "POST /v1/orders/7", "never the query, which may hold secrets");
    let attempt = json!({"key": key, "method": "GET", "path": "/elsewhere", "address": "2001:db8::7"});
    assert_eq!(operator.verify(&attempt)["allowed"], true);
    let secret = eventually(|| {
        Some(show()["secrets"][0].take()).filter(|secret| secret["last_used_for"] == "GET /elsewhere")
    });
    assert_eq!(text(&secret, "last_used_from"), "2001:db8::7");
    let listed = operator.get(&format!("/v1/accounts/{account}/keys")).expect(200).json();
    assert_eq!(listed["items"][0]["secrets"][0], secret);
}

#[test]
fn a_denied_attempt_is_no_use() {
    let (server, operator, account) = opened("default");
    let (id, key) = operator.issue_plain(&account, "denied");
    assert_eq!(operator.post(&format!("/v1/keys/{id}/disable"), &Value::Null).status, 200);
    assert_eq!(server.customer(&key).get("/v1/things").status, 401);
    eventually(|| rows(&operator, &format!("key_id={id}")).first().cloned());
    assert_eq!(operator.get(&format!("/v1/keys/{id}")).expect(200).json()["last_used_at"], Value::Null);
}

#[test]
fn counts_are_kept_by_the_day() {
    let (server, operator, account) = opened_with_clock("default");
    let (id, key) = operator.issue_plain(&account, "used");
    let query = format!("key_id={id}");
    assert_eq!(server.customer(&key).get("/v1/things").status, 200);
    eventually(|| (rows(&operator, &query) == [row("live", "allowed", 1)]).then_some(()));
    server.move_clock("+1d");
    assert_eq!(server.customer(&key).get("/v1/things").status, 200);
    assert_eq!(server.customer(&key).get("/v1/things").status, 200);
    let wanted = [row("live", "allowed", 1), row("live", "allowed", 2)];
    eventually(|| (rows(&operator, &query) == wanted).then_some(()));
    assert_eq!(rows(&operator, &format!("{query}&days=1")), [row("live", "allowed", 2)], "today alone");
    let usage = operator.get(&format!("/v1/usage?{query}")).expect(200).json();
    assert!(text(&usage["items"][0], "day") > text(&usage["items"][1], "day"), "the newest first");
    server.move_clock("+30d");
    assert_eq!(rows(&operator, &query), [row("live", "allowed", 2)], "thirty days are shown");
}

#[test]
fn counts_are_shown_of_1_to_400_days() {
    let (_server, operator, _) = opened("default");
    for days in [1, 400] {
        assert_eq!(operator.get(&format!("/v1/usage?days={days}")).status, 200);
    }
    for days in ["0", "401", "4294967295"] {
        let refused = operator.get(&format!("/v1/usage?days={days}")).expect(422).json();
        assert_eq!(refused["errors"][0]["pointer"], "/days", "{days}");
    }
}

#[test]
fn no_count_is_lost_when_the_server_is_asked_to_end() {
    let (server, operator, account) = opened("default");
    let (id, key) = operator.issue_plain(&account, "used");
    (0..50).for_each(|_| assert_eq!(server.customer(&key).get("/v1/things").status, 200));
    let stopped = server.stop();
    assert_eq!(stopped.code, Some(0));
    let server = stopped.start();
    assert_eq!(rows(&server.operator(), &format!("key_id={id}")), [row("live", "allowed", 50)]);
}
