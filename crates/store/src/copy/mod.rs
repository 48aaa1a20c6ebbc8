//! Moving an installation from one database to another while keys are in use.
//!
//! The old database is closed first and read then, and the new one commits last: at no instant do both take changes.
//! Whoever serves the old one goes on deciding by what it has in memory. It decides nothing about traffic, and starts
//! and stops no process.

mod error;
mod tables;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use claviger_model::{Entropy, InstallationId, NodeId, Timestamp};
use tokio::sync::mpsc;

pub use self::error::CopyError;
pub(crate) use self::tables::{Batch, COUNTED, KEPT, Kind, Standing, Table, Values};
use crate::{
    ChainCheck, OpenError, StoreError,
    postgres::{Arrival, Found},
    sqlite::{Leaving, Moved},
};

/// Batches that may wait between the two databases.
const WAITING: usize = 2;
/// How long changes in the new database wait for the process that serves the old one, unless it is fenced: as good as
/// for ever.
const UNTIL_FENCED: Duration = Duration::from_hours(24 * 365);

/// What to copy, and where to.
pub struct CopyOrder<'a> {
    /// The data directory with the embedded database.
    pub from: PathBuf,
    /// The URL of the empty PostgreSQL database.
    pub to: String,
    /// What the process that serves the old one is called where the nodes are listed.
    pub old_node: String,
    /// Now.
    pub now: Timestamp,
    /// Where ids come from.
    pub entropy: &'a dyn Entropy,
}

/// What was copied.
#[derive(Clone, Debug)]
pub struct Copied {
    /// Where it is now: a URL without its password.
    pub place: String,
    /// Each table with its rows.
    pub rows: Vec<(&'static str, u64)>,
    /// How many secrets are sealed, and so worth nothing without the master key.
    pub sealed: u64,
    /// How long the audit chain is, which was walked in the copy.
    pub events: u64,
    /// The hash it ends with.
    pub head: [u8; 32],
    /// The member that stands for the process that serves the old database; `None` where none does.
    pub old_node: Option<NodeId>,
    /// Why counts, last uses and denied attempts are not complete, if they aren't.
    pub counts_lost: Option<String>,
}

/// Copies the embedded installation into an empty PostgreSQL database, verifies the copy, and leaves the old one closed.
///
/// A server that runs on the old one answers changes by [`StoreError::Moved`] from the moment the copy begins and goes
/// on deciding. It hears of no change that is made in the new database: it is a member there, and changes wait for it,
/// until it was stopped and fenced. Where this fails, or `interrupted` is done first, the old one takes changes again.
pub async fn copy(order: CopyOrder<'_>, interrupted: impl Future<Output = ()>) -> Result<Copied, CopyError> {
    let CopyOrder { from, to, old_node, now, entropy } = order;
    let leaving = leave(from).await?;
    let arrival = Arrival::at(&to, InstallationId::mint(now, entropy)).await.map_err(CopyError::Target)?;
    let place = arrival.place().to_owned();
    must_be_free(&leaving, &arrival, &place).await?;
    // Once more, now that nobody else can come.
    arrival.begin().await.map_err(CopyError::NotBegun)?;
    must_be_free(&leaving, &arrival, &place).await?;

    let node = NodeId::mint(now, entropy);
    blocking(&leaving, {
        let place = place.clone();
        move |leaving| leaving.close(&place, now)
    })
    .await
    .map_err(CopyError::NotBegun)?;
    let transferred = tokio::select! {
        transferred = transfer(&leaving, &arrival, node, &old_node) => transferred,
        () = interrupted => Err(CopyError::Interrupted),
    };
    let copied = match transferred {
        Ok(copied) => copied,
        Err(error) => {
            drop(arrival);
            return Err(open_again(&leaving, error).await);
        }
    };
    let finish = {
        let place = place.clone();
        move |leaving: &Leaving| leaving.finish(&place, now)
    };
    match blocking(&leaving, finish).await {
        Ok(true) => {}
        // Changes were made after they had been read.
        Ok(false) => {
            return Err(CopyError::Differs { detail: "it was opened again by --abort meanwhile".to_owned() });
        }
        Err(error) => return Err(open_again(&leaving, CopyError::Undone(error)).await),
    }
    match arrival.commit().await {
        Ok(()) => Ok(copied),
        Err(StoreError::OutcomeUnknown(detail)) => Err(CopyError::OutcomeUnknown { place, detail }),
        Err(error) => Err(open_again(&leaving, CopyError::Undone(error)).await),
    }
}

/// Has the installation in this data directory take changes again after a copy that came to nothing.
///
/// `to` is where the copy was to go. It is looked at first, and a copy that is there stays the only one that changes.
/// Where `to` isn't named, a copy that may be in use is enough to refuse.
pub async fn abort_copy(
    from: &Path,
    to: Option<&str>,
    now: Timestamp,
    entropy: &dyn Entropy,
) -> Result<(), CopyError> {
    let leaving = leave(from.to_owned()).await?;
    let moved = blocking(&leaving, Leaving::moved).await.map_err(CopyError::NotBegun)?;
    let Some(Moved { place, finished, .. }) = moved else { return Err(CopyError::NotMoved) };
    let in_use = match to {
        None => finished,
        Some(to) => {
            let arrival =
                Arrival::at(to, InstallationId::mint(now, entropy)).await.map_err(CopyError::Target)?;
            holds(&leaving, arrival.look().await.map_err(CopyError::NotBegun)?).await?
        }
    };
    if in_use {
        return Err(CopyError::InUseElsewhere { place });
    }
    blocking(&leaving, Leaving::open_again).await.map_err(CopyError::NotBegun)
}

/// Whether what was found is this installation.
async fn holds(leaving: &Arc<Leaving>, found: Found) -> Result<bool, CopyError> {
    let standing = blocking(leaving, Leaving::standing).await.map_err(CopyError::NotBegun)?;
    Ok(found == Found::Installation(standing.installation))
}

async fn must_be_free(leaving: &Arc<Leaving>, arrival: &Arrival, place: &str) -> Result<(), CopyError> {
    let place = place.to_owned();
    let found = arrival.look().await.map_err(CopyError::NotBegun)?;
    match found {
        Found::Installation(_) if holds(leaving, found).await? => {
            return Err(CopyError::AlreadyCopied { place });
        }
        Found::Installation(_) => return Err(CopyError::NotEmpty { place }),
        Found::Nodes => return Err(CopyError::NodesRunning { place }),
        Found::Empty => {}
    }
    match blocking(leaving, Leaving::moved).await.map_err(CopyError::NotBegun)? {
        Some(moved) if moved.place != place => Err(CopyError::MovedElsewhere { place: moved.place }),
        // A copy to the same place was cut off: it is made anew.
        _ => Ok(()),
    }
}

/// Reads and writes everything, and compares what is there then with what was read.
async fn transfer(
    leaving: &Arc<Leaving>,
    arrival: &Arrival,
    node: NodeId,
    name: &str,
) -> Result<Copied, CopyError> {
    let undone = CopyError::Undone;
    let (rows, mut batches) = mpsc::channel::<Batch>(WAITING);
    let read = blocking(leaving, move |leaving| {
        let take = |batch| rows.blocking_send(batch).is_ok();
        let standing = leaving.read(&take)?;
        let counts_lost = leaving.read_counts(&take).err();
        Ok((standing, counts_lost))
    });
    let write = async {
        let mut taken = vec![0; KEPT.len() + COUNTED.len()];
        while let Some(batch) = batches.recv().await {
            let known = tables().position(|table| table.name == batch.table.name);
            taken[known.expect("tables of the list are read")] += batch.rows;
            arrival.take(batch).await?;
        }
        Ok(taken)
    };
    let ((standing, counts_lost), taken) = tokio::try_join!(read, write).map_err(undone)?;

    arrival.go_on(&standing).await.map_err(undone)?;
    let mut rows = Vec::new();
    for (table, taken) in tables().zip(taken) {
        let there = arrival.count(table).await.map_err(undone)?;
        if there != taken {
            let detail = format!("{taken} rows of {} were read, and {there} are there", table.name);
            return Err(CopyError::Differs { detail });
        }
        rows.push((table.name, there));
    }
    let checked = arrival.check_audit().await.map_err(undone)?;
    let whole = ChainCheck::Whole { events: standing.trail.number, head: standing.trail.hash };
    if checked != whole {
        return Err(CopyError::Differs { detail: format!("of the audit chain was found {checked:?}") });
    }
    let old_node = if leaving.is_served() {
        // Without a place of its own it is told by nothing but its id.
        let place = leaving.place().unwrap_or([0; 32]);
        arrival.wait_for(node, name, place, UNTIL_FENCED).await.map_err(undone)?;
        Some(node)
    } else {
        None
    };
    Ok(Copied {
        place: arrival.place().to_owned(),
        rows,
        sealed: arrival.sealed().await.map_err(undone)?,
        events: standing.trail.number,
        head: standing.trail.hash,
        old_node,
        counts_lost: counts_lost.map(|error| error.to_string()),
    })
}

fn tables() -> impl Iterator<Item = &'static Table> {
    KEPT.iter().chain(COUNTED)
}

async fn open_again(leaving: &Arc<Leaving>, because: CopyError) -> CopyError {
    match blocking(leaving, Leaving::open_again).await {
        Ok(()) => because,
        Err(error) => CopyError::StillClosed { because: Box::new(because), error },
    }
}

async fn leave(from: PathBuf) -> Result<Arc<Leaving>, CopyError> {
    let place = from.display().to_string();
    let opened = tokio::task::spawn_blocking(move || Leaving::of(&from)).await;
    let opened = opened.unwrap_or_else(|fault| Err(OpenError::Failed { place, detail: fault.to_string() }));
    opened.map(Arc::new).map_err(CopyError::Source)
}

/// Does what blocks where it may.
async fn blocking<T: Send + 'static>(
    leaving: &Arc<Leaving>,
    work: impl FnOnce(&Leaving) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    let leaving = Arc::clone(leaving);
    let done = tokio::task::spawn_blocking(move || work(&leaving)).await;
    done.unwrap_or_else(|fault| Err(StoreError::Internal(fault.to_string())))
}
