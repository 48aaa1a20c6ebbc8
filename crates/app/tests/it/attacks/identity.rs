//! What a caller can make the upstream believe, and what the upstream can make of the caller's key.

use claviger_testkit::ServerBuilder;
use serde_json::json;

use super::{
    answers::{
        Wanted::{BadRequest, Passed},
        Words,
    },
    stage::{Key, Stage, profile},
    upstream::Upstream,
};

/// What callers claim to be: fields whose values have `forged` in them, or that would take ours away.
pub(crate) const CLAIMS: &[(&str, &str)] = &[
    ("A101 account", "X-Claviger-Account: acc_forged\r\n"),
    ("A101 in capitals", "X-CLAVIGER-ACCOUNT: acc_forged\r\n"),
    ("A101 underscores", "X_Claviger_Account: acc_forged\r\n"),
    ("A101 one underscore", "X-Claviger_Account: acc_forged\r\n"),
    ("A101 dots", "X.Claviger.Account: acc_forged\r\n"),
    ("A101 other marks", "X~Claviger~Account: acc_forged\r\nX!Claviger-Key-Id: key_forged\r\n"),
    ("A101 twice", "X-Claviger-Account: acc_forged\r\nx-claviger-account: acc_forged2\r\n"),
    ("A101 what we don't send", "X-Claviger-External-Id: forged\r\nX-Claviger-Admin: forged\r\n"),
    (
        "A101 all of ours",
        "X-Claviger-Key-Id: key_forged\r\nX-Claviger-Environment: live\r\nX-Claviger-Scopes: forged\r\n",
    ),
    ("A101 as hop-by-hop", "Connection: x-claviger-account, X-Claviger-Environment\r\n"),
    (
        "A101 as hop-by-hop, claimed",
        "X-Claviger-Account: acc_forged\r\nConnection: close, x-claviger-account\r\n",
    ),
    ("A101 request id", "X-Request-Id: req_forged\r\n"),
    ("A101 request id as hop-by-hop", "Connection: x-request-id, host, x-forwarded-for\r\n"),
];

fn request(key: &Key, fields: &str) -> Vec<u8> {
    format!("GET /v1 HTTP/1.1\r\nHost: api.test\r\nAuthorization: Bearer {}\r\n{fields}\r\n", key.plain)
        .into_bytes()
}

/// What names an identity to some upstream: gateways to CGI, WSGI and PHP fold `-`, `_` and `.`.
fn claims_identity(name: &str) -> bool {
    name.replace(['_', '.'], "-").starts_with("x-claviger-")
}

#[test]
fn an_identity_that_the_caller_claims_never_arrives() {
    let stage = Stage::shipped("example", Words::Example);
    let key = stage.issue(json!({"environment": "test"}));
    let honest = {
        stage.expect("no claim", "GET", &request(&key, ""), Passed);
        let received = stage.upstream.last();
        let mut names: Vec<_> = received.names().into_iter().filter(|name| claims_identity(name)).collect();
        names.sort();
        names
    };
    assert_eq!(
        honest,
        [
            "x-claviger-account",
            "x-claviger-created-by",
            "x-claviger-environment",
            "x-claviger-key-id",
            "x-claviger-scopes"
        ]
    );
    for (row, fields) in CLAIMS {
        stage.expect(row, "GET", &request(&key, fields), Passed);
        let received = stage.upstream.last();
        assert!(!received.contains("forged"), "{row}: {:?}", received.names());
        let mut names: Vec<_> = received.names().into_iter().filter(|name| claims_identity(name)).collect();
        names.sort();
        assert_eq!(names, honest, "{row}");
        assert_eq!(received.only("x-claviger-account").as_deref(), Some(&*stage.account), "{row}");
        assert_eq!(received.only("x-claviger-key-id").as_deref(), Some(&*key.id), "{row}");
        assert_eq!(received.only("x-claviger-environment").as_deref(), Some("test"), "{row}");
        assert_eq!(received.only("host").as_deref(), Some("api.test"), "{row}");
        assert!(received.only("x-request-id").is_some_and(|id| id.starts_with("req_")), "{row}");
    }
    stage.close();
}

#[test]
fn an_external_id_can_not_end_its_field() {
    let stage = Stage::shipped("cashcat", Words::CashCat);
    for external_id in
        ["50% off", "Zo\u{eb}", "a b", "a,b;c=\"d\"", "\u{202e}live", "x-claviger-account: acc_forged"]
    {
        let order = json!({"name": "n", "external_id": external_id});
        let account = stage.operator.post("/v1/accounts", &order).expect(201).json();
        let account = account["id"].as_str().expect("an account has an id").to_owned();
        let key = stage.issue_to(&account, json!({}));
        stage.expect(external_id, "GET", &request(&key, ""), Passed);
        let told = stage.upstream.last().only("x-claviger-external-id").expect("the upstream is told");
        assert!(told.bytes().all(|byte| byte.is_ascii_graphic()), "{told}");
    }
    stage.close();
}

#[test]
fn the_key_stays_here_unless_the_profile_forwards_it() {
    let stage = Stage::shipped("cashcat", Words::CashCat);
    let key = stage.issue(json!({}));
    stage.expect("A102", "GET", &request(&key, "Cookie: a=b\r\n"), Passed);
    let received = stage.upstream.last();
    assert!(!received.contains(&key.plain) && received.only("authorization").is_none());
    assert_eq!(received.only("cookie").as_deref(), Some("a=b"));
    stage.close();

    let text = profile("cashcat").replace("realm =", "forward = true\nrealm =");
    let stage = Stage::of(&text, Words::CashCat);
    let key = stage.issue(json!({}));
    stage.expect("forwarded", "GET", &request(&key, ""), Passed);
    assert_eq!(stage.upstream.last().only("authorization"), Some(format!("Bearer {}", key.plain)));
    stage.close();
}

#[test]
fn connection_fields_go_no_further() {
    let stage = Stage::shipped("cashcat", Words::CashCat);
    let key = stage.issue(json!({}));
    let fields = "Connection: keep-alive, X-Mine\r\nX-Mine: 1\r\nX-Other: 2\r\nKeep-Alive: 5\r\nTE: trailers\r\n\
                  Proxy-Connection: close\r\nProxy-Authorization: Basic eA==\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n";
    stage.expect("hop-by-hop", "GET", &request(&key, fields), Passed);
    let names = stage.upstream.last().names();
    for gone in
        ["x-mine", "keep-alive", "te", "proxy-connection", "proxy-authorization", "upgrade", "http2-settings"]
    {
        assert!(!names.iter().any(|name| name == gone), "{gone}: {names:?}");
    }
    assert!(names.iter().any(|name| name == "x-other"));
    stage.expect("nominating the key", "GET", &request(&key, "Connection: authorization\r\n"), Passed);
    stage.expect("nominating nonsense", "GET", &request(&key, "Connection: ,, \"x\" ;\r\n"), Passed);
    stage.expect("nominating everything", "GET", &request(&key, "Connection: *\r\n"), Passed);
    stage.close();
}

#[test]
fn a_redirect_of_the_upstream_is_the_callers_to_follow() {
    let elsewhere = Upstream::start();
    let location = elsewhere.url();
    let upstream = Upstream::answering(format!(
        "HTTP/1.1 307 Temporary Redirect\r\nLocation: {location}/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    ));
    let builder = ServerBuilder::new(crate::PROGRAM).profile("cashcat");
    let stage = Stage::before(upstream, builder, Words::CashCat);
    let key = stage.issue(json!({}));
    let answer = stage.ask("A113", "GET", &request(&key, ""));
    assert_eq!((answer.status, answer.header("location")), (307, Some(&*format!("{location}/"))));
    assert_eq!((stage.upstream.count(), elsewhere.count()), (1, 0));
    stage.close();
}

#[test]
fn a_failing_upstream_is_not_asked_twice_and_gets_no_key() {
    for (row, answer, status) in [
        (
            "A114 error",
            "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno",
            500,
        ),
        ("A114 nonsense", "SSH-2.0-OpenSSH_9.9\r\n", 502),
        ("A114 nothing", "", 502),
        ("A114 two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc", 502),
    ] {
        let builder = ServerBuilder::new(crate::PROGRAM).profile("cashcat");
        let stage = Stage::before(Upstream::answering(answer.to_owned()), builder, Words::CashCat);
        let key = stage.issue(json!({}));
        let answer = stage.ask(row, "GET", &request(&key, ""));
        assert_eq!((answer.status, stage.upstream.count()), (status, 1), "{row}");
        assert!(!stage.upstream.last().contains(&key.plain), "{row}");
        if status == 502 {
            assert_eq!(answer.json()["error"]["code"], "bad_gateway", "{row}");
            assert_eq!(answer.header("content-type"), Some("application/json"), "{row}");
        }
        stage.close();
    }
}

#[test]
fn two_spellings_of_one_length_are_no_request() {
    let stage = Stage::shipped("cashcat", Words::CashCat);
    let key = stage.issue(json!({}));
    // The identity fields are written once; a caller can't add a second line to any that the gateway writes itself.
    for field in ["X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host"] {
        let lies = format!("{field}: forged\r\n{field}: forged\r\n");
        stage.expect(field, "GET", &request(&key, &lies), Passed);
        let received = stage.upstream.last();
        assert!(received.only(field).is_some() && !received.contains("forged"), "{field}");
    }
    stage.expect("two hosts", "GET", &request(&key, "Host: api.test\r\n"), BadRequest);
    stage.close();
}
