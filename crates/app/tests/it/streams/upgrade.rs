//! A WebSocket through the gateway, from the handshake to its end.

use std::{io::Write as _, thread};

use serde_json::json;

use super::{SAMPLE, Stage, handshake, pass_messages, request, switching, wire::masked};

#[test]
fn a_handshake_is_judged_and_passed_on_as_every_request_is() {
    let stage = Stage::set();
    let key = stage.good_key();
    let mut caller = stage.caller();
    caller.send(handshake(&key));
    let mut upstream = stage.upstream.next();
    let head = upstream.head();
    assert_eq!(head.only("x-claviger-account"), Some(&*stage.account));
    assert_eq!(head.only("x-claviger-key-id"), Some(&*key.id));
    assert_eq!(head.only("x-claviger-environment"), Some("live"));
    assert!(!head.contains(&key.plain), "the credential goes no further: {head:?}");
    assert_eq!((head.only("connection"), head.only("upgrade")), (Some("upgrade"), Some("websocket")));
    assert_eq!(head.only("sec-websocket-key"), Some(SAMPLE.0));
    assert_eq!(head.only("sec-websocket-version"), Some("13"));
    assert_eq!(head.all("via"), ["1.1 claviger"]);
    upstream.send(switching());
    let answer = caller.head();
    assert_eq!(answer.status(), 101);
    assert_eq!((answer.only("connection"), answer.only("upgrade")), (Some("upgrade"), Some("websocket")));
    assert_eq!(answer.only("sec-websocket-accept"), Some(SAMPLE.1));
    assert_eq!(answer.all("via"), ["1.1 claviger"]);
    assert!(answer.only("x-request-id").is_some());
    assert_eq!((answer.only("content-length"), answer.only("transfer-encoding")), (None, None));
    pass_messages(&mut caller, &mut upstream);
}

#[test]
fn a_test_key_s_websocket_says_so() {
    let profile = std::fs::read_to_string(claviger_testkit::repository().join("profiles/example.toml"));
    let profile = profile.expect("the profile ships");
    let stage = Stage::with(|builder| builder.profile_text(&profile));
    let key = stage.key(&json!({"environment": "test"}));
    let mut caller = stage.caller();
    caller.send(handshake(&key));
    let mut upstream = stage.upstream.next();
    assert_eq!(upstream.head().only("x-claviger-environment"), Some("test"));
    upstream.send(switching());
    assert_eq!(caller.head().status(), 101);
}

#[test]
fn much_passes_both_ways_at_once_and_comes_out_as_it_went_in() {
    let stage = Stage::set();
    let (mut caller, mut upstream) = stage.websocket(&stage.good_key());
    let (question, answer) = ("question ".repeat(300_000), "answer ".repeat(300_000));
    let mut asks = caller.sender();
    thread::scope(|scope| {
        scope.spawn(|| asks.write_all(&masked(&question)).expect("the gateway takes it"));
        scope.spawn(|| {
            upstream.send_message(&answer);
            assert!(upstream.message() == question);
        });
        assert!(caller.message() == answer);
    });
    pass_messages(&mut caller, &mut upstream);
}

#[test]
fn what_an_upstream_says_together_with_its_answer_is_not_lost() {
    let stage = Stage::set();
    let mut caller = stage.caller();
    caller.send(handshake(&stage.good_key()));
    let mut upstream = stage.upstream.next();
    upstream.head();
    upstream.send([switching().as_bytes(), b"\x81\x05first"].concat());
    assert_eq!(caller.head().status(), 101);
    assert_eq!(caller.message(), "first");
    pass_messages(&mut caller, &mut upstream);
}

/// A108
#[test]
fn what_a_caller_sends_ahead_reaches_the_upstream_when_it_has_gone_over_and_not_before() {
    let stage = Stage::set();
    let mut caller = stage.caller();
    caller.send([handshake(&stage.good_key()).as_bytes(), &masked("too early")].concat());
    let mut upstream = stage.upstream.next();
    upstream.head();
    assert!(upstream.is_silent(), "A108: nothing passes before the upstream has said 101");
    upstream.send(switching());
    assert_eq!(caller.head().status(), 101);
    assert_eq!(upstream.message(), "too early");
    pass_messages(&mut caller, &mut upstream);
}

#[test]
fn a_caller_who_says_no_more_still_hears_the_upstream() {
    let stage = Stage::set();
    let (mut caller, mut upstream) = stage.websocket(&stage.good_key());
    caller.send_masked("goodbye");
    caller.finish();
    assert_eq!(upstream.message(), "goodbye");
    assert!(upstream.rest().is_empty(), "the upstream hears that it ended");
    upstream.send_message("farewell");
    assert_eq!(caller.message(), "farewell");
    drop(upstream);
    assert!(caller.rest().is_empty());
}

#[test]
fn an_upstream_that_drops_a_websocket_ends_it() {
    let stage = Stage::set();
    let (mut caller, upstream) = stage.websocket(&stage.good_key());
    drop(upstream);
    assert!(caller.rest().is_empty());
    drop(caller);
    let (mut caller, mut upstream) = stage.websocket(&stage.good_key());
    pass_messages(&mut caller, &mut upstream);
}

#[test]
fn a_caller_who_is_gone_is_no_more_for_the_upstream() {
    let stage = Stage::set();
    let (caller, mut upstream) = stage.websocket(&stage.good_key());
    drop(caller);
    assert!(upstream.rest().is_empty());
}

#[test]
fn a_websocket_is_one_use_of_its_key() {
    let stage = Stage::set();
    let key = stage.good_key();
    let (mut caller, mut upstream) = stage.websocket(&key);
    for _ in 0..10 {
        pass_messages(&mut caller, &mut upstream);
    }
    let uses = claviger_testkit::eventually(|| {
        let path = format!("/v1/usage?key_id={}", key.id);
        let usage = stage.operator.get(&path).expect(200).json();
        usage["items"][0]["count"].as_u64()
    });
    assert_eq!(uses, 1);
}

#[test]
fn after_a_websocket_the_upstream_s_other_connections_are_used_as_ever() {
    let stage = Stage::set();
    let key = stage.good_key();
    let _open = stage.websocket(&key);
    let mut caller = stage.caller();
    caller.send(request("GET", &key.plain, ""));
    let mut upstream = stage.upstream.next();
    for _ in 0..2 {
        assert_eq!(upstream.head().only("upgrade"), None);
        upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        assert_eq!(caller.head().status(), 200);
        assert_eq!(caller.bytes(2), b"ok");
        caller.send(request("GET", &key.plain, ""));
    }
}
