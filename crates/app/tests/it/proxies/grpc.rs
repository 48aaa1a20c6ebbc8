//! The gRPC listener without an Envoy: what is no question, and who may not ask.

use std::{fs, net::SocketAddr};

use claviger_testkit::{Program, ServerBuilder, eventually};
use serde_json::json;

pub(crate) const CHECK: &str = "/envoy.service.auth.v3.Authorization/Check";
pub(crate) const GRPC: &str = "application/grpc";
const HEALTH: &str = "/grpc.health.v1.Health/Check";

/// The fields and trailers of what a call with this message is answered, and the message that is.
pub(crate) fn call(address: SocketAddr, path: &str, kind: &str, message: &[u8]) -> (String, Vec<u8>) {
    let directory = tempfile::tempdir().expect("a directory can be made");
    let file = |name: &str| directory.path().join(name).display().to_string();
    fs::write(file("question"), message).expect("the test's directory can be written");
    let (url, kind) = (format!("http://{address}{path}"), format!("Content-Type: {kind}"));
    let question = format!("@{}", file("question"));
    let arguments =
        ["-s", "--http2-prior-knowledge", "-H", &kind, "-H", "TE: trailers", "--data-binary", &question];
    let (fields, answer) = (file("fields"), file("answer"));
    let more = ["-D", &fields, "-o", &answer, &url];
    let read = |name: &str| fs::read(file(name)).unwrap_or_default();
    // curl may take an answer that comes before it has sent everything for a broken one, and drop it (92).
    let fields = eventually(|| {
        let done = Program::at("curl").run(&[&arguments[..], &more].concat());
        assert!(matches!(done.code, 0 | 92), "{done:?}");
        Some(read("fields")).filter(|fields| !fields.is_empty())
    });
    (String::from_utf8_lossy(&fields).into_owned(), read("answer"))
}

/// A message as gRPC frames it.
pub(crate) fn framed(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).expect("it is short");
    [&[0][..], &length.to_be_bytes(), message].concat()
}

/// A message in a field of another.
pub(crate) fn nested(tag: u8, message: &[u8]) -> Vec<u8> {
    let (mut length, mut varint) = (message.len(), Vec::new());
    while length > 0x7f {
        varint.push(0x80 | u8::try_from(length & 0x7f).expect("seven bits are a byte"));
        length >>= 7;
    }
    varint.push(u8::try_from(length).expect("seven bits are a byte"));
    [&[tag][..], &varint, message].concat()
}

#[test]
fn what_is_no_question_is_said_to_be_none_and_whether_it_serves_is_told() {
    let builder = ServerBuilder::new(crate::PROGRAM).profile("default");
    let server = builder.argument("--ext-authz").argument("127.0.0.1:0").start();
    let address = server.ext_authz.expect("it has the listener");
    // Attributes with nothing in them, and with a request that has no method.
    let (empty, bare) = (framed(&[0x0a, 0]), framed(&[0x0a, 4, 0x22, 2, 0x12, 0]));
    let foreign = framed(b"\x0a\x0a\x52\x08\x0a\x03api\x12\x01x");
    for (path, message, code) in [
        (CHECK, framed(b""), "3"),
        (CHECK, foreign, "3"),
        (CHECK, framed(b"\xff\xff\xff"), "13"),
        (CHECK, b"\x00\xff\xff\xff\xffx".to_vec(), "11"),
        ("/envoy.service.auth.v2.Authorization/Check", framed(b""), "12"),
        (HEALTH, framed(b"\x0a\x01x"), "5"),
    ] {
        let (fields, _) = call(address, path, GRPC, &message);
        assert!(fields.contains(&format!("grpc-status: {code}\r\n")), "{path} {message:?}: {fields}");
    }
    for message in [empty, bare] {
        let (fields, answer) = call(address, CHECK, GRPC, &message);
        assert!(fields.contains("grpc-status: 0\r\n"), "{fields}");
        assert!(String::from_utf8_lossy(&answer).contains("bad_request"), "it is refused in the api's words");
    }
    // As many fields as fit into a question, and more than any map of them holds.
    let letters = || (b'a'..=b'z').chain(b'0'..=b'9');
    let names = letters().flat_map(|a| letters().flat_map(move |b| letters().map(move |c| [a, b, c])));
    let fields: Vec<u8> = names.take(33_000).flat_map(|[a, b, c]| [0x0a, 5, 0x0a, 3, a, b, c]).collect();
    let http = [&b"\x12\x03GET\x22\x02/x\x2a\x01a"[..], &nested(0x6a, &fields)].concat();
    let many = framed(&nested(0x0a, &nested(0x22, &nested(0x12, &http))));
    let (fields, answer) = call(address, CHECK, GRPC, &many);
    assert!(fields.contains("grpc-status: 0\r\n"), "{fields}");
    assert!(String::from_utf8_lossy(&answer).contains("bad_request"), "it is no question");
    let (fields, answer) = call(address, HEALTH, GRPC, &framed(b""));
    assert!(fields.contains("grpc-status: 0\r\n"), "{fields}");
    assert_eq!(answer, framed(&[0x08, 1]), "it serves");
    let (fields, _) = call(address, CHECK, "application/json", b"{}");
    assert!(fields.starts_with("HTTP/2 415"), "{fields}");

    let elsewhere =
        ServerBuilder::new(crate::PROGRAM).variable("CLAVIGER_FORWARD_AUTH_CALLERS", "192.0.2.0/24");
    let server = elsewhere.profile("default").argument("--ext-authz").argument("127.0.0.1:0").start();
    let (fields, _) = call(server.ext_authz.expect("it has the listener"), CHECK, GRPC, &framed(b""));
    assert!(fields.contains("grpc-status: 7\r\n"), "{fields}");
}

/// A question about `GET path` by `key`, with these further bytes in its attributes and in its request.
fn question(key: &str, path: &str, of_attributes: &[u8], of_request: &[u8]) -> Vec<u8> {
    let text = |tag: u8, text: &str| nested(tag, text.as_bytes());
    let field = [text(0x0a, "authorization"), text(0x12, &format!("Bearer {key}"))].concat();
    let fields = [&nested(0x1a, &field)[..], of_request].concat();
    let http = [text(0x12, "GET"), text(0x22, path), text(0x2a, "api.example"), fields].concat();
    let request = nested(0x22, &nested(0x12, &http));
    framed(&nested(0x0a, &[&request[..], of_attributes].concat()))
}

#[test]
fn what_a_question_lacks_grants_nothing_and_what_it_has_besides_changes_nothing() {
    let builder = ServerBuilder::new(crate::PROGRAM).profile("default");
    let server = builder.argument("--ext-authz").argument("127.0.0.1:0").start();
    let address = server.ext_authz.expect("it has the listener");
    let operator = server.operator();
    let account = operator.account("Acme");
    let issue = |restrictions| {
        let issued = operator.issue(&account, &json!({"name": "n", "restrictions": restrictions}));
        issued["key"].as_str().expect("it has a key").to_owned()
    };
    let here = issue(json!({"networks": ["192.0.2.0/24"]}));
    let public = issue(json!({"endpoints": ["GET /public/*"]}));
    // `source` with an address of the network, in which only the address is there; a field of another version.
    let source = nested(0x0a, &nested(0x0a, &nested(0x0a, &nested(0x12, b"192.0.2.7"))));
    let another = nested(0x0a, &nested(0x0a, &nested(0x0a, &nested(0x12, b"nonsense"))));
    let unknown = nested(0x7a, b"of a later version");
    let again = nested(0x1a, &[nested(0x0a, b"x-original-uri"), nested(0x12, b"/public/x")].concat());
    let two =
        nested(0x6a, &nested(0x0a, &[nested(0x0a, b"Authorization"), nested(0x12, b"Bearer x")].concat()));
    let large =
        nested(0x1a, &[nested(0x0a, b"x-long"), nested(0x12, "y".repeat(65 << 10).as_bytes())].concat());
    for (row, key, path, of_attributes, of_request, said) in [
        ("from its network", &here, "/x", &source[..], &b""[..], None),
        ("no source", &here, "/x", b"", b"", Some("network")),
        ("a source that is no address", &here, "/x", &another, b"", Some("network")),
        ("what is not known", &public, "/public/x", &unknown, &unknown, None),
        ("another path", &public, "/private", b"", b"", Some("endpoint")),
        ("another path in a field", &public, "/private", b"", &again, Some("endpoint")),
        ("two readings", &public, "/public/..%2Fprivate", b"", b"", Some("bad_request")),
        ("NUL", &public, "/public/%00", b"", b"", Some("bad_request")),
        ("a question mark in a segment", &public, "/public/x%3Fy", b"", b"", Some("bad_request")),
        ("a line break", &public, "/public/x\n", b"", b"", Some("bad_request")),
        ("a second credential", &public, "/public/x", b"", &two, Some("bad_request")),
        ("64 KiB of fields", &public, "/public/x", b"", &large, Some("too_large")),
    ] {
        let (fields, answer) = call(address, CHECK, GRPC, &question(key, path, of_attributes, of_request));
        assert!(fields.contains("grpc-status: 0\r\n"), "{row}: {fields}");
        let answer = String::from_utf8_lossy(&answer).into_owned();
        match said {
            Some(code) => assert!(answer.contains(&format!("\"{code}\"")), "{row}: {answer}"),
            None => assert!(answer.contains("x-claviger-key-id"), "{row}: {answer}"),
        }
        assert_eq!(answer.contains("x-claviger-key-id"), said.is_none(), "{row}");
    }
    // Half of a question, and none.
    let good = question(&public, "/public/x", b"", b"");
    for (row, message) in [
        ("half", good[..good.len() / 2].to_vec()),
        ("none", Vec::new()),
        ("in a coding that isn't named", [&[1][..], &good[1..]].concat()),
    ] {
        let (fields, answer) = call(address, CHECK, GRPC, &message);
        assert!(!fields.contains("grpc-status: 0\r\n"), "{row}: {fields}");
        assert!(answer.is_empty(), "{row}: nobody is let in");
    }
}
