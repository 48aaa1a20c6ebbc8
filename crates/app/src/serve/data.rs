//! Opening what is remembered: the embedded database, or the one that nodes share; and where this process stands.

use std::path::Path;

use anyhow::Context as _;
use claviger_model::{Clock, Entropy};
use claviger_store::{DirectoryLock, PostgresOptions, Store};

use crate::{config::DatabaseUrl, system::SystemEntropy};

/// An open store, and the place from which it is used.
pub(crate) struct Opened {
    pub(crate) store: Store,
    /// What tells this process from every other that may be a node.
    pub(crate) place: [u8; 32],
    /// The embedded database holds the lock itself.
    _lock: Option<DirectoryLock>,
}

/// Where the database is that several nodes share.
pub(crate) struct Shared<'a> {
    pub(crate) url: &'a DatabaseUrl,
    pub(crate) listen_url: Option<&'a DatabaseUrl>,
    /// Whether its schema is brought up, or refused where it is older.
    pub(crate) migrate: bool,
}

/// Opens the embedded database in `dir`, or the shared one with `dir` as this node's own place. Makes what isn't there.
pub(crate) async fn open(
    dir: &Path,
    shared: Option<Shared<'_>>,
    clock: &dyn Clock,
) -> anyhow::Result<Opened> {
    let Some(Shared { url, listen_url, migrate }) = shared else {
        let opened = Store::open_embedded(dir, clock.now(), &SystemEntropy).await;
        let store = opened.context("the data directory can't be used")?;
        return Ok(Opened { store, place: [0; 32], _lock: None });
    };
    let lock = DirectoryLock::take(dir).context("the data directory can't be used")?;
    let place = lock.place().unwrap_or_else(|error| {
        tracing::warn!(%error, "it can't be told where this node stands: after a restart its former run is waited for");
        let mut place = [0; 32];
        SystemEntropy.fill(&mut place);
        place
    });
    let listen_url = listen_url.map(|url| url.expose().to_owned());
    let options = PostgresOptions { listen_url, migrate, ..PostgresOptions::new(url.expose()) };
    let opened = Store::open_postgres(options, clock.now(), &SystemEntropy).await;
    Ok(Opened { store: opened.context("the database can't be used")?, place, _lock: Some(lock) })
}
