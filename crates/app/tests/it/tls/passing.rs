//! What comes by TLS is served as everything is, and upstreams and browsers are told.

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
};

use claviger_testkit::eventually;
use serde_json::{Value, json};

use super::{Stage, Wire, wire};

/// The only value of a field in a head.
fn field<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut fields = head.lines().filter_map(|line| line.split_once(':'));
    let found = fields.find(|(field, _)| field.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.trim())
}

/// An upstream, and its address as a URL.
fn upstream() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let url = format!("http://{}", listener.local_addr().expect("it is bound"));
    (listener, url)
}

/// The head of what the upstream is asked next, and where to answer it.
fn asked(upstream: &TcpListener) -> (TcpStream, String) {
    let (mut stream, _) = upstream.accept().expect("the upstream is asked");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("a head is whole");
        head.push(byte[0]);
    }
    (stream, String::from_utf8(head).expect("a head is text"))
}

#[test]
fn an_upstream_is_told_that_the_caller_came_by_tls() {
    let trusting = include_str!("../../../../../profiles/default.toml");
    let trusting = format!("trusted_proxies = [\"127.0.0.1/32\"]\n{trusting}");
    let (listener, url) = upstream();
    let lying = "X-Forwarded-Proto: http\r\n";
    for (complete, fields, told) in [
        (false, "", "https"),
        (false, lying, "https"),
        (true, "", "https"),
        // Who ended TLS before may have spoken plainly to its own caller.
        (true, lying, "http"),
        (true, "X-Forwarded-Proto: gopher\r\n", "https"),
    ] {
        let stage = Stage::with("", |builder| {
            let builder = builder.argument("--upstream").argument(&url);
            if complete { builder.profile_text(&trusting) } else { builder.profile("default") }
        });
        let mut caller = stage.caller();
        caller.send(stage.request(fields));
        let (_answer, head) = asked(&listener);
        assert_eq!(field(&head, "x-forwarded-proto"), Some(told), "{complete} {fields}: {head}");
    }
}

#[test]
fn a_websocket_passes_both_ways_and_each_end_hears_of_the_other_s() {
    let (listener, url) = upstream();
    let stage = Stage::with("", |builder| builder.profile("default").argument("--upstream").argument(&url));
    let mut caller = stage.caller();
    caller.send(stage.request(
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
    ));
    let (mut upstream, asking) = asked(&listener);
    assert_eq!(field(&asking, "upgrade"), Some("websocket"));
    upstream
        .write_all(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
        .unwrap();
    assert!(caller.head().starts_with("HTTP/1.1 101 "));
    // Bytes are bytes: more than a record of TLS, and more than a buffer.
    let (question, answer) = ("question ".repeat(100_000), "answer ".repeat(100_000));
    caller.send(&question);
    let mut heard = vec![0; question.len()];
    upstream.read_exact(&mut heard).unwrap();
    assert!(heard == question.as_bytes());
    upstream.write_all(answer.as_bytes()).unwrap();
    assert!(caller.bytes(answer.len()) == answer.as_bytes());
    upstream.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(caller.rest(), "", "the caller hears that it is over, as TLS says it");
    caller.send("still here");
    let mut heard = [0; 10];
    upstream.read_exact(&mut heard).unwrap();
    drop(caller);
    assert_eq!(upstream.read(&mut heard).unwrap(), 0);
}

#[test]
fn an_end_lets_a_request_finish_and_then_says_so_in_tls() {
    let (listener, url) = upstream();
    let stage = Stage::with("drain_timeout = \"20s\"\n", |builder| {
        builder.profile("default").argument("--upstream").argument(&url)
    });
    let (mut caller, mut idle, hanging) = (stage.caller(), stage.caller(), stage.caller());
    idle.shake_hands().unwrap();
    caller.send(stage.request(""));
    let (mut upstream, _) = asked(&listener);
    stage.server.ask_to_end();
    eventually(|| TcpStream::connect(stage.server.gateway).is_err().then_some(()));
    assert!(wire::ends(&mut idle), "who asks nothing is not waited for");
    upstream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone").unwrap();
    assert!(caller.rest().ends_with("\r\n\r\ndone"));
    drop(hanging);
    assert_eq!(stage.server.ended().code, Some(0));
}

#[test]
fn the_portal_s_links_and_cookies_are_for_tls() {
    let stage = Stage::set();
    let account = stage.server.operator().account("People");
    let order = json!({"account_id": account, "email": "ada@example.com", "role": "viewer"});
    let made: Value = stage.server.operator().post("/v1/sessions", &order).expect(201).json();
    let link = made["url"].as_str().unwrap();
    let origin = format!("https://{}", stage.server.portal);
    assert!(link.starts_with(&origin), "{link}");
    let mut browser = Wire::to(stage.server.portal, wire::config(&stage.certificates));
    browser.send(format!("GET /sign-in HTTP/1.1\r\nHost: {}\r\n\r\n", stage.server.portal));
    let head = browser.head();
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    let cookie = field(&head, "set-cookie").unwrap();
    assert!(cookie.starts_with("__Host-") && cookie.contains("; Secure"), "{cookie}");
    // Nobody said that this host is for TLS for good.
    assert_eq!(field(&head, "strict-transport-security"), None);
}

#[test]
fn the_listeners_that_are_named_speak_tls_and_the_ready_file_says_so() {
    let stage = Stage::with("", |builder| {
        builder
            .profile("default")
            .argument("--tls-listeners")
            .argument("gateway,ext_authz")
            .argument("--ext-authz")
            .argument("127.0.0.1:0")
    });
    let ready = std::fs::read_to_string(stage.server.directory().join("ready")).unwrap();
    let ready: Value = serde_json::from_str(&ready).unwrap();
    let schemes = ["gateway", "portal", "control", "ext_authz"].map(|listener| {
        let (scheme, _) = ready[listener].as_str().unwrap().split_once(':').unwrap();
        scheme.to_owned()
    });
    assert_eq!(schemes, ["https", "http", "http", "https"]);
    stage.serves();
    let mut config = wire::config(&stage.certificates);
    config.alpn_protocols = vec![b"h2".to_vec()];
    let mut envoy = Wire::to(stage.server.ext_authz.unwrap(), config);
    envoy.shake_hands().unwrap();
    assert_eq!(envoy.protocol(), Some(&b"h2"[..]));
}

#[test]
fn the_command_line_speaks_tls_with_whom_it_is_told_to_trust() {
    let certificates = claviger_testkit::Certificates::make();
    let builder = claviger_testkit::ServerBuilder::new(crate::PROGRAM).profile("default");
    let server = builder.certificates(&certificates).argument("--tls-listeners").argument("control").start();
    let authority = certificates.authority().display().to_string();
    let url = format!("https://{}", server.control);
    let cli = server.cli().with("CLAVIGER_URL", &url);
    let made = cli.run(&["account", "create", "Acme", "--json", "--ca-file", &authority]).expect(0).json();
    let listed =
        cli.clone().with("CLAVIGER_CA_FILE", &authority).run(&["account", "list", "--json"]).expect(0);
    assert!(listed.out.contains(made["id"].as_str().unwrap()), "{}", listed.out);
    let strange = cli.run(&["account", "list"]).expect(1).err;
    assert!(strange.contains("--ca-file") && strange.contains(&url), "{strange}");
    let key = certificates.key().display().to_string();
    let empty = cli.run(&["account", "list", "--ca-file", &key]).expect(1).err;
    assert!(empty.contains("holds no certificate"), "{empty}");
    let plain = server.cli().run(&["account", "list"]).expect(1).err;
    assert!(plain.contains("answered 400") && plain.contains("does it speak http?"), "{plain}");
}
