//! Forward auth behind real proxies, each set up by the file that its guide prints: what may pass does, as whose it is; what
//! may not is answered in the api's own words and reaches nobody; and what was judged is what the upstream received.

mod alone;
mod apache;
mod caddy;
mod envoy;
pub(crate) mod grpc;
mod haproxy;
mod nginx;
mod reflection;

use std::net::{SocketAddr, UdpSocket};

use claviger_testkit::{Answer, Operator, Server, ServerBuilder, eventually, exchange, repository};
use serde_json::{Value, json};

use crate::attacks::Upstream;

/// A proxy before an upstream, and the Claviger that it asks.
struct Stage<P> {
    proxy: P,
    address: SocketAddr,
    server: Option<Server>,
    operator: Operator,
    account: String,
    upstream: Upstream,
}

/// The first block of `language` on a page of the guide, for an upstream and a Claviger at these addresses.
pub(crate) fn printed(page: &str, language: &str, upstream: &Upstream, control: SocketAddr) -> String {
    let file = repository().join(format!("docs/guide/{page}.md"));
    let text = std::fs::read_to_string(&file).expect("the guide has the page");
    let (_, rest) = text.split_once(&format!("```{language}\n")).expect("the page has such a block");
    let (block, _) = rest.split_once("\n```").expect("a block ends");
    let upstream = upstream.address();
    let block = format!("{block}\n").replace("127.0.0.1:3000", &upstream.to_string());
    let block = block.replace("127.0.0.1:8082", &control.to_string());
    let block = block.replace("port_value: 3000", &format!("port_value: {}", upstream.port()));
    let block = block.replace("port_value: 8082", &format!("port_value: {}", control.port()));
    block.replace("port_value: 8083", &format!("port_value: {}", control.port()))
}

/// This machine's addresses as a proxy may note them: where somebody comes from the loopback, Envoy notes its own.
pub(crate) fn own_addresses() -> Vec<String> {
    let socket = UdpSocket::bind("0.0.0.0:0").expect("a port is free");
    // Nothing is sent: the kernel only says from where it would be.
    let outside = socket.connect("198.51.100.1:9").and_then(|()| socket.local_addr()).ok();
    ["127.0.0.1".to_owned()].into_iter().chain(outside.map(|address| address.ip().to_string())).collect()
}

/// The built-in profile, with scopes.
fn profile() -> String {
    let file = repository().join("profiles/default.toml");
    let text = std::fs::read_to_string(file).expect("the profile is there");
    text + "\n[scopes]\n\"things:write\" = \"Change things\"\n\
            [[routes]]\nmethods = [\"PUT\"]\npaths = [\"/things/*\"]\nscope = \"things:write\"\n\
            [[routes]]\nmethods = \"any\"\npaths = [\"/**\"]\nopen = true\n"
}

impl<P> Stage<P> {
    fn set(start: impl FnOnce(&Upstream, SocketAddr) -> (P, SocketAddr)) -> Self {
        Self::with(ServerBuilder::new(crate::PROGRAM), |upstream, server| start(upstream, server.control))
    }

    fn with(builder: ServerBuilder, start: impl FnOnce(&Upstream, &Server) -> (P, SocketAddr)) -> Self {
        Self::before(builder.profile_text(&profile()).start(), start)
    }

    fn before(server: Server, start: impl FnOnce(&Upstream, &Server) -> (P, SocketAddr)) -> Self {
        let operator = server.operator();
        let account =
            operator.call("POST", "/v1/accounts", &json!({"name": "Acme", "external_id": "cus 42"}));
        let account = account.expect(201).json()["id"].as_str().expect("an account has an id").to_owned();
        let upstream = Upstream::start();
        let (proxy, address) = start(&upstream, &server);
        Self { proxy, address, server: Some(server), operator, account, upstream }
    }

    /// A key with these restrictions: its id and itself.
    fn key(&self, order: &Value) -> (String, String) {
        let issued = self.operator.issue(&self.account, order);
        let text = |field: &str| issued[field].as_str().expect("an issued key has it").to_owned();
        (text("id"), text("key"))
    }

    /// What is answered to a request with these lines of head after the first.
    fn ask(&self, line: &str, key: Option<&str>, fields: &str) -> Answer {
        let authorization = key.map(|key| format!("Authorization: Bearer {key}\r\n")).unwrap_or_default();
        let request = format!(
            "{line} HTTP/1.1\r\nHost: api.example\r\n{authorization}{fields}Connection: close\r\n\r\n"
        );
        let method = line.split(' ').next().unwrap_or_default();
        exchange(self.address, method, request.as_bytes()).expect("the proxy answers")
    }

    /// A request is refused so, in the api's words, and reaches nobody.
    #[track_caller]
    fn refused(&self, line: &str, key: Option<&str>, fields: &str, status: u16, code: &str) -> Answer {
        let before = self.upstream.count();
        let answer = self.ask(line, key, fields);
        assert_eq!(answer.status, status, "{line} {fields}: {}", answer.text());
        assert_eq!(answer.json()["error"]["code"], code, "{line} {fields}: {}", answer.text());
        assert_eq!(self.upstream.count(), before, "{line} {fields} reached the upstream");
        answer
    }

    #[track_caller]
    fn passes(&self, line: &str, key: &str, fields: &str) {
        let answer = self.ask(line, Some(key), fields);
        assert_eq!(answer.status, 200, "{line} {fields}: {}", answer.text());
        assert_eq!(self.upstream.last().line(), line, "{fields}");
    }

    /// Everything that every proxy has to do.
    fn run(mut self) {
        self.says_whose_it_is();
        self.refuses_in_the_apis_words();
        self.is_not_talked_into_another_request();
        self.passes_on_what_was_judged();
        self.says_what_is_observed();
        self.fails_closed();
    }

    fn says_whose_it_is(&self) {
        let (id, key) = self.key(&json!({"name": "good", "scopes": ["things:write"]}));
        let spoofed: String =
            ["Account", "External-Id", "Key-Id", "Environment", "Scopes", "Created-By", "Observed"]
                .map(|name| format!("X-Claviger-{name}: forged\r\nx-claviger-{name}: twice\r\n"))
                .concat();
        self.passes("GET /things?a=b%20c", &key, &spoofed);
        let received = self.upstream.last();
        let told = |name: &str| received.values(&format!("x-claviger-{name}"));
        assert_eq!(told("account"), [self.account.as_str()]);
        assert_eq!(told("key-id"), [id.as_str()]);
        assert_eq!(told("external-id"), ["cus%2042"]);
        assert_eq!(told("environment"), ["live"]);
        assert_eq!(told("scopes"), ["things:write"]);
        self.passes("PUT /things/1", &key, "");
        assert_eq!(told("created-by").len(), 1);
        assert!(told("observed").is_empty(), "nothing is observed");
        assert!(!received.contains("forged") && !received.contains("twice"));
        assert!(!received.contains(&key), "the key went further than it had to");
        let nobody = self.operator.account("Nobody");
        let issued = self.operator.issue(&nobody, &json!({"name": "good"}));
        self.passes("GET /things", issued["key"].as_str().expect("it has a key"), &spoofed);
        let external_id = self.upstream.last().values("x-claviger-external-id");
        assert!(external_id.iter().all(String::is_empty), "{external_id:?}");
    }

    fn refuses_in_the_apis_words(&self) {
        let missing = self.refused("GET /things", None, "", 401, "missing");
        assert!(missing.header("www-authenticate").is_some_and(|challenge| challenge.starts_with("Bearer")));
        self.refused("GET /things", Some("nonsense"), "", 401, "invalid_key");
        let (id, revoked) = self.key(&json!({"name": "revoked"}));
        self.passes("GET /things", &revoked, "");
        assert_eq!(self.operator.post(&format!("/v1/keys/{id}/revoke"), &Value::Null).status, 200);
        let refused = self.refused("GET /things", Some(&revoked), "", 401, "invalid_key");
        self.is_on_record(&refused, "revoked");
        let reader = self.key(&json!({"name": "n", "scopes": []})).1;
        self.refused("PUT /things/1", Some(&reader), "", 403, "scope");
        let elsewhere = self.key(&json!({"name": "n", "restrictions": {"networks": ["198.51.100.0/24"]}})).1;
        self.refused("GET /things", Some(&elsewhere), "X-Forwarded-For: 198.51.100.7\r\n", 403, "network");
        let here = self.key(&json!({"name": "n", "restrictions": {"networks": own_addresses()}})).1;
        self.passes("GET /things", &here, "X-Forwarded-For: 198.51.100.7\r\n");
        let rate = json!([{"name": "calls", "limit": 1, "window": "1h"}]);
        let limited = self.key(&json!({"name": "n", "restrictions": {"rates": rate}})).1;
        self.passes("GET /things", &limited, "");
        for _ in 0..3 {
            let refused = self.refused("GET /things", Some(&limited), "", 429, "rate");
            let retry: u64 =
                refused.header("retry-after").expect("it says when").parse().expect("it is a number");
            assert!((1..=3_600).contains(&retry), "{retry}");
        }
    }

    /// What was refused is found by the id in the answer.
    #[track_caller]
    fn is_on_record(&self, refused: &Answer, code: &str) {
        let id = refused.json()["error"]["request_id"].clone();
        let path = format!("/v1/denials?request_id={}", id.as_str().expect("the answer has it"));
        let found = eventually(|| {
            let denials = self.operator.get(&path).expect(200).json();
            denials["items"].get(0).cloned()
        });
        assert_eq!(found["code"], code, "{found}");
    }

    /// What was asked is what the proxy says, whatever a caller says.
    fn is_not_talked_into_another_request(&self) {
        let public = self.key(&json!({"name": "n", "restrictions": {"endpoints": ["GET /public/*"]}})).1;
        self.passes("GET /public/x", &public, "");
        self.refused("GET /private", Some(&public), "", 403, "endpoint");
        self.refused("POST /public/x", Some(&public), "", 403, "endpoint");
        for fields in [
            "X-Original-URI: /public/x\r\nX-Original-Method: GET\r\n",
            "X-Original-URL: /public/x\r\nX-Rewrite-URL: /public/x\r\n",
            "X-Forwarded-Uri: /public/x\r\nX-Forwarded-Method: GET\r\nX-Forwarded-Host: api.example\r\n",
            "X-Forwarded-Uri: /public/x\r\nX-Original-URI: /public/x\r\n",
            "X-HTTP-Method-Override: GET\r\n",
            "X-Claviger-Reason: missing\r\n",
            "Connection: X-Original-URI, X-Original-Method, X-Forwarded-Uri, X-Forwarded-Method\r\n",
        ] {
            for line in ["GET /private", "POST /public/x", "DELETE /private"] {
                let before = self.upstream.count();
                let answer = self.ask(line, Some(&public), fields);
                assert!(matches!(answer.status, 400 | 403), "{line} {fields}: {}", answer.text());
                assert_eq!(self.upstream.count(), before, "{line} {fields}");
            }
        }
    }

    /// Whatever path is sent, only what the key may do arrives.
    fn passes_on_what_was_judged(&self) {
        let public = self.key(&json!({"name": "n", "restrictions": {"endpoints": ["GET /public/**"]}})).1;
        for path in [
            "/public/a%2fb",
            "/public/%2e%2e/private",
            "/public/../private",
            "/public/..%2fprivate",
            "/public//x",
            "/public/./x",
            "/public/%00",
            "/public/x%3fy",
            "/public/x?/../../private",
            "/public\\..\\private",
            "/public/..;/private",
            "//public/x",
            "/%70ublic/x",
            "/PUBLIC/x",
            "/public/%c0%ae%c0%ae/private",
            "/public/%252e%252e/private",
            "/public/x#/../private",
            "/public/;x",
            "/private/../public/x",
        ] {
            let before = self.upstream.count();
            let answer = self.ask(&format!("GET {path}"), Some(&public), "");
            if self.upstream.count() == before {
                assert!(matches!(answer.status, 400..=499), "{path}: {} {}", answer.status, answer.text());
                continue;
            }
            let line = self.upstream.last().line();
            let target = line.strip_prefix("GET ").expect("the method stays");
            let arrived = target.split('?').next().unwrap_or_default();
            let unfolded = arrived.to_ascii_lowercase().replace("%2e", ".").replace("%2f", "/");
            assert!(arrived.starts_with("/public/"), "{path} arrived as {line}");
            assert!(!unfolded.contains("/.."), "{path} arrived as {line}");
        }
    }

    /// What is only observed is told to the upstream: beside whose a good key is, and without an identity where nothing is
    /// proved, which a caller can't make up for.
    fn says_what_is_observed(&self) {
        let observed = json!({"endpoints": ["GET /public/*"], "observed": ["endpoints"]});
        let (id, key) = self.key(&json!({"name": "n", "restrictions": observed}));
        let spoofed =
            "X-Claviger-Observed: forged\r\nX-Claviger-Key-Id: forged\r\nX-Claviger-Account: forged\r\n";
        self.passes("GET /private", &key, spoofed);
        let received = self.upstream.last();
        assert_eq!(received.values("x-claviger-observed"), ["endpoint"]);
        assert_eq!(received.values("x-claviger-key-id"), [id]);
        self.passes("GET /public/x", &key, spoofed);
        assert!(self.upstream.last().values("x-claviger-observed").is_empty());

        let server = self.server.as_ref().expect("it runs");
        std::fs::write(
            server.directory().join("profile-0.toml"),
            format!("mode = \"observe\"\n{}", profile()),
        )
        .expect("the test's directory can be written");
        server.ask_to_reload();
        eventually(|| (self.ask("GET /things", None, "").status == 200).then_some(()));
        for (key, code) in [(None, "missing"), (Some("nonsense"), "malformed")] {
            let answer = self.ask("GET /things", key, spoofed);
            assert_eq!(answer.status, 200, "{}", answer.text());
            let received = self.upstream.last();
            assert_eq!(received.values("x-claviger-observed"), [code]);
            assert!(!received.contains("forged"), "{code}");
            for field in ["account", "key-id"] {
                let told = received.values(&format!("x-claviger-{field}"));
                assert!(told.iter().all(String::is_empty), "{field} of {code}: {told:?}");
            }
        }
    }

    /// Without Claviger nothing passes, and nobody is told that a key is wrong.
    fn fails_closed(&mut self) {
        let good = self.key(&json!({"name": "good"})).1;
        self.passes("GET /things", &good, "");
        let server = self.server.take().expect("it runs");
        server.pause();
        let before = self.upstream.count();
        let slow = self.ask("GET /things", Some(&good), "");
        assert!((500..=599).contains(&slow.status), "{} {}", slow.status, slow.text());
        server.resume();
        let stopped = server.kill();
        for key in [Some(good.as_str()), Some("nonsense"), None] {
            let answer = self.ask("GET /things", key, "");
            assert!((500..=599).contains(&answer.status), "{} {}", answer.status, answer.text());
        }
        assert_eq!(self.upstream.count(), before);
        drop(stopped);
        let _ = &self.proxy;
    }
}
