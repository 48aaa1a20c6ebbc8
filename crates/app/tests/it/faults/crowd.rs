//! Ten thousand connections that say nothing: whoever asks is answered, and the places are given back.

use std::{
    net::{IpAddr, SocketAddr, TcpStream},
    time::Duration,
};

use claviger_testkit::{Connection, ServerBuilder, eventually, exchange};
use rustix::process::{Resource, getrlimit, setrlimit};
use serde_json::json;

use super::status;

/// How long what a test waits for may take before it fails.
const PATIENCE: Duration = Duration::from_secs(20);
/// As many as there are to be, on all listeners together.
const CROWD: usize = 10_000;
/// Places of each listener that nobody takes at first.
const FREE: usize = 20;

/// Raises this process's limit of open files, and returns it. A server that it starts has the same.
pub(crate) fn open_files() -> usize {
    let mut files = getrlimit(Resource::Nofile);
    files.current = files.maximum;
    setrlimit(Resource::Nofile, files).expect("a limit may be raised as far as it goes");
    files.maximum.map_or(usize::MAX, |most| usize::try_from(most).unwrap_or(usize::MAX))
}

/// So many connections to a listener that say nothing. Those that the system keeps for it are few, so it is asked
/// something now and then: when it has answered, it has taken the others.
fn silent(listener: SocketAddr, count: usize) -> Vec<TcpStream> {
    let connect = |number| {
        if number % 64 == 63 {
            let asked = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
            assert!(exchange(listener, "GET", asked).is_some(), "whoever asks is answered");
        }
        TcpStream::connect_timeout(&listener, PATIENCE).expect("it is taken, or waits with the system")
    };
    (0..count).map(connect).collect()
}

#[test]
fn whoever_asks_is_answered_beside_a_crowd_that_says_nothing_and_its_places_are_given_back() {
    // The server shares its open files out among listeners and upstreams.
    let each = (CROWD / 4).min(open_files().saturating_sub(128) / 5 - FREE);
    if each * 4 < CROWD {
        eprintln!("ONLY {} OF {CROWD} CONNECTIONS: raise the limit of open files (ulimit -Hn)", each * 4);
    }
    let mut builder = ServerBuilder::new(crate::PROGRAM).profile("default");
    let settings = builder.directory().join("settings.toml");
    let text = format!("connections = {}\nheader_timeout = \"10m\"\n", each + FREE);
    std::fs::write(&settings, text).expect("the test's directory can be written");
    let builder =
        builder.argument("--config").argument(settings.to_str().expect("the tests' paths are text"));
    let server = builder.argument("--ext-authz").argument("127.0.0.1:0").start();
    let operator = server.operator();
    let account = operator.account("Acme");
    let (_, key) = operator.issue_plain(&account, "n");
    let asked = server.ext_authz.expect("it has the listener");
    let listeners = [server.gateway, server.portal, server.control, asked];
    let mut crowd = listeners.map(|listener| silent(listener, each));
    let answers = |count: usize| {
        for _ in 0..count {
            assert_eq!(status(&server, &key), 200);
            assert_eq!(operator.verify(&json!({"key": key}))["allowed"], true);
        }
    };
    answers(50);
    // A place that is given back is another's.
    for (listener, held) in listeners.into_iter().zip(&mut crowd) {
        held.truncate(each / 2);
        held.extend(silent(listener, each - each / 2));
    }
    answers(50);
    // Without a place left a request waits, and is answered when there is one.
    let rest: Vec<_> = (0..FREE * 2).flat_map(|_| silent(server.gateway, 1)).collect();
    let mut waiting = Connection::open(server.gateway);
    waiting.send(format!("GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {key}\r\n\r\n").as_bytes());
    assert_eq!(operator.verify(&json!({"key": key}))["allowed"], true, "another listener has its own places");
    drop((crowd, rest));
    assert_eq!(waiting.answer("GET").expect("it is answered").status, 200);
    answers(50);
    let few = || {
        std::fs::read_dir(format!("/proc/{}/fd", server.pid()))
            .map(Iterator::count)
            .ok()
            .filter(|count| *count < 200)
    };
    eventually(few);
}

#[test]
fn one_address_has_its_share_of_places_and_is_told_when_they_are_taken() {
    const SHARE: usize = 4;
    let own = crate::proxies::own_addresses();
    // The loopback's addresses speak for many and are not counted.
    let host = own.last().and_then(|address| address.parse::<IpAddr>().ok()).expect("an address can be read");
    assert!(!host.is_loopback(), "this machine has no address but the loopback's: give it one (ip addr add)");
    let mut builder = ServerBuilder::new(crate::PROGRAM).profile("default").listening_on(host);
    let settings = builder.directory().join("settings.toml");
    std::fs::write(&settings, format!("connections_per_address = {SHARE}\nheader_timeout = \"10m\"\n"))
        .expect("the test's directory can be written");
    let control = builder.argument("--control").argument("127.0.0.1:0");
    let server =
        control.argument("--config").argument(settings.to_str().expect("the tests' paths are text")).start();
    for listener in [server.gateway, server.portal] {
        let asked = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
        let turned_away = || exchange(listener, "GET", asked).is_some_and(|answer| answer.status == 503);
        let mut held: Vec<_> = (0..SHARE).map(|_| Connection::open(listener)).collect();
        eventually(|| turned_away().then_some(()));
        let away = exchange(listener, "GET", asked).expect("it is told");
        assert_eq!((away.status, away.header("retry-after")), (503, Some("1")));
        held.pop();
        eventually(|| (!turned_away()).then_some(()));
    }
    assert_eq!(server.operator().get("/v1/accounts").status, 200, "operators are not counted");
}
