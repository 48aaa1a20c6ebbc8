//! A key that ends takes along what it has open, and nobody else's (A111).

use std::{io::Write as _, thread};

use serde_json::{Value, json};

use super::{Stage, pass_event, pass_messages, request, soon::Soon, wire::Wire};

/// Waits until `wires` are closed, and says what still came of each.
#[track_caller]
fn closed<const N: usize>(soon: Soon, wires: [&mut Wire; N]) -> [Vec<u8>; N] {
    let rests = wires.map(Wire::rest);
    soon.happened();
    rests
}

#[test]
fn a_websocket_is_closed_at_both_ends_and_another_key_s_is_not() {
    let stage = Stage::set();
    let (goes, stays) = (stage.good_key(), stage.good_key());
    let (mut caller, mut upstream) = stage.websocket(&goes);
    let (mut other_caller, mut other_upstream) = stage.websocket(&stays);
    pass_messages(&mut caller, &mut upstream);
    let soon = stage.revoke(&goes);
    let rests = closed(soon, [&mut caller, &mut upstream]);
    assert!(rests.iter().all(Vec::is_empty));
    pass_messages(&mut other_caller, &mut other_upstream);
}

#[test]
fn a_websocket_whose_caller_reads_nothing_is_closed_too() {
    let stage = Stage::set();
    let key = stage.good_key();
    let (caller, mut upstream) = stage.websocket(&key);
    let mut full = upstream.sender();
    let blocked = thread::spawn(move || while full.write_all(&[0; 4 << 10]).is_ok() {});
    // It sends into a caller who doesn't read for as long as the way there takes anything.
    assert!(upstream.is_silent());
    let soon = stage.revoke(&key);
    blocked.join().expect("it ends with an error that is expected");
    soon.happened();
    drop(caller);
}

#[test]
fn an_answer_that_goes_on_breaks_off_and_is_not_taken_for_whole() {
    let stage = Stage::set();
    let (goes, stays) = (stage.good_key(), stage.good_key());
    let (mut caller, mut upstream) = stage.events(&goes);
    let (mut other_caller, mut other_upstream) = stage.events(&stays);
    let soon = stage.revoke(&goes);
    let [rest, _] = closed(soon, [&mut caller, &mut upstream]);
    assert_eq!(rest, b"", "no last chunk");
    for _ in 0..3 {
        pass_event(&mut other_upstream, &mut other_caller);
    }
}

#[test]
fn an_answer_that_never_pauses_breaks_off_too() {
    let stage = Stage::set();
    let key = stage.good_key();
    let (mut caller, upstream) = stage.events(&key);
    let mut sends = upstream.sender();
    let sending = thread::spawn(move || {
        let chunk = [&b"1000\r\n"[..], &[b'x'; 0x1000], b"\r\n"].concat();
        while sends.write_all(&chunk).is_ok() {}
    });
    let reading = thread::spawn(move || caller.rest());
    assert!(!reading.is_finished() && !sending.is_finished());
    let soon = stage.revoke(&key);
    sending.join().expect("it ends with an error that is expected");
    soon.happened();
    let rest = reading.join().expect("the caller reads to the end");
    assert!(!rest.ends_with(b"0\r\n\r\n"));
}

#[test]
fn a_caller_who_reads_later_gets_no_more_than_was_on_its_way() {
    let stage = Stage::set();
    let key = stage.good_key();
    let (mut caller, upstream) = stage.events(&key);
    let mut sends = upstream.sender();
    let sending = thread::spawn(move || {
        let chunk = [&b"1000\r\n"[..], &[b'x'; 0x1000], b"\r\n"].concat();
        // 64 MiB are more than the way there takes.
        (0..16 << 10).all(|_| sends.write_all(&chunk).is_ok())
    });
    let (mut bystander, _other) = stage.websocket(&stage.good_key());
    let _ = stage.revoke(&key);
    // Two seconds, in which nobody else notices anything.
    assert!((0..10).all(|_| bystander.is_silent()));
    let rest = caller.rest();
    assert!(!sending.join().expect("it ends"), "the upstream could not send everything");
    assert!(rest.len() < 32 << 20 && !rest.ends_with(b"0\r\n\r\n"), "{}", rest.len());
}

#[test]
fn an_upload_that_goes_on_is_refused_and_reaches_no_end() {
    let stage = Stage::set();
    let key = stage.good_key();
    let mut caller = stage.caller();
    caller.send(request("POST", &key.plain, "Transfer-Encoding: chunked\r\n"));
    let mut upstream = stage.upstream.next();
    upstream.head();
    let chunk = "4\r\npart\r\n";
    caller.send(chunk);
    assert_eq!(upstream.bytes(chunk.len()), chunk.as_bytes());
    let soon = stage.revoke(&key);
    let [rest] = closed(soon, [&mut upstream]);
    assert_eq!(rest, b"", "no last chunk");
    assert_eq!(caller.head().status(), 401, "the answer says why");
}

#[test]
fn an_upload_goes_on_no_longer_when_its_answer_was_there_first() {
    let stage = Stage::set();
    let key = stage.good_key();
    let mut caller = stage.caller();
    caller.send(request("POST", &key.plain, "Transfer-Encoding: chunked\r\n"));
    let mut upstream = stage.upstream.next();
    upstream.head();
    upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    assert_eq!(caller.head().status(), 200);
    assert_eq!(caller.bytes(2), b"ok");
    let soon = stage.revoke(&key);
    let [rest] = closed(soon, [&mut upstream]);
    assert!(!rest.ends_with(b"0\r\n\r\n"));
}

#[test]
fn who_still_waits_for_an_answer_is_refused_and_the_upstream_let_go() {
    let stage = Stage::set();
    let key = stage.good_key();
    let mut caller = stage.caller();
    caller.send(request("GET", &key.plain, ""));
    let mut upstream = stage.upstream.next();
    upstream.head();
    let soon = stage.revoke(&key);
    assert_eq!(caller.head().status(), 401);
    closed(soon, [&mut upstream]);
}

/// Each of these would refuse the request that is open.
#[test]
fn whatever_ends_or_narrows_a_key_closes_what_it_has_open() {
    let profile = std::fs::read_to_string(claviger_testkit::repository().join("profiles/default.toml"));
    let routes = "[scopes]\n\"live:read\" = \"Read\"\n\"other:read\" = \"Read else\"\n\
                  [[routes]]\nmethods = [\"GET\"]\npaths = [\"/v1/live\"]\nscope = \"live:read\"\n";
    let profile = format!("{}\n{routes}", profile.expect("the profile ships"));
    let stage = Stage::with(|builder| builder.profile_text(&profile));
    let suspended = stage.operator.account("Suspended");
    let changes = [
        ("disabled", "POST", "/v1/keys/{id}/disable", Value::Null),
        ("replaced", "POST", "/v1/keys/{id}/rotate", json!({"overlap": "0"})),
        (
            "narrowed to others' networks",
            "PATCH",
            "/v1/keys/{id}",
            json!({"restrictions": {"networks": ["192.0.2.0/24"]}}),
        ),
        (
            "narrowed to other endpoints",
            "PATCH",
            "/v1/keys/{id}",
            json!({"restrictions": {"endpoints": ["GET /v1/other"]}}),
        ),
        (
            "narrowed to pages",
            "PATCH",
            "/v1/keys/{id}",
            json!({"restrictions": {"referrers": ["https://a.test"]}}),
        ),
        ("narrowed to other scopes", "PATCH", "/v1/keys/{id}", json!({"scopes": ["other:read"]})),
        ("suspended with its account", "PATCH", "/v1/accounts/{account}", json!({"state": "suspended"})),
    ];
    let mut open: Vec<_> = changes
        .into_iter()
        .map(|change| {
            let account = if change.2.contains("{account}") { &suspended } else { &stage.account };
            let key = stage.key_of(account, &json!({}));
            let (socket, events) = (stage.websocket(&key), stage.events(&key));
            (change, key, socket, events)
        })
        .collect();
    let (mut caller, mut upstream) = stage.websocket(&stage.good_key());
    for ((row, method, path, body), key, socket, events) in &mut open {
        pass_messages(&mut socket.0, &mut socket.1);
        pass_event(&mut events.1, &mut events.0);
        let path = path.replace("{id}", &key.id).replace("{account}", &suspended);
        println!("{row}");
        let soon = Soon::after(&stage, || stage.operator.call(method, &path, body));
        closed(soon, [&mut socket.0, &mut socket.1, &mut events.0, &mut events.1]);
    }
    pass_messages(&mut caller, &mut upstream);
}

#[test]
fn what_changes_a_key_and_refuses_nothing_closes_nothing() {
    let stage = Stage::set();
    let key = stage.good_key();
    let (mut caller, mut upstream) = stage.websocket(&key);
    let path = format!("/v1/keys/{}", key.id);
    for patch in [
        json!({"name": "renamed"}),
        json!({"restrictions": {"networks": ["127.0.0.0/8"]}}),
        json!({"restrictions": {"rates": [{"name": "a", "limit": 1, "window": "1h"}]}}),
        json!({"restrictions": {"quotas": [{"name": "b", "limit": 1, "per": "day"}]}}),
    ] {
        assert_eq!(stage.operator.patch(&path, &patch).status, 200, "{patch}");
    }
    let rotated = stage.operator.post(&format!("{path}/rotate"), &json!({"overlap": "1h"}));
    assert_eq!(rotated.status, 200);
    let gone = stage.good_key();
    let (mut gone_caller, _gone_upstream) = stage.websocket(&gone);
    let _ = stage.revoke(&gone);
    // By then the other one was judged again as well.
    assert!(gone_caller.rest().is_empty());
    pass_messages(&mut caller, &mut upstream);
    assert!(caller.is_silent());
    pass_messages(&mut caller, &mut upstream);
}

#[test]
fn an_expiry_closes_what_is_open() {
    let stage = Stage::with(|builder| builder.profile("default").movable_clock());
    let key = stage.key(&json!({"expires_at": "2100-01-01T00:00:00Z"}));
    let (mut caller, mut upstream) = stage.websocket(&key);
    let (mut listener, mut events) = stage.events(&key);
    pass_messages(&mut caller, &mut upstream);
    stage.server.move_clock("+100y");
    caller.rest();
    upstream.rest();
    listener.rest();
    events.rest();
}
