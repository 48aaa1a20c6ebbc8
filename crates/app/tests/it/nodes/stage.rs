//! A database, the nodes on it, and an account.

use std::net::SocketAddr;

use claviger_testkit::{Cluster, Operator, Postgres, Server, ServerBuilder, eventually};

/// Nodes called `node-0`, `node-1`, … with the built-in profile, on a database of their own.
pub(super) struct Stage {
    pub(super) cluster: Cluster,
    pub(super) postgres: Postgres,
    pub(super) account: String,
}

/// The database that a [`Stage`] has.
pub(super) const DATABASE: &str = "test0";

/// The URL of the stage's database by way of these addresses, in the order in which they are tried.
pub(super) fn by_way_of(addresses: &[SocketAddr]) -> String {
    let hosts: Vec<_> = addresses.iter().map(ToString::to_string).collect();
    format!("postgres://claviger@{}/{DATABASE}?sslmode=disable", hosts.join(","))
}

/// A server that loses no power.
pub(super) fn postgres() -> Postgres {
    let postgres = Postgres::builder().without_fsync().start();
    postgres.database();
    postgres
}

pub(super) fn name(node: usize) -> String {
    format!("node-{node}")
}

/// Takes all turns to load keys, and returns when somebody [gives them back](give_turns_back).
pub(super) fn take_turns(postgres: &Postgres) {
    let first = i64::from_be_bytes(*b"clavload") + 1;
    let all = format!("SELECT pg_advisory_lock(n) FROM generate_series({first}, {first} + 3) n");
    // Its end is that somebody ends its session.
    let ended = postgres.sql(DATABASE, &format!("{all}; SELECT pg_sleep(60)"));
    assert!(ended.is_err(), "nobody has given them back");
}

/// Returns when all turns are taken.
pub(super) fn turns_are_taken(postgres: &Postgres) {
    let taken = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted";
    eventually(|| (postgres.sql(DATABASE, taken).as_deref() == Ok("4")).then_some(()));
}

/// Lets nodes load again.
pub(super) fn give_turns_back(postgres: &Postgres) {
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'";
    postgres.sql(DATABASE, end).expect("the statement is right");
}

impl Stage {
    /// Three nodes with this lease.
    #[track_caller]
    pub(super) fn of(lease: &str) -> Self {
        Self::with(lease, postgres(), |builder, _| builder)
    }

    /// The same on this server, each completed by `with`.
    #[track_caller]
    pub(super) fn with(
        lease: &str,
        postgres: Postgres,
        with: impl Fn(ServerBuilder, usize) -> ServerBuilder,
    ) -> Self {
        Self::of_many(3, lease, postgres, with)
    }

    #[track_caller]
    pub(super) fn of_many(
        count: usize,
        lease: &str,
        postgres: Postgres,
        with: impl Fn(ServerBuilder, usize) -> ServerBuilder,
    ) -> Self {
        let url = postgres.url(DATABASE);
        let cluster = Cluster::start(crate::PROGRAM, count, &url, |builder, node| {
            let builder = builder.argument("--lease").argument(lease).variable("CLAVIGER_NODE", &name(node));
            with(builder.profile("default"), node)
        });
        let account = cluster.operator(0).account("Acme");
        Self { cluster, postgres, account }
    }

    pub(super) fn node(&self, node: usize) -> &Server {
        &self.cluster[node]
    }

    pub(super) fn operator(&self, node: usize) -> Operator {
        self.cluster.operator(node)
    }

    /// Issues a key on a node: its id and itself.
    #[track_caller]
    pub(super) fn issue(&self, node: usize, name: &str) -> (String, String) {
        self.operator(node).issue_plain(&self.account, name)
    }

    /// Runs SQL in the nodes' database as the superuser.
    #[track_caller]
    pub(super) fn sql(&self, sql: &str) -> String {
        self.postgres.sql(DATABASE, sql).expect("the statement is right")
    }
}
