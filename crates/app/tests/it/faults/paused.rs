//! A server that stands still for a while, as a machine under another's load does, and one whose network is cut.

use std::{net::TcpStream, time::Duration};

use claviger_testkit::{Connection, Hammer, Namespace, Server, ServerBuilder, Stopwatch};

use crate::PROGRAM;

fn request(key: &str) -> Vec<u8> {
    format!("GET /v1/things HTTP/1.1\r\nHost: api\r\nAuthorization: Bearer {key}\r\n\r\n").into_bytes()
}

fn issued(server: &Server) -> String {
    let operator = server.operator();
    operator.issue_plain(&operator.account("Acme"), "a key").1
}

#[test]
fn what_is_asked_meanwhile_is_answered_afterwards() {
    let server = ServerBuilder::new(PROGRAM).profile("default").on_lasting_ports().start();
    let key = issued(&server);
    let clock = Stopwatch::start();
    let hammer = Hammer::start(clock, server.gateway, &request(&key), 2);
    hammer.until(200, 10);
    server.pause();
    let paused = clock.now();
    let mut asked_meanwhile = Connection::open(server.gateway);
    asked_meanwhile.send(&request(&key));
    let resumed = clock.now();
    server.resume();
    assert_eq!(asked_meanwhile.answer("GET").expect("the gateway answers").status, 200);
    hammer.until(200, 10);

    let gateway = server.gateway;
    let server = server.kill().start();
    assert_eq!(server.gateway, gateway);
    hammer.until(200, 10);
    let probes = hammer.stop();
    let answered_meanwhile = probes.iter().filter(|probe| probe.sent > paused && probe.ended < resumed);
    assert_eq!(answered_meanwhile.count(), 0);
}

#[test]
fn connections_outlive_a_cut_of_the_network() {
    let namespace = Namespace::new();
    let server = ServerBuilder::new(PROGRAM)
        .profile("default")
        .under(&namespace.prefix())
        .listening_on(namespace.address())
        .start();
    let key = issued(&server);
    let mut connection = Connection::open(server.gateway);
    connection.send(&request(&key));
    assert_eq!(connection.answer("GET").expect("the gateway answers").status, 200);
    namespace.cut();
    connection.send(&request(&key));
    assert!(TcpStream::connect_timeout(&server.gateway, Duration::from_millis(300)).is_err());
    namespace.heal();
    assert_eq!(connection.answer("GET").expect("the gateway answers").status, 200);
}
