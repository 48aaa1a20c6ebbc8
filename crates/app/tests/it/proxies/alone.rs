//! The questions of proxies, put without one: what each is answered, and what is no question.

use claviger_testkit::{Answer, Connection, Program, Server, ServerBuilder, exchange, repository};
use serde_json::json;

struct Desk {
    server: Server,
    good: String,
    public: String,
}

impl Desk {
    fn open(builder: ServerBuilder) -> Self {
        let server = builder.profile("default").start();
        let operator = server.operator();
        let account = operator.account("Acme");
        let issue = |order| {
            let issued = operator.issue(&account, &order);
            issued["key"].as_str().expect("it has a key").to_owned()
        };
        let good = issue(json!({"name": "good"}));
        let public = issue(json!({"name": "public", "restrictions": {"endpoints": ["GET /public/*"]}}));
        Self { server, good, public }
    }

    /// What a question with this line and these fields is answered.
    fn ask(&self, line: &str, key: &str, fields: &str) -> Answer {
        let request = format!(
            "{line} HTTP/1.1\r\nHost: api.example\r\nAuthorization: Bearer {key}\r\n{fields}Connection: close\r\n\r\n"
        );
        let method = line.split(' ').next().unwrap_or_default();
        exchange(self.server.control, method, request.as_bytes()).expect("it is answered")
    }
}

const ORIGINAL: &str = "X-Original-Method: GET\r\nX-Original-URI: /public/x?y\r\n";
const PRIVATE: &str = "X-Original-Method: GET\r\nX-Original-URI: /private\r\n";

#[test]
fn a_question_is_answered_200_with_every_field_and_not_kept_by_anybody() {
    let desk = Desk::open(ServerBuilder::new(crate::PROGRAM));
    let traefik = "X-Forwarded-Method: GET\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: api.example\r\n\
                   X-Forwarded-Uri: /public/x?y\r\nX-Forwarded-For: 203.0.113.9\r\n";
    for (line, fields) in [
        ("GET /forward-auth/default", ORIGINAL),
        ("POST /forward-auth/default?style=nginx", ORIGINAL),
        ("GET /forward-auth/default", traefik),
        ("GET /forward-auth/default/public/x?y", ""),
        ("HEAD /forward-auth/default", ORIGINAL),
    ] {
        let answer = desk.ask(line, &desk.public, fields);
        assert_eq!((answer.status, answer.text()), (200, ""), "{line} {fields}");
        assert_eq!(answer.header("x-claviger-external-id"), Some(""), "{line}");
        for name in ["account", "key-id", "environment", "scopes", "created-by"] {
            assert!(
                answer.header(&format!("x-claviger-{name}")).is_some_and(|value| !value.is_empty()),
                "{name}"
            );
        }
        assert!(answer.header("x-request-id").is_some());
        assert_eq!(answer.header("cache-control"), Some("private, no-store"));
        assert_eq!(answer.header("vary"), Some("*"));
    }
}

#[test]
fn what_was_asked_about_is_what_is_judged() {
    let desk = Desk::open(ServerBuilder::new(crate::PROGRAM));
    for (line, fields, status) in [
        ("GET /forward-auth/default", PRIVATE, 403),
        ("GET /forward-auth/default/private", "", 403),
        ("POST /forward-auth/default/public/x", "", 403),
        ("GET /forward-auth/default", "X-Original-Method: POST\r\nX-Original-URI: /public/x\r\n", 403),
        (
            "GET /forward-auth/default",
            "X-Original-Method: GET\r\nX-Original-URI: /public/..%2fprivate\r\n",
            400,
        ),
        ("GET /forward-auth/default", "X-Original-Method: GET\r\nX-Original-URI: /public/%00\r\n", 400),
        ("GET /forward-auth/default", "", 400),
        ("GET /forward-auth/default?style=nginx", "", 403),
        ("GET /forward-auth/default", "X-Original-URI: /public/x\r\n", 400),
        ("GET /forward-auth/default", "X-Original-Method: GET\r\n", 400),
        ("GET /forward-auth/default", "X-Original-Method: GET, POST\r\nX-Original-URI: /public/x\r\n", 400),
        ("GET /forward-auth/default/public/x", PRIVATE, 400),
        ("GET /forward-auth/default/public/x", "Authorization: Bearer another\r\n", 400),
    ] {
        let answer = desk.ask(line, &desk.public, fields);
        assert_eq!(answer.status, status, "{line} {fields}: {}", answer.text());
        assert_eq!(answer.header("x-claviger-account"), None, "{line} {fields}");
    }
}

#[test]
fn nginx_is_told_401_or_403_and_the_cause_which_is_put_in_words_without_judging() {
    let desk = Desk::open(ServerBuilder::new(crate::PROGRAM));
    for (key, fields, status, reason, in_words) in [
        ("nonsense", ORIGINAL, 401, "malformed", (401, "invalid_key")),
        (desk.public.as_str(), PRIVATE, 403, "endpoint", (403, "endpoint")),
        (desk.public.as_str(), "", 403, "bad_request", (400, "bad_request")),
    ] {
        let told = desk.ask("GET /forward-auth/default?style=nginx", key, fields);
        assert_eq!((told.status, told.text()), (status, ""), "{reason}");
        assert_eq!(told.header("x-claviger-reason"), Some(reason));
        let explained = desk.ask(
            "GET /forward-auth/default?explain",
            // Also when it would be let in by now.
            &desk.good,
            &format!("{ORIGINAL}X-Claviger-Reason: {reason}\r\n"),
        );
        assert_eq!((explained.status, explained.json()["error"]["code"].as_str().unwrap()), in_words);
    }
    for reason in ["", "X-Claviger-Reason: allowed\r\n", "X-Claviger-Reason: rate;retry_after=x\r\n"] {
        let explained =
            desk.ask("GET /forward-auth/default?explain", &desk.good, &format!("{ORIGINAL}{reason}"));
        assert_eq!(explained.status, 503, "{reason}");
    }
    let later = desk.ask(
        "GET /forward-auth/default?explain",
        &desk.good,
        "X-Claviger-Reason: rate;retry_after=7\r\n",
    );
    assert_eq!((later.status, later.header("retry-after")), (429, Some("7")));
    let uses = desk.server.operator().get("/v1/usage").expect(200).json();
    let uses = uses["items"].as_array().expect("a list has items").clone();
    assert!(uses.iter().all(|row| row["outcome"] != "allowed"), "{uses:?}");
}

#[test]
fn a_body_is_not_read_and_a_large_head_is_refused_in_the_apis_words() {
    let desk = Desk::open(ServerBuilder::new(crate::PROGRAM));
    for body in [
        "Content-Length: 1000000000\r\n",
        "Content-Length: 1000000000\r\nExpect: 100-continue\r\n",
        "Transfer-Encoding: chunked\r\n",
    ] {
        let mut line = Connection::open(desk.server.control);
        let key = &desk.good;
        let request = format!(
            "POST /forward-auth/default/x HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {key}\r\n{body}\r\n"
        );
        line.send(request.as_bytes());
        assert_eq!(line.answer("POST").map(|answer| answer.status), Some(200), "{body}");
    }
    let long = format!("X-Long: {}\r\n", "x".repeat(20 << 10));
    let refused = desk.ask("GET /forward-auth/default", &desk.good, &format!("{ORIGINAL}{long}"));
    assert_eq!((refused.status, refused.json()["error"]["code"].as_str()), (431, Some("too_large")));
    let long = format!("X-Original-Method: GET\r\nX-Original-URI: /{}\r\n", "x".repeat(9 << 10));
    assert_eq!(desk.ask("GET /forward-auth/default", &desk.good, &long).status, 414);
    let old = format!(
        "GET /forward-auth/default/x HTTP/1.0\r\nHost: a\r\nAuthorization: Bearer {}\r\n\r\n",
        desk.good
    );
    assert_eq!(exchange(desk.server.control, "GET", old.as_bytes()).map(|answer| answer.status), Some(200));
}

#[test]
fn who_may_not_ask_and_what_is_not_there_is_refused() {
    let desk = Desk::open(ServerBuilder::new(crate::PROGRAM));
    for line in ["GET /forward-auth", "GET /forward-auth/", "GET /forward-auth/other", "GET /forward-auth//x"]
    {
        let answer = desk.ask(line, &desk.good, ORIGINAL);
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (404, Some("application/problem+json")),
            "{line}"
        );
    }
    let elsewhere =
        ServerBuilder::new(crate::PROGRAM).variable("CLAVIGER_FORWARD_AUTH_CALLERS", "192.0.2.0/24");
    let desk = Desk::open(elsewhere);
    for line in ["GET /forward-auth/default", "GET /forward-auth/default?explain"] {
        let answer = desk.ask(line, &desk.good, ORIGINAL);
        assert_eq!(answer.status, 403, "{line}");
        assert!(answer.text().contains("forward_auth_callers"), "{}", answer.text());
    }
}

/// Which of these names the pattern in Traefik's file is about.
fn taken_away(names: &[&str]) -> Vec<String> {
    let file = repository().join("docs/guide/traefik.md");
    let page = std::fs::read_to_string(file).expect("the guide has the page");
    let pattern = page.split_once("authResponseHeadersRegex: \"(?i)").expect("the file has a pattern").1;
    let pattern = pattern.split_once('"').expect("it ends").0;
    let directory = tempfile::tempdir().expect("a directory can be made");
    let list = directory.path().join("names");
    std::fs::write(&list, names.join("\n")).expect("the test's directory can be written");
    let found = Program::at("grep").run(&["-Ei", pattern, list.to_str().expect("the tests' paths are text")]);
    assert_eq!(found.err, "");
    found.out.lines().map(ToOwned::to_owned).collect()
}

#[test]
fn traefik_is_told_to_take_away_what_an_upstream_could_misread() {
    // As Traefik has them: in the canonical case of Go's library.
    let misread = [
        "X-Claviger-Account",
        "X-Claviger-Key-Id",
        "X-Claviger-Anything",
        "X_claviger_account",
        "X_claviger-Account",
        "X.claviger.account",
        "X-Original-Uri",
        "X_original_uri",
        "X-Original-Url",
        "X-Original-Method",
        "X-Rewrite-Url",
        "X-Forwarded-Uri",
        "X-Forwarded-Method",
        "X_forwarded_prefix",
        "X-Forwarded-Path",
        "X-Envoy-Original-Path",
        "X-Http-Method",
        "X-Http-Method-Override",
        "X_http_method_override",
        "X-Method-Override",
    ];
    assert_eq!(taken_away(&misread), misread);
    let others =
        ["X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Request-Id", "X-Api-Key", "Accept"];
    assert_eq!(taken_away(&others), [""; 0]);
}
