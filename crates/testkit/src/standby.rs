//! A second PostgreSQL that follows a first one, and can take its place.

use std::net::SocketAddr;

use crate::{
    Postgres, eventually,
    postgres::{as_owner, path, program},
};

/// The name by which a primary knows the standby, for `synchronous_standby_names`.
const NAME: &str = "standby";

impl Postgres {
    /// A standby of this server, with its settings and everything that is in it; returns when it follows.
    #[must_use]
    #[track_caller]
    pub fn standby(&self) -> Self {
        self.standby_by_way_of(self.address())
    }

    /// The same, which reaches this server by way of another address.
    #[must_use]
    #[track_caller]
    pub fn standby_by_way_of(&self, primary: SocketAddr) -> Self {
        let standby = self.likewise().start_on(|data| {
            let mut copy = as_owner(&program("pg_basebackup"));
            copy.args(["--checkpoint=fast", "--no-sync", "--wal-method=stream", "--write-recovery-conf"]);
            // What `--write-recovery-conf` keeps is this.
            let way = format!(
                "host={} port={} user=postgres application_name={NAME} sslmode=disable",
                primary.ip(),
                primary.port()
            );
            copy.arg(format!("--dbname={way}")).args(["-D", path(data)]);
            copy
        });
        eventually(|| self.is_followed().then_some(()));
        standby
    }

    /// Whether a standby has everything that was committed here.
    pub fn is_followed(&self) -> bool {
        let sql = "SELECT count(*)
                     FROM pg_stat_replication
                    WHERE state = 'streaming' AND replay_lsn >= pg_current_wal_flush_lsn()";
        self.sql("postgres", sql).is_ok_and(|count| count != "0")
    }

    /// Has a standby stop to follow: what its primary commits from now on it never gets.
    #[track_caller]
    pub fn stop_following(&self) {
        let told = self
            .sql("postgres", "ALTER SYSTEM SET primary_conninfo = ''")
            .and_then(|_| self.sql("postgres", "SELECT pg_reload_conf()"));
        told.expect("a standby can be told");
        let receives = || self.sql("postgres", "SELECT count(*) FROM pg_stat_wal_receiver");
        eventually(|| (receives().as_deref() == Ok("0")).then_some(()));
    }

    /// Makes a standby a server that takes changes; returns when it does.
    #[track_caller]
    pub fn promote(&self) {
        let promoted = self.sql("postgres", "SELECT pg_promote()").expect("a standby can be promoted");
        assert_eq!(promoted, "t", "{}", self.log());
    }
}
