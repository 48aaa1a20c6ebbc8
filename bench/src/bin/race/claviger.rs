//! The product itself: the shipped binary with every check on, and all keys in its database.

use std::{net::SocketAddr, path::Path, process::Command};

use anyhow::{Context as _, ensure};
use claviger_bench::{HostClock, KeySet, Seeded, fill};
use claviger_model::Clock as _;
use claviger_store::Store;
use claviger_testkit::{Server, ServerBuilder};

/// Starts two on the same keys, of which one can be flooded without the other one's knowledge.
pub async fn start_two(
    program: &Path,
    profile: &str,
    set: &KeySet,
    upstream: SocketAddr,
) -> anyhow::Result<[Server; 2]> {
    let program = program.to_str().context("the program's path is text")?;
    let builder = || {
        ServerBuilder::new(program)
            .profile_text(profile)
            .argument("--upstream")
            .argument(&format!("http://{upstream}"))
    };
    let empty = builder().start();
    let operator_key = empty.operator_key().to_owned();
    let mut stopped = empty.stop();
    let data = stopped.data();
    let store = Store::open_embedded(&data, HostClock.now(), &Seeded::new(1)).await?;
    fill(&store, set).await?;
    store.close().await;
    let mut other = builder();
    let copied = Command::new("cp").arg("-a").arg(&data).arg(other.directory().join("data")).status()?;
    ensure!(copied.success(), "the data can't be copied");
    Ok([stopped.start(), other.join(&operator_key)])
}
