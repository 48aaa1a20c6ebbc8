//! Why an installation was not copied, how things stand then, and what to do.

use crate::{OpenError, StoreError};

/// Why an installation was not copied, and how things stand.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// The old database can't be used.
    #[error("what is to be copied can't be opened: {0}")]
    Source(#[source] OpenError),
    /// The new database can't be used.
    #[error("the database to copy to can't be used: {0}")]
    Target(#[source] OpenError),
    /// It was copied there before.
    #[error(
        "{place} has this installation already, copied before: start nodes with --database-url on it. Nothing was changed"
    )]
    AlreadyCopied {
        /// Where it is.
        place: String,
    },
    /// There is something.
    #[error(
        "{place} isn't empty, and nothing there is ever overwritten: make a database for this installation alone \
         (CREATE DATABASE claviger OWNER claviger) and name that one. Nothing was changed"
    )]
    NotEmpty {
        /// The new database.
        place: String,
    },
    /// Nodes run on it.
    #[error("nodes have {place} open: stop them first, they start again after the copy. Nothing was changed")]
    NodesRunning {
        /// The new database.
        place: String,
    },
    /// It was copied elsewhere before, or someone is about to.
    #[error(
        "it was moved to {place} already: copy it there, or take that back with `claviger copy --abort`. Nothing was \
         changed"
    )]
    MovedElsewhere {
        /// Where it went.
        place: String,
    },
    /// It failed, and nothing is left of it.
    #[error("{0}. Nothing was copied, and the old installation takes changes again")]
    Undone(#[source] StoreError),
    /// Someone wanted it to stop.
    #[error("interrupted. Nothing was copied, and the old installation takes changes again")]
    Interrupted,
    /// The copy isn't what was read.
    #[error("the copy differs: {detail}. Nothing was copied, and the old installation takes changes again")]
    Differs {
        /// In what.
        detail: String,
    },
    /// The answer to COMMIT was lost.
    #[error(
        "it is not known whether {place} has the copy ({detail}). The old installation stays closed until that is known: run \
         the same command again, which finds the copy or makes it"
    )]
    OutcomeUnknown {
        /// The new database.
        place: String,
        /// What happened.
        detail: String,
    },
    /// It failed, and the old database can't be opened again either.
    #[error(
        "{because}. The old installation stays closed ({error}): run `claviger copy --abort` to have it take changes again"
    )]
    StillClosed {
        /// Why nothing was copied.
        because: Box<Self>,
        /// Why it stays closed.
        #[source]
        error: StoreError,
    },
    /// It can't be opened again: it may be in use elsewhere.
    #[error(
        "it was copied to {place}, where it may be in use. If it isn't, drop that database, make it anew, and name it with \
         --to: it is looked at before changes are taken here again"
    )]
    InUseElsewhere {
        /// Where it went.
        place: String,
    },
    /// There is nothing to take back.
    #[error("no copy was made or begun: the installation takes changes")]
    NotMoved,
    /// Nothing was begun.
    #[error("{0}. Nothing was changed")]
    NotBegun(#[source] StoreError),
}
