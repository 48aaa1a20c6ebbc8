//! Opening the data directory.

use std::path::Path;

use anyhow::Context as _;
use claviger_model::Clock;
use claviger_store::Store;

use crate::system::SystemEntropy;

/// Opens the directory and the database in it; makes both where they aren't there.
pub(crate) async fn open(dir: &Path, clock: &dyn Clock) -> anyhow::Result<Store> {
    let opened = Store::open_embedded(dir, clock.now(), &SystemEntropy).await;
    opened.context("the data directory can't be used")
}
