//! PostgreSQL: one database that any number of nodes share.
//!
//! Everything that is peculiar to PostgreSQL stays in here. It needs no extension, no right beyond owning its database,
//! and no state of a connection beyond a transaction, so that PgBouncer may stand in between.

mod accounts;
mod address;
mod app_verbs;
mod arrive;
mod ask;
mod audit;
mod authority;
mod change;
mod clients;
mod columns;
mod connect;
mod examine;
mod failure;
mod feed;
mod foreign;
mod grants;
mod idempotency;
mod import;
mod issuing;
mod keep;
mod key_rows;
mod keys;
mod limits;
mod links;
mod locks;
mod members;
mod migrate;
mod old_grants;
mod operators;
mod people_verbs;
mod pool;
mod quota;
mod receipts;
mod records;
mod retention;
mod roll;
mod secrets;
mod select;
mod sessions;
mod settings;
mod start;
mod usage;
mod usage_rows;
mod verbs;
mod wake;

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use claviger_model::InstallationId;

use issuing::Issuing;
use pool::Pool;
use wake::Wake;

pub(crate) use arrive::{Arrival, Found};
pub(crate) use examine::examine;
pub(crate) use start::{migrate, open};

/// Changes between two looks at what the feed may forget.
const TRIM_EVERY: u32 = 4096;

/// The shared database.
pub(crate) struct Postgres(Arc<Inner>);

struct Inner {
    installation: InstallationId,
    pool: Pool,
    feed_pool: Pool,
    wake: Wake,
    changes: AtomicU32,
    issuing: Issuing,
}

impl Inner {
    /// Whatever comes after a change: nodes are told, and now and then the feed forgets.
    fn changed(&self) {
        self.wake.wake();
        if self.changes.fetch_add(1, Ordering::Relaxed) % TRIM_EVERY == TRIM_EVERY - 1 {
            let pool = self.pool.clone();
            tokio::spawn(async move { feed::forget(&pool).await });
        }
    }
}
