//! Providers to sign in with: processes of node on ports of their own, told what to do line by line.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::SocketAddr,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use claviger_testkit::repository;
use serde_json::Value;

/// A provider that runs until it is dropped.
pub(super) struct Peer {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    pub(super) issuer: String,
}

impl Peer {
    /// npm's `oidc-provider`.
    pub(super) fn honest() -> Self {
        Self::start("honest.mjs")
    }

    /// One that lies as it is told to.
    pub(super) fn lying() -> Self {
        Self::start("lying.mjs")
    }

    fn start(script: &str) -> Self {
        let installed = repository().join("target/browser/installed");
        assert!(
            installed.exists(),
            "the provider is not installed: run tests/browser/install, as ./test does"
        );
        let script = repository().join("crates/app/tests/it/pages/oidc").join(script);
        let mut command = Command::new("node");
        command.arg(script).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("node is there");
        let input = child.stdin.take().expect("standard input is a pipe");
        let output = BufReader::new(child.stdout.take().expect("standard output is a pipe"));
        let mut peer = Self { child, input, output, issuer: String::new() };
        let began = peer.hear();
        began["issuer"].as_str().expect("a provider names itself").clone_into(&mut peer.issuer);
        peer
    }

    /// Tells it something, and returns its answer.
    pub(super) fn tell(&mut self, what: &Value) -> Value {
        writeln!(self.input, "{what}").expect("the provider listens");
        self.hear()
    }

    fn hear(&mut self) -> Value {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("the provider speaks");
        serde_json::from_str(&line).expect("the provider speaks JSON")
    }

    /// Where it listens.
    pub(super) fn address(&self) -> SocketAddr {
        self.issuer.trim_start_matches("http://").parse().expect("an issuer here is an address")
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // One that has ended already needs no signal.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
