//! Rates and quotas: what a caller is told, what a refused one is answered, and what is left after a crash.

use claviger_testkit::{Answer, Operator, Redis, Server, ServerBuilder};
use serde_json::{Value, json};

use super::{opened, opened_with_clock, opened_with_profile, text};

/// A window that gives back nothing while a test runs.
fn hourly(name: &str, limit: u32) -> Value {
    json!({"name": name, "limit": limit, "window": "1h"})
}

#[track_caller]
fn issue(operator: &Operator, account: &str, restrictions: &Value) -> (String, String) {
    let issued = operator.issue(account, &json!({"name": "limited", "restrictions": restrictions}));
    (text(&issued, "id").to_owned(), text(&issued, "key").to_owned())
}

#[track_caller]
fn header<'a>(answer: &'a Answer, name: &str) -> &'a str {
    answer.header(name).expect(name)
}

/// How many of `calls` are let in.
fn let_in(server: &Server, key: &str, calls: usize) -> usize {
    (0..calls).filter(|_| server.customer(key).get("/v1/things").status == 200).count()
}

#[test]
fn each_profile_refuses_too_many_in_its_own_words_and_says_when_to_come_back() {
    for profile in ["cashcat", "example", "codat", "cicosts", "default"] {
        let (server, operator, account) = opened(profile);
        let (_, key) = issue(&operator, &account, &json!({"rates": [hourly("burst", 2)]}));
        let verdict = operator.verify(&json!({"key": key}));
        assert_eq!(verdict["permit"]["limits"][0]["remaining"], 1, "{profile}: {verdict}");
        assert_eq!(verdict["headers"]["ratelimit-policy"], "\"burst\";q=2;w=3600", "{profile}: {verdict}");
        operator.verify(&json!({"key": key}));
        let verdict = operator.verify(&json!({"key": key}));
        assert_eq!(verdict["denial"]["code"], "rate", "{profile}");
        let seconds = verdict["denial"]["retry_after"].as_u64().expect("it is a number");
        assert!((1790..=1800).contains(&seconds), "{profile}: half an hour for one of two: {seconds}");
        let response = &verdict["response"];
        assert_eq!(response["status"], 429, "{profile}");
        assert_eq!(response["headers"]["retry-after"], seconds.to_string(), "{profile}");
        assert_eq!(response["headers"]["ratelimit-policy"], "\"burst\";q=2;w=3600", "{profile}");
        assert_eq!(response["headers"]["ratelimit"], format!("\"burst\";r=0;t={seconds}"), "{profile}");
        assert!(text(response, "body").contains("Too many requests"), "{profile}: {response}");
        drop(server);
    }
}

#[test]
fn the_gateway_tells_it_on_the_upstream_s_answers_and_on_its_own() {
    let (server, operator, account) = opened("default");
    let rates = json!([hourly("burst", 2), {"name": "day", "limit": 100, "window": "1d"}]);
    let quotas = json!([{"name": "month", "limit": 5000, "per": "month"}]);
    let (id, key) = issue(&operator, &account, &json!({"rates": rates, "quotas": quotas}));
    let call = || server.customer(&key).get("/v1/things");
    let first = call().expect(200);
    assert_eq!(
        header(&first, "ratelimit-policy"),
        "\"burst\";q=2;w=3600, \"day\";q=100;w=86400, \"month\";q=5000"
    );
    let told = header(&first, "ratelimit");
    assert!(told.starts_with("\"burst\";r=1;t=1800, \"day\";r=99;t=864, \"month\";r=4999;t="), "{told}");
    assert_eq!(first.header("x-claviger-limits"), None, "one node counts for all");
    let _ = call().expect(200);
    let refused = call().expect(429);
    let told = header(&refused, "ratelimit");
    assert!(told.contains("\"burst\";r=0;") && told.contains("\"month\";r=4998;"), "{told}");
    let after: u64 = header(&refused, "retry-after").parse().unwrap();
    assert!((1790..=1800).contains(&after), "{after}");
    assert_eq!(header(&refused, "cache-control"), "private, no-store");

    let other = server.customer(&operator.issue_plain(&account, "free").1).get("/v1/things").expect(200);
    assert_eq!((other.header("ratelimit"), other.header("ratelimit-policy")), (None, None));
    let _ = operator.patch(&format!("/v1/keys/{id}"), &json!({"restrictions": {"rates": null}})).expect(200);
    assert_eq!(header(&call().expect(200), "ratelimit-policy"), "\"month\";q=5000");
}

#[test]
fn a_profile_names_the_fields_and_limits_keys_that_have_no_limits() {
    let (server, operator, account) = opened_with_profile(
        r#"
[limits]
headers = { limit = "X-RateLimit-Limit", remaining = "X-RateLimit-Remaining", reset = "X-RateLimit-Reset" }
[[limits.rates]]
name = "all"
limit = 2
window = "1h"
"#,
    );
    let (_, key) = operator.issue_plain(&account, "as the profile says");
    let first = server.customer(&key).get("/v1/things").expect(200);
    let told = ["limit", "remaining", "reset"].map(|name| header(&first, &format!("x-ratelimit-{name}")));
    assert_eq!(told, ["2", "1", "1800"]);
    assert_eq!(first.header("ratelimit"), None);
    assert_eq!(let_in(&server, &key, 5), 1);
    let (_, key) = issue(&operator, &account, &json!({"rates": [hourly("own", 4)]}));
    assert_eq!(let_in(&server, &key, 9), 4);
}

#[test]
fn a_refused_call_is_counted_as_refused_and_shown_to_the_owner() {
    let (server, operator, account) = opened("default");
    let (id, key) = issue(&operator, &account, &json!({"rates": [hourly("burst", 1)]}));
    let_in(&server, &key, 3);
    let denials = claviger_testkit::eventually(|| {
        let denials = operator.get(&format!("/v1/denials?key_id={id}")).expect(200).json();
        (denials["items"].as_array().is_some_and(|items| items.len() == 2)).then_some(denials)
    });
    assert_eq!(denials["items"][0]["code"], "rate");
    assert!(text(&denials["items"][0], "detail").starts_with("Too many requests for the limit burst; wait "));
}

#[test]
fn a_verify_call_that_stands_for_several_attempts_counts_each_of_them() {
    let (_server, operator, account) = opened("default");
    let (id, key) = issue(&operator, &account, &json!({"rates": [hourly("burst", 3)]}));
    let verify = |count: u32| operator.verify(&json!({"key": key, "count": count}));
    let all = verify(2);
    assert_eq!((&all["allowed"], &all["allowed_count"]), (&json!(true), &json!(2)));
    assert_eq!(all["permit"]["limits"][0]["remaining"], 1);
    let some = verify(4);
    assert_eq!((&some["allowed"], &some["allowed_count"]), (&json!(false), &json!(1)));
    assert_eq!((&some["permit"]["key_id"], &some["denial"]["code"]), (&json!(id), &json!("rate")));
    assert_eq!(some["response"]["status"], 429);
    let none = verify(4);
    assert_eq!((&none["allowed_count"], &none["permit"]), (&json!(0), &Value::Null));
    claviger_testkit::eventually(|| {
        let usage = operator.get(&format!("/v1/usage?key_id={id}")).expect(200).json();
        let of = |allowed: bool| {
            let items = usage["items"].as_array().expect("usage is a list").iter();
            let items = items.filter(|item| (item["outcome"] == "allowed") == allowed);
            items.filter_map(|item| item["count"].as_u64()).sum::<u64>()
        };
        ((of(true), of(false)) == (3, 7)).then_some(())
    });
    for count in [0, 101] {
        let refused = operator.post("/v1/keys/verify", &json!({"key": key, "count": count})).expect(422);
        assert_eq!(refused.json()["errors"][0]["pointer"], "/count");
    }
}

#[test]
fn limits_that_can_not_be_taken_are_refused_with_their_place() {
    let (_server, operator, account) = opened("default");
    let (id, _) = issue(&operator, &account, &json!({"rates": [hourly("a", 1)]}));
    let patch = |restrictions: Value| {
        let body = json!({"restrictions": restrictions});
        operator.patch(&format!("/v1/keys/{id}"), &body).expect(422).json()["errors"][0].clone()
    };
    for (restrictions, pointer, why) in [
        (json!({"rates": []}), "/restrictions", "an empty list limits nothing"),
        (
            json!({"rates": [{"name": "a", "limit": 0, "window": "1s"}]}),
            "/restrictions",
            "from 1 to 1000000000",
        ),
        (json!({"rates": [{"name": "a", "limit": 1, "window": "32d"}]}), "/restrictions", "from 1s to 31d"),
        (json!({"rates": [{"name": "A", "limit": 1, "window": "1s"}]}), "/restrictions", "lower-case"),
        (json!({"rates": [hourly("b", 1), hourly("b", 2)]}), "/restrictions", "twice"),
        (json!({"rates": vec![hourly("b", 1); 9]}), "/restrictions", "at most 8"),
        (json!({"quotas": [{"name": "q", "limit": 1, "per": "week"}]}), "/restrictions", "week"),
        (
            json!({"quotas": [{"name": "a", "limit": 1, "per": "day"}]}),
            "/restrictions/quotas",
            "name of a rate",
        ),
    ] {
        let fault = patch(restrictions.clone());
        assert_eq!(fault["pointer"], pointer, "{restrictions}: {fault}");
        assert!(text(&fault, "detail").contains(why), "{restrictions}: {fault}");
    }
    let both = json!({"rates": [hourly("a", 1)], "quotas": [{"name": "a", "limit": 1, "per": "day"}]});
    let order = json!({"name": "n", "restrictions": both});
    let _ = operator.post(&format!("/v1/accounts/{account}/keys"), &order).expect(422);
}

#[test]
fn a_limit_is_shown_as_it_was_set_and_a_patch_replaces_its_kind_alone() {
    let (_server, operator, account) = opened("default");
    let (id, _) = issue(&operator, &account, &json!({"networks": ["127.0.0.1"], "rates": [hourly("a", 5)]}));
    let quotas = json!([{"name": "month", "limit": 9, "per": "month"}]);
    let _ =
        operator.patch(&format!("/v1/keys/{id}"), &json!({"restrictions": {"quotas": quotas}})).expect(200);
    let shown = operator.get(&format!("/v1/keys/{id}")).expect(200).json();
    let expected = json!({
        "networks": ["127.0.0.1"], "referrers": null, "endpoints": null, "rates": [hourly("a", 5)], "quotas": quotas,
    });
    assert_eq!(shown["restrictions"], expected);
}

/// A key that makes keys would make itself free of its limits.
#[test]
fn a_limited_key_makes_no_keys() {
    let (server, operator, account) = opened("example");
    let (_, key) = issue(&operator, &account, &json!({"rates": [hourly("a", 50)]}));
    let made = |key: &str| {
        let headers = [("Content-Type", "application/json")];
        server.customer(key).send("POST", "/v1/api-keys", &headers, r#"{"name":"another"}"#).status
    };
    assert_eq!(made(&key), 403);
    assert_eq!(made(&operator.issue_plain(&account, "free").1), 201);
}

#[test]
fn a_quota_survives_a_kill_and_is_only_refused_early() {
    let (mut server, operator, account) = opened("default");
    let quotas = json!([{"name": "month", "limit": 1000, "per": "month"}]);
    let (_, key) = issue(&operator, &account, &json!({"quotas": quotas}));
    let mut used = let_in(&server, &key, 123);
    assert_eq!(used, 123);
    for _ in 0..3 {
        server = server.kill().start();
        used += let_in(&server, &key, 7);
    }
    assert_eq!(used, 123 + 3 * 7, "there is plenty");
    server = server.kill().start();
    let rest = let_in(&server, &key, 1000);
    // Four kills, each of which forfeits a hundredth at most.
    assert!((1000 - 4 * 10..=1000).contains(&(used + rest)), "{}", used + rest);
    let refused = server.customer(&key).get("/v1/things").expect(429);
    assert!(refused.text().contains("quota"), "{}", refused.text());
    server = server.kill().start();
    assert_eq!(let_in(&server, &key, 3), 0, "used up is used up");
}

#[test]
fn an_orderly_restart_forfeits_nothing() {
    let (mut server, operator, account) = opened("default");
    let quotas = json!([{"name": "month", "limit": 1000, "per": "month"}]);
    let (_, key) = issue(&operator, &account, &json!({"quotas": quotas}));
    for _ in 0..3 {
        assert_eq!(let_in(&server, &key, 5), 5);
        server = server.stop().start();
    }
    let told = server.customer(&key).get("/v1/things").expect(200);
    assert!(header(&told, "ratelimit").starts_with("\"month\";r=984;"), "{told:?}");
}

#[test]
fn a_day_ends_at_midnight_in_utc() {
    let (server, operator, account) = opened_with_clock("default");
    let (_, key) =
        issue(&operator, &account, &json!({"quotas": [{"name": "day", "limit": 2, "per": "day"}]}));
    server.move_clock("@2100-06-15 23:59:00");
    assert_eq!(let_in(&server, &key, 4), 2);
    let refused = server.customer(&key).get("/v1/things").expect(429);
    let seconds: u64 = header(&refused, "retry-after").parse().unwrap();
    assert!((1..=60).contains(&seconds), "{seconds}");
    server.move_clock("@2100-06-16 00:00:00");
    assert_eq!(let_in(&server, &key, 4), 2);
}

fn with_redis(redis_url: &str) -> (Server, Operator, String) {
    let builder = ServerBuilder::new(crate::PROGRAM).profile("default");
    super::with_account(builder.variable("CLAVIGER_REDIS_URL", redis_url).start())
}

#[test]
fn what_is_counted_in_redis_outlives_the_server() {
    let redis = Redis::start();
    let (server, operator, account) = with_redis(&redis.url());
    let (id, key) = issue(&operator, &account, &json!({"rates": [hourly("a", 30)]}));
    // Until it is connected the first calls are counted alone.
    claviger_testkit::eventually(|| {
        let (_, probe) = issue(&operator, &account, &json!({"rates": [hourly("a", 30)]}));
        server.customer(&probe).get("/v1/things").header("x-claviger-limits").is_none().then_some(())
    });
    assert_eq!(let_in(&server, &key, 12), 12);
    assert_eq!(redis.command(&["EXISTS", &format!("claviger:{{{id}}}")]), "1");
    let server = server.kill().start();
    claviger_testkit::eventually(|| {
        let (_, probe) = issue(&server.operator(), &account, &json!({"rates": [hourly("a", 30)]}));
        server.customer(&probe).get("/v1/things").header("x-claviger-limits").is_none().then_some(())
    });
    assert_eq!(let_in(&server, &key, 40), 18);
}

#[test]
fn a_redis_that_is_away_lets_nobody_wait_and_is_said() {
    let mut redis = Redis::start();
    redis.kill();
    let (server, operator, account) = with_redis(&redis.url());
    let (_, key) = issue(&operator, &account, &json!({"rates": [hourly("a", 3)]}));
    let told = server.customer(&key).get("/v1/things").expect(200);
    assert_eq!(header(&told, "x-claviger-limits"), "local");
    assert_eq!(let_in(&server, &key, 9), 2, "the only node's share is all of it");
    assert_eq!(header(&server.customer(&key).get("/v1/things").expect(429), "x-claviger-limits"), "local");
    let free = operator.issue_plain(&account, "free").1;
    assert_eq!(server.customer(&free).get("/v1/things").expect(200).header("x-claviger-limits"), None);
    redis.start_again();
    let (_, other) = issue(&operator, &account, &json!({"rates": [hourly("a", 1000)]}));
    claviger_testkit::eventually(|| {
        server.customer(&other).get("/v1/things").header("x-claviger-limits").is_none().then_some(())
    });
    let log = server.log();
    assert!(log.contains("limits aren't shared") && log.contains("limits are shared again"), "{log}");
}

#[test]
fn the_password_of_redis_is_in_no_log() {
    let mut redis = claviger_testkit::RedisBuilder::new().password("correct-horse").start();
    let (server, operator, account) = with_redis(&redis.url());
    let (_, key) = issue(&operator, &account, &json!({"rates": [hourly("a", 3)]}));
    redis.kill();
    let_in(&server, &key, 3);
    let log = server.log();
    assert!(log.contains("rates are shared") && !log.contains("correct-horse"), "{log}");
}
