//! The embedded database: two SQLite files in a directory that one process holds.
//!
//! Everything that is peculiar to SQLite stays in here.

mod accounts;
mod app_verbs;
mod audit;
mod authority;
mod clients;
mod columns;
mod connection;
mod examine;
mod failure;
mod feed;
mod file;
mod foreign;
mod grants;
mod idempotency;
mod import;
mod keep;
mod key_rows;
mod keys;
mod limits;
mod links;
mod members;
mod migrate;
mod moved;
mod old_grants;
mod operators;
mod people_verbs;
mod quota;
mod readers;
mod receipts;
mod records;
mod retention;
mod roll;
mod rows;
mod secrets;
mod select;
mod sessions;
mod settings;
mod start;
mod together;
mod usage;
mod usage_rows;
mod verbs;
mod writer;

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use claviger_model::InstallationId;
use rusqlite::Connection;

use crate::StoreError;
use failure::Outcome;
use readers::Readers;
use roll::OneNode;
use writer::Writer;

pub(crate) use examine::examine;
pub(crate) use keep::{LookedThrough, copy_file, leave_whole, look_through};
pub(crate) use moved::{Leaving, Moved};
pub(crate) use start::{DATABASE, USAGE, open};

/// Changes between two looks at what the feed may forget.
const TRIM_EVERY: u32 = 4096;

/// The embedded database.
pub(crate) struct Sqlite(Arc<Inner>);

struct Inner {
    installation: InstallationId,
    readers: Readers,
    writer: Writer,
    usage_readers: Readers,
    usage_writer: Writer,
    changes: AtomicU32,
    node: OneNode,
}

impl Inner {
    /// Runs one change.
    async fn change<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        F: FnOnce(&Connection) -> Outcome<T> + Send + 'static,
        T: Send + 'static,
    {
        self.tidied(self.writer.run(work).await).await
    }

    /// Runs one change that writes much.
    async fn change_much<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        F: FnOnce(&Connection) -> Outcome<T> + Send + 'static,
        T: Send + 'static,
    {
        self.tidied(self.writer.run_large(work).await).await
    }

    /// What a change left, once the feed has forgotten what it may, now and then.
    async fn tidied<T>(&self, answer: Result<T, StoreError>) -> Result<T, StoreError> {
        if self.changes.fetch_add(1, Ordering::Relaxed) % TRIM_EVERY == TRIM_EVERY - 1
            && let Err(error) = self.writer.run(feed::trim).await
        {
            tracing::warn!(%error, "the feed's old entries can't be forgotten yet");
        }
        answer
    }
}
