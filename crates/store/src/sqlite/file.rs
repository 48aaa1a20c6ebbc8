//! The files: whose they are, and whether they are still the same.

use std::{
    fmt, fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use crate::{OpenError, StoreError, directory::owners_only};

/// What is said where the path leads to no file any more, or to another one.
pub(super) const MOVED: &str = "the database file is gone or another one";

/// What is refused then.
pub(super) fn moved() -> StoreError {
    StoreError::Unavailable(MOVED.to_owned())
}

/// One database file, known by more than its name.
#[derive(Clone, Debug)]
pub(super) struct DatabaseFile {
    path: PathBuf,
    device: u64,
    inode: u64,
}

impl DatabaseFile {
    /// Makes the file, for its owner only, if it isn't there. SQLite gives its companions the same mode.
    pub(super) fn make(path: PathBuf) -> Result<Self, OpenError> {
        let opened = owners_only().open(&path).and_then(|file| file.metadata());
        match opened {
            Ok(metadata) => Ok(Self { device: metadata.dev(), inode: metadata.ino(), path }),
            Err(error) => Err(OpenError::of_io(path, error)),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the path still leads to this file: to write into one that was removed would be to forget, and to read
    /// another one would be to believe a history that isn't ours.
    pub(super) fn is_in_place(&self) -> bool {
        fs::metadata(&self.path).is_ok_and(|now| now.dev() == self.device && now.ino() == self.inode)
    }
}

impl fmt::Display for DatabaseFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.path.display().fmt(f)
    }
}
