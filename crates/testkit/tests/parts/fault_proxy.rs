//! What a proxy loses, delays and breaks, seen by a Redis and by those who talk to it.

use std::{
    io::{ErrorKind, Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

use claviger_testkit::{FaultProxy, Redis};

/// Longer than a local answer takes, even on a busy machine that starts several servers.
const SILENCE: Duration = Duration::from_millis(300);
const PATIENCE: Duration = Duration::from_secs(20);

struct Client(TcpStream);

impl Client {
    fn of(proxy: &FaultProxy) -> Self {
        Self(TcpStream::connect(proxy.address()).unwrap())
    }

    fn says(&mut self, command: &str) -> &mut Self {
        self.0.write_all(format!("{command}\r\n").as_bytes()).unwrap();
        self
    }

    fn hears(&mut self, answer: &str) {
        self.0.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut heard = vec![0; answer.len()];
        self.0.read_exact(&mut heard).unwrap();
        assert_eq!(String::from_utf8(heard).unwrap(), answer);
    }

    fn hears_nothing(&mut self) {
        self.0.set_read_timeout(Some(SILENCE)).unwrap();
        assert_eq!(self.0.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
    }

    /// Whether the connection is reset or closed without a word.
    fn is_cut(&mut self) -> bool {
        self.0.set_read_timeout(Some(PATIENCE)).unwrap();
        match self.0.read(&mut [0]) {
            Ok(count) => count == 0,
            Err(error) => error.kind() == ErrorKind::ConnectionReset,
        }
    }
}

fn opened() -> (Redis, FaultProxy) {
    let redis = Redis::start();
    let proxy = FaultProxy::to(redis.address());
    (redis, proxy)
}

#[test]
fn it_passes_on_and_closes_with_either_side() {
    let (mut redis, proxy) = opened();
    let mut client = Client::of(&proxy);
    client.says("PING").hears("+PONG\r\n");
    client.says("QUIT").hears("+OK\r\n");
    assert!(client.is_cut());
    let mut client = Client::of(&proxy);
    client.says("PING").hears("+PONG\r\n");
    redis.kill();
    assert!(client.is_cut());
    assert!(Client::of(&proxy).is_cut(), "nobody is behind it");
}

#[test]
fn it_refuses_new_connections_alone() {
    let (_redis, proxy) = opened();
    let mut old = Client::of(&proxy);
    old.says("PING").hears("+PONG\r\n");
    proxy.refuse();
    assert!(Client::of(&proxy).is_cut());
    old.says("PING").hears("+PONG\r\n");
    proxy.pass();
    Client::of(&proxy).says("PING").hears("+PONG\r\n");
    proxy.close_all();
    assert!(old.is_cut());
}

#[test]
fn a_black_hole_swallows_both_ways_and_what_lost_a_byte_stays_silent() {
    let (redis, proxy) = opened();
    let mut old = Client::of(&proxy);
    old.says("PING").hears("+PONG\r\n");
    proxy.blackhole();
    let mut new = Client::of(&proxy);
    old.says("SET a 1").hears_nothing();
    new.says("SET b 1").hears_nothing();
    assert_eq!(redis.command(&["DBSIZE"]), "0");
    proxy.pass();
    old.says("SET a 2").hears_nothing();
    assert_eq!(redis.command(&["DBSIZE"]), "0");
    Client::of(&proxy).says("PING").hears("+PONG\r\n");
}

#[test]
fn a_one_way_black_hole_lets_the_server_hear() {
    let (redis, proxy) = opened();
    let mut client = Client::of(&proxy);
    proxy.blackhole_answers();
    client.says("SET a 1").hears_nothing();
    assert_eq!(redis.command(&["GET", "a"]), "1");
}

#[test]
fn it_delays_both_ways() {
    let (_redis, proxy) = opened();
    let mut client = Client::of(&proxy);
    proxy.delay(SILENCE);
    client.says("PING").hears_nothing();
    client.hears("+PONG\r\n");
}

#[test]
fn it_loses_the_answer_to_what_was_done() {
    let (redis, proxy) = opened();
    let (mut one, mut other) = (Client::of(&proxy), Client::of(&proxy));
    one.says("SET a 1").hears("+OK\r\n");
    let lost = proxy.drop_answers_after(b"INCR");
    one.says("GET a").hears("$1\r\n1\r\n");
    one.0.write_all(b"IN").unwrap();
    // What another connection says in between springs nothing.
    other.says("GET a").hears("$1\r\n1\r\n");
    one.says("CR a");
    lost.wait();
    assert_eq!(redis.command(&["GET", "a"]), "2");
    one.says("GET a").hears_nothing();
    other.says("INCR a").hears(":3\r\n");
    proxy.close_all();
    assert!(one.is_cut());
}

#[test]
fn it_tells_a_connection_by_several_things_it_says() {
    let (redis, proxy) = opened();
    let (mut one, mut other) = (Client::of(&proxy), Client::of(&proxy));
    let lost = proxy.drop_answers_after_each(&[b"MULTI", b"EXEC"]);
    other.says("EXEC").hears("-ERR EXEC without MULTI\r\n");
    one.says("MULTI").hears("+OK\r\n");
    one.says("INCR a").hears("+QUEUED\r\n");
    one.says("EXEC");
    lost.wait();
    one.hears_nothing();
    assert_eq!(redis.command(&["GET", "a"]), "1");
}
