//! Somebody between callers and an upstream, and what is held against what arrives there.

use std::{
    cell::Cell,
    io::{ErrorKind, Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpStream},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use claviger_testkit::{Operator, Server, ServerBuilder, repository};
use serde_json::json;

use super::rows::{self, Arrival, Keys, Row};
use crate::attacks::{BODY, Key, Received, Upstream};

/// How long somebody may take who has something to say.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long is listened to somebody who may wait for more of the request.
const LISTENING: Duration = Duration::from_millis(700);

/// What is said of whose request it is.
const IDENTITY: [&str; 6] = ["account", "external-id", "key-id", "environment", "scopes", "created-by"];
/// Beginnings of the fields by which some upstreams take a request for another one.
const OTHERWISE: [&str; 10] = [
    "x-original-ur",
    "x-original-method",
    "x-rewrite-url",
    "x-forwarded-uri",
    "x-forwarded-method",
    "x-forwarded-prefix",
    "x-forwarded-path",
    "x-envoy-original",
    "x-http-method",
    "x-method-override",
];

/// A server before whose upstream there is somebody.
pub(super) struct Stage {
    pub(super) server: Server,
    pub(super) operator: Operator,
    pub(super) upstream: Upstream,
    pub(super) account: String,
    pub(super) keys: Keys,
    arrived: Cell<usize>,
}

/// The built-in profile, with one part of the api for the public and one for the admin.
pub(super) fn profile() -> String {
    let file = repository().join("profiles/default.toml");
    let text = std::fs::read_to_string(file).expect("the profile is there");
    let methods = "methods = [\"GET\", \"POST\", \"OPTIONS\", \"FOO\"]";
    text + &format!(
        "\n[scopes]\n\"public\" = \"Use it\"\n\"admin\" = \"Rule it\"\n\
         [[routes]]\n{methods}\npaths = [\"/v1\", \"/v1/**\"]\nscope = \"public\"\n\
         [[routes]]\nmethods = \"any\"\npaths = [\"/admin\", \"/admin/**\", \"/v1\", \"/v1/**\"]\nscope = \"admin\"\n"
    )
}

impl Stage {
    pub(super) fn set(complete: impl FnOnce(ServerBuilder, &Upstream) -> ServerBuilder) -> Self {
        Self::of(&profile(), complete)
    }

    /// The same with a profile of this text.
    pub(super) fn of(
        profile: &str,
        complete: impl FnOnce(ServerBuilder, &Upstream) -> ServerBuilder,
    ) -> Self {
        let upstream = Upstream::that_keeps_connections();
        let builder = ServerBuilder::new(crate::PROGRAM).profile_text(profile);
        let server = complete(builder, &upstream).start();
        let operator = server.operator();
        let account = operator.account("Acme");
        let issue = |order| {
            let issued = operator.issue(&account, &order);
            let text = |field: &str| issued[field].as_str().expect("an issued key has it").to_owned();
            Key { id: text("id"), plain: text("key") }
        };
        let keys = Keys {
            public: issue(json!({"name": "public", "scopes": ["public"]})),
            admin: issue(json!({"name": "admin", "scopes": ["admin"]})),
            narrow: issue(json!({
                "name": "narrow",
                "restrictions": {"endpoints": ["GET /v1/pub/**", "GET /v1/caf%C3%A9"]}
            })),
        };
        Self { server, operator, upstream, account, keys, arrived: Cell::new(0) }
    }

    /// Sends every request of the catalogue to `address`.
    pub(super) fn run(&self, address: SocketAddr) {
        self.send_all(address, rows::all(&self.keys, self.server.operator_key()));
        assert!(self.count() > 50, "what is allowed arrives");
    }

    /// Sends these to `address` and holds the sentence against what arrives.
    pub(super) fn send_all(&self, address: SocketAddr, rows: Vec<Row>) {
        let mut faults = Vec::new();
        for row in rows {
            let answer = send(address, &[&row.bytes[..], &follower(&row.key)].concat());
            let received = self.upstream.after(self.arrived.get());
            self.arrived.set(self.arrived.get() + received.len());
            if let Err(fault) = self.check(&row, &answer, &received) {
                let lines: Vec<_> = received.iter().map(Received::line).collect();
                let answer = String::from_utf8_lossy(&answer[..answer.len().min(60)]).into_owned();
                faults.push(format!("{}: {fault}: {lines:?} {answer:?}", row.name));
            }
        }
        assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
    }

    /// How many arrived.
    pub(super) fn count(&self) -> usize {
        self.arrived.get()
    }

    fn check(&self, row: &Row, answer: &[u8], received: &[Received]) -> Result<(), String> {
        let written = lines_of(&row.bytes);
        let mut own = 0;
        for received in received {
            let line = received.line();
            if line != FOLLOWER && !written.contains(&line) {
                return Err(format!("{line} was not written so"));
            }
            own += usize::from(line != FOLLOWER);
            self.is_judged(received)?;
        }
        let reached = answer.windows(BODY.len()).filter(|window| *window == BODY.as_bytes()).count();
        if !row.bytes.starts_with(b"HEAD") && reached > received.len() {
            return Err(format!("{reached} answers of the upstream's"));
        }
        match row.arrival {
            Arrival::Always if own == 1 && answer.starts_with(b"HTTP/1.1 200") => Ok(()),
            Arrival::Never if own == 0 && !answer.starts_with(b"HTTP/1.1 2") => Ok(()),
            Arrival::Perhaps => Ok(()),
            arrival => Err(format!("{arrival:?} arrives")),
        }
    }

    /// What arrived is allowed to the key that it is said to come with, by itself.
    fn is_judged(&self, received: &Received) -> Result<(), String> {
        let keys = [&self.keys.public, &self.keys.admin, &self.keys.narrow];
        let told = |name: &str| received.values(&format!("x-claviger-{name}"));
        let [id] = &told("key-id")[..] else { return Err(format!("{:?} as the key", told("key-id"))) };
        let key = keys.into_iter().find(|key| key.id == *id).ok_or("another key")?;
        // Of Base64 all but the end, which goes by what follows.
        let encoded = STANDARD.encode(&key.plain);
        let forms = [&*key.plain, &encoded[..encoded.len() - 4]];
        let has_key = |name: &String| {
            let value = received.values(name).join(" ");
            forms.iter().any(|form| value.contains(form))
        };
        if received.names().iter().any(has_key) {
            return Err("the key went further".to_owned());
        }
        if told("account") != [&*self.account] || told("environment") != ["live"] {
            return Err("another's identity".to_owned());
        }
        for name in received.names() {
            let folded = name.replace(|mark: char| !mark.is_ascii_alphanumeric(), "-");
            let is_forged = received.values(&name).iter().any(|value| value.contains("forged"));
            if is_forged && IDENTITY.iter().any(|field| folded == format!("x-claviger-{field}")) {
                return Err(format!("{name} is forged"));
            }
            if is_forged && OTHERWISE.iter().any(|field| folded.starts_with(field)) {
                return Err(format!("{name} says otherwise"));
            }
        }
        let line = received.line();
        let (method, path) = line.split_once(' ').ok_or("no request line")?;
        let verdict = self
            .operator
            .verify(&json!({"key": key.plain, "api": "default", "method": method, "path": path_of(path)}));
        if verdict["allowed"] == true { Ok(()) } else { Err(format!("{line} is not allowed: {verdict}")) }
    }
}

/// What follows each request on its connection: whoever finds the right end of the one answers the other, and closes.
const FOLLOWER: &str = "GET /v1/pub/follower";

fn follower(key: &Key) -> Vec<u8> {
    let plain = &key.plain;
    format!(
        "{FOLLOWER} HTTP/1.1\r\nHost: api.test\r\nAuthorization: Bearer {plain}\r\nConnection: close\r\n\r\n"
    )
    .into_bytes()
}

/// Method and target of everything in `bytes` that could be the first line of a request, as an upstream should get it.
fn lines_of(bytes: &[u8]) -> Vec<String> {
    let line = |line: &[u8]| {
        let line = String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line)).into_owned();
        let (request, _) = line.rsplit_once(" HTTP/")?;
        let (method, target) = request.split_once(' ')?;
        // A host in the target goes on as it is, or in its field; some write raw letters as a URI has them (RFC 3986), and
        // ask about that.
        let path = path_of(target);
        Some([target.to_owned(), path.to_owned(), as_uri(path)].map(|target| format!("{method} {target}")))
    };
    bytes.split(|byte| *byte == b'\n').filter_map(line).flatten().collect()
}

/// The path and query of a target.
fn path_of(target: &str) -> &str {
    let Some(rest) = target.strip_prefix("http://") else { return target };
    rest.find('/').map_or("/", |path| &rest[path..])
}

/// `text` with its letters beyond ASCII encoded.
fn as_uri(text: &str) -> String {
    let letter =
        |byte: u8| if byte.is_ascii() { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(letter).collect()
}

/// Sends `bytes` and returns everything that comes until the connection is closed. Who waits for more than there is, or
/// for the other end of a connection that is over, hears that nothing more comes.
pub(super) fn send(address: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE).expect("it listens");
    stream.set_write_timeout(Some(PATIENCE)).expect("a time-out can be set");
    stream.set_read_timeout(Some(LISTENING)).expect("a time-out can be set");
    // Whoever has heard enough closes.
    let _ = stream.write_all(bytes);
    let (mut answer, mut finished) = (Vec::new(), false);
    loop {
        let mut buffer = [0; 16 << 10];
        match stream.read(&mut buffer) {
            Ok(0) => return answer,
            Ok(count) => answer.extend_from_slice(&buffer[..count]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                assert!(!finished, "the connection is never closed: {:?}", String::from_utf8_lossy(bytes));
                finished = true;
            }
            Err(_) => return answer,
        }
        finished |= is_last(&answer);
        if finished {
            let _ = stream.shutdown(Shutdown::Write);
            stream.set_read_timeout(Some(PATIENCE)).expect("a time-out can be set");
        }
    }
}

/// Whether an answer says that it is the last.
fn is_last(answers: &[u8]) -> bool {
    let answers = String::from_utf8_lossy(answers).to_ascii_lowercase();
    answers.contains("\r\nconnection: close\r\n")
}
