//! Paths that two parsers could read differently (section 2.B), and what the upstream gets of those that pass (P20).

use claviger_testkit::ServerBuilder;
use serde_json::json;

use super::{
    answers::{
        Wanted::{self, BadRequest, Forbidden, Invalid, Passed, TooLarge, Unparsed},
        Words,
    },
    stage::{Key, Stage},
    template::fill,
};

/// A target, and what it comes to for a key that may `GET /v1/pub/**` and `GET /v1/caf%C3%A9`.
pub(crate) const ROWS: &[(&str, &str, Wanted)] = &[
    ("allowed", "/v1/pub/x", Passed),
    ("allowed, deeper", "/v1/pub/x/y.json", Passed),
    ("allowed, plain characters", "/v1/pub/a:b@c!$&'()*+,=~-._", Passed),
    ("allowed, needed encoding", "/v1/pub/a%20b%C3%A9", Passed),
    ("allowed, any query", "/v1/pub/x?a=../..&b=%2e%2e%2F//;\\", Passed),
    ("allowed, the pattern's own encoding", "/v1/caf%C3%A9", Passed),
    ("other path", "/v1/admin", Forbidden),
    ("the pattern's parent", "/v1/pub", Forbidden),
    ("root", "/", Forbidden),
    ("A29 parent", "/v1/pub/../admin", BadRequest),
    ("A29 parent at the end", "/v1/pub/x/..", BadRequest),
    ("A29 parent at the start", "/../v1/pub/x", BadRequest),
    ("A29 itself", "/v1/./admin", BadRequest),
    ("A29 itself, inside", "/v1/pub/./x", BadRequest),
    ("A30 encoded parent", "/v1/pub/%2e%2e/admin", BadRequest),
    ("A30 upper case", "/v1/pub/%2E%2E/admin", BadRequest),
    ("A30 half", "/v1/pub/.%2e/admin", BadRequest),
    ("A30 other half", "/v1/pub/%2e./admin", BadRequest),
    ("A30 twice encoded", "/v1/pub/%252e%252e/admin", BadRequest),
    ("A30 encoded letter", "/v1/pub/%61dmin", BadRequest),
    ("A30 encoded itself", "/v1/pub/%2e/admin", BadRequest),
    ("A31 encoded slash", "/v1/pub/..%2fadmin", BadRequest),
    ("A31 upper case", "/v1/pub/..%2Fadmin", BadRequest),
    ("A31 all encoded", "/v1/pub/%2e%2e%2fadmin", BadRequest),
    ("A31 encoded backslash", "/v1/pub/..%5cadmin", BadRequest),
    ("A31 slash alone", "/v1/pub/x%2Fy", BadRequest),
    ("A31 twice encoded slash", "/v1/pub/..%252fadmin", BadRequest),
    ("A33 two slashes at the start", "//v1/admin", BadRequest),
    ("A33 two slashes inside", "/v1//admin", BadRequest),
    ("A33 two slashes, allowed", "/v1/pub//x", BadRequest),
    ("A33 two slashes and a parent", "/v1/pub//../admin", BadRequest),
    ("A34 parameter", "/v1/pub;x=1/../admin", BadRequest),
    ("A34 parameter of a parent", "/v1/pub/..;/admin", BadRequest),
    ("A34 session", "/v1/admin;jsessionid=1", BadRequest),
    ("A34 allowed, with a parameter", "/v1/pub/x;y", BadRequest),
    ("A34 encoded semicolon", "/v1/pub/x%3By", BadRequest),
    ("A35 upper case", "/V1/PUB/x", Forbidden),
    ("A35 capital", "/v1/Pub/x", Forbidden),
    ("A36 slash at the end", "/v1/admin/", BadRequest),
    ("A36 slash at the end, allowed", "/v1/pub/", BadRequest),
    ("A36 dot at the end", "/v1/admin/.", BadRequest),
    ("A36 space", "/v1/admin%20", Forbidden),
    ("A36 dot", "/v1/admin.", Forbidden),
    ("A36 extension", "/v1/admin.json", Forbidden),
    ("A37 NUL", "/v1/admin%00.pub", BadRequest),
    ("A37 NUL, allowed", "/v1/pub/x%00", BadRequest),
    ("A37 raw NUL", "/v1/pub/x\0", Unparsed(400)),
    ("A37 raw line feed", "/v1/pub/x\n", Unparsed(400)),
    ("A37 encoded line feed", "/v1/pub/x%0A", BadRequest),
    ("A37 encoded delete", "/v1/pub/x%7F", BadRequest),
    ("A39 the pattern in the query", "/v1/admin?x=/v1/pub/x", Forbidden),
    ("A39 the query is a path", "/v1/admin?/v1/pub/x", Forbidden),
    ("A39 the query is a parent", "/v1/admin?/../pub/x", Forbidden),
    ("A39 encoded question mark", "/v1/pub/x%3Fy", BadRequest),
    ("A39 encoded number sign", "/v1/pub/x%23y", BadRequest),
    ("A40 backslash", "/v1/pub\\..\\admin", BadRequest),
    ("A40 backslash for a slash", "/v1\\admin", BadRequest),
    ("A42 overlong dots", "/v1/pub/%c0%ae%c0%ae/admin", BadRequest),
    ("A42 overlong dots, upper case", "/v1/pub/%C0%AE%C0%AE/admin", BadRequest),
    ("A42 full-width dots", "/v1/pub/\u{ff0e}\u{ff0e}\u{ff0f}admin", BadRequest),
    ("A42 raw letters", "/v1/caf\u{e9}", BadRequest),
    ("A42 raw letters, decomposed", "/v1/cafe\u{301}", BadRequest),
    ("A42 decomposed", "/v1/cafe%CC%81", Forbidden),
    ("A42 lower-case digits", "/v1/caf%c3%a9", BadRequest),
    ("A42 half a letter", "/v1/pub/%C3", BadRequest),
    ("A42 no UTF-8", "/v1/pub/%FF", BadRequest),
    ("A42 raw byte", "/v1/pub/{FF}", Unparsed(400)),
    ("A42 half an encoding", "/v1/pub/%2", BadRequest),
    ("A42 no encoding", "/v1/pub/%zz", BadRequest),
    ("A43 longer word", "/v1/public-admin", Forbidden),
    ("A43 plural", "/v1/pubs/x", Forbidden),
    ("A45 long path", "/v1/pub/{LONG}", TooLarge(414)),
    ("A45 long query", "/v1/pub/x?{LONGER}", TooLarge(414)),
    ("A45 very long query", "/v1/pub/x?{LONGEST}", Unparsed(414)),
    ("absolute form", "http://api.test/v1/pub/x", Passed),
    ("absolute form, other path", "http://api.test/v1/admin", Forbidden),
    ("absolute form, parent", "http://api.test/v1/pub/../admin", BadRequest),
    ("absolute form, no path", "http://api.test", Forbidden),
    ("asterisk", "*", BadRequest),
    ("no slash", "v1/pub/x", Unparsed(400)),
    ("two targets", "/v1/pub/x /v1/admin", Unparsed(400)),
];

fn long(count: usize) -> String {
    "x".repeat(count)
}

/// What of a target the upstream is asked for.
fn path_of(target: &str) -> &str {
    target.strip_prefix("http://api.test").unwrap_or(target)
}

pub(crate) fn get(target: &str, key: &Key) -> Vec<u8> {
    request("GET", target, key, "")
}

fn request(method: &str, target: &str, key: &Key, fields: &str) -> Vec<u8> {
    let plain = &key.plain;
    filled(&format!(
        "{method} {target} HTTP/1.1\r\nHost: api.test\r\nAuthorization: Bearer {plain}\r\n{fields}\r\n"
    ))
}

/// A text with what targets name filled in.
pub(crate) fn filled(text: &str) -> Vec<u8> {
    let lengths = [("LONG", &*long(8 << 10)), ("LONGER", &*long(33 << 10)), ("LONGEST", &*long(64 << 10))];
    fill(text, &lengths)
}

#[test]
fn an_endpoint_restriction_is_judged_on_the_path_as_sent() {
    let stage = Stage::shipped("cashcat", Words::CashCat);
    let key = stage.issue(json!({"restrictions": {"endpoints": ["GET /v1/pub/**", "GET /v1/caf%C3%A9"]}}));
    let mut passed = 0;
    for (row, target, wanted) in ROWS {
        stage.expect(row, "GET", &get(target, &key), *wanted);
        if *wanted == Passed {
            passed += 1;
            assert_eq!(stage.upstream.last().line(), format!("GET {}", path_of(target)), "{row}");
            assert_eq!(stage.upstream.last().only("host").as_deref(), Some("api.test"), "{row}");
        }
    }
    stage.expect_uses(&key, passed, |marker| get("/", marker));
    stage.close();
}

#[test]
fn a_method_is_judged_as_sent() {
    let stage = Stage::shipped("cashcat", Words::CashCat);
    let key = stage.issue(json!({"restrictions": {"endpoints": ["GET /v1/pub/**"]}}));
    for (row, method, fields, wanted) in [
        ("GET", "GET", "", Passed),
        ("A46 HEAD follows GET", "HEAD", "", Passed),
        ("POST", "POST", "Content-Length: 0\r\n", Forbidden),
        ("DELETE", "DELETE", "", Forbidden),
        ("A26 OPTIONS", "OPTIONS", "", Forbidden),
        ("A26 made up", "FOO", "", Forbidden),
        ("A26 lower case", "get", "", Forbidden),
        ("A26 two methods", "GET,POST", "", Unparsed(400)),
        ("A28 override", "GET", "X-HTTP-Method-Override: DELETE\r\n", Passed),
        ("A28 other spellings", "GET", "X-HTTP-Method: DELETE\r\nX_Method_Override: DELETE\r\n", Passed),
        (
            "A28 override to the allowed",
            "POST",
            "X-HTTP-Method-Override: GET\r\nContent-Length: 0\r\n",
            Forbidden,
        ),
        ("A46 what a proxy was asked", "POST", "X-Original-Method: GET\r\nContent-Length: 0\r\n", Forbidden),
        ("A97 original path", "GET", "X-Original-URI: /v1/admin\r\nX-Rewrite-URL: /v1/admin\r\n", Passed),
        (
            "A97 forwarded path",
            "GET",
            "X-Forwarded-Uri: /v1/admin\r\nX-Forwarded-Method: DELETE\r\nX-Forwarded-Prefix: /x\r\n",
            Passed,
        ),
    ] {
        stage.expect(row, method, &request(method, "/v1/pub/x", &key, fields), wanted);
        if wanted == Passed {
            let received = stage.upstream.last();
            assert_eq!(received.line(), format!("{method} /v1/pub/x"), "{row}");
            let told = |name: &str| {
                ["override", "x-http-method", "x-original", "x-rewrite", "-uri", "-prefix", "-method"]
                    .iter()
                    .any(|part| name.contains(part))
            };
            let names = received.names();
            assert!(!names.iter().any(|name| told(name)), "{row}: {names:?}");
        }
    }
    for (row, target) in
        [("A28 in the query", "/v1/pub/x?_method=DELETE"), ("A28 in both", "/v1/pub/x?_method=PUT&x")]
    {
        stage.expect(row, "GET", &get(target, &key), Passed);
        assert_eq!(stage.upstream.last().line(), format!("GET {target}"), "{row}");
    }
    stage.close();
}

#[test]
fn a_route_table_is_judged_on_the_path_as_sent() {
    let stage = Stage::shipped("cicosts", Words::CiCosts);
    let costs = stage.issue(json!({"scopes": ["costs:read"]}));
    let all = stage.issue(json!({}));
    for (row, method, target, scoped, unscoped) in [
        ("its route", "GET", "/v1/costs", Passed, Passed),
        ("an item", "GET", "/v1/costs/c_1", Passed, Passed),
        ("HEAD", "HEAD", "/v1/costs", Passed, Passed),
        ("another scope's route", "GET", "/v1/alerts", Forbidden, Passed),
        ("another method", "POST", "/v1/costs", Forbidden, Passed),
        ("no route", "GET", "/v1/other", Forbidden, Passed),
        ("longer word", "GET", "/v1/costs2", Forbidden, Passed),
        ("other case", "GET", "/v1/Costs", Forbidden, Passed),
        ("A29", "GET", "/v1/costs/../alerts", BadRequest, BadRequest),
        ("A30", "GET", "/v1/costs/%2e%2e/alerts", BadRequest, BadRequest),
        ("A31", "GET", "/v1/costs/..%2Falerts", BadRequest, BadRequest),
        ("A33", "GET", "//v1/costs", BadRequest, BadRequest),
        ("A34", "GET", "/v1/costs;/../alerts", BadRequest, BadRequest),
        ("A36", "GET", "/v1/costs/", BadRequest, BadRequest),
        ("A37", "GET", "/v1/costs/%00", BadRequest, BadRequest),
        ("A39", "GET", "/v1/alerts?/v1/costs", Forbidden, Passed),
        ("A40", "GET", "/v1/costs\\..\\alerts", BadRequest, BadRequest),
        ("lower-case method", "get", "/v1/costs", Forbidden, Passed),
        ("I10 any method of webhooks", "PURGE", "/v1/webhooks/x", Forbidden, Passed),
    ] {
        stage.expect(row, method, &request(method, target, &costs, ""), scoped);
        stage.expect(row, method, &request(method, target, &all, ""), unscoped);
        if unscoped == Passed {
            assert_eq!(stage.upstream.last().line(), format!("{method} {target}"), "{row}");
        }
    }
    stage.close();
}

#[test]
fn a_test_key_is_no_key_on_a_route_for_live_keys() {
    let shipped = super::stage::profile("cicosts");
    let live_only =
        shipped.replacen("scope = \"costs:read\"", "scope = \"costs:read\"\nenvironment = \"live\"", 1);
    assert_ne!(shipped, live_only);
    let stage = Stage::of(&live_only, Words::CiCosts);
    let (live, test) = (stage.issue(json!({})), stage.issue(json!({"environment": "test"})));
    for (row, target, key, wanted) in [
        ("live on live", "/v1/costs", &live, Passed),
        ("test on live", "/v1/costs", &test, Invalid),
        ("test on live, deeper", "/v1/costs/c_1", &test, Invalid),
        ("test elsewhere", "/v1/alerts", &test, Passed),
    ] {
        stage.expect(row, "GET", &get(target, key), wanted);
    }
    stage.close();
}

#[test]
fn where_nothing_depends_on_the_path_it_goes_on_byte_for_byte() {
    let stage = Stage::shipped("cashcat", Words::CashCat);
    let key = stage.issue(json!({}));
    for (row, target, wanted) in ROWS {
        if matches!(wanted, TooLarge(_) | Unparsed(_)) || *target == "*" {
            continue;
        }
        stage.expect(row, "GET", &get(target, &key), Passed);
        let received = stage.upstream.last().line();
        let sent = if path_of(target).is_empty() { "/" } else { path_of(target) };
        assert_eq!(received, format!("GET {sent}"), "{row}");
    }
    stage.expect("fragment", "GET", &get("/v1/pub#/../admin", &key), Passed);
    assert_eq!(stage.upstream.last().line(), "GET /v1/pub");
    stage.close();
}

#[test]
fn a_request_is_for_one_host() {
    let text = |name: &str, host: &str| {
        super::stage::profile("cashcat")
            .replace("name = \"cashcat\"", &format!("name = \"{name}\""))
            .replace("api.cashcat.app", host)
    };
    let builder = ServerBuilder::new(crate::PROGRAM).profile_text(&text("one", "one.test"));
    let builder = builder.profile_text(&text("two", "two.test"));
    let upstream = super::upstream::Upstream::start();
    let url = upstream.url();
    let server = builder.argument("--upstream").argument(&url).start();
    let operator = server.operator();
    let account = operator.post("/v1/accounts", &json!({"name": "Ada", "api": "one"})).expect(201).json();
    let (_, key) = operator.issue_plain(account["id"].as_str().expect("an account has an id"), "n");
    let ask = |head: &str| {
        let request = format!("{head}\r\nAuthorization: Bearer {key}\r\n\r\n");
        claviger_testkit::exchange(server.gateway, "GET", request.as_bytes()).expect("there is an answer")
    };
    for (row, head, status) in [
        ("its own host", "GET / HTTP/1.1\r\nHost: one.test", 200),
        ("in capitals, with a port", "GET / HTTP/1.1\r\nHost: ONE.test:8080", 200),
        ("the other api's host", "GET / HTTP/1.1\r\nHost: two.test", 401),
        ("nobody's host", "GET / HTTP/1.1\r\nHost: three.test", 421),
        ("no host", "GET / HTTP/1.1", 400),
        ("an empty host", "GET / HTTP/1.1\r\nHost:", 400),
        ("two hosts", "GET / HTTP/1.1\r\nHost: one.test\r\nHost: two.test", 400),
        ("the same host twice", "GET / HTTP/1.1\r\nHost: one.test\r\nHost: one.test", 400),
        ("a list of hosts", "GET / HTTP/1.1\r\nHost: one.test, two.test", 400),
        ("user information", "GET / HTTP/1.1\r\nHost: two.test@one.test", 400),
        ("a path in the host", "GET / HTTP/1.1\r\nHost: one.test/..", 400),
        ("A113 absolute form for another", "GET http://two.test/ HTTP/1.1\r\nHost: one.test", 400),
        ("A113 absolute form for the other", "GET http://two.test/ HTTP/1.1\r\nHost: two.test", 401),
        (
            "A113 absolute form for outside",
            "GET http://169.254.169.254/ HTTP/1.1\r\nHost: 169.254.169.254",
            421,
        ),
        ("A113 forwarded host", "GET / HTTP/1.1\r\nHost: two.test\r\nX-Forwarded-Host: one.test", 401),
        (
            "A113 original host",
            "GET / HTTP/1.1\r\nHost: two.test\r\nX-Original-Host: one.test\r\nX-Host: one.test",
            401,
        ),
    ] {
        let before = upstream.count();
        let answer = ask(head);
        assert_eq!(answer.status, status, "{row}: {}", answer.text());
        assert_eq!(upstream.count() - before, usize::from(status == 200), "{row}");
        let json = ["application/json", "application/problem+json"];
        let kind = answer.header("content-type").unwrap_or_default();
        assert!(json.contains(&kind), "{row}: {kind}");
        assert!(answer.header("x-request-id").is_some(), "{row}");
    }
}

#[test]
fn patterns_with_many_wildcards_cost_little() {
    let stage = Stage::shipped("cashcat", Words::CashCat);
    let pattern = format!("GET {}/b", "/**/a".repeat(60));
    let key = stage.issue(json!({"restrictions": {"endpoints": vec![pattern; 64]}}));
    // 4,096 segments that nearly match, against 64 patterns with sixty wildcards each.
    let request = get(&"/a".repeat(4096), &key);
    for _ in 0..20 {
        stage.expect("A44", "GET", &request, Forbidden);
    }
    stage.close();
}
