//! What clients write down who never stop asking.

use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
    time::Duration,
};

use claviger_testkit::{Hammer, Probe, Stopwatch};

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";

#[test]
fn requests_are_written_down_in_order_and_answers_can_be_waited_for() {
    let clock = Stopwatch::start();
    let server = claviger_testkit::Nginx::start("server { listen 127.0.0.1:{port}; return 204; }");
    let hammer = Hammer::start(clock, server.address(), REQUEST, 2);
    hammer.until(204, 10);
    let between = clock.now();
    // More than nginx answers on one connection.
    hammer.until(204, 2500);
    let probes = hammer.stop();
    assert!(probes.iter().filter(|probe| probe.sent >= between).count() >= 2500);
    assert!(probes.iter().all(|probe| probe.sent <= probe.ended));
    let unanswered = probes.iter().filter(|probe| probe.status.is_none()).count();
    assert!(unanswered <= 2, "{unanswered}: only the last ones may be, of {}", probes.len());
}

#[test]
fn they_come_back_when_the_other_side_closes_and_give_up_what_is_never_answered() {
    let clock = Stopwatch::start();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let hammer = Hammer::start(clock, listener.local_addr().unwrap(), REQUEST, 1);
    let mut request = [0; REQUEST.len()];
    // The first connection is closed without an answer, the second answers once and then says nothing.
    listener.accept().unwrap().0.read_exact(&mut request).unwrap();
    let (mut second, _) = listener.accept().unwrap();
    second.read_exact(&mut request).unwrap();
    second.write_all(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 2\r\n\r\nno").unwrap();
    second.read_exact(&mut request).unwrap();
    let statuses: Vec<_> = hammer.stop().iter().map(|probe| probe.status).collect();
    assert_eq!(statuses, [None, Some(503), None]);
}

#[test]
fn a_refusal_that_lasts_is_one_probe() {
    let clock = Stopwatch::start();
    let nobody = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    let hammer = Hammer::start(clock, nobody, REQUEST, 1);
    claviger_testkit::eventually(|| (clock.now() > Duration::from_millis(100)).then_some(()));
    let probes = hammer.stop();
    let [Probe { sent, ended, status: None }] = probes[..] else {
        unreachable!("{probes:?}");
    };
    assert!(ended > sent);
}
