//! What breaks under a server, and what it must still keep: every answered change, every refusal, every secret.

mod asked_to_end;
mod clock;
pub(crate) mod crowd;
mod damage;
mod directory;
mod failing_calls;
mod few_files;
mod full_disk;
mod group_commit;
mod half_closed;
mod killed;
mod locked;
mod lost_log;
mod many_counts;
mod paused;
mod ports;
mod power;
pub(crate) mod secrets;
mod slow;

use std::{
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use claviger_testkit::{Answer, Connection, Finished, Program, Server};
use serde_json::Value;

/// An operator's connection that is kept open, and may be cut off by what is done to the server.
struct Line {
    connection: Connection,
    authorization: String,
}

impl Line {
    fn open(server: &Server) -> Self {
        let authorization = format!("Bearer {}", server.operator_key());
        Self { connection: Connection::open(server.control), authorization }
    }

    /// `None` where the server went away before it answered.
    fn post(&mut self, path: &str, body: &Value) -> Option<Answer> {
        let body = body.to_string();
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: control\r\nAuthorization: {}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            self.authorization,
            body.len()
        );
        self.connection.send(request.as_bytes());
        self.connection.answer("POST")
    }
}

/// What the gateway answers a request with `key`.
#[track_caller]
fn status(server: &Server, key: &str) -> u16 {
    server.customer(key).get("/v1/things").status
}

#[track_caller]
fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().expect("the field is text")
}

/// Runs a statement on a database file whose server has ended, and returns its lines.
#[track_caller]
fn sqlite(file: &Path, statement: &str) -> Vec<String> {
    let ran = Command::new("sqlite3").arg("-batch").arg(file).arg(statement).output();
    let ran = Finished::from(ran.expect("sqlite3 is installed: ./test installs it")).expect(0);
    ran.out.lines().map(ToOwned::to_owned).collect()
}

/// The database is sound, and every key in it is whole and on record.
#[track_caller]
fn is_whole(data: &Path) {
    let database = data.join("claviger.db");
    assert_eq!(sqlite(&database, "PRAGMA integrity_check"), ["ok"]);
    assert_eq!(sqlite(&database, "PRAGMA foreign_key_check"), [""; 0]);
    let halves = "SELECT count(*) FROM keys WHERE id NOT IN (SELECT key FROM secrets)";
    assert_eq!(sqlite(&database, halves), ["0"], "keys without a secret");
    let unrecorded =
        "SELECT (SELECT count(*) FROM keys) - (SELECT count(*) FROM audit_events WHERE action = 'key.issue')";
    assert_eq!(sqlite(&database, unrecorded), ["0"], "keys without an event, or events without a key");
}

/// Runs `serve` where it must refuse to start, and returns what it said.
#[track_caller]
fn refused_start(data: &Path, arguments: &[&str]) -> String {
    let mut all = vec!["serve", "--data", data.to_str().expect("the tests' paths are text")];
    for listener in ["--gateway", "--portal", "--control"] {
        if !arguments.contains(&listener) {
            all.extend([listener, "127.0.0.1:0"]);
        }
    }
    all.extend(arguments);
    let ended = Program::at(crate::PROGRAM).run(&all).expect(1);
    assert_eq!(ended.out, "", "data alone goes to standard output");
    ended.err
}

#[expect(clippy::disallowed_methods, reason = "how long something really takes is what is asked")]
fn timed(work: impl FnOnce()) -> Duration {
    let begun = Instant::now();
    work();
    begun.elapsed()
}
