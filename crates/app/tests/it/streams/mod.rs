//! What lasts longer than a request usually does: a WebSocket, an answer that goes on, an upload that takes its time. It
//! passes as it is, and it ends with its key (A108, A111).

mod draining;
mod ended;
mod failing;
mod http2;
mod lease;
mod refused;
mod soon;
mod upgrade;
mod wire;

use claviger_testkit::{Operator, Server, ServerBuilder};
use serde_json::{Value, json};

use self::{
    soon::Soon,
    wire::{Upstream, Wire},
};

/// The key of RFC 6455's example, and what an upstream makes of it (§1.3).
const SAMPLE: (&str, &str) = ("dGhlIHNhbXBsZSBub25jZQ==", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");

/// A gateway before an upstream that does what the test says, and an account with keys.
struct Stage {
    server: Server,
    upstream: Upstream,
    operator: Operator,
    account: String,
}

/// A key of the stage's account.
struct Key {
    id: String,
    plain: String,
}

impl Stage {
    fn set() -> Self {
        Self::with(|builder| builder.profile("default"))
    }

    fn with(complete: impl FnOnce(ServerBuilder) -> ServerBuilder) -> Self {
        let upstream = Upstream::start();
        let builder = ServerBuilder::new(crate::PROGRAM).argument("--upstream").argument(upstream.url());
        let server = complete(builder).start();
        let operator = server.operator();
        let account = operator.account("Acme");
        Self { server, upstream, operator, account }
    }

    fn key(&self, order: &Value) -> Key {
        self.key_of(&self.account, order)
    }

    fn key_of(&self, account: &str, order: &Value) -> Key {
        let mut order = order.clone();
        order["name"] = json!("streams");
        let issued = self.operator.issue(account, &order);
        let text = |field: &str| issued[field].as_str().expect("an issued key has it").to_owned();
        Key { id: text("id"), plain: text("key") }
    }

    fn good_key(&self) -> Key {
        self.key(&json!({}))
    }

    /// Revokes a key.
    #[track_caller]
    fn revoke(&self, key: &Key) -> Soon {
        let path = format!("/v1/keys/{}/revoke", key.id);
        Soon::after(self, || self.operator.post(&path, &Value::Null))
    }

    /// A connection of someone who calls the api.
    fn caller(&self) -> Wire {
        Wire::to(self.server.gateway)
    }

    /// A WebSocket with `key`: the caller's end, and the upstream's.
    #[track_caller]
    fn websocket(&self, key: &Key) -> (Wire, Wire) {
        let mut caller = self.caller();
        caller.send(handshake(key));
        let mut upstream = self.upstream.next();
        upstream.head();
        upstream.send(switching());
        assert_eq!(caller.head().status(), 101);
        (caller, upstream)
    }

    /// Events of the upstream's that `key` listens to: the caller's end, and the upstream's. The first has come.
    #[track_caller]
    fn events(&self, key: &Key) -> (Wire, Wire) {
        let mut caller = self.caller();
        caller.send(request("GET", &key.plain, ""));
        let mut upstream = self.upstream.next();
        upstream.head();
        upstream
            .send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n");
        assert_eq!(caller.head().status(), 200);
        pass_event(&mut upstream, &mut caller);
        (caller, upstream)
    }
}

/// A request with `key`, and with these further fields.
fn request(method: &str, key: &str, fields: &str) -> String {
    format!("{method} /v1/live HTTP/1.1\r\nHost: api.test\r\nAuthorization: Bearer {key}\r\n{fields}\r\n")
}

/// A request for a WebSocket.
fn handshake(key: &Key) -> String {
    let (nonce, _) = SAMPLE;
    let fields = format!(
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {nonce}\r\n"
    );
    request("GET", &key.plain, &fields)
}

/// The answer that makes one of it.
fn switching() -> String {
    let (_, accept) = SAMPLE;
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
    )
}

/// Passes one event on and sees it arrive.
#[track_caller]
fn pass_event(upstream: &mut Wire, caller: &mut Wire) {
    let event = "D\r\ndata: event\n\n\r\n";
    upstream.send(event);
    assert_eq!(caller.bytes(event.len()), event.as_bytes());
}

/// Passes a message each way and sees it arrive.
#[track_caller]
fn pass_messages(caller: &mut Wire, upstream: &mut Wire) {
    caller.send_masked("to the upstream");
    assert_eq!(upstream.message(), "to the upstream");
    upstream.send_message("to the caller");
    assert_eq!(caller.message(), "to the caller");
}
