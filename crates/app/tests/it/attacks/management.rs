//! Requests that operators' programs shouldn't send (section 2.D): refused in RFC 9457 problems, and nothing done.

use claviger_testkit::{Answer, exchange};
use serde_json::{Value, json};

use super::{answers::Words, stage::Stage, template::fill};

/// A POST of these bytes, as they are.
fn post(stage: &Stage, path: &str, content_type: &str, body: &[u8]) -> Answer {
    let typed =
        if content_type.is_empty() { String::new() } else { format!("Content-Type: {content_type}\r\n") };
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: c\r\nAuthorization: Bearer {}\r\n{typed}Content-Length: {}\r\n\r\n",
        stage.server.operator_key(),
        body.len()
    );
    let request = [head.as_bytes(), body].concat();
    exchange(stage.server.control, "POST", &request).expect("there is an answer")
}

/// Checks that an answer is a problem of this status and code, and that it says nothing of what it is made of.
#[track_caller]
pub(crate) fn check_problem(row: &str, answer: &Answer, status: u16, code: &str) {
    assert_eq!(answer.status, status, "{row}: {}", answer.text());
    assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{row}");
    let problem = answer.json();
    assert_eq!(problem["code"], code, "{row}: {problem}");
    assert_eq!(problem["type"], format!("/problems/{code}"), "{row}");
    assert_eq!(problem["status"], status, "{row}");
    assert!(problem["title"].is_string(), "{row}");
    let text = answer.text().to_ascii_lowercase();
    for part in ["sqlite", "rusqlite", "panicked", ".rs:", "select ", "constraint", "claviger_"] {
        assert!(!text.contains(part), "A25 {row}: {text}");
    }
    assert_eq!(answer.header("server"), None, "A25 {row}");
    assert_eq!(answer.header("cache-control"), Some("private, no-store"), "{row}");
    assert!(answer.header("x-request-id").is_some_and(|id| id.starts_with("req_")), "{row}");
    assert_eq!(answer.header("www-authenticate").is_some(), status == 401, "{row}");
}

#[test]
fn json_that_two_parsers_could_read_differently_is_refused() {
    let stage = Stage::shipped("cashcat", Words::CashCat);
    let keys = format!("/v1/accounts/{}/keys", stage.account);
    let events = stage.events();
    let deep = format!("{{\"name\":{}", "[".repeat(10_000));
    let deep_metadata = format!(
        "{{\"name\":\"n\",\"metadata\":{}{}}}",
        "{\"a\":".repeat(10_000),
        "1".to_owned() + &"}".repeat(10_000)
    );
    for (row, body) in [
        ("nothing", ""),
        ("white space", "  "),
        ("truncated", "{\"name\":\"n\""),
        ("truncated text", "{\"name\":\"n"),
        ("A78 a member twice", "{\"name\":\"n\",\"name\":\"m\"}"),
        ("A78 a member twice, escaped", "{\"name\":\"n\",\"\\u006eame\":\"m\"}"),
        (
            "A78 a member twice, inside",
            "{\"name\":\"n\",\"restrictions\":{\"networks\":null,\"networks\":null}}",
        ),
        ("A78 a member twice, in metadata", "{\"name\":\"n\",\"metadata\":{\"a\":1,\"a\":2}}"),
        ("A78 deep", &deep),
        ("A78 deep metadata", &deep_metadata),
        ("A78 NaN", "{\"name\":NaN}"),
        ("A78 infinity", "{\"name\":\"n\",\"metadata\":{\"a\":-Infinity}}"),
        ("A78 endless number", "{\"name\":\"n\",\"metadata\":{\"a\":1e999}}"),
        ("A78 leading zero", "{\"name\":\"n\",\"metadata\":{\"a\":01}}"),
        ("A78 lone surrogate", "{\"name\":\"\\ud800\"}"),
        ("A78 surrogates in the wrong order", "{\"name\":\"\\udc00\\ud800\"}"),
        ("A78 byte order mark", "\u{feff}{\"name\":\"n\"}"),
        ("A78 not UTF-8", "{\"name\":\"{FF}\"}"),
        ("A78 raw NUL", "{\"name\":\"a\0b\"}"),
        ("A78 NUL at the end", "{\"name\":\"n\"}\0"),
        ("A78 raw line feed", "{\"name\":\"a\nb\"}"),
        ("A78 two values", "{\"name\":\"n\"}{\"name\":\"m\"}"),
        ("A78 comma at the end", "{\"name\":\"n\",}"),
        ("A78 comment", "{\"name\":\"n\"}//"),
        ("A78 single quotes", "{'name':'n'}"),
        ("A78 no quotes", "{name:\"n\"}"),
        ("A78 XML", "<name>n</name>"),
    ] {
        let body = fill(body, &[]);
        check_problem(row, &post(&stage, &keys, "application/json", &body), 400, "malformed_request");
    }
    let huge = format!("{{\"name\":\"{}\"}}", "x".repeat(10 << 20)).into_bytes();
    check_problem("A78 10 MB", &post(&stage, &keys, "application/json", &huge), 413, "too_large");
    let good = b"{\"name\":\"n\"}";
    for kind in [
        "",
        "text/plain",
        "text/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/jsonx",
        "application/json, text/plain",
    ] {
        check_problem(kind, &post(&stage, &keys, kind, good), 415, "unsupported_media_type");
    }
    assert_eq!(stage.events(), events, "nothing was done");
    for kind in ["application/json", "Application/JSON; charset=utf-8"] {
        let issued = post(&stage, &keys, kind, good).expect(201).json();
        stage.keep_secret(issued["key"].as_str().expect("it has a key"));
    }
    stage.close();
}

#[test]
fn fields_that_nobody_asked_for_are_refused() {
    let stage = Stage::shipped("cicosts", Words::CiCosts);
    let keys = format!("/v1/accounts/{}/keys", stage.account);
    let key = stage.issue(json!({}));
    let events = stage.events();
    for (row, field) in [
        ("A59 user", json!({"userId": "1"})),
        ("A59 account", json!({"accountId": "acc_1"})),
        ("A59 account as we write it", json!({"account_id": stage.account})),
        ("A59 api", json!({"api": "cicosts"})),
        ("A59 role", json!({"role": "administrator"})),
        ("A59 creation", json!({"createdAt": "2020-01-01T00:00:00Z"})),
        ("A59 creation as we write it", json!({"created_at": "2020-01-01T00:00:00Z"})),
        ("A59 creator", json!({"created_by": "operator:op_1"})),
        ("A59 digest", json!({"hash": "00"})),
        ("A59 digest as we write it", json!({"digest": "00"})),
        ("A59 key", json!({"key": "cic_live_AAAAAAAAAAAAAAAAAAAAAAAAAAAA"})),
        ("A59 hint", json!({"hint": "x"})),
        ("A59 state", json!({"state": "active"})),
        ("A59 rate", json!({"rateLimit": 1})),
        ("A59 expiry in another spelling", json!({"expiresAt": null})),
        ("A59 id", json!({"id": "key_1"})),
        ("A59 prototype", json!({"__proto__": {}})),
        ("A59 scopes of a kind", json!({"scopes": ["*"]})),
        ("A59 a scope that isn't", json!({"scopes": ["costs:write"]})),
        ("A59 scopes in a text", json!({"scopes": "costs:read"})),
        ("A59 no scopes", json!({"scopes": [""]})),
        ("A59 two scopes in one", json!({"scopes": ["costs:read alerts:read"]})),
        ("wrong type", json!({"name": 1})),
        ("wrong type", json!({"name": ["n"]})),
        ("wrong type", json!({"name": {"$gt": ""}})),
        ("wrong type", json!({"environment": 1})),
        ("wrong environment", json!({"environment": "production"})),
        ("environment in capitals", json!({"environment": "LIVE"})),
        ("wrong type", json!({"scopes": {"costs:read": true}})),
        ("wrong type", json!({"scopes": [1]})),
        ("wrong type", json!({"metadata": "x"})),
        ("wrong type", json!({"metadata": [1]})),
        ("wrong type", json!({"external_id": 1})),
        ("wrong type", json!({"restrictions": []})),
        ("unknown restriction", json!({"restrictions": {"ips": ["10.0.0.0/8"]}})),
        ("no networks", json!({"restrictions": {"networks": []}})),
        ("no endpoints", json!({"restrictions": {"endpoints": []}})),
        ("no referrers", json!({"restrictions": {"referrers": []}})),
        ("endpoint without a method", json!({"restrictions": {"endpoints": ["/v1"]}})),
        ("endpoint that isn't canonical", json!({"restrictions": {"endpoints": ["GET /v1/../x"]}})),
        ("endpoint with half a star", json!({"restrictions": {"endpoints": ["GET /v1/us*"]}})),
        ("referrer of everybody", json!({"restrictions": {"referrers": ["https://*"]}})),
        ("empty external id", json!({"external_id": ""})),
        ("external id with a line break", json!({"external_id": "a\r\nb"})),
        ("external id too long", json!({"external_id": "x".repeat(256)})),
        ("metadata too large", json!({"metadata": {"x": "x".repeat(17_000)}})),
    ] {
        let mut order = json!({"name": "n"});
        let fields = field.as_object().expect("a row has fields");
        order.as_object_mut().expect("an order has fields").extend(fields.clone());
        let body = order.to_string();
        check_problem(row, &post(&stage, &keys, "application/json", body.as_bytes()), 422, "invalid");
        // The same in a change of a key, apart from what may be said there only.
        if !field["environment"].is_null() || row.contains("as we write") {
            continue;
        }
        let patched = stage.operator.patch(&format!("/v1/keys/{}", key.id), &field);
        check_problem(row, &patched, 422, "invalid");
    }
    for (row, body) in [("a list", "[]"), ("a text", "\"n\""), ("null", "null"), ("a number", "1")] {
        check_problem(row, &post(&stage, &keys, "application/json", body.as_bytes()), 422, "invalid");
    }
    for (row, path, order) in [
        ("account with an id", "/v1/accounts", json!({"name": "n", "id": "acc_1"})),
        ("account with a state", "/v1/accounts", json!({"name": "n", "state": "active"})),
        ("account of no api", "/v1/accounts", json!({"name": "n", "api": "nope"})),
        ("operator with a key", "/v1/operators", json!({"name": "n", "can": ["read"], "key": "x"})),
        ("operator of a kind", "/v1/operators", json!({"name": "n", "can": ["root"]})),
        ("operator that can nothing", "/v1/operators", json!({"name": "n", "can": []})),
        ("operator in a text", "/v1/operators", json!({"name": "n", "can": "all"})),
        ("verify with an account", "/v1/keys/verify", json!({"key": "x", "account": "acc_1"})),
        ("verify from nowhere", "/v1/keys/verify", json!({"key": "x", "address": "localhost"})),
        ("verify a list", "/v1/keys/verify", json!({"key": ["x"]})),
        (
            "verify without names",
            "/v1/keys/verify",
            json!(["x", null, null, null, null, null, [], null, null]),
        ),
        ("verify nothing", "/v1/keys/verify", json!({})),
        ("verify another api", "/v1/keys/verify", json!({"key": "x", "api": "nope"})),
    ] {
        check_problem(row, &stage.operator.post(path, &order), 422, "invalid");
    }
    assert_eq!(stage.events(), events, "nothing was done");
    stage.close();
}

#[test]
fn names_are_text_within_their_bounds() {
    let stage = Stage::shipped("codat", Words::Codat);
    let keys = format!("/v1/accounts/{}/keys", stage.account);
    let taken = |name: &str| {
        let issued = stage.operator.post(&keys, &json!({"name": name}));
        if issued.status == 201 {
            let issued = issued.json();
            assert_eq!(issued["name"], name);
            stage.keep_secret(issued["key"].as_str().expect("it has a key"));
            let path = format!("/v1/keys/{}", issued["id"].as_str().expect("it has an id"));
            assert_eq!(stage.operator.get(&path).expect(200).json()["name"], name);
            let _ = stage.operator.post(&format!("{path}/revoke"), &Value::Null).expect(200);
        } else {
            check_problem(name, &issued, 422, "invalid");
            assert_eq!(issued.json()["errors"][0]["pointer"], "/name");
        }
        issued.status == 201
    };
    for (row, name, fits) in [
        ("empty", String::new(), false),
        ("white space", " \u{a0} ".to_owned(), false),
        ("one", "n".to_owned(), true),
        ("50", "n".repeat(50), true),
        ("51", "n".repeat(51), false),
        ("50 of two bytes", "\u{e9}".repeat(50), true),
        ("51 of two bytes", "\u{e9}".repeat(51), false),
        ("50 of four bytes", "\u{1f511}".repeat(50), true),
        ("10,000", "n".repeat(10_000), false),
        ("A76 NUL", "a\0b".to_owned(), false),
        ("A76 line break", "a\r\nb".to_owned(), false),
        ("A76 tab", "a\tb".to_owned(), false),
        ("A76 delete", "a\u{7f}b".to_owned(), false),
        ("A76 C1", "a\u{9b}31m".to_owned(), false),
        ("A76 markup", "<script>alert(1)</script>".to_owned(), true),
        ("A76 right to left", "\u{202e}gnp.exe".to_owned(), true),
        ("A76 family", "\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467}".to_owned(), true),
        ("A76 formula", "=cmd|' /C calc'!A0".to_owned(), true),
        ("A157 quote", "'; DROP TABLE keys; --".to_owned(), true),
        ("A157 wildcards", "%_\\%".to_owned(), true),
    ] {
        assert_eq!(taken(&name), fits, "{row}");
    }
    stage.close();

    let stage = Stage::shipped("cashcat", Words::CashCat);
    let keys = format!("/v1/accounts/{}/keys", stage.account);
    for (count, status) in [(100, 201), (101, 422)] {
        let issued = stage.operator.post(&keys, &json!({"name": "n".repeat(count)}));
        assert_eq!(issued.status, status, "{count} characters where the profile says nothing");
    }
    check_problem("a name is asked for", &stage.operator.post(&keys, &json!({})), 422, "invalid");
    for (path, bound) in [("/v1/accounts", 200), ("/v1/operators", 100)] {
        for (name, status) in [
            ("n".repeat(bound), 201),
            ("n".repeat(bound + 1), 422),
            (String::new(), 422),
            ("a\nb".to_owned(), 422),
        ] {
            let mut order = json!({"name": name});
            if path == "/v1/operators" {
                order["can"] = json!(["read"]);
            }
            assert_eq!(stage.operator.post(path, &order).status, status, "{path} {}", name.len());
        }
    }
    stage.close();
}

#[test]
fn an_expiry_is_an_instant_of_the_future_and_kept_as_it_is() {
    let stage = Stage::shipped("cicosts", Words::CiCosts);
    for (row, expires_at, wanted) in [
        ("A77 exact", json!("2099-12-31T23:59:59Z"), Some("2099-12-31T23:59:59Z")),
        ("A77 after 2038", json!("2038-01-19T03:14:08Z"), Some("2038-01-19T03:14:08Z")),
        ("A77 milliseconds", json!("2099-01-01T00:00:00.123Z"), Some("2099-01-01T00:00:00.123Z")),
        ("A77 offset", json!("2099-01-01T01:00:00+01:00"), Some("2099-01-01T00:00:00Z")),
        ("A77 year 9999", json!("9999-12-30T00:00:00Z"), Some("9999-12-30T00:00:00Z")),
        ("A77 never", Value::Null, None),
        ("A77 past", json!("2020-01-01T00:00:00Z"), Some("")),
        ("A77 long past", json!("0001-01-01T00:00:00Z"), Some("")),
        ("A77 before Christ", json!("-000001-01-01T00:00:00Z"), Some("")),
        ("A77 year 10000", json!("+010000-01-01T00:00:00Z"), Some("")),
        ("A77 seconds", json!(4_102_444_800_u64), Some("")),
        ("A77 milliseconds as a number", json!(4_102_444_800_000_u64), Some("")),
        ("A77 number in a text", json!("4102444800"), Some("")),
        ("A77 fraction", json!(4_102_444_800.5), Some("")),
        ("A77 negative", json!(-1), Some("")),
        ("A77 empty", json!(""), Some("")),
        ("A77 date alone", json!("2099-01-01"), Some("")),
        ("A77 no offset", json!("2099-01-01T00:00:00"), Some("")),
        ("A77 space for T", json!("2099-01-01 00:00:00Z"), Some("")),
        ("A77 zone", json!("2099-01-01T00:00:00Z[Europe/Rome]"), Some("")),
        ("A77 month 13", json!("2099-13-01T00:00:00Z"), Some("")),
        ("A77 30 February", json!("2099-02-30T00:00:00Z"), Some("")),
        ("A77 hour 24", json!("2099-01-01T24:00:00Z"), Some("")),
        ("A77 duration", json!("90d"), Some("")),
        ("A77 never in a text", json!("never"), Some("")),
        ("A77 truth", json!(true), Some("")),
    ] {
        let path = format!("/v1/accounts/{}/keys", stage.account);
        let issued = stage.operator.post(&path, &json!({"name": "n", "expires_at": expires_at}));
        if wanted == Some("") {
            check_problem(row, &issued, 422, "invalid");
        } else {
            let issued = issued.expect(201).json();
            assert_eq!(issued["expires_at"].as_str(), wanted, "{row}");
            stage.keep_secret(issued["key"].as_str().expect("it has a key"));
        }
    }
    // A leap second is either refused or the second it stands for; never another day.
    let key = stage.issue(json!({}));
    let leap = json!({"expires_at": "2099-06-30T23:59:60Z"});
    let patched = stage.operator.patch(&format!("/v1/keys/{}", key.id), &leap);
    if patched.status == 200 {
        let kept = patched.json()["key"]["expires_at"].clone();
        assert!(kept == "2099-06-30T23:59:59Z" || kept == "2099-07-01T00:00:00Z", "A77 leap second: {kept}");
    } else {
        check_problem("A77 leap second", &patched, 422, "invalid");
    }
    let past = json!({"expires_at": "2020-01-01T00:00:00Z"});
    check_problem("A65 past", &stage.operator.patch(&format!("/v1/keys/{}", key.id), &past), 422, "invalid");
    stage.close();
}
