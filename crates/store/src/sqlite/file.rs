//! The directory and the files: whose they are, who may use them, and whether they are still the same.

use std::{
    fmt, fs,
    io::{Read, Seek, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use crate::{OpenError, StoreError};

const LOCK: &str = "claviger.lock";
/// What is said where the path leads to no file any more, or to another one.
pub(super) const MOVED: &str = "the database file is gone or another one";

/// What is refused then.
pub(super) fn moved() -> StoreError {
    StoreError::Unavailable(MOVED.to_owned())
}

/// Makes the directory, for its owner only, if it isn't there.
pub(super) fn make_directory(dir: &Path) -> Result<(), OpenError> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .map_err(|error| OpenError::of_io(dir, error))
}

fn owners_only() -> fs::OpenOptions {
    let mut options = fs::OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    options
}

/// The right to use a data directory, until dropped. The operating system takes it back when the process ends,
/// however it ends.
#[derive(Debug)]
pub(super) struct DirectoryLock {
    _held: fs::File,
}

impl DirectoryLock {
    /// Takes the lock, or says who has it.
    pub(super) fn take(dir: &Path) -> Result<Self, OpenError> {
        let path = dir.join(LOCK);
        let mut file = owners_only().open(&path).map_err(|error| OpenError::of_io(&path, error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => {
                return Err(OpenError::InUse { dir: dir.to_owned(), pid: holder(&mut file) });
            }
            Err(fs::TryLockError::Error(error)) => return Err(OpenError::of_io(path, error)),
        }
        sign(&mut file).map_err(|error| OpenError::of_io(path, error))?;
        Ok(Self { _held: file })
    }
}

fn holder(file: &mut fs::File) -> Option<u32> {
    let mut text = String::new();
    file.take(16).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

fn sign(file: &mut fs::File) -> std::io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
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
