//! A Prometheus that scrapes a server, and the tool that comes with it.

use std::{fs, net::SocketAddr};

use serde_json::Value;
use tempfile::TempDir;

use crate::{Finished, Program, Server, claim::Claim, exchange, peer::Peer, repository};

/// A running Prometheus.
#[derive(Debug)]
pub struct Prometheus {
    // The process ends before the directory goes.
    _peer: Peer,
    port: Claim,
    _directory: TempDir,
}

impl Prometheus {
    /// Starts one that scrapes `server` each second, by the alert rules that ship; returns when it answers.
    #[track_caller]
    pub fn scraping(server: &Server) -> Self {
        let (port, directory) = (Claim::port(), TempDir::new().expect("a directory can be made"));
        let (file, rules) =
            (directory.path().join("prometheus.yml"), repository().join("deploy/prometheus/alerts.yml"));
        let settings = format!(
            "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\n\
             rule_files: [{}]\n\
             scrape_configs:\n\
             - {{job_name: claviger, static_configs: [{{targets: [\"{}\"]}}]}}\n",
            rules.display(),
            server.control
        );
        fs::write(&file, settings).expect("the test's directory can be written");
        let address = port.address();
        let mut command = Program::at("prometheus").command::<&str>(&[]);
        command
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.tsdb.path={}", directory.path().join("data").display()))
            .arg(format!("--web.listen-address={address}"));
        let peer = Peer::start(command, directory.path(), || asked(address, "/-/ready").is_some());
        Self { _peer: peer, port, _directory: directory }
    }

    /// What it answers at `path` of its API, once it answers 200.
    pub fn get(&self, path: &str) -> Option<Value> {
        asked(self.port.address(), path)
    }

    /// What the tool `promtool` says of `input`.
    #[track_caller]
    pub fn tool(arguments: &[&str], input: &str) -> Finished {
        Program::at("promtool").run_with(arguments, input)
    }
}

fn asked(address: SocketAddr, path: &str) -> Option<Value> {
    let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    std::net::TcpStream::connect(address).ok()?;
    let answer = exchange(address, "GET", request.as_bytes()).filter(|answer| answer.status == 200)?;
    Some(serde_json::from_str(answer.text()).unwrap_or(Value::Null))
}
