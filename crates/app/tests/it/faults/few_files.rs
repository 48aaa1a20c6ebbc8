//! Where open files are few: whoever is connected stays served, so do the other listeners, and what was too much passes.

use std::{
    net::{SocketAddr, TcpStream},
    process::Command,
    time::Duration,
};

use claviger_testkit::{Connection, Proxy, Server, ServerBuilder, eventually, exchange};
use serde_json::{Value, json};

use super::{Line, status, text};
use crate::{attacks::Upstream, proxies::printed};

/// A connection of one who asks again and again.
struct Kept {
    connection: Connection,
    asking: Vec<u8>,
}

impl Kept {
    fn open(listener: SocketAddr, line: &str, key: &str) -> Self {
        let asking = format!("{line} HTTP/1.1\r\nHost: api\r\nAuthorization: Bearer {key}\r\n\r\n");
        let mut kept = Self { connection: Connection::open(listener), asking: asking.into_bytes() };
        assert_eq!(kept.status(), Some(200), "{line}");
        kept
    }

    fn status(&mut self) -> Option<u16> {
        self.connection.send(&self.asking);
        self.connection.answer("GET").map(|answer| answer.status)
    }
}

/// A server, and somebody who is connected with each of its listeners.
struct Stage {
    server: Server,
    account: String,
    id: String,
    key: String,
    operator: Line,
    kept: Vec<Kept>,
    _envoy: Proxy,
}

impl Stage {
    fn set(complete: impl FnOnce(ServerBuilder) -> ServerBuilder) -> Self {
        let builder = ServerBuilder::new(crate::PROGRAM).profile("default");
        let upstream = Upstream::that_keeps_connections();
        let arguments = ["--ext-authz", "127.0.0.1:0", "--upstream", &upstream.url()];
        let server = complete(arguments.into_iter().fold(builder, ServerBuilder::argument)).start();
        let account = server.operator().account("Acme");
        let (id, key) = server.operator().issue_plain(&account, "n");
        let asked = server.ext_authz.expect("it has the listener");
        // It keeps its connection to whom it asks.
        let envoy = Proxy::envoy(&printed("envoy-grpc", "yaml", &upstream, asked));
        let kept = vec![
            Kept::open(server.gateway, "GET /v1/things", &key),
            Kept::open(server.control, "GET /forward-auth/default/v1/things", &key),
            Kept::open(envoy.address(), "GET /v1/things", &key),
            Kept::open(server.portal, "GET /sign-in", ""),
        ];
        let operator = Line::open(&server);
        let mut stage = Self { server, account, id, key, operator, kept, _envoy: envoy };
        stage.who_is_connected_is_served(1);
        stage
    }

    #[track_caller]
    fn who_is_connected_is_served(&mut self, times: usize) {
        for _ in 0..times {
            for kept in &mut self.kept {
                let asked = String::from_utf8_lossy(&kept.asking).into_owned();
                assert_eq!(kept.status(), Some(200), "{asked}");
            }
            let made =
                self.operator.post(&format!("/v1/accounts/{}/keys", self.account), &json!({"name": "m"}));
            let made = made.expect("it is answered").expect(201).json();
            let verified = self.operator.post("/v1/keys/verify", &json!({"key": text(&made, "key")}));
            assert_eq!(verified.expect("it is answered").json()["allowed"], true);
        }
    }

    fn listeners(&self) -> [SocketAddr; 4] {
        let Server { gateway, portal, control, ext_authz, .. } = self.server;
        [gateway, portal, control, ext_authz.expect("it has the listener")]
    }

    /// A revoked key is refused by everybody whom it was allowed by.
    #[track_caller]
    fn a_revocation_holds(&mut self) {
        let revoked = self.operator.post(&format!("/v1/keys/{}/revoke", self.id), &Value::Null);
        let revoked = revoked.expect("it is answered").expect(200).json();
        assert_eq!(revoked["receipt"]["complete"], true);
        for kept in &mut self.kept[..3] {
            assert_eq!(kept.status(), Some(401));
        }
    }
}

/// Whether a new connection is answered.
fn answers(listener: SocketAddr) -> bool {
    exchange(listener, "GET", b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").is_some()
}

/// As many connections that say nothing as come in, or wait with the system.
fn flood(listener: SocketAddr) -> Vec<TcpStream> {
    let connect = || TcpStream::connect_timeout(&listener, Duration::from_millis(300)).ok();
    let flood: Vec<_> = (0..1000).map_while(|_| connect()).collect();
    assert!(flood.len() > 100, "{} came in, or wait with the system", flood.len());
    flood
}

#[test]
fn a_flood_of_a_listener_leaves_the_others_served_and_passes() {
    let mut stage = Stage::set(|builder| builder.under(&["prlimit", "--nofile=256:256"]));
    for flooded in stage.listeners() {
        let flood = flood(flooded);
        for _ in 0..10 {
            stage.who_is_connected_is_served(1);
            for other in stage.listeners().into_iter().filter(|listener| *listener != flooded) {
                assert!(answers(other), "{other} beside {flooded}");
            }
        }
        drop(flood);
        assert!(answers(flooded));
    }
    // All at once, which is more than there are files.
    let floods = stage.listeners().map(flood);
    stage.who_is_connected_is_served(10);
    stage.a_revocation_holds();
    drop(floods);
    assert!(stage.listeners().into_iter().all(answers));
    assert_eq!(status(&stage.server, &stage.key), 401);
    let (_, another) = stage.server.operator().issue_plain(&stage.account, "after the flood");
    assert_eq!(status(&stage.server, &another), 200);
}

/// Lets a running server open no file beyond the first so many.
fn limit(server: &Server, files: &str) {
    let pid = server.pid().to_string();
    let done = Command::new("prlimit").args(["--pid", &pid, &format!("--nofile={files}:")]).status();
    assert!(done.expect("prlimit is installed").success());
}

#[test]
fn without_a_file_left_whoever_is_connected_is_served_and_the_others_as_soon_as_there_is_one() {
    let mut stage = Stage::set(|builder| builder);
    limit(&stage.server, "8");
    let mut waiting = stage.listeners().map(Connection::open);
    for waiting in &mut waiting {
        waiting.send(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    }
    let refused = "no connections can be accepted for now";
    eventually(|| (stage.server.log().matches(refused).count() == 4).then_some(()));
    stage.who_is_connected_is_served(50);
    stage.a_revocation_holds();
    assert_eq!(stage.server.log().matches(refused).count(), 4, "each listener says it once");
    limit(&stage.server, "1024");
    for mut waiting in waiting {
        assert!(waiting.answer("GET").is_some(), "who waited is answered");
    }
    assert!(stage.listeners().into_iter().all(answers));
}
