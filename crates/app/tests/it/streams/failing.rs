//! An upstream that fails in the middle of its answer, or never comes to an end of one (F46).

use std::{io::Write as _, thread};

use claviger_testkit::repository;

use super::{Key, Stage, request, wire::Wire};

/// A stage whose upstream has a second to begin its answer.
fn impatient() -> Stage {
    let file = repository().join("profiles/default.toml");
    let text = std::fs::read_to_string(file).expect("the profile is there");
    Stage::with(|builder| builder.profile_text(&format!("{text}\n[upstream]\ntimeout = \"1s\"\n")))
}

/// Asks, and returns the caller's end and the upstream's.
#[track_caller]
fn asked(stage: &Stage, key: &Key) -> (Wire, Wire) {
    let mut caller = stage.caller();
    caller.send(request("GET", &key.plain, ""));
    let mut upstream = stage.upstream.next();
    upstream.head();
    (caller, upstream)
}

/// The next request is answered, over another connection.
#[track_caller]
fn goes_on(stage: &Stage, key: &Key) {
    let (mut caller, mut upstream) = asked(stage, key);
    upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood");
    assert_eq!(caller.head().status(), 200);
    assert_eq!(caller.bytes(4), b"good");
}

#[test]
fn hints_before_an_answer_are_not_the_answer_however_many_there_are() {
    let stage = impatient();
    let key = stage.good_key();
    let (mut caller, mut upstream) = asked(&stage, &key);
    upstream.send("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n".repeat(1000));
    upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood");
    assert_eq!(caller.head().status(), 200);
    assert_eq!(caller.bytes(4), b"good");
}

#[test]
fn an_upstream_that_never_comes_to_its_answer_is_given_up() {
    let stage = impatient();
    let key = stage.good_key();
    let hint = format!("HTTP/1.1 103 Early Hints\r\nLink: <{}>\r\n\r\n", "x".repeat(4000));
    for endless in [&*hint, "HTTP/1.1 200 OK\r\nX-A: ", "HTTP/1.1 200 OK\r\n"] {
        let (mut caller, mut upstream) = asked(&stage, &key);
        let again = if endless == hint { endless } else { "X-A: bcdefghijklmnopqrstuvwxyz" }.to_owned();
        upstream.send(endless);
        let mut more = upstream.sender();
        let ended = thread::spawn(move || while more.write_all(again.as_bytes()).is_ok() {});
        assert!(matches!(caller.head().status(), 502 | 504), "{endless:?}");
        ended.join().expect("it ends with an error that is expected");
        goes_on(&stage, &key);
    }
}

#[test]
fn an_answer_that_breaks_off_is_cut_short_and_its_connection_is_used_no_more() {
    let stage = Stage::set();
    let key = stage.good_key();
    for head in ["Content-Length: 10", "Transfer-Encoding: chunked"] {
        let (mut caller, mut upstream) = asked(&stage, &key);
        upstream.send(format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n"));
        assert_eq!(caller.head().status(), 200);
        upstream.send("4\r\nhalf\r\n");
        assert_eq!(caller.bytes(9), b"4\r\nhalf\r\n");
        upstream.reset();
        assert_eq!(caller.rest(), b"", "{head}: it isn't made whole");
        goes_on(&stage, &key);
    }
}

#[test]
fn what_comes_behind_an_answer_is_nobody_s_answer() {
    let stage = Stage::set();
    let key = stage.good_key();
    let second = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged";
    for (answer, body) in [
        (format!("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok{second}"), 2),
        (format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n{second}"), 12),
        (format!("HTTP/1.1 204 No Content\r\n\r\n{second}"), 0),
        (format!("HTTP/1.1 304 Not Modified\r\nContent-Length: 6\r\n\r\nforged{second}"), 0),
    ] {
        let (mut caller, mut upstream) = asked(&stage, &key);
        upstream.send(&answer);
        assert!(matches!(caller.head().status(), 200 | 204 | 304), "{answer}");
        caller.bytes(body);
        // Over the same connection: whoever asks next gets an answer of its own.
        caller.send(request("GET", &key.plain, ""));
        let mut another = stage.upstream.next();
        another.head();
        another.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood");
        assert_eq!(caller.head().status(), 200);
        assert_eq!(caller.bytes(4), b"good", "{answer}");
        assert_eq!(upstream.rest(), b"", "{answer}: it was asked no more");
    }
}
