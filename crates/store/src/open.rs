//! Why a database can't be opened, and what to do about it.

use std::{io, path::Path};

/// What bringing a schema up found and left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Migrated {
    /// Where the database is: a URL without its password.
    pub place: String,
    /// The schema that was there; 0 where there was none. It may be newer than `known`, where this version can go on
    /// with it.
    pub found: u32,
    /// The newest schema this version knows, which is there now unless a newer one was found.
    pub known: u32,
}

/// Why a database can't be opened. Each says what to do, for it is read at a terminal or in a start-up log.
///
/// `place` is where the database is: the path of a file or directory, or a URL without its password.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process holds the directory's lock.
    #[error(
        "{place} is in use by {}: stop that one first, or choose another directory with --data",
        holder(*pid)
    )]
    InUse {
        /// The data directory.
        place: String,
        /// The process that holds the lock, if it said.
        pid: Option<u32>,
    },
    /// A newer version of Claviger wrote it.
    #[error(
        "{place} was written by a newer version (its schema is {found}, this version knows up to {known}): \
         start that version, or restore a backup from before the upgrade"
    )]
    Newer {
        /// Where it is.
        place: String,
        /// Its schema.
        found: u32,
        /// The newest schema this version knows.
        known: u32,
    },
    /// It was copied to another database, which may be in use.
    #[error(
        "{place} was moved to {to}: start with --database-url on that database, where its keys are decided and changed \
         now"
    )]
    Moved {
        /// The data directory.
        place: String,
        /// Where it went.
        to: String,
    },
    /// It lacks what this version needs, and opening was told not to bring it up.
    #[error("{place} has schema {found} and this version needs {known}: run claviger migrate first")]
    Older {
        /// Where it is.
        place: String,
        /// Its schema; 0 where there is none.
        found: u32,
        /// The schema this version needs.
        known: u32,
    },
    /// It fails its own checks or isn't a database.
    #[error("{place} is damaged ({detail}): keep a copy of it and restore the last good backup")]
    Corrupt {
        /// Where it is.
        place: String,
        /// What the check said.
        detail: String,
    },
    /// The file system doesn't let us.
    #[error("{place} can't be read and written: give it to the user that runs claviger")]
    Permission {
        /// The file or directory.
        place: String,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// There is no room.
    #[error("there is no room left for {place}: free some space and start again")]
    Full {
        /// Where it is.
        place: String,
    },
    /// Another program holds the database itself.
    #[error("{place} is locked by another program: close whatever has it open")]
    Busy {
        /// Where it is.
        place: String,
    },
    /// What was given as the database's URL isn't one.
    #[error(
        "the database's URL can't be read ({detail}): it looks like \
         postgres://user:password@host:5432/database?sslmode=require"
    )]
    Url {
        /// What is wrong with it. It never has the password.
        detail: String,
    },
    /// Nobody answers there, or not as a database that takes changes.
    #[error("{place} can't be reached ({detail}): check that PostgreSQL runs there and takes connections")]
    Unreachable {
        /// Where it should be.
        place: String,
        /// What happened.
        detail: String,
    },
    /// It is there and doesn't let us in.
    #[error("{place} doesn't let us in ({detail}): check user, password and database in the URL")]
    Denied {
        /// Where it is.
        place: String,
        /// What it said.
        detail: String,
    },
    /// It isn't a database that we can keep keys in.
    #[error("{place} can't be used: {detail}")]
    Unsuitable {
        /// Where it is.
        place: String,
        /// What it lacks, and how it gets it.
        detail: String,
    },
    /// Something else failed.
    #[error("{place} can't be opened: {detail}")]
    Failed {
        /// Where it is.
        place: String,
        /// What failed.
        detail: String,
    },
}

pub(crate) fn holder(pid: Option<u32>) -> String {
    pid.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"))
}

impl OpenError {
    /// What the operating system's refusal of `path` means.
    pub(crate) fn of_io(path: impl AsRef<Path>, error: io::Error) -> Self {
        let place = path.as_ref().display().to_string();
        match error.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                Self::Permission { place, source: error }
            }
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full { place },
            _ => Self::Failed { place, detail: error.to_string() },
        }
    }
}
