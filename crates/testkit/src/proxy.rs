//! A proxy of another make before the servers, set up as its configuration says.

use std::{
    fs,
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

use crate::{Program, claim::Claim, peer::Peer, program::repository};

/// Where a configuration says so, this is the address it has to listen at.
const LISTENS: &str = "127.0.0.1:8000";

/// What Debian's Apache begins with, and what the guide has it turn on.
const APACHE_MODULES: [&str; 9] = [
    "mpm_event",
    "authn_core",
    "authz_core",
    "authz_user",
    "headers",
    "lua",
    "oauth2",
    "proxy",
    "proxy_http",
];

/// A running proxy.
#[derive(Debug)]
pub struct Proxy {
    // The process ends before the directory goes.
    _peer: Peer,
    port: Claim,
    directory: TempDir,
}

impl Proxy {
    /// Caddy with this Caddyfile.
    #[track_caller]
    pub fn caddy(caddyfile: &str) -> Self {
        // Its own listener for changes would be at one port for all.
        let settings = format!("{{\n\tadmin off\n\tauto_https off\n}}\n{caddyfile}");
        Self::start(&[("Caddyfile", &settings)], |directory| {
            let mut command = Program::at("/usr/bin/caddy").command(&["run", "--config", "Caddyfile"]);
            command.env("HOME", directory);
            command
        })
    }

    /// `HAProxy` with this configuration and the script that it names.
    #[track_caller]
    pub fn haproxy(configuration: &str, script: &str) -> Self {
        let configuration = configuration.replace("/etc/haproxy/", "");
        Self::start(&[("haproxy.cfg", &configuration), ("claviger.lua", script)], |_| {
            Program::at("/usr/sbin/haproxy").command(&["-db", "-f", "haproxy.cfg"])
        })
    }

    /// Apache with this site and the script that it names.
    #[track_caller]
    pub fn apache(site: &str, script: &str) -> Self {
        let site = site.replace("/etc/apache2/", "");
        let module = |name| format!("LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n");
        let modules = APACHE_MODULES.map(module).concat();
        let settings = format!(
            "{modules}ServerName localhost\nPidFile pid\nErrorLog /dev/stderr\nMutex pthread\n\
             User www-data\nGroup www-data\n{site}"
        );
        Self::start(&[("httpd.conf", &settings), ("claviger.lua", script)], |directory| {
            // In one process, so that killing it leaves no other behind.
            let mut command = Program::at("/usr/sbin/apache2").command(&["-X", "-d"]);
            command.arg(directory).args(["-f", "httpd.conf"]);
            command
        })
    }

    /// Envoy with this configuration.
    #[track_caller]
    pub fn envoy(configuration: &str) -> Self {
        let program = repository().join("target/envoy/bin/envoy");
        Self::start(&[("envoy.yaml", configuration)], |_| {
            let program = program.to_str().expect("the tests' paths are text");
            Program::at(program).command(&[
                "-c",
                "envoy.yaml",
                "--disable-hot-restart",
                "--concurrency",
                "1",
                "-l",
                "warn",
            ])
        })
    }

    #[track_caller]
    fn start(files: &[(&str, &str)], command: impl FnOnce(&Path) -> Command) -> Self {
        let (port, directory) = (Claim::port(), TempDir::new().expect("a directory can be made"));
        let address = port.address();
        for (name, text) in files {
            // Some have address and port in two places.
            let mut text = text.replace(LISTENS, &address.to_string());
            for before in ["port_value: ", "http://:"] {
                text = text.replace(&format!("{before}8000"), &format!("{before}{}", address.port()));
            }
            fs::write(directory.path().join(name), text).expect("the test's directory can be written");
        }
        let mut command = command(directory.path());
        command.current_dir(directory.path());
        let peer = Peer::start(command, directory.path(), || TcpStream::connect(address).is_ok());
        Self { _peer: peer, port, directory }
    }

    /// Where it has a file that it was set up with.
    pub fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.port.address()
    }
}
