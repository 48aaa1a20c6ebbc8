//! A running server, on ports and a directory of its own, stopped when dropped.

use std::{
    fs::File,
    mem::{self, MaybeUninit},
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::{Child, Stdio},
};

use rustix::{fs::inotify, process::Signal};
use serde_json::Value;
use tempfile::TempDir;

use crate::{Certificates, Customer, Operator, Program, claim::Claim, peer, program::repository};

/// The flags of its listeners.
const LISTENERS: [&str; 3] = ["--gateway", "--portal", "--control"];

/// The flag of the database.
const DATABASE: &str = "--database-url";

/// A server to start.
#[derive(Debug)]
pub struct ServerBuilder {
    program: Program,
    profiles: Vec<PathBuf>,
    arguments: Vec<String>,
    init_arguments: Vec<String>,
    wrapper: Vec<String>,
    directory: Option<TempDir>,
    host: IpAddr,
    /// One for each of [`LISTENERS`], or none at all.
    ports: Vec<Claim>,
}

/// Where one of its listeners is.
pub type Address = SocketAddr;

/// A running server.
#[derive(Debug)]
pub struct Server {
    builder: ServerBuilder,
    child: Child,
    operator_key: String,
    /// The listener of the api's callers.
    pub gateway: Address,
    /// The listener of the page.
    pub portal: Address,
    /// The listener of operators.
    pub control: Address,
    /// Where Envoy asks, if it may.
    pub ext_authz: Option<Address>,
}

/// A server that was stopped; its directory is still there.
#[derive(Debug)]
pub struct Stopped {
    builder: ServerBuilder,
    operator_key: String,
    /// Its exit code, where it ended by itself.
    pub code: Option<i32>,
}

impl ServerBuilder {
    /// A server of the program at `path` (`env!("CARGO_BIN_EXE_claviger")`).
    pub fn new(path: &str) -> Self {
        Self {
            program: Program::at(path),
            profiles: Vec::new(),
            arguments: Vec::new(),
            init_arguments: Vec::new(),
            wrapper: Vec::new(),
            directory: None,
            host: Ipv4Addr::LOCALHOST.into(),
            ports: Vec::new(),
        }
    }

    /// With one of the profiles that ship.
    #[must_use]
    pub fn profile(self, name: &str) -> Self {
        let file = repository().join(format!("profiles/{name}.toml"));
        self.profile_file(file)
    }

    /// With the profile in `file`.
    #[must_use]
    pub fn profile_file(mut self, file: PathBuf) -> Self {
        self.profiles.push(file);
        self
    }

    /// With a profile of this text.
    #[must_use]
    pub fn profile_text(mut self, text: &str) -> Self {
        let name = format!("profile-{}.toml", self.profiles.len());
        let file = self.directory().join(name);
        std::fs::write(&file, text).expect("the test's directory can be written");
        self.profile_file(file)
    }

    /// With a further argument of `serve`.
    #[must_use]
    pub fn argument(mut self, argument: &str) -> Self {
        self.arguments.push(argument.to_owned());
        self
    }

    /// With its data in the database at `url`, where several servers may have them; `init` is told so too. Said again,
    /// the last one counts.
    #[must_use]
    pub fn database(mut self, url: &str) -> Self {
        for arguments in [&mut self.init_arguments, &mut self.arguments] {
            if let Some(said) = arguments.iter().position(|argument| argument == DATABASE) {
                arguments.drain(said..said + 2);
            }
            arguments.extend([DATABASE.to_owned(), url.to_owned()]);
        }
        self
    }

    /// With a certificate and its key, by which the gateway and the portal speak TLS.
    #[must_use]
    pub fn certificates(self, certificates: &Certificates) -> Self {
        let (chain, key) = (certificates.chain(), certificates.key());
        self.argument("--tls-cert-file")
            .argument(path(&chain))
            .argument("--tls-key-file")
            .argument(path(&key))
    }

    /// With its listeners on this address instead of the loopback's.
    #[must_use]
    pub fn listening_on(mut self, host: IpAddr) -> Self {
        self.host = host;
        self
    }

    /// With ports that stay the same when it is started again, for those who keep its addresses.
    #[must_use]
    pub fn on_lasting_ports(mut self) -> Self {
        self.ports = LISTENERS.iter().map(|_| Claim::port()).collect();
        self
    }

    /// With an environment variable, of `init` too.
    #[must_use]
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.program = self.program.with(name, value);
        self
    }

    /// With `serve` (not `init`) started by another program, see [`Program::under`].
    #[must_use]
    pub fn under(mut self, wrapper: &[&str]) -> Self {
        self.wrapper = wrapper.iter().map(|&word| word.to_owned()).collect();
        self
    }

    /// The directory of this server: its data are in `data`, its log in `log`.
    pub fn directory(&mut self) -> &Path {
        self.directory.get_or_insert_with(|| TempDir::new().expect("a directory can be made")).path()
    }

    /// Initialises the data and starts; returns when everything answers.
    #[track_caller]
    pub fn start(mut self) -> Server {
        let operator_key = self.initialise();
        self.join(&operator_key)
    }

    /// Runs `init`, and returns the first operator's key.
    #[track_caller]
    pub(crate) fn initialise(&mut self) -> String {
        let data = self.directory().join("data");
        let mut arguments = vec!["init", "--json", "--data", path(&data)];
        arguments.extend(self.init_arguments.iter().map(String::as_str));
        let made = self.program.run(&arguments).expect(0).json();
        made["operator_key"].as_str().expect("init prints the operator key").to_owned()
    }

    /// Starts on data that are initialised already, such as another node's database, whose first operator has
    /// `operator_key`; returns when everything answers.
    #[track_caller]
    pub fn join(mut self, operator_key: &str) -> Server {
        let root = self.directory().to_owned();
        let (data, ready) = (root.join("data"), root.join("ready"));
        let _ = std::fs::remove_file(&ready);
        let log =
            File::options().create(true).append(true).open(root.join("log")).expect("the log can be written");
        let mut arguments: Vec<String> =
            ["serve", "--data", path(&data), "--ready-file", path(&ready)].map(ToOwned::to_owned).to_vec();
        for (index, listener) in LISTENERS.into_iter().enumerate() {
            if !self.arguments.iter().any(|argument| argument == listener) {
                let port = self.ports.get(index).map_or(0, |claim| claim.number);
                arguments.extend([listener.to_owned(), SocketAddr::new(self.host, port).to_string()]);
            }
        }
        for profile in &self.profiles {
            arguments.extend(["--profile".to_owned(), path(profile).to_owned()]);
        }
        arguments.extend(self.arguments.iter().cloned());
        let watch = Watch::on(&root);
        let wrapper: Vec<_> = self.wrapper.iter().map(String::as_str).collect();
        let mut command = self.program.clone().under(&wrapper).command(&arguments);
        let errors = log.try_clone().expect("a file can be shared");
        let mut child =
            command.stdin(Stdio::null()).stdout(log).stderr(errors).spawn().expect("the program starts");
        // The log's last writer is the server itself: that it was closed says that the server ended.
        drop(command);
        watch.until(&ready, &mut child, &root.join("log"));
        let text = std::fs::read_to_string(&ready).expect("the ready file is there");
        let places: Value = serde_json::from_str(&text).expect("the ready file is JSON");
        let place = |name: &str| {
            let url = places[name].as_str().expect("the ready file names its listeners");
            url.trim_start_matches("https://")
                .trim_start_matches("http://")
                .parse()
                .expect("a listener has an address")
        };
        Server {
            gateway: place("gateway"),
            portal: place("portal"),
            control: place("control"),
            ext_authz: places["ext_authz"].is_string().then(|| place("ext_authz")),
            builder: self,
            child,
            operator_key: operator_key.to_owned(),
        }
    }
}

impl Server {
    /// The first operator, who may do everything.
    pub fn operator(&self) -> Operator {
        Operator::new(self.control, &self.operator_key)
    }

    /// Someone who calls the api with `key`.
    pub fn customer(&self, key: &str) -> Customer {
        Customer::new(self.gateway, key)
    }

    /// The first operator's key.
    pub fn operator_key(&self) -> &str {
        &self.operator_key
    }

    /// The program, as this server's operator runs it.
    pub fn cli(&self) -> Program {
        let url = format!("http://{}", self.control);
        self.builder
            .program
            .clone()
            .with("CLAVIGER_URL", &url)
            .with("CLAVIGER_OPERATOR_KEY", &self.operator_key)
    }

    /// The server's process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The directory of this server, in which its data are.
    pub fn directory(&self) -> &Path {
        self.builder.directory.as_ref().expect("a server that was started has a directory").path()
    }

    /// The data directory.
    pub fn data(&self) -> PathBuf {
        self.directory().join("data")
    }

    /// Everything it wrote to its log so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.directory().join("log")).expect("the log can be read")
    }

    /// Ends it in the middle of whatever it does (`SIGKILL`).
    pub fn kill(self) -> Stopped {
        self.end(Signal::KILL)
    }

    /// Asks it to end (`SIGTERM`), and waits until it has.
    pub fn stop(self) -> Stopped {
        self.end(Signal::TERM)
    }

    /// Asks it to end (`SIGTERM`) without waiting for that: [`ended`](Self::ended) does.
    pub fn ask_to_end(&self) {
        peer::signal(&self.child, Signal::TERM);
    }

    /// Asks it to read its files again (`SIGHUP`).
    pub fn ask_to_reload(&self) {
        peer::signal(&self.child, Signal::HUP);
    }

    /// Stops it in the middle of whatever it does, until [`resume`](Self::resume): its connections stay, its clocks go
    /// on, and nothing answers.
    pub fn pause(&self) {
        peer::pause(&self.child);
    }

    /// Lets a paused one go on.
    pub fn resume(&self) {
        peer::signal(&self.child, Signal::CONT);
    }

    /// Waits until it has ended by itself.
    pub fn ended(self) -> Stopped {
        self.wait()
    }

    fn end(self, signal: Signal) -> Stopped {
        peer::signal(&self.child, signal);
        self.wait()
    }

    fn wait(mut self) -> Stopped {
        let status = self.child.wait().expect("a child can be waited for");
        let builder = mem::replace(&mut self.builder, ServerBuilder::new(""));
        Stopped { builder, operator_key: mem::take(&mut self.operator_key), code: status.code() }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail only for a server that has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Stopped {
    /// Starts it again as it was, on new ports unless they are [lasting](ServerBuilder::on_lasting_ports).
    #[track_caller]
    pub fn start(self) -> Server {
        self.builder.join(&self.operator_key)
    }

    /// The same with a further argument of `serve`.
    #[must_use]
    pub fn argument(mut self, argument: &str) -> Self {
        self.builder = self.builder.argument(argument);
        self
    }

    /// The same by the program at `path`.
    #[must_use]
    pub fn by(mut self, path: &str) -> Self {
        self.builder.program = self.builder.program.by(path);
        self
    }

    /// The same without another program around it.
    #[must_use]
    pub fn bare(mut self) -> Self {
        self.builder.wrapper.clear();
        self
    }

    /// The data directory.
    pub fn data(&mut self) -> PathBuf {
        self.builder.directory().join("data")
    }

    /// Everything it wrote to its log.
    pub fn log(&mut self) -> String {
        std::fs::read_to_string(self.builder.directory().join("log")).expect("the log can be read")
    }
}

/// Waits for a file by the kernel's word.
struct Watch(rustix::fd::OwnedFd);

impl Watch {
    fn on(directory: &Path) -> Self {
        let fd = inotify::init(inotify::CreateFlags::CLOEXEC).expect("inotify is there");
        let events = inotify::WatchFlags::MOVED_TO | inotify::WatchFlags::CLOSE_WRITE;
        inotify::add_watch(&fd, directory, events).expect("a directory can be watched");
        Self(fd)
    }

    /// Returns when `file` is there. The log is in the same directory, so a server that dies says something first
    /// and wakes this up when its log is closed.
    fn until(&self, file: &Path, child: &mut Child, log: &Path) {
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut reader = inotify::Reader::new(&self.0, &mut buffer);
        while !file.exists() {
            if let Some(status) = child.try_wait().expect("a child can be looked at") {
                let said = std::fs::read_to_string(log).unwrap_or_default();
                assert!(file.exists(), "the server ended with {status} before it was ready:\n{said}");
            }
            reader.next().expect("inotify can be read");
        }
    }
}

fn path(path: &Path) -> &str {
    path.to_str().expect("the tests' paths are text")
}
