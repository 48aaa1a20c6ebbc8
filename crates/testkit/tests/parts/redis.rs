//! Redis, as it is and as it fails.

use std::{
    io::{ErrorKind, Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

use claviger_testkit::{Redis, RedisBuilder, eventually};

#[test]
fn it_answers_and_begins_empty_where_it_was_after_a_kill() {
    let mut redis = Redis::start();
    assert_eq!(redis.command(&["SET", "a", "1"]), "OK");
    assert_eq!(redis.command(&["GET", "a"]), "1");
    let address = redis.address();
    redis.kill();
    assert_eq!(TcpStream::connect(address).unwrap_err().kind(), ErrorKind::ConnectionRefused);
    redis.start_again();
    assert_eq!(redis.address(), address);
    assert_eq!(redis.command(&["EXISTS", "a"]), "0");
}

#[test]
fn a_paused_one_takes_connections_and_says_nothing_until_it_is_resumed() {
    let redis = Redis::start();
    redis.pause();
    let mut stream = TcpStream::connect(redis.address()).unwrap();
    stream.write_all(b"PING\r\n").unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    let mut answer = [0; 7];
    assert_eq!(stream.read(&mut answer).unwrap_err().kind(), ErrorKind::WouldBlock);
    redis.resume();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"+PONG\r\n");
}

#[test]
fn it_refuses_what_it_is_told_to_refuse() {
    let locked = RedisBuilder::new().password("open sesame").start();
    assert_eq!(locked.command(&["PING"]), "PONG");
    let mut stream = TcpStream::connect(locked.address()).unwrap();
    stream.write_all(b"GET a\r\n").unwrap();
    let mut answer = [0; 7];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"-NOAUTH");

    let replica = RedisBuilder::new().replica_of(&locked).start();
    assert!(replica.refusal(&["SET", "a", "1"]).starts_with("READONLY"));

    let full = RedisBuilder::new().max_memory("1kb").start();
    assert!(full.refusal(&["SET", "a", "1"]).starts_with("OOM"));
}

#[test]
fn a_cluster_spreads_the_slots_and_says_when_a_part_of_them_is_gone() {
    let mut nodes = Redis::cluster(3);
    assert!(nodes[0].command(&["CLUSTER", "INFO"]).contains("cluster_slots_ok:16384"));
    let master = |node: &&Redis| node.command(&["CLUSTER", "NODES"]).contains("myself,master");
    assert_eq!(nodes.iter().filter(master).count(), 3);

    nodes[2].kill();
    let failed = || nodes[0].command(&["CLUSTER", "INFO"]).contains("cluster_state:fail").then_some(());
    eventually(failed);
    nodes[2].start_again();
    let well = || nodes[0].command(&["CLUSTER", "INFO"]).contains("cluster_state:ok").then_some(());
    eventually(well);
}
