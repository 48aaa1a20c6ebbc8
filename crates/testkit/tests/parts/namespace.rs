//! A network that is cut, seen by a Redis in it and by those outside.

use std::{
    io::{ErrorKind, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    process::Command,
    time::Duration,
};

use claviger_testkit::{Lost, Namespace, Redis, RedisBuilder};

const SILENCE: Duration = Duration::from_millis(300);
const PATIENCE: Duration = Duration::from_secs(20);

fn opened() -> (Namespace, Redis, TcpStream) {
    let namespace = Namespace::new();
    let redis = RedisBuilder::new().within(&namespace).start();
    let client = TcpStream::connect(redis.address()).unwrap();
    (namespace, redis, client)
}

fn says(client: &mut TcpStream, command: &str) {
    client.write_all(format!("{command}\r\n").as_bytes()).unwrap();
}

fn hears(client: &mut TcpStream, answer: &str) {
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut heard = vec![0; answer.len()];
    client.read_exact(&mut heard).unwrap();
    assert_eq!(String::from_utf8(heard).unwrap(), answer);
}

fn hears_nothing(client: &mut TcpStream) {
    client.set_read_timeout(Some(SILENCE)).unwrap();
    assert_eq!(client.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
}

#[test]
fn what_is_cut_is_silent_and_goes_on_when_healed() {
    let (namespace, redis, mut client) = opened();
    says(&mut client, "PING");
    hears(&mut client, "+PONG\r\n");
    namespace.cut();
    let refused = TcpStream::connect_timeout(&redis.address(), SILENCE).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::TimedOut);
    says(&mut client, "INCR a");
    hears_nothing(&mut client);
    namespace.heal();
    hears(&mut client, ":1\r\n");
}

#[test]
fn what_is_cut_one_way_is_heard_or_hears() {
    let (namespace, _redis, mut client) = opened();
    // Told from inside, as nothing from outside reaches it.
    let inside = |words: &[&str]| {
        let [program, arguments @ ..] = namespace.prefix();
        let host = namespace.address().to_string();
        let command =
            Command::new(program).args(arguments).args(["redis-cli", "-h", &host]).args(words).output();
        String::from_utf8(command.unwrap().stdout).unwrap()
    };
    let port = client.peer_addr().unwrap().port().to_string();
    namespace.cut_one_way(Lost::Outgoing);
    says(&mut client, "INCR a");
    hears_nothing(&mut client);
    assert_eq!(inside(&["-p", &port, "GET", "a"]), "1\n");
    namespace.heal();
    hears(&mut client, ":1\r\n");
    namespace.cut_one_way(Lost::Incoming);
    says(&mut client, "INCR a");
    hears_nothing(&mut client);
    assert_eq!(inside(&["-p", &port, "GET", "a"]), "1\n");
    namespace.heal();
    hears(&mut client, ":2\r\n");
}

#[test]
fn what_runs_in_it_reaches_this_machine() {
    let (namespace, redis, _) = opened();
    let listener = TcpListener::bind((namespace.host_address(), 0)).unwrap();
    let place = listener.local_addr().unwrap();
    redis.command(&["REPLICAOF", &place.ip().to_string(), &place.port().to_string()]);
    let (_, from) = listener.accept().unwrap();
    assert_eq!(from.ip(), namespace.address());
}

#[test]
fn nothing_of_it_stays_when_a_test_fails() {
    let failed = std::panic::catch_unwind(|| {
        let namespace = Namespace::new();
        let address = SocketAddr::new(namespace.host_address(), 0);
        TcpListener::bind(address).unwrap();
        std::panic::resume_unwind(Box::new(address));
    });
    let address = failed.unwrap_err().downcast::<SocketAddr>().unwrap();
    assert_eq!(TcpListener::bind(*address).unwrap_err().kind(), ErrorKind::AddrNotAvailable);
}
