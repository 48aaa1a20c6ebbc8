//! PgBouncer before a PostgreSQL.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    os::unix::fs::chown,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use claviger_testkit::{PgBouncer, eventually};
use tempfile::TempDir;

const BINARIES: &str = "/usr/lib/postgresql/15/bin";
/// Debian's account of PostgreSQL, which refuses to be root.
const ACCOUNT: [&str; 4] = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"];

struct Postgres {
    child: Child,
    address: SocketAddr,
    _directory: TempDir,
}

impl Postgres {
    fn start() -> Self {
        let directory = TempDir::new().unwrap();
        let id = |flag| Command::new("id").args([flag, "postgres"]).output().unwrap().stdout;
        let [user, group] =
            ["-u", "-g"].map(|flag| String::from_utf8(id(flag)).unwrap().trim().parse().unwrap());
        chown(directory.path(), Some(user), Some(group)).unwrap();
        let program = |name: &str| {
            let mut command = Command::new(ACCOUNT[0]);
            command.args(&ACCOUNT[1..]).arg(format!("{BINARIES}/{name}")).arg("-D").arg(directory.path());
            command.stdout(Stdio::null()).stderr(Stdio::null());
            command
        };
        assert!(program("initdb").args(["-N", "-U", "postgres"]).status().unwrap().success());
        let address =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr()).unwrap();
        let child = program("postgres").args(["-k", "", "-p", &address.port().to_string()]).spawn().unwrap();
        eventually(|| TcpStream::connect(address).ok());
        Self { child, address, _directory: directory }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // At a `SIGINT` it ends with all its processes.
        let _ = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status();
        let _ = self.child.wait();
    }
}

/// A client that stays connected.
struct Client {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Client {
    fn of(bouncer: &PgBouncer) -> Self {
        let mut command = Command::new("psql");
        command.args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", &bouncer.url()]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Self { child, input, output: BufReader::new(output) }
    }

    fn asks(&mut self, sql: &str) -> String {
        self.input.write_all(format!("{sql};\n").as_bytes()).unwrap();
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn clients_share_a_session_between_their_transactions() {
    let postgres = Postgres::start();
    let mut bouncer = PgBouncer::before(postgres.address, "postgres", "postgres");
    {
        let (mut one, mut other) = (Client::of(&bouncer), Client::of(&bouncer));
        let session = one.asks("SELECT pg_backend_pid()");
        assert_eq!(other.asks("SELECT pg_backend_pid()"), session);
        assert_eq!(one.asks("BEGIN; SELECT pg_backend_pid()"), session);
        assert_ne!(other.asks("SELECT pg_backend_pid()"), session);
    }
    bouncer.kill();
    assert!(TcpStream::connect(bouncer.address()).is_err());
    bouncer.start_again();
    assert_eq!(Client::of(&bouncer).asks("SELECT current_database()"), "postgres");
}
