//! System calls that fail: a disk that doesn't keep what it was given, a system without randomness.
//!
//! The process ends rather than go on with what it can't know, and nobody is told that something was done.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    process::{Child, ChildStderr, Command, Stdio},
};

use claviger_testkit::{Server, ServerBuilder};
use serde_json::json;

use super::{Line, is_whole, text};

/// Makes system calls of a running server fail, until it ends.
struct Injection {
    tracer: Child,
    /// Whoever closes it ends the tracer at its next word.
    _said: BufReader<ChildStderr>,
}

impl Injection {
    /// Only those on `file`, where one is named.
    fn into(server: &Server, calls: &str, fault: &str, file: Option<&str>) -> Self {
        let (trace, inject) = (format!("trace={calls}"), format!("inject={calls}:{fault}"));
        let pid = server.pid().to_string();
        let mut strace = Command::new("strace");
        strace.args(["-f", "-o", "/dev/null", "-e", &trace, "-e", &inject, "-p", &pid]);
        if let Some(name) = file {
            strace.arg("-P").arg(server.data().join(name));
        }
        let spawned = strace.stdin(Stdio::null()).stderr(Stdio::piped()).spawn();
        let mut tracer = spawned.expect("strace is installed: ./test installs it");
        let mut said = BufReader::new(tracer.stderr.take().expect("standard error is a pipe"));
        let attached = said.by_ref().lines().map_while(Result::ok).find(|line| line.contains("attached"));
        assert!(attached.is_some(), "strace can look into the server");
        Self { tracer, _said: said }
    }
}

impl Drop for Injection {
    fn drop(&mut self) {
        let _ = self.tracer.kill();
        let _ = self.tracer.wait();
    }
}

/// Makes changes until the server ends, and checks that it then has exactly those it had answered.
fn ends_without_claiming(calls: &str, fault: &str, file: Option<&str>) {
    let server = ServerBuilder::new(crate::PROGRAM).profile("default").start();
    let account = server.operator().account("Acme");
    let path = format!("/v1/accounts/{account}/keys");
    let mut line = Line::open(&server);
    let mut answered = Vec::new();
    let injection = Injection::into(&server, calls, fault, file);
    let last = loop {
        assert!(answered.len() < 5000, "{calls} {fault}: nothing failed");
        match line.post(&path, &json!({"name": format!("key {}", answered.len())})) {
            Some(answer) if answer.status == 201 => answered.push(text(&answer.json(), "key").to_owned()),
            other => break other,
        }
    };
    if let Some(answer) = last {
        assert_eq!((answer.status, text(&answer.json(), "code")), (503, "outcome_unknown"));
    }
    let mut stopped = server.ended();
    drop(injection);
    assert_eq!(stopped.code, None, "it ends by a signal, in the middle of everything");
    assert!(stopped.log().contains("it is unknown whether"), "{}", stopped.log());
    is_whole(&stopped.data());
    let server = stopped.start();
    let operator = server.operator();
    for key in &answered {
        assert_eq!(operator.verify(&json!({"key": key}))["allowed"], true, "what was answered is kept");
    }
    let count = operator.get("/v1/audit-events/check").expect(200).json();
    assert_eq!(count["whole"], true);
    let made = count["events"].as_u64().expect("a count is a number") - 2;
    let answered = answered.len() as u64;
    assert!(made == answered || made == answered + 1, "{made} were made, {answered} answered");
}

#[test]
fn a_disk_that_fails_to_sync_ends_the_process_and_claims_nothing() {
    for number in [1, 2, 5] {
        ends_without_claiming("fsync,fdatasync", &format!("error=EIO:when={number}"), None);
    }
}

#[test]
fn a_disk_that_fails_to_write_ends_the_process_and_claims_nothing() {
    for number in [1, 2, 3, 8] {
        ends_without_claiming("pwrite64", &format!("error=EIO:when={number}"), None);
    }
}

#[test]
fn a_checkpoint_that_fails_to_sync_ends_the_process() {
    // The database itself is written and synced by checkpoints alone.
    ends_without_claiming("fsync,fdatasync", "error=EIO:when=1", Some("claviger.db"));
}

#[test]
fn without_randomness_no_key_is_made() {
    let server = ServerBuilder::new(crate::PROGRAM).profile("default").start();
    let account = server.operator().account("Acme");
    let path = format!("/v1/accounts/{account}/keys");
    let mut line = Line::open(&server);
    let injection = Injection::into(&server, "getrandom", "error=EIO", None);
    // A thread that makes its first hash table finds out before us, and its request alone fails.
    while let Some(answer) = line.post(&path, &json!({"name": "n"})) {
        assert_eq!(answer.status, 500, "{answer:?}");
    }
    let mut stopped = server.ended();
    drop(injection);
    assert_eq!(stopped.code, None, "it ends by a signal");
    assert!(stopped.log().contains("the system has no randomness"), "{}", stopped.log());
    let server = stopped.start();
    assert_eq!(server.operator().get(&path).expect(200).json()["items"], json!([]));
}
