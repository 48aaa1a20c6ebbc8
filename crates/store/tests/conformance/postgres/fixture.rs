//! A store in a database of its own, and the way past it.

use std::rc::Rc;

use claviger_store::{PostgresOptions, Store};
use claviger_testkit::Postgres;

use crate::samples::{Counted, NOW};

thread_local! {
    /// One server for each test: it ends with the thread.
    static SERVER: Rc<Postgres> = Rc::new(Postgres::builder().without_fsync().start());
}

/// With few connections: on a machine that is busy, whoever waits for a lock behind many others waits too long.
async fn open(url: &str) -> Store {
    let options = PostgresOptions { connections: 4, ..PostgresOptions::new(url) };
    Store::open_postgres(options, NOW, &Counted).await.unwrap()
}

/// A store that is gone with the test.
pub(crate) struct Fixture {
    pub(crate) store: Store,
    url: String,
    server: Rc<Postgres>,
}

impl Fixture {
    /// How an instant long ago is written where the database's clock dates things.
    pub(crate) const LONG_AGO: &str = "'1970-01-01'";

    /// An empty one.
    pub(crate) async fn new() -> Self {
        let server = SERVER.with(Rc::clone);
        let url = server.database();
        Self { store: open(&url).await, url, server }
    }

    /// The same one after an orderly restart.
    pub(crate) async fn restarted(self) -> Self {
        self.store.close().await;
        Self { store: open(&self.url).await, ..self }
    }

    /// Another process on the same database.
    pub(crate) async fn another(&self) -> Store {
        open(&self.url).await
    }

    /// Where the database is.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Runs statements on the database itself, as somebody with a shell would. The error is the database's.
    pub(crate) fn raw(&self, sql: &str) -> Result<(), String> {
        self.server.sql(self.name(), sql).map(drop)
    }

    /// The same where counts are kept.
    pub(crate) fn usage_raw(&self, sql: &str) -> Result<(), String> {
        self.raw(sql)
    }

    /// The one number such a query finds.
    pub(crate) fn number(&self, sql: &str) -> i64 {
        self.server.sql(self.name(), sql).unwrap().parse().unwrap()
    }

    /// The same where counts are kept.
    pub(crate) fn usage_number(&self, sql: &str) -> i64 {
        self.number(sql)
    }

    fn name(&self) -> &str {
        self.url.rsplit_once('/').unwrap().1.split('?').next().unwrap()
    }

    /// How an id or digest is written in such statements.
    pub(crate) fn literal(bytes: &[u8]) -> String {
        let quoted = format!("{bytes:02x?}");
        let digits = quoted.replace(['[', ']', ',', ' '], "");
        if bytes.len() == 16 { format!("'{digits}'::uuid") } else { format!("'\\x{digits}'::bytea") }
    }
}
