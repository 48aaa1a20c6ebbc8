//! Who shakes hands slowly, wrongly or not at all keeps no place for long, and harms nobody.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use claviger_testkit::{Answer, Stopwatch, eventually, exchange};

use super::{Stage, wire};

/// The beginning of a record in which hands are to be shaken, and which never ends.
const BEGINNING: &[u8] = &[22, 3, 1, 2, 0, 1, 0, 1];

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("the server listens");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a time-out can be set");
    stream
}

/// What comes until the other end closes, however it does.
fn rest(stream: &mut TcpStream) -> Vec<u8> {
    let mut rest = Vec::new();
    if let Err(error) = stream.read_to_end(&mut rest) {
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{error}");
    }
    rest
}

#[test]
fn hands_that_are_not_shaken_in_time_free_their_places() {
    let stage =
        Stage::with("header_timeout = \"1s\"\nconnections = 16\n", |builder| builder.profile("default"));
    for listener in [stage.server.gateway, stage.server.portal] {
        for beginning in [b"", &BEGINNING[..1], BEGINNING] {
            let since = Stopwatch::start();
            let mut slow: Vec<_> = (0..16).map(|_| connect(listener)).collect();
            for stream in &mut slow {
                stream.write_all(beginning).expect("it is taken");
            }
            // All places are taken, and whoever comes waits for one.
            stage.serves();
            for stream in &mut slow {
                assert!(rest(stream).is_empty(), "{beginning:?}");
            }
            assert!(since.now().as_secs() < 10, "{beginning:?} {:?}", since.now());
        }
    }
}

#[test]
fn hands_that_were_shaken_and_then_bring_no_request_free_their_places_too() {
    let stage = Stage::with("header_timeout = \"1s\"\n", |builder| builder.profile("default"));
    let since = Stopwatch::start();
    let mut silent = stage.caller();
    silent.shake_hands().unwrap();
    assert!(wire::ends(&mut silent), "nothing is said");
    assert!((1..10).contains(&since.now().as_secs()), "{:?}", since.now());
}

#[test]
fn garbage_is_refused_by_an_alert_and_told_to_nobody_but_who_looks() {
    let stage = Stage::set();
    for garbage in [&[0; 600][..], b"\x16\x03\x01\xff\xff", b"\x16\x03\x03\x00\x01x", b"\xff", b"ssh-2.0\r\n"]
    {
        let mut stream = connect(stage.server.gateway);
        stream.write_all(garbage).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let answer = rest(&mut stream);
        assert!(answer.is_empty() || answer[0] == 0x15, "{garbage:?}: {answer:?}");
        stage.serves();
    }
    let log = eventually(|| Some(stage.server.log()).filter(|log| log.contains("a connection ended early")));
    for line in log.lines().filter(|line| line.contains("connection")) {
        assert!(line.contains("DEBUG"), "{line}");
    }
}

#[test]
fn who_speaks_plain_http_is_told_to_speak_tls() {
    let stage = Stage::set();
    for listener in [stage.server.gateway, stage.server.portal] {
        let request = format!("GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {}\r\n\r\n", stage.key);
        let answer: Answer = exchange(listener, "GET", request.as_bytes()).unwrap();
        assert_eq!((answer.status, answer.header("connection")), (400, Some("close")));
        assert!(answer.text().contains("https://"), "{}", answer.text());
    }
    assert!(!stage.server.log().contains(&stage.key));
}

#[test]
fn who_does_not_trust_the_authority_gets_no_further() {
    let (stage, other) = (Stage::set(), claviger_testkit::Certificates::make());
    let refused = wire::Wire::to(stage.server.gateway, wire::config(&other)).shake_hands().unwrap_err();
    assert!(refused.to_string().contains("invalid peer certificate"), "{refused}");
    stage.serves();
}
