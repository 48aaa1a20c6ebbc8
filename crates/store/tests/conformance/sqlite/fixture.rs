//! A store in a directory of its own, and the way past it.

use std::path::{Path, PathBuf};

use claviger_store::Store;

use crate::samples::{Counted, NOW};

/// A store that is gone with the test.
pub(crate) struct Fixture {
    pub(crate) store: Store,
    dir: tempfile::TempDir,
}

impl Fixture {
    /// How an instant long ago is written where the database's clock dates things.
    pub(crate) const LONG_AGO: &str = "0";

    /// An empty one.
    pub(crate) async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open_embedded(dir.path(), NOW, &Counted).await.unwrap();
        Self { store, dir }
    }

    /// The same one after an orderly restart.
    pub(crate) async fn restarted(self) -> Self {
        self.store.close().await;
        let store = Store::open_embedded(self.dir.path(), NOW, &Counted).await.unwrap();
        Self { store, dir: self.dir }
    }

    /// Whoever else has the database open: nobody but the same process can.
    #[expect(clippy::unused_async, reason = "other databases are opened once more")]
    pub(crate) async fn another(&self) -> Store {
        self.store.clone()
    }

    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.dir.path().join("claviger.db")
    }

    /// Runs statements on the database itself, as somebody with a shell would. The error is the database's.
    pub(crate) fn raw(&self, sql: &str) -> Result<(), String> {
        run(&self.database(), sql)
    }

    /// The same where counts are kept.
    pub(crate) fn usage_raw(&self, sql: &str) -> Result<(), String> {
        run(&self.dir.path().join("usage.db"), sql)
    }

    /// The one number such a query finds.
    pub(crate) fn number(&self, sql: &str) -> i64 {
        number(&self.database(), sql)
    }

    /// The same where counts are kept.
    pub(crate) fn usage_number(&self, sql: &str) -> i64 {
        number(&self.dir.path().join("usage.db"), sql)
    }

    /// How an id or digest is written in such statements.
    pub(crate) fn literal(bytes: &[u8]) -> String {
        let quoted = format!("{bytes:02x?}");
        let digits = quoted.replace(['[', ']', ',', ' '], "");
        format!("x'{digits}'")
    }
}

fn run(path: &Path, sql: &str) -> Result<(), String> {
    let connection = rusqlite::Connection::open(path).unwrap();
    connection.pragma_update(None, "foreign_keys", true).unwrap();
    connection.execute_batch(sql).map_err(|error| error.to_string())
}

fn number(path: &Path, sql: &str) -> i64 {
    let connection = rusqlite::Connection::open(path).unwrap();
    connection.query_one(sql, [], |row| row.get(0)).unwrap()
}
