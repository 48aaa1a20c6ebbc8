//! The OAuth libraries of others, each through everything that an application does, against the real pages in a real
//! browser.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, ChildStdout, Command, Stdio},
};

use claviger_testkit::{play_story, repository};
use serde_json::{Value, json};

use super::stage::Stage;
use crate::members::link;

/// A program that uses a library.
struct Program {
    child: Child,
    said: BufReader<ChildStdout>,
}

impl Program {
    /// Starts `clients/{name}` with what it is `given`.
    fn start(name: &str, given: &Value) -> Self {
        let clients = repository().join("crates/app/tests/it/oauth/clients");
        let installed = repository().join("target/oauth");
        assert!(installed.join("installed").exists(), "run {}/install, as ./test does", clients.display());
        let program = clients.join(name);
        let is_python = program.extension().is_some_and(|extension| extension == "py");
        let runtime = if is_python { installed.join("python/bin/python") } else { "node".into() };
        let mut command = Command::new(runtime);
        command.arg(program).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("the program can be started");
        let mut input = child.stdin.take().expect("standard input is a pipe");
        input.write_all(given.to_string().as_bytes()).expect("the program reads");
        drop(input);
        let said = BufReader::new(child.stdout.take().expect("standard output is a pipe"));
        Self { child, said }
    }

    /// What it says next.
    #[track_caller]
    fn next(&mut self) -> Value {
        let mut line = String::new();
        self.said.read_line(&mut line).expect("the program can be listened to");
        let said = serde_json::from_str(&line);
        assert!(said.is_ok(), "it said {line:?}");
        said.expect("it is JSON")
    }

    /// Whether it ended well.
    fn ends_well(mut self) -> bool {
        self.child.wait().expect("a child can be waited for").success()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // One that has ended needs no end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Plays the member whom the program sends to the pages.
fn allow(stage: &Stage, authorize: &Value, application: &str) {
    let given = json!({
        "portal": format!("http://{}", stage.server.portal),
        "link": link(&stage.server, &stage.account, "ada@example.com", "developer"),
        "authorize": authorize,
        "application": application,
    });
    play_story("application", &given);
}

fn given(stage: &Stage) -> Value {
    let portal = format!("http://{}", stage.server.portal);
    json!({
        "issuer": format!("{portal}/oauth/shop"),
        "metadata": format!("{portal}/.well-known/oauth-authorization-server/oauth/shop"),
        "resource": format!("http://{}/v1/orders/1", stage.server.gateway),
        "client_id": stage.app.id,
        "client_secret": stage.app.secret,
        "scope": "orders:read",
        "service_id": stage.service.id,
        "service_secret": stage.service.secret,
    })
}

fn complete(program: &str) {
    let stage = Stage::new();
    let mut running = Program::start(program, &given(&stage));
    let authorize = running.next()["authorize"].clone();
    allow(&stage, &authorize, "Planner");
    let done = running.next();
    assert!(running.ends_well());
    let expected = json!({
        "scope": "orders:read",
        // With its first token, its second, the same once it was revoked, and that of the service.
        "used": [200, 200, 401, 200],
        "rotated": true,
        "active": true,
        "revoked": 200,
        "gone": {"active": false},
        "own_refresh": false,
    });
    assert_eq!(done, expected);
}

#[test]
fn authlib() {
    complete("authlib_client.py");
}

#[test]
fn requests_oauthlib() {
    complete("requests_oauthlib_client.py");
}

#[test]
fn openid_client() {
    complete("openid_client.mjs");
}

#[test]
fn oauth4webapi() {
    complete("oauth4webapi_client.mjs");
}

/// It knows the api's address, and finds and registers the rest.
#[test]
fn mcp() {
    let stage = Stage::new();
    let given = json!({"resource": format!("http://{}/mcp", stage.server.gateway)});
    let mut running = Program::start("mcp_client.py", &given);
    let authorize = running.next()["authorize"].clone();
    allow(&stage, &authorize, "A program that registered itself");
    let done = running.next();
    assert!(running.ends_well());
    assert_eq!(done, json!({"used": [200, 200], "registered": true, "refresh": true}));
}
