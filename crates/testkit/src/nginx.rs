//! An nginx before the servers, as a load balancer or whatever else its configuration says.

use std::{
    fs,
    net::{SocketAddr, TcpStream},
};

use tempfile::TempDir;

use crate::{Program, claim::Claim, peer::Peer};

/// Where Debian has it; an ordinary user's search path lacks that.
const PROGRAM: &str = "/usr/sbin/nginx";

/// A running nginx.
#[derive(Debug)]
pub struct Nginx {
    // The process ends before the directory goes.
    _peer: Peer,
    port: Claim,
    _directory: TempDir,
}

impl Nginx {
    /// Starts one with this text in its `http` block, in which `{port}` stands for the port of the loopback address it
    /// has to listen on; returns when it does.
    #[track_caller]
    pub fn start(http: &str) -> Self {
        let (port, directory) = (Claim::port(), TempDir::new().expect("a directory can be made"));
        let file = directory.path().join("nginx.conf");
        let http = http.replace("{port}", &port.number.to_string());
        fs::write(&file, settings(&http)).expect("the test's directory can be written");
        let mut command = Program::at(PROGRAM).command(&["-e", "stderr", "-p"]);
        command.arg(directory.path()).arg("-c").arg(&file);
        let address = port.address();
        let peer = Peer::start(command, directory.path(), || TcpStream::connect(address).is_ok());
        Self { _peer: peer, port, _directory: directory }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.port.address()
    }
}

/// All in one process, so that killing it leaves no worker behind, and all files in its own directory.
fn settings(http: &str) -> String {
    format!(
        "daemon off;\n\
         master_process off;\n\
         pid pid;\n\
         error_log stderr warn;\n\
         events {{}}\n\
         http {{\n\
         access_log off;\n\
         client_body_temp_path body;\n\
         proxy_temp_path proxy;\n\
         fastcgi_temp_path fastcgi;\n\
         uwsgi_temp_path uwsgi;\n\
         scgi_temp_path scgi;\n\
         {http}\n\
         }}\n"
    )
}
