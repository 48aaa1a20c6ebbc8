//! A Redis of the test's own, on a private port and with nothing on disk; and a cluster of them.

use std::{
    io::{Read as _, Write as _},
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream},
    process::Command,
    time::Duration,
};

use tempfile::TempDir;

use crate::{
    Finished, Namespace, Program,
    claim::Claim,
    eventually,
    peer::{self, Peer},
};

/// How long one question after its health may take; only a Redis that is still starting is that slow.
const PATIENCE: Duration = Duration::from_secs(1);

/// A Redis to start.
#[derive(Debug, Default)]
pub struct RedisBuilder {
    wrapper: Vec<String>,
    host: Option<IpAddr>,
    password: Option<String>,
    settings: Vec<String>,
}

/// A running Redis.
#[derive(Debug)]
pub struct Redis {
    // The process ends before the directory goes.
    peer: Peer,
    port: Claim,
    host: IpAddr,
    password: Option<String>,
    _bus: Option<Claim>,
    _directory: TempDir,
}

impl RedisBuilder {
    /// One that asks for no password.
    pub fn new() -> Self {
        Self::default()
    }

    /// With a password that every client has to give.
    #[must_use]
    pub fn password(mut self, password: &str) -> Self {
        self.password = Some(password.to_owned());
        self.setting("requirepass", &[password])
    }

    /// With at most this much memory, such as `2mb`; writes fail when it is used up.
    #[must_use]
    pub fn max_memory(self, size: &str) -> Self {
        self.setting("maxmemory", &[size]).setting("maxmemory-policy", &["noeviction"])
    }

    /// As a replica, which refuses writes.
    #[must_use]
    pub fn replica_of(self, master: &Redis) -> Self {
        let place = master.address();
        let replica = self.setting("replicaof", &[&place.ip().to_string(), &place.port().to_string()]);
        match &master.password {
            Some(password) => replica.setting("masterauth", &[password]),
            None => replica,
        }
    }

    /// In a network of its own.
    #[must_use]
    pub fn within(mut self, namespace: &Namespace) -> Self {
        self.wrapper = namespace.prefix().map(ToOwned::to_owned).to_vec();
        self.host = Some(namespace.address());
        self
    }

    /// With a setting of `redis.conf`.
    #[must_use]
    pub fn setting(mut self, name: &str, values: &[&str]) -> Self {
        self.settings.push(format!("--{name}"));
        self.settings.extend(values.iter().map(|&value| value.to_owned()));
        self
    }

    /// Starts it; returns when it answers.
    #[track_caller]
    pub fn start(self) -> Redis {
        self.start_with(None)
    }

    #[track_caller]
    fn start_with(self, bus: Option<Claim>) -> Redis {
        let (port, directory) = (Claim::port(), TempDir::new().expect("a directory can be made"));
        let host = self.host.unwrap_or(Ipv4Addr::LOCALHOST.into());
        let address = SocketAddr::new(host, port.number);
        let wrapper: Vec<_> = self.wrapper.iter().map(String::as_str).collect();
        let mut command = Program::at("redis-server").under(&wrapper).command::<&str>(&[]);
        command
            .args(["--port", &address.port().to_string(), "--bind", &address.ip().to_string()])
            .args(["--protected-mode", "no", "--save", "", "--appendonly", "no"])
            .args(["--repl-diskless-sync-delay", "0"])
            .args(&self.settings)
            .arg("--dir")
            .arg(directory.path());
        let peer = Peer::start(command, directory.path(), || answers(address));
        Redis { peer, port, host, password: self.password, _bus: bus, _directory: directory }
    }
}

impl Redis {
    /// Starts one that asks for no password.
    #[track_caller]
    pub fn start() -> Self {
        RedisBuilder::new().start()
    }

    /// Starts a cluster of `masters` (at least three) without replicas; returns when every one says that it is well.
    #[track_caller]
    pub fn cluster(masters: usize) -> Vec<Self> {
        let nodes: Vec<_> = (0..masters)
            .map(|_| {
                let bus = Claim::port();
                RedisBuilder::new()
                    .setting("cluster-enabled", &["yes"])
                    .setting("cluster-port", &[&bus.number.to_string()])
                    // Half of it passes before a master that is missed counts as failed.
                    .setting("cluster-node-timeout", &["1000"])
                    .start_with(Some(bus))
            })
            .collect();
        let mut command = Command::new("redis-cli");
        command.args(["--cluster", "create"]).args(nodes.iter().map(|node| node.address().to_string()));
        let _ = finished(command.args(["--cluster-replicas", "0", "--cluster-yes"])).expect(0);
        for node in &nodes {
            eventually(|| node.command(&["CLUSTER", "INFO"]).contains("cluster_state:ok").then_some(()));
        }
        nodes
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::new(self.host, self.port.number)
    }

    /// Its address with its password, as clients take it.
    pub fn url(&self) -> String {
        self.url_at(self.address())
    }

    /// The same by way of another address, such as a proxy's.
    pub fn url_at(&self, address: SocketAddr) -> String {
        match &self.password {
            Some(password) => format!("redis://:{password}@{address}"),
            None => format!("redis://{address}"),
        }
    }

    /// Runs one command and returns what `redis-cli` prints for its answer; an error is a failed test.
    #[track_caller]
    pub fn command(&self, words: &[&str]) -> String {
        self.ask(words).expect(0).out.trim_end().to_owned()
    }

    /// The error with which one command is refused; an answer is a failed test.
    #[track_caller]
    pub fn refusal(&self, words: &[&str]) -> String {
        self.ask(words).expect(1).err.trim_end().to_owned()
    }

    fn ask(&self, words: &[&str]) -> Finished {
        let mut command = Command::new("redis-cli");
        if let Some(password) = &self.password {
            command.env("REDISCLI_AUTH", password);
        }
        // `-e`: an error is an exit code.
        let (host, port) = (self.host.to_string(), self.port.number.to_string());
        finished(command.args(["-e", "-h", &host, "-p", &port]).args(words))
    }

    /// Stops it in the middle of whatever it does: its connections stay and nothing answers.
    pub fn pause(&self) {
        self.peer.pause();
    }

    /// Lets a paused one go on.
    pub fn resume(&self) {
        self.peer.resume();
    }

    /// Ends it in the middle of whatever it does: its connections break and new ones are refused.
    pub fn kill(&mut self) {
        self.peer.kill();
    }

    /// Starts it again, as it was and where it was but empty.
    #[track_caller]
    pub fn start_again(&mut self) {
        let address = self.address();
        self.peer.start_again(|| answers(address));
    }
}

/// Whether a Redis at `address` answers, be it that it wants a password first.
fn answers(address: SocketAddr) -> bool {
    let ask = || {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(b"PING\r\n")?;
        let mut begin = [0; 5];
        stream.read_exact(&mut begin)?;
        Ok::<_, std::io::Error>(begin)
    };
    matches!(ask().as_ref(), Ok(b"+PONG" | b"-NOAU"))
}

#[track_caller]
fn finished(command: &mut Command) -> Finished {
    match command.output() {
        Ok(output) => output.into(),
        Err(error) => peer::missing(command, &error),
    }
}
