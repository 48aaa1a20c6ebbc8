//! Handshakes that lead to no WebSocket, and what is sent after them.

use super::{SAMPLE, Stage, handshake, pass_messages, request, switching, wire::masked};

/// A request for a WebSocket with these fields instead of the usual ones.
fn asking(key: &str, line: &str, fields: &str) -> String {
    let (nonce, _) = SAMPLE;
    request("GET", key, &format!("Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {nonce}\r\n{fields}"))
        .replace("GET /v1/live HTTP/1.1", line)
}

const LINE: &str = "GET /v1/live HTTP/1.1";

#[test]
fn without_a_key_that_works_the_upstream_hears_nothing_of_it() {
    let stage = Stage::set();
    let mut key = stage.good_key();
    let path = format!("/v1/keys/{}/revoke", key.id);
    assert_eq!(stage.operator.post(&path, &serde_json::Value::Null).status, 200);
    let revoked = handshake(&key);
    key.plain = "my_live_unknown".to_owned();
    let missing = handshake(&key).replace("Authorization", "X-Other");
    for (row, request) in [("revoked", revoked), ("unknown", handshake(&key)), ("missing", missing)] {
        let mut caller = stage.caller();
        caller.send([request.as_bytes(), &masked("too early")].concat());
        assert_eq!(caller.head().status(), 401, "{row}");
        assert!(stage.upstream.is_left_alone(), "{row}");
    }
}

#[test]
fn an_upstream_that_refuses_is_heard_and_the_connection_goes_on_as_before() {
    let stage = Stage::set();
    let key = stage.good_key();
    for status in ["200 OK", "403 Forbidden", "404 Not Found", "426 Upgrade Required"] {
        let mut caller = stage.caller();
        // What follows is the next request, and judged as one.
        let next = request("GET", "my_live_unknown", "");
        caller.send([handshake(&key), next].concat());
        let mut upstream = stage.upstream.next();
        upstream.head();
        upstream.send(format!(
            "HTTP/1.1 {status}\r\nUpgrade: websocket\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbody"
        ));
        let answer = caller.head();
        assert_eq!(answer.status().to_string(), status[..3]);
        assert_eq!(answer.only("upgrade"), None);
        assert_eq!(caller.bytes(4), b"body");
        assert_eq!(caller.head().status(), 401, "{status}");
        assert!(upstream.rest().is_empty(), "{status}: nothing else reached the upstream");
        assert!(stage.upstream.is_left_alone(), "{status}");
    }
}

/// A108
#[test]
fn frames_sent_ahead_reach_no_upstream_that_refuses() {
    let stage = Stage::set();
    let key = stage.good_key();
    for close in ["Connection: close\r\n", ""] {
        let mut caller = stage.caller();
        caller.send([handshake(&key).as_bytes(), &masked("GET /smuggled")].concat());
        let mut upstream = stage.upstream.next();
        upstream.head();
        upstream.send(format!("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n{close}\r\nbody"));
        assert_eq!(caller.head().status(), 200);
        assert_eq!(caller.bytes(4), b"body");
        // They are no request either.
        let rest = String::from_utf8(caller.rest()).expect("an answer is text");
        assert!(rest.is_empty() || rest.starts_with("HTTP/1.1 400 "), "A108: {rest}");
        drop(caller);
        assert!(upstream.rest().is_empty(), "A108: nothing but the handshake reached the upstream");
    }
}

#[test]
fn an_upstream_that_says_nothing_or_goes_over_to_something_else_is_a_bad_gateway() {
    let stage = Stage::set();
    let key = stage.good_key();
    for answer in [
        "",
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket, h2c\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\n\r\n",
    ] {
        let mut caller = stage.caller();
        caller.send([handshake(&key).as_bytes(), &masked("too early")].concat());
        let mut upstream = stage.upstream.next();
        upstream.head();
        upstream.send(answer);
        upstream.finish();
        assert_eq!(caller.head().status(), 502, "{answer:?}");
        assert!(upstream.rest().is_empty(), "{answer:?}");
    }
}

#[test]
fn no_other_protocol_is_asked_for() {
    let stage = Stage::set();
    let key = stage.good_key();
    for (row, line, fields) in [
        ("h2c", LINE, "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"),
        ("TLS", LINE, "Connection: Upgrade\r\nUpgrade: TLS/1.0\r\n"),
        ("a version of it", LINE, "Connection: Upgrade\r\nUpgrade: websocket/13\r\n"),
        ("not for this connection", LINE, "Upgrade: websocket\r\n"),
        ("nothing", LINE, "Connection: Upgrade\r\nUpgrade:\r\n"),
        ("another method", "DELETE /v1/live HTTP/1.1", "Connection: Upgrade\r\nUpgrade: websocket\r\n"),
        ("HTTP/1.0", "GET /v1/live HTTP/1.0", "Connection: Upgrade\r\nUpgrade: websocket\r\n"),
        ("a body", LINE, "Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 4\r\n"),
    ] {
        let mut caller = stage.caller();
        caller.send(asking(&key.plain, line, fields));
        if row == "a body" {
            caller.send("body");
        }
        let mut upstream = stage.upstream.next();
        let head = upstream.head();
        for gone in ["upgrade", "connection", "http2-settings"] {
            assert_eq!(head.only(gone), None, "{row}: {head:?}");
        }
        upstream
            .send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
        assert_eq!(caller.head().status(), 502, "{row}: it wasn't asked for");
    }
}

#[test]
fn websocket_is_asked_for_alone_however_it_is_offered() {
    let stage = Stage::set();
    let key = stage.good_key();
    for fields in [
        "Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n",
        "Connection: upgrade\r\nUpgrade: h2c, websocket\r\n",
        "Connection: x\r\nConnection: UPGRADE\r\nUpgrade: h2c\r\nUpgrade: websocket\r\n",
    ] {
        let mut caller = stage.caller();
        caller.send(asking(&key.plain, LINE, fields));
        let mut upstream = stage.upstream.next();
        let head = upstream.head();
        assert_eq!((head.only("connection"), head.only("upgrade")), (Some("upgrade"), Some("websocket")));
        upstream.send(switching());
        assert_eq!(caller.head().status(), 101, "{fields:?}");
        pass_messages(&mut caller, &mut upstream);
    }
}

#[test]
fn nominating_our_fields_takes_none_of_them_away() {
    let stage = Stage::set();
    let key = stage.good_key();
    let fields = "Connection: Upgrade, Authorization, Host, Via, X-Request-Id, X-Forwarded-For, X-Claviger-Account\r\n\
                  Connection: Connection, x-claviger-key-id\r\nUpgrade: websocket\r\nX-Claviger-Account: forged\r\n\
                  Via: 1.1 forged\r\n";
    let mut caller = stage.caller();
    caller.send(asking(&key.plain, LINE, fields));
    let mut upstream = stage.upstream.next();
    let head = upstream.head();
    assert_eq!(head.only("x-claviger-account"), Some(&*stage.account));
    assert_eq!(head.only("x-claviger-key-id"), Some(&*key.id));
    assert_eq!(head.only("host"), Some("api.test"));
    assert_eq!(head.only("x-forwarded-for"), Some("127.0.0.1"));
    assert_eq!(head.only("via"), Some("1.1 claviger"));
    assert!(head.only("x-request-id").is_some() && !head.contains("forged"));
    assert_eq!((head.only("connection"), head.only("upgrade")), (Some("upgrade"), Some("websocket")));
    upstream.send(switching());
    assert_eq!(caller.head().status(), 101);
    pass_messages(&mut caller, &mut upstream);
}

#[test]
fn the_built_in_upstream_answers_as_ever() {
    let server = claviger_testkit::ServerBuilder::new(crate::PROGRAM).profile("default").start();
    let account = server.operator().account("Acme");
    let (id, plain) = server.operator().issue_plain(&account, "demo");
    let mut caller = super::wire::Wire::to(server.gateway);
    caller.send(handshake(&super::Key { id, plain }));
    let answer = caller.head();
    assert_eq!((answer.status(), answer.only("upgrade")), (200, None));
}
