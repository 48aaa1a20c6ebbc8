//! Why a database can't be opened, and what to do about it.

use std::{io, path::PathBuf};

/// Why a database can't be opened. Each says what to do, for it is read at a terminal or in a start-up log.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process holds the directory's lock.
    #[error(
        "{} is in use by {}: stop that one first, or choose another directory with --data",
        dir.display(),
        holder(*pid)
    )]
    InUse {
        /// The data directory.
        dir: PathBuf,
        /// The process that holds the lock, if it said.
        pid: Option<u32>,
    },
    /// A newer version of Claviger wrote it.
    #[error(
        "{} was written by a newer version (its schema is {found}, this version knows up to {known}): \
         start that version, or restore a backup from before the upgrade",
        path.display()
    )]
    Newer {
        /// The database file.
        path: PathBuf,
        /// Its schema.
        found: u32,
        /// The newest schema this version knows.
        known: u32,
    },
    /// It fails its own checks or isn't a database.
    #[error("{} is damaged ({detail}): keep a copy of it and restore the last good backup", path.display())]
    Corrupt {
        /// The database file.
        path: PathBuf,
        /// What the check said.
        detail: String,
    },
    /// The file system doesn't let us.
    #[error("{} can't be read and written: give it to the user that runs claviger", path.display())]
    Permission {
        /// The file or directory.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// There is no room.
    #[error("there is no room left for {}: free some space and start again", path.display())]
    Full {
        /// The file or directory.
        path: PathBuf,
    },
    /// Another program holds the database itself.
    #[error("{} is locked by another program: close whatever has it open", path.display())]
    Busy {
        /// The database file.
        path: PathBuf,
    },
    /// Something else failed.
    #[error("{} can't be opened: {detail}", path.display())]
    Failed {
        /// The file or directory.
        path: PathBuf,
        /// What failed.
        detail: String,
    },
}

fn holder(pid: Option<u32>) -> String {
    pid.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"))
}

impl OpenError {
    /// What the operating system's refusal of `path` means.
    pub(crate) fn of_io(path: impl Into<PathBuf>, error: io::Error) -> Self {
        let path = path.into();
        match error.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                Self::Permission { path, source: error }
            }
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full { path },
            _ => Self::Failed { path, detail: error.to_string() },
        }
    }
}
