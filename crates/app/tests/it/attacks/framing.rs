//! Where a request begins and ends, and how large it may be (A16, A17, A26, A27, A45, A105, A106).

use claviger_testkit::{Connection, exchange};
use serde_json::json;

use super::{
    answers::{
        Wanted::{self, BadRequest, Invalid, Missing, Passed, TooLarge, Unparsed},
        Words,
    },
    stage::{Key, Stage},
    template::fill,
};

/// A request, and what it comes to. `{AUTH}` is the good credential; `{GET}` and `{POST}` are requests that are good as
/// far as they go.
pub(crate) const ROWS: &[(&str, &str, Wanted)] = &[
    ("plain body", "{POST}Content-Length: 2\r\n\r\nhi", Passed),
    ("chunked body", "{POST}Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", Passed),
    ("A16 folded field", "{GET}X-A: b\r\n c\r\n\r\n", Unparsed(400)),
    (
        "A16 folded credential",
        "GET /v1 HTTP/1.1\r\nHost: a.test\r\nAuthorization: Bearer\r\n {KEY}\r\n\r\n",
        Unparsed(400),
    ),
    ("A16 space before the colon", "{GET}X-A : b\r\n\r\n", Unparsed(400)),
    ("A16 NUL", "{GET}X-A: b\0c\r\n\r\n", Unparsed(400)),
    ("A16 no name", "{GET}: b\r\n\r\n", Unparsed(400)),
    ("A16 no colon", "{GET}X-A\r\n\r\n", Unparsed(400)),
    ("A16 first line folded", "GET /v1 HTTP/1.1\r\n Host: a.test\r\n{AUTH}\r\n\r\n", Unparsed(400)),
    // The parser takes a bare LF for the end of a line; what is judged is what is forwarded.
    ("A16 bare LF", "GET /v1 HTTP/1.1\nHost: a.test\n{AUTH}\n\n", Passed),
    ("no version", "GET /v1\r\nHost: a.test\r\n{AUTH}\r\n\r\n", Unparsed(400)),
    ("a future version", "GET /v1 HTTP/3.0\r\nHost: a.test\r\n{AUTH}\r\n\r\n", Unparsed(400)),
    ("lower-case version", "GET /v1 http/1.1\r\nHost: a.test\r\n{AUTH}\r\n\r\n", Unparsed(400)),
    ("not HTTP", "\x16\x03\x01\x02\0\x01\0\x01\u{fc}\x03\x03\r\n\r\n", Unparsed(400)),
    ("A17 8 KiB of name", "{GET}{8K}: x\r\n\r\n", TooLarge(431)),
    ("A17 a thousand fields", "{GET}{1000}\r\n\r\n", Unparsed(431)),
    ("A17 a hundred small fields too many", "{GET}{101}\r\n\r\n", Unparsed(431)),
    ("A17 64 KiB of value", "{GET}X-A: {64K}\r\n\r\n", TooLarge(431)),
    (
        "A17 64 KiB of credential",
        "GET /v1 HTTP/1.1\r\nHost: a.test\r\nAuthorization: Bearer {64K}\r\n\r\n",
        TooLarge(431),
    ),
    ("1 MiB of value", "{GET}X-A: {1M}\r\n\r\n", Unparsed(431)),
    ("1 MiB of path", "GET /{1M} HTTP/1.1\r\nHost: a.test\r\n{AUTH}\r\n\r\n", Unparsed(431)),
    // The parser drops the length, and the connection ends after the answer.
    (
        "A105 length and chunks",
        "{POST}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        Passed,
    ),
    (
        "A105 chunks and length",
        "{POST}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        Passed,
    ),
    ("A105 unknown coding", "{POST}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", Unparsed(400)),
    ("A105 chunked isn't last", "{POST}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", Unparsed(400)),
    ("A105 chunked twice", "{POST}Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", BadRequest),
    ("A105 another coding before", "{POST}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", BadRequest),
    (
        "A105 two codings in two fields",
        "{POST}Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
        Unparsed(400),
    ),
    (
        "A105 two codings, chunked last",
        "{POST}Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        BadRequest,
    ),
    (
        "A105 vertical tab before chunked",
        "{POST}Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
        Unparsed(400),
    ),
    ("A105 two lengths", "{POST}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello", Unparsed(400)),
    ("A105 one length twice", "{POST}Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", Passed),
    ("A105 signed length", "{POST}Content-Length: +5\r\n\r\nhello", Unparsed(400)),
    ("A105 list of lengths", "{POST}Content-Length: 5,5\r\n\r\nhello", Unparsed(400)),
    ("A105 negative length", "{POST}Content-Length: -1\r\n\r\n", Unparsed(400)),
    ("A105 hexadecimal length", "{POST}Content-Length: 0x5\r\n\r\nhello", Unparsed(400)),
    ("A105 endless length", "{POST}Content-Length: 99999999999999999999\r\n\r\n", Unparsed(400)),
    ("A105 empty length", "{POST}Content-Length:\r\n\r\n", Unparsed(400)),
    (
        "A105 chunks in HTTP/1.0",
        "POST /v1 HTTP/1.0\r\nHost: a.test\r\n{AUTH}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        Unparsed(400),
    ),
    ("a length beyond the bound", "{POST}Content-Length: 1000000000000\r\n\r\n", TooLarge(413)),
    ("A106 endless chunk", "{POST}Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n", BadRequest),
    ("A106 no chunk size", "{POST}Transfer-Encoding: chunked\r\n\r\nxyz\r\n", BadRequest),
    ("A106 bare LF chunk", "{POST}Transfer-Encoding: chunked\r\n\r\n2\nhi\n0\n\n", BadRequest),
    (
        "A106 1 MB of extension",
        "{POST}Transfer-Encoding: chunked\r\n\r\n2;{1M}\r\nhi\r\n0\r\n\r\n",
        BadRequest,
    ),
    ("CONNECT", "CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n{AUTH}\r\n\r\n", BadRequest),
    ("CONNECT with a path", "CONNECT /v1 HTTP/1.1\r\nHost: a.test\r\n{AUTH}\r\n\r\n", BadRequest),
    ("TRACE", "TRACE /v1 HTTP/1.1\r\nHost: a.test\r\n{AUTH}\r\n\r\n", BadRequest),
    ("TRACE without a key", "TRACE /v1 HTTP/1.1\r\nHost: a.test\r\nX-A: echo\r\n\r\n", BadRequest),
    ("asterisk", "OPTIONS * HTTP/1.1\r\nHost: a.test\r\n{AUTH}\r\n\r\n", BadRequest),
    (
        "OPTIONS without a key",
        "OPTIONS /v1 HTTP/1.1\r\nHost: a.test\r\nOrigin: https://evil.io\r\n\r\n",
        Missing,
    ),
    ("OPTIONS with a key", "OPTIONS /v1 HTTP/1.1\r\nHost: a.test\r\n{AUTH}\r\n\r\n", Passed),
    ("A26 a method of one's own", "FOO /v1 HTTP/1.1\r\nHost: a.test\r\n{AUTH}\r\n\r\n", Passed),
    ("A27 HEAD", "HEAD /v1 HTTP/1.1\r\nHost: a.test\r\n{AUTH}\r\n\r\n", Passed),
    (
        "A27 HEAD with a wrong key",
        "HEAD /v1 HTTP/1.1\r\nHost: a.test\r\nAuthorization: Bearer x\r\n\r\n",
        Invalid,
    ),
    ("A27 HEAD without a key", "HEAD /v1 HTTP/1.1\r\nHost: a.test\r\n\r\n", Missing),
    ("A16 an empty line first", "\r\nGET /v1 HTTP/1.1\r\nHost: a.test\r\n{AUTH}\r\n\r\n", Passed),
    ("expecting nonsense", "{POST}Expect: nonsense\r\nContent-Length: 2\r\n\r\nhi", Passed),
];

pub(crate) fn request(text: &str, key: &Key) -> Vec<u8> {
    let fields = |count: usize| (0..count).map(|n| format!("X-{n}: y")).collect::<Vec<_>>().join("\r\n");
    let auth = format!("Authorization: Bearer {}", key.plain);
    let line = |method: &str| format!("{method} /v1 HTTP/1.1\r\nHost: a.test\r\n{auth}\r\n");
    let names = [
        ("GET", &*line("GET")),
        ("POST", &*line("POST")),
        ("AUTH", &*auth),
        ("KEY", &*key.plain),
        ("8K", &*"x".repeat(8 << 10)),
        ("64K", &*"x".repeat(64 << 10)),
        ("1M", &*"x".repeat(1 << 20)),
        ("1000", &*fields(1000)),
        ("101", &*fields(101)),
    ];
    fill(text, &names)
}

#[test]
fn a_request_has_one_beginning_and_one_end() {
    let stage = Stage::shipped("cashcat", Words::CashCat);
    let key = stage.issue(json!({}));
    for (row, text, wanted) in ROWS {
        let request = request(text, &key);
        let method = if request.starts_with(b"HEAD") { "HEAD" } else { "GET" };
        stage.expect(row, method, &request, *wanted);
    }
    stage.close();
}

#[test]
fn what_is_refused_for_its_length_is_no_use_of_the_key() {
    let stage = Stage::shipped("example", Words::Example);
    let key = stage.issue(json!({}));
    for (row, text) in [
        ("A17 to the upstream", "{POST}Content-Length: 1000000000000\r\n\r\n"),
        (
            "A17 to an endpoint here",
            "POST /v1/api-keys HTTP/1.1\r\nHost: a.test\r\n{AUTH}\r\nContent-Length: 70000\r\n\r\n",
        ),
    ] {
        stage.expect(row, "POST", &request(text, &key), TooLarge(413));
    }
    stage.expect_uses(&key, 0, |marker| request("{GET}\r\n", marker));
    stage.close();
}

#[test]
fn a_request_with_two_lengths_goes_on_with_one_and_is_the_last() {
    let stage = Stage::shipped("cashcat", Words::CashCat);
    let key = stage.issue(json!({}));
    let chunks = "2\r\nhi\r\n0\r\n\r\n";
    for fields in [
        "Content-Length: 100\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 1",
    ] {
        let text = format!("POST /v1 HTTP/1.1\r\nHost: a.test\r\n{{AUTH}}\r\n{fields}\r\n\r\n{chunks}");
        let mut connection = Connection::open(stage.server.gateway);
        connection.send(&request(&text.repeat(2), &key));
        assert_eq!(connection.answer("POST").expect("there is an answer").status, 200, "A105 {fields}");
        assert!(connection.answer("POST").is_none(), "A105 {fields}: the next request could be misread");
        let received = stage.upstream.last();
        assert_eq!(received.only("content-length"), None, "A105 {fields}");
        assert_eq!(received.only("transfer-encoding").as_deref(), Some("chunked"), "A105 {fields}");
    }
    assert_eq!(stage.upstream.count(), 2);
    let twice = "{POST}Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello";
    stage.expect("A105 one length twice", "POST", &request(twice, &key), Passed);
    assert_eq!(stage.upstream.last().only("content-length").as_deref(), Some("5"));
    stage.close();
}

#[test]
fn trailers_become_no_fields() {
    let stage = Stage::shipped("cashcat", Words::CashCat);
    let key = stage.issue(json!({}));
    let trailers = "0\r\nAuthorization: Bearer {KEY}\r\nX-Claviger-Account: forged\r\n\r\n";
    let head = "POST /v1 HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n";
    let without = request(&format!("{head}\r\n2\r\nhi\r\n{trailers}"), &key);
    stage.expect("A106 a key in the trailers", "POST", &without, Missing);
    let with =
        request(&format!("{head}{{AUTH}}\r\nTrailer: authorization\r\n\r\n2\r\nhi\r\n{trailers}"), &key);
    stage.expect("A106 an identity in the trailers", "POST", &with, Passed);
    let received = stage.upstream.last();
    assert!(!received.contains("forged") && !received.contains(&key.plain));
    stage.close();
}

#[test]
fn what_follows_a_request_is_the_next_request() {
    let stage = Stage::shipped("cashcat", Words::CashCat);
    let key = stage.issue(json!({}));
    let good = request("GET /v1/first HTTP/1.1\r\nHost: a.test\r\n{AUTH}\r\n\r\n", &key);
    let bad = request("GET /v1/second HTTP/1.1\r\nHost: a.test\r\nAuthorization: Bearer x\r\n\r\n", &key);
    let mut connection = Connection::open(stage.server.gateway);
    connection.send(&[&*good, &*bad, &*good].concat());
    let statuses = [(); 3].map(|()| connection.answer("GET").expect("each has its answer").status);
    assert_eq!((statuses, stage.upstream.count()), ([200, 401, 200], 2));

    // A body that looks like a request is a body, also where it is refused before it is read.
    let inner =
        String::from_utf8(request("GET /v1/smuggled HTTP/1.1\r\nHost: a.test\r\n{AUTH}\r\n\r\n", &key));
    let inner = inner.expect("a request is text");
    for (row, auth, status) in [("passed", "{AUTH}", 200), ("refused", "Authorization: Bearer x", 401)] {
        let before = stage.upstream.count();
        let length = inner.len();
        let text =
            format!("POST /v1 HTTP/1.1\r\nHost: a.test\r\n{auth}\r\nContent-Length: {length}\r\n\r\n{inner}");
        let mut connection = Connection::open(stage.server.gateway);
        connection.send(&[&*request(&text, &key), &*good].concat());
        assert_eq!(connection.answer("POST").expect("there is an answer").status, status, "{row}");
        let next = connection.answer("GET").map(|answer| answer.status);
        assert!(matches!(next, Some(200) | None), "{row}: {next:?}");
        let lines = usize::from(status == 200) + usize::from(next.is_some());
        assert_eq!(stage.upstream.count() - before, lines, "{row}: nothing was smuggled");
        if lines > 0 {
            assert!(!stage.upstream.last().line().contains("smuggled"), "{row}");
        }
    }
    stage.close();
}

#[test]
fn half_a_request_is_answered_or_waited_for_but_never_forwarded_as_a_whole() {
    let stage = Stage::shipped("example", Words::Example);
    let key = stage.issue(json!({}));
    // Half a head, and no more to come: there is nothing to answer.
    let mut connection = Connection::open(stage.server.gateway);
    connection.send(&request("GET /v1 HTTP/1.1\r\nHost: a.test\r\nAuthoriz", &key));
    connection.finish();
    let _ = connection.answer("GET");
    assert_eq!(stage.upstream.count(), 0);
    // Half a body to an endpoint that has to read it.
    let text = "POST /v1/api-keys HTTP/1.1\r\nHost: a.test\r\n{AUTH}\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{\"name\":";
    let events = stage.events();
    let mut connection = Connection::open(stage.server.gateway);
    connection.send(&request(text, &key));
    connection.finish();
    let answer = connection.answer("POST");
    assert!(answer.is_none_or(|answer| answer.status == 400));
    assert_eq!(stage.events(), events, "nothing was created");
    stage.close();
}

#[test]
fn the_control_listener_refuses_the_same_framing() {
    let stage = Stage::shipped("cashcat", Words::CashCat);
    let auth = format!("Authorization: Bearer {}", stage.server.operator_key());
    let events = stage.events();
    let body = r#"{"name":"smuggled"}"#;
    let length = body.len();
    for (row, fields, status) in [
        ("A105 length and chunks", format!("Content-Length: {length}\r\nTransfer-Encoding: chunked"), 400),
        ("A105 two lengths", format!("Content-Length: {length}\r\nContent-Length: 3"), 400),
        ("A105 signed length", format!("Content-Length: +{length}"), 400),
        ("A106 no chunks", "Transfer-Encoding: chunked".to_owned(), 400),
        ("A01 two keys", format!("Content-Length: {length}\r\n{auth}"), 400),
        ("A16 folded", format!("Content-Length: {length}\r\nX-A: b\r\n c"), 400),
        ("A16 NUL", format!("Content-Length: {length}\r\nX-A: \0"), 400),
        ("A17 large head", format!("Content-Length: {length}\r\nX-A: {}", "x".repeat(64 << 10)), 431),
        ("A17 many fields", format!("Content-Length: {length}{}", "\r\nX: y".repeat(101)), 431),
        ("1 MiB of head", format!("Content-Length: {length}\r\nX-A: {}", "x".repeat(1 << 20)), 431),
        ("A158 compressed", format!("Content-Length: {length}\r\nContent-Encoding: gzip"), 415),
    ] {
        let head = format!(
            "POST /v1/accounts HTTP/1.1\r\nHost: c\r\nContent-Type: application/json\r\n{auth}\r\n{fields}"
        );
        let request = format!("{head}\r\n\r\n{body}");
        let answer = exchange(stage.server.control, "POST", request.as_bytes());
        let answer = answer.expect("a refused request has an answer");
        assert_eq!(answer.status, status, "{row}: {}", answer.text());
        assert_eq!(answer.header("server"), None, "{row}");
        if !answer.body.is_empty() {
            assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{row}");
        }
    }
    assert_eq!(stage.events(), events, "nothing was created");
    stage.close();
}
