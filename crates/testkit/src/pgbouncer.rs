//! PgBouncer before a PostgreSQL: consecutive transactions of one client are another session each.

use std::{
    fs::{self, Permissions},
    net::{SocketAddr, TcpStream},
    os::unix::fs::PermissionsExt as _,
};

use tempfile::TempDir;

use crate::{Program, claim::Claim, peer::Peer};

/// As whom it runs where the tests are root, which it refuses to be.
const ACCOUNT: &str = "postgres";

/// A running PgBouncer in transaction mode.
#[derive(Debug)]
pub struct PgBouncer {
    peer: Peer,
    port: Claim,
    user: String,
    database: String,
    _directory: TempDir,
}

impl PgBouncer {
    /// Starts one before the PostgreSQL at `postgres`; whoever asks it for a database gets it as `user`, who needs no
    /// password. Returns when it listens.
    #[track_caller]
    pub fn before(postgres: SocketAddr, database: &str, user: &str) -> Self {
        let (port, directory) = (Claim::port(), TempDir::new().expect("a directory can be made"));
        let file = directory.path().join("pgbouncer.ini");
        let settings = settings(postgres, user, port.address());
        fs::write(&file, settings).expect("the test's directory can be written");
        fs::set_permissions(directory.path(), Permissions::from_mode(0o755)).expect("the directory is ours");
        let mut command = Program::at("pgbouncer").command(&[&file]);
        if rustix::process::geteuid().is_root() {
            command.args(["-u", ACCOUNT]);
        }
        let address = port.address();
        let peer = Peer::start(command, directory.path(), || listens(address));
        Self { peer, port, user: user.to_owned(), database: database.to_owned(), _directory: directory }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.port.address()
    }

    /// The database by way of it.
    pub fn url(&self) -> String {
        format!("postgresql://{}@{}/{}", self.user, self.address(), self.database)
    }

    /// Stops it in the middle of whatever it does: its connections stay and nothing goes through.
    pub fn pause(&self) {
        self.peer.pause();
    }

    /// Lets a paused one go on.
    pub fn resume(&self) {
        self.peer.resume();
    }

    /// Ends it in the middle of whatever it does.
    pub fn kill(&mut self) {
        self.peer.kill();
    }

    /// Starts it again, as it was and where it was.
    #[track_caller]
    pub fn start_again(&mut self) {
        let address = self.address();
        self.peer.start_again(|| listens(address));
    }
}

fn listens(address: SocketAddr) -> bool {
    TcpStream::connect(address).is_ok()
}

fn settings(postgres: SocketAddr, user: &str, listen: SocketAddr) -> String {
    format!(
        "[databases]\n\
         * = host={} port={} user={user}\n\
         [pgbouncer]\n\
         listen_addr = {}\n\
         listen_port = {}\n\
         unix_socket_dir =\n\
         auth_type = any\n\
         pool_mode = transaction\n\
         max_client_conn = 500\n\
         ignore_startup_parameters = extra_float_digits\n",
        postgres.ip(),
        postgres.port(),
        listen.ip(),
        listen.port(),
    )
}
