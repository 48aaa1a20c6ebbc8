//! A collector of OpenTelemetry's data, Rotel, that hands on what it took.

use std::{
    net::{SocketAddr, TcpStream},
    path::Path,
};

use tempfile::TempDir;

use crate::{Program, claim::Claim, peer::Peer};

/// A running Rotel.
#[derive(Debug)]
pub struct Rotel {
    // The process ends before the directory goes.
    _peer: Peer,
    http: Claim,
    _grpc: Claim,
    _directory: TempDir,
}

impl Rotel {
    /// Starts the agent at `program`, which hands on to another collector, both by OTLP over HTTP; returns when it listens.
    #[track_caller]
    pub fn handing_on_to(program: &Path, collector: &str) -> Self {
        let (http, grpc) = (Claim::port(), Claim::port());
        let directory = TempDir::new().expect("a directory can be made");
        let address = http.address();
        let mut command = Program::at(program).command::<&str>(&[]);
        command
            .arg("start")
            .arg(format!("--otlp-http-endpoint={address}"))
            .arg(format!("--otlp-grpc-endpoint={}", grpc.address()))
            .args(["--exporter=otlp", "--otlp-exporter-protocol=http"])
            .arg(format!("--otlp-exporter-endpoint={collector}"))
            .arg(format!("--log-file={}", directory.path().join("agent.log").display()))
            .arg(format!("--pid-file={}", directory.path().join("pid").display()));
        let peer = Peer::start(command, directory.path(), || TcpStream::connect(address).is_ok());
        Self { _peer: peer, http, _grpc: grpc, _directory: directory }
    }

    /// Where it takes OTLP over HTTP.
    pub fn address(&self) -> SocketAddr {
        self.http.address()
    }
}
