//! A real PostgreSQL server, on a port and in a directory of its own, gone when dropped.
//!
//! Making a cluster takes longer than most tests: one is made for each version of PostgreSQL and user of the machine, and
//! every server starts from a copy of it. It has a role `claviger` without any special right.

use std::{
    fs::{self, File},
    io::Write,
    net::SocketAddr,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::{claim::Claim, eventually};

/// Where Debian and others put the programs, one directory for each version.
const PROGRAMS: &str = "/usr/lib/postgresql";
/// The role the tests' URLs name.
const ROLE: &str = "claviger";

/// Makes an authority and, by it, the server's certificate, under the names that PostgreSQL looks for.
const CERTIFICATES: &str = "umask 077
    key='-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes'
    openssl req -x509 $key -keyout authority.key -out ../authority.crt -days 9 -subj '/CN=An authority'
    openssl req -new $key -keyout server.key -out server.csr -subj '/CN=A database'
    echo 'subjectAltName = IP:127.0.0.1' > names
    openssl x509 -req -in server.csr -CA ../authority.crt -CAkey authority.key -CAcreateserial -out server.crt -days 9 -extfile names
    chmod a+r ../authority.crt";

/// A server to start.
#[derive(Clone, Debug)]
pub struct PostgresBuilder {
    settings: Vec<(String, String)>,
    environment: Vec<(String, String)>,
    encrypted: bool,
}

/// A running server, or one that was stopped and starts again.
#[derive(Debug)]
pub struct Postgres {
    directory: TempDir,
    port: Claim,
    settings: Vec<(String, String)>,
    environment: Vec<(String, String)>,
    process: Option<Child>,
    databases: AtomicU32,
}

impl Default for PostgresBuilder {
    fn default() -> Self {
        let settings =
            [("listen_addresses", "127.0.0.1"), ("max_connections", "50"), ("shared_buffers", "32MB")];
        let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        Self { settings, environment: Vec::new(), encrypted: false }
    }
}

impl PostgresBuilder {
    /// With a setting of `postgresql.conf`.
    #[must_use]
    pub fn setting(mut self, name: &str, value: &str) -> Self {
        self.settings.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With at most this many connections.
    #[must_use]
    pub fn max_connections(self, most: u32) -> Self {
        self.setting("max_connections", &most.to_string())
    }

    /// Without waiting for the disk, for tests that cut no power.
    #[must_use]
    pub fn without_fsync(self) -> Self {
        self.setting("fsync", "off").setting("full_page_writes", "off")
    }

    /// With an environment variable of the server.
    #[must_use]
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With TLS, by a certificate for 127.0.0.1 of an authority of its own: [`Postgres::authority`].
    #[must_use]
    pub fn encrypted(mut self) -> Self {
        self.encrypted = true;
        self.setting("ssl", "on")
    }

    /// Starts it; returns when it lets somebody in.
    #[track_caller]
    pub fn start(self) -> Postgres {
        self.start_on(|data| {
            let mut copy = as_owner(Path::new("cp"));
            copy.args(["-a", path(&cluster()), path(data)]);
            copy
        })
    }

    /// Starts it on what `make` puts at the path it is given.
    #[track_caller]
    pub(crate) fn start_on(self, make: impl FnOnce(&Path) -> Command) -> Postgres {
        let directory = TempDir::new().expect("a directory can be made");
        open_to_all(directory.path());
        let mut making = make(&directory.path().join("data"));
        must_succeed(&making.current_dir("/").output().expect("it starts"), "making the data");
        if self.encrypted {
            let mut certifying = as_owner(Path::new("sh"));
            certifying.args(["-euc", CERTIFICATES]).current_dir(directory.path().join("data"));
            must_succeed(&certifying.output().expect("sh is there"), "openssl");
        }
        let mut server = Postgres {
            directory,
            port: Claim::port(),
            settings: self.settings,
            environment: self.environment,
            process: None,
            databases: AtomicU32::new(0),
        };
        server.start_again();
        server
    }
}

impl Postgres {
    /// A server as it comes: it waits for the disk.
    #[track_caller]
    pub fn start() -> Self {
        PostgresBuilder::default().start()
    }

    /// A server with settings of its own.
    pub fn builder() -> PostgresBuilder {
        PostgresBuilder::default()
    }

    /// The file of the authority whose certificate an [encrypted](PostgresBuilder::encrypted) server has.
    pub fn authority(&self) -> PathBuf {
        self.directory.path().join("authority.crt")
    }

    /// Where it listens, the same after every start.
    pub fn address(&self) -> SocketAddr {
        self.port.address()
    }

    /// The port it listens on, the same after every start.
    pub fn port(&self) -> u16 {
        self.port.number
    }

    /// A new, empty database that belongs to a role without special rights: its URL.
    #[track_caller]
    pub fn database(&self) -> String {
        let name = format!("test{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.sql("postgres", &format!("CREATE DATABASE {name} OWNER {ROLE}"))
            .expect("a database can be made");
        self.url(&name)
    }

    /// The URL of a database, for the role without special rights.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://{ROLE}@{}/{database}?sslmode=disable", self.address())
    }

    /// Runs statements as the superuser: what they found, a line for each row, or what the server said.
    pub fn sql(&self, database: &str, sql: &str) -> Result<String, String> {
        let mut psql = Command::new(program("psql"))
            .args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1"])
            .args(["--host=127.0.0.1", "--username=postgres"])
            .arg(format!("--port={}", self.port.number))
            .arg(format!("--dbname={database}"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("psql starts");
        let mut input = psql.stdin.take().expect("it was piped");
        // It reads no further than to the first statement that fails.
        let _rest_unread = input.write_all(sql.as_bytes());
        drop(input);
        let done = psql.wait_with_output().expect("a child can be waited for");
        if done.status.success() {
            Ok(String::from_utf8_lossy(&done.stdout).trim_end().to_owned())
        } else {
            Err(String::from_utf8_lossy(&done.stderr).into_owned())
        }
    }

    /// Stops it in order; whoever is connected is disconnected.
    #[track_caller]
    pub fn stop(&mut self) {
        self.end(Signal::INT);
    }

    /// Stops it as a crash would (`SIGQUIT`): what was committed is found again at the next start.
    #[track_caller]
    pub fn crash(&mut self) {
        self.end(Signal::QUIT);
    }

    /// Stops all of its processes where they are, as a machine that hangs would.
    pub fn pause(&self) {
        self.signal_all(Signal::STOP);
    }

    /// Lets them go on.
    pub fn resume(&self) {
        self.signal_all(Signal::CONT);
    }

    /// Starts it, on the same port if it ran before; returns when it lets somebody in.
    #[track_caller]
    pub fn start_again(&mut self) {
        assert!(self.process.is_none(), "the server runs");
        self.process = Some(self.spawn());
        assert!(eventually(|| self.answers()), "PostgreSQL doesn't start: {}", self.log());
    }

    /// Everything it wrote to its log so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.log_file()).expect("the log can be read")
    }

    /// How another server like it is started.
    pub(crate) fn likewise(&self) -> PostgresBuilder {
        PostgresBuilder {
            settings: self.settings.clone(),
            environment: self.environment.clone(),
            encrypted: self.authority().exists(),
        }
    }

    fn log_file(&self) -> PathBuf {
        self.directory.path().join("log")
    }

    fn spawn(&self) -> Child {
        let log =
            File::options().create(true).append(true).open(self.log_file()).expect("the log can be written");
        let errors = log.try_clone().expect("a file can be shared");
        // Given by `env`, for what comes between is another user.
        let mut command = as_owner(Path::new("env"));
        command.args(self.environment.iter().map(|(name, value)| format!("{name}={value}")));
        command
            .arg(program("postgres"))
            .arg("-D")
            .arg(self.directory.path().join("data"))
            .arg("-p")
            .arg(self.port.number.to_string());
        // Its socket would be in a directory that others use too.
        command.args(["-c", "unix_socket_directories="]);
        for (name, value) in &self.settings {
            command.arg("-c").arg(format!("{name}={value}"));
        }
        command.current_dir("/").stdin(Stdio::null()).stdout(log).stderr(errors);
        command.spawn().expect("PostgreSQL starts")
    }

    /// Whether it lets somebody in; `Some(false)` where it has ended.
    fn answers(&mut self) -> Option<bool> {
        if let Some(process) = &mut self.process
            && process.try_wait().expect("a child can be waited for").is_some()
        {
            return Some(false);
        }
        self.sql("postgres", "SELECT 1").is_ok().then_some(true)
    }

    fn end(&mut self, signal: Signal) {
        let mut process = self.process.take().expect("the server runs");
        signal_all_of(&process, Signal::CONT);
        let _gone_by_itself = kill_process(pid(&process), signal);
        process.wait().expect("a child can be waited for");
    }

    fn signal_all(&self, signal: Signal) {
        if let Some(process) = &self.process {
            signal_all_of(process, signal);
        }
    }
}

/// The first process does nothing for connections that are there: each has a child of its own.
fn signal_all_of(process: &Child, signal: Signal) {
    let parent = process.id();
    let listed = fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).unwrap_or_default();
    let _gone_meanwhile = kill_process(pid(process), signal);
    for child in listed.split_whitespace().filter_map(|id| id.parse().ok()).filter_map(Pid::from_raw) {
        let _gone_meanwhile = kill_process(child, signal);
    }
}

impl Drop for Postgres {
    /// It ends as by a crash: nobody reads its files again.
    fn drop(&mut self) {
        if self.process.is_some() {
            self.crash();
        }
    }
}

fn pid(process: &Child) -> Pid {
    Pid::from_child(process)
}

pub(crate) fn path(path: &Path) -> &str {
    path.to_str().expect("paths of tests are text")
}

/// The newest version's program of this name.
pub(crate) fn program(name: &str) -> PathBuf {
    let versions = fs::read_dir(PROGRAMS).expect("PostgreSQL is installed below /usr/lib/postgresql");
    let newest = versions
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok())
        .max()
        .expect("PostgreSQL is installed below /usr/lib/postgresql");
    PathBuf::from(format!("{PROGRAMS}/{newest}/bin/{name}"))
}

/// PostgreSQL refuses to run as root: root's tests run it as the user that its package made.
pub(crate) fn as_owner(program: &Path) -> Command {
    if rustix::process::geteuid().is_root() {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]).arg(program);
        command
    } else {
        Command::new(program)
    }
}

/// Whoever owns the cluster has to get there, and make it.
fn open_to_all(directory: &Path) {
    fs::set_permissions(directory, fs::Permissions::from_mode(0o777))
        .expect("one's own directory can be opened");
}

/// The cluster that all servers start from, made by the first who needs it.
fn cluster() -> PathBuf {
    let version = program("initdb");
    let version = version.iter().rev().nth(2).expect("the programs' directory has a version");
    let user = rustix::process::geteuid().as_raw();
    let name = format!("claviger-testkit-postgres-{}-{user}", version.to_str().expect("a version is text"));
    let place = std::env::temp_dir().join(name);
    fs::create_dir_all(&place).expect("a directory can be made");
    let lock = File::create(place.join("lock")).expect("a file can be made");
    lock.lock().expect("a file can be locked");
    let cluster = place.join("cluster");
    if !cluster.exists() {
        open_to_all(&place);
        let half_made = place.join("half-made");
        let _none_left_behind = fs::remove_dir_all(&half_made);
        make_cluster(&half_made);
        fs::rename(&half_made, &cluster).expect("a directory can be renamed");
    }
    cluster
}

fn make_cluster(place: &Path) {
    let made = as_owner(&program("initdb"))
        .args(["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"])
        .args(["--wal-segsize=1", "-D", path(place)])
        .current_dir("/")
        .output()
        .expect("initdb starts");
    must_succeed(&made, "initdb");
    let mut alone = as_owner(&program("postgres"));
    alone.args(["--single", "-D", path(place), "postgres"]).current_dir("/");
    alone.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut alone = alone.spawn().expect("PostgreSQL starts");
    let statement = format!("CREATE ROLE {ROLE} LOGIN\n");
    alone
        .stdin
        .take()
        .expect("it was piped")
        .write_all(statement.as_bytes())
        .expect("a single-user server reads");
    must_succeed(&alone.wait_with_output().expect("a child can be waited for"), "postgres --single");
}

#[track_caller]
fn must_succeed(done: &Output, what: &str) {
    assert!(done.status.success(), "{what}: {}", String::from_utf8_lossy(&done.stderr));
}
