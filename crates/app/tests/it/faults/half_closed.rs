//! Callers who say that they send no more: what they asked on the control listener is answered all the same. At the gateway
//! they are taken for callers who have left.

use claviger_testkit::{Connection, ServerBuilder};

#[test]
fn a_caller_who_sends_no_more_is_answered() {
    let server = ServerBuilder::new(crate::PROGRAM).profile("default").start();
    let account = server.operator().account("Acme");
    let (_, key) = server.operator().issue_plain(&account, "n");
    let operator = server.operator_key();
    let body = format!(r#"{{"key":"{key}"}}"#);
    let length = body.len();
    let json = r#"{"name":"Umbrella"}"#;
    let create = format!("Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{json}", json.len());
    let verify = format!("Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}");
    for (line, key, rest, status) in [
        ("POST /v1/keys/verify", operator, verify.as_str(), 200),
        ("GET /forward-auth/default/x", &key, "\r\n", 200),
        ("GET /forward-auth/default/x", "nonsense", "\r\n", 401),
        ("GET /healthz", "", "\r\n", 200),
        ("POST /v1/accounts", operator, &create, 201),
    ] {
        for _ in 0..5 {
            let mut connection = Connection::open(server.control);
            let head = format!("{line} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {key}\r\n{rest}");
            connection.send(head.as_bytes());
            connection.finish();
            let answer = connection.answer("GET").unwrap_or_else(|| panic!("{line}: no answer"));
            assert_eq!(answer.status, status, "{line}: {}", answer.text());
            assert!(connection.answer("GET").is_none(), "{line}: then the connection is closed");
        }
    }
}
