//! A server before an upstream that keeps every byte, and everything secret that was made on it.

use std::{cell::RefCell, path::Path};

use claviger_testkit::{Answer, Connection, Operator, Server, ServerBuilder, eventually, repository};
use serde_json::{Value, json};

use super::{
    answers::{Wanted, Words, check},
    template::contains,
    upstream::Upstream,
};

pub(crate) struct Stage {
    pub(crate) server: Server,
    pub(crate) upstream: Upstream,
    pub(crate) operator: Operator,
    pub(crate) account: String,
    pub(crate) words: Words,
    secrets: RefCell<Vec<String>>,
}

/// A key of the stage's account.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub(crate) id: String,
    pub(crate) plain: String,
}

/// The text of a profile that ships.
pub(crate) fn profile(name: &str) -> String {
    let file = repository().join(format!("profiles/{name}.toml"));
    std::fs::read_to_string(file).expect("the profile ships")
}

/// The same, with applications.
pub(crate) fn profile_with_oauth(name: &str) -> String {
    let text = profile(name);
    if text.contains("\n[oauth]") { text } else { format!("{text}\n[oauth]\nprefix = \"cc\"\n") }
}

/// The same without any.
pub(crate) fn profile_without_oauth(name: &str) -> String {
    let text = profile(name);
    let mut is_oauth = false;
    let kept = text.lines().filter(|line| {
        if line.starts_with('[') {
            is_oauth = *line == "[oauth]";
        }
        !is_oauth
    });
    kept.collect::<Vec<_>>().join("\n")
}

impl Stage {
    /// Of a profile that ships.
    pub(crate) fn shipped(name: &str, words: Words) -> Self {
        Self::with(ServerBuilder::new(crate::PROGRAM).profile(name), words)
    }

    /// Of a profile with this text.
    pub(crate) fn of(profile: &str, words: Words) -> Self {
        Self::with(ServerBuilder::new(crate::PROGRAM).profile_text(profile), words)
    }

    /// Logs all there is to log: what is secret stays out at every level.
    pub(crate) fn with(builder: ServerBuilder, words: Words) -> Self {
        Self::before(Upstream::start(), builder, words)
    }

    pub(crate) fn before(upstream: Upstream, builder: ServerBuilder, words: Words) -> Self {
        let url = upstream.url();
        let arguments = ["--log", "trace", "--upstream", &url];
        let server = arguments.into_iter().fold(builder, ServerBuilder::argument).start();
        let operator = server.operator();
        let secrets = RefCell::new(vec![server.operator_key().to_owned()]);
        let made = operator.post("/v1/accounts", &json!({"name": "Ada"})).expect(201).json();
        let account = made["id"].as_str().expect("an account has an id").to_owned();
        let stage = Self { server, upstream, operator, account, words, secrets };
        if let Some(first) = made["first_key"]["key"].as_str() {
            stage.keep_secret(first);
        }
        stage
    }

    /// Issues a key that is described by `order`; it gets a name.
    pub(crate) fn issue(&self, order: Value) -> Key {
        self.issue_to(&self.account, order)
    }

    pub(crate) fn issue_to(&self, account: &str, mut order: Value) -> Key {
        if order.get("name").is_none() {
            order["name"] = json!("attacked");
        }
        let issued = self.operator.issue(account, &order);
        let text = |field: &str| issued[field].as_str().expect("an issued key has it").to_owned();
        let key = Key { id: text("id"), plain: text("key") };
        self.keep_secret(&key.plain);
        key
    }

    /// Remembers a text that must not be found anywhere at the end.
    pub(crate) fn keep_secret(&self, text: &str) {
        self.secrets.borrow_mut().push(text.to_owned());
    }

    /// Sends a request with `method` to the gateway as it is, and reads its answer: there always is one.
    #[track_caller]
    pub(crate) fn ask(&self, row: &str, method: &str, request: &[u8]) -> Answer {
        let mut connection = Connection::open(self.server.gateway);
        connection.send(request);
        let answer = connection.answer(method);
        assert!(answer.is_some(), "{row}: the connection was closed without an answer");
        answer.expect("it was just looked at")
    }

    /// Sends a request and checks its answer and whether it reached the upstream.
    #[track_caller]
    pub(crate) fn expect(&self, row: &str, method: &str, request: &[u8], wanted: Wanted) {
        let before = self.upstream.count();
        let answer = self.ask(row, method, request);
        if method == "HEAD" && wanted != Wanted::Passed {
            assert_eq!((answer.status, answer.body.len()), (self.words.of(wanted).0, 0), "{row}");
        } else if method != "HEAD" {
            check(row, self.words, wanted, &answer, &self.secrets.borrow());
        }
        let passed = usize::from(wanted == Wanted::Passed);
        assert_eq!(self.upstream.count() - before, passed, "{row}: requests that reached the upstream");
    }

    /// How many events the audit trail has.
    pub(crate) fn events(&self) -> u64 {
        let walked = self.operator.get("/v1/audit-events/check").expect(200).json();
        assert_eq!(walked["whole"], true);
        walked["events"].as_u64().expect("a chain has a length")
    }

    /// Checks how often a key was allowed and denied by the usage counts.
    ///
    /// A fresh key is used last: when its use is counted, everything before it is.
    #[track_caller]
    pub(crate) fn expect_uses(&self, key: &Key, allowed: usize, marker: impl Fn(&Key) -> Vec<u8>) {
        let last = self.issue(json!({"name": "marker"}));
        let _ = self.ask("marker", "GET", &marker(&last)).expect(200);
        eventually(|| (self.allowed(&last) == 1).then_some(()));
        assert_eq!(self.allowed(key), allowed, "uses that were counted");
    }

    fn allowed(&self, key: &Key) -> usize {
        let usage = self.operator.get(&format!("/v1/usage?key_id={}", key.id)).expect(200).json();
        let items = usage["items"].as_array().expect("usage is a list").iter();
        let counts =
            items.filter(|item| item["outcome"] == "allowed").filter_map(|item| item["count"].as_u64());
        usize::try_from(counts.sum::<u64>()).expect("counts are small")
    }

    /// Ends the scene: nothing secret may be in the log, nor anywhere in the data directory.
    pub(crate) fn close(self) {
        let (log, data) = (self.server.log(), self.server.data());
        // What is no secret is found in both: they are the right places to look.
        assert!(log.contains("ready") && holds(&data, self.account.as_bytes()));
        for secret in self.secrets.borrow().iter() {
            let known = &secret[..secret.len().min(12)];
            assert!(!log.contains(secret.as_str()), "the log has {known}…");
            assert!(!holds(&data, secret.as_bytes()), "the data directory has {known}…");
        }
    }
}

/// Whether a file somewhere in `directory` has `part`.
fn holds(directory: &Path, part: &[u8]) -> bool {
    let entries = std::fs::read_dir(directory).expect("the data directory can be read");
    let mut paths = entries.map(|entry| entry.expect("an entry can be read").path());
    paths.any(|path| match std::fs::read(&path) {
        Ok(bytes) => contains(&bytes, part),
        Err(_) => path.is_dir() && holds(&path, part),
    })
}
