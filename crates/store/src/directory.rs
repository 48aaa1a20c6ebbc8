//! A data directory, which one process has to itself.

use std::{
    fs,
    io::{self, Read, Seek, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::Path,
};

use sha2::{Digest as _, Sha256};

use crate::{Finding, OpenError};

const LOCK: &str = "claviger.lock";
/// Made and removed, to see whether that can be done.
const PROBE: &str = "claviger.probe";
/// A random name that the kernel takes when it starts.
const KERNEL_RUN: &str = "/proc/sys/kernel/random/boot_id";

/// Makes the directory, for its owner only, if it isn't there.
fn make_directory(dir: &Path) -> Result<(), OpenError> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .map_err(|error| OpenError::of_io(dir, error))
}

/// Files are made for their owner only.
pub(crate) fn owners_only() -> fs::OpenOptions {
    let mut options = fs::OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    options
}

/// The right to use a data directory, until dropped. The operating system takes it back when the process ends,
/// however it ends.
#[derive(Debug)]
pub struct DirectoryLock(fs::File);

impl DirectoryLock {
    /// Takes the lock, or says who has it. Makes the directory, for its owner only, if it isn't there.
    pub fn take(dir: &Path) -> Result<Self, OpenError> {
        make_directory(dir)?;
        let path = dir.join(LOCK);
        let mut file = owners_only().open(&path).map_err(|error| OpenError::of_io(&path, error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => {
                return Err(OpenError::InUse { place: dir.display().to_string(), pid: holder(&mut file) });
            }
            Err(fs::TryLockError::Error(error)) => return Err(OpenError::of_io(path, error)),
        }
        sign(&mut file).map_err(|error| OpenError::of_io(path, error))?;
        Ok(Self(file))
    }

    /// What tells this lock from every other that is held anywhere now: the run of the kernel, and the file. A copy of
    /// the directory is another file, a restored or cloned machine another run.
    pub fn place(&self) -> io::Result<[u8; 32]> {
        place(&self.0.metadata()?)
    }

    /// The same of whoever holds the lock in `dir`.
    pub(crate) fn place_in(dir: &Path) -> io::Result<[u8; 32]> {
        place(&fs::metadata(dir.join(LOCK))?)
    }
}

/// Says whether the directory can be used, and who does. Makes nothing that stays, and holds no lock.
pub(crate) fn examine(dir: &Path) -> Finding {
    const ABOUT: &str = "data directory";
    let shown = dir.display();
    let metadata = match fs::metadata(dir) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Finding::ok(ABOUT, format!("{shown} isn't there: the first start makes it."));
        }
        Err(error) => return Finding::fail(ABOUT, &OpenError::of_io(dir, error)),
    };
    let probe = dir.join(PROBE);
    let written = owners_only().open(&probe).and_then(|file| {
        drop(file);
        fs::remove_file(&probe)
    });
    if let Err(error) = written {
        return Finding::fail(ABOUT, &OpenError::of_io(dir, error));
    }
    if metadata.mode() & 0o077 != 0 {
        return Finding::warn(
            ABOUT,
            format!("{shown} is open to other users (mode {:o}).", metadata.mode() & 0o777),
            format!("chmod 700 {shown}"),
        );
    }
    let lock = fs::File::options().read(true).write(true).open(dir.join(LOCK));
    let server = lock.ok().and_then(|mut file| match file.try_lock() {
        Err(fs::TryLockError::WouldBlock) => Some(crate::open::holder(holder(&mut file))),
        // Let go of at once, with the file.
        Ok(()) | Err(fs::TryLockError::Error(_)) => None,
    });
    match server {
        Some(server) => Finding::ok(ABOUT, format!("{shown} is in use by {server}, which is left alone.")),
        None => Finding::ok(ABOUT, format!("{shown} can be used, and nobody does.")),
    }
}

fn place(lock: &fs::Metadata) -> io::Result<[u8; 32]> {
    let run = fs::read(KERNEL_RUN)?;
    let mut hasher = Sha256::new();
    hasher.update(&run);
    hasher.update(lock.dev().to_be_bytes());
    hasher.update(lock.ino().to_be_bytes());
    Ok(hasher.finalize().into())
}

fn holder(file: &mut fs::File) -> Option<u32> {
    let mut text = String::new();
    file.take(16).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

fn sign(file: &mut fs::File) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_the_same_for_whoever_holds_the_lock_and_another_for_a_copy() {
        let (one, copy) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let place = |dir: &Path| DirectoryLock::take(dir).unwrap().place().unwrap();
        let first = place(one.path());
        assert_eq!(first, place(one.path()));
        fs::copy(one.path().join(LOCK), copy.path().join(LOCK)).unwrap();
        assert_ne!(first, place(copy.path()));
    }
}
