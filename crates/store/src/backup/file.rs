//! The file of a backup: the two databases one after the other, what they are, and a digest over all of it at the end.

use std::{
    fs::File,
    io::{self, BufReader, Read, Seek, SeekFrom, Write},
    path::Path,
};

use claviger_model::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::BackupError;
use crate::{directory::owners_only, words::to_json};

/// What a backup ends with.
const MAGIC: &[u8; 16] = b"claviger backup\n";
/// The form of everything before that. A later version may know more of them.
const FORMAT: u32 = 1;
/// SHA-256 over everything before it, how many bytes the manifest has, and [`MAGIC`].
const FOOTER: usize = 32 + 8 + 16;
/// Larger than any manifest.
const MANIFEST_MAX: u64 = 64 << 10;
/// Bytes read at a time.
const STRIDE: usize = 1 << 20;

/// What is in a backup.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Manifest {
    pub(crate) format: u32,
    /// The version that made it.
    pub(crate) version: String,
    pub(crate) made_at: Timestamp,
    /// Bytes of the database, which come first.
    pub(crate) database: u64,
    /// Bytes of the usage file, which come after them.
    pub(crate) usage: u64,
}

impl Manifest {
    pub(crate) fn of(version: &str, made_at: Timestamp, database: u64, usage: u64) -> Self {
        Self { format: FORMAT, version: version.to_owned(), made_at, database, usage }
    }
}

/// Ends a file that holds the databases already with what makes it a backup, and returns the digest of all.
pub(crate) fn seal(file: &mut File, manifest: &Manifest) -> io::Result<[u8; 32]> {
    let text = to_json(manifest);
    file.seek(SeekFrom::End(0))?;
    file.write_all(text.as_bytes())?;
    file.rewind()?;
    let mut hasher = Sha256::new();
    pass(&mut BufReader::with_capacity(STRIDE, &mut *file), u64::MAX, |bytes| {
        hasher.update(bytes);
        Ok(())
    })?;
    let digest: [u8; 32] = hasher.finalize().into();
    file.write_all(&digest)?;
    file.write_all(&u64::try_from(text.len()).map_err(io::Error::other)?.to_be_bytes())?;
    file.write_all(MAGIC)?;
    Ok(digest)
}

/// A file that looks like a backup by its end.
pub(crate) struct Sealed {
    file: File,
    place: String,
    pub(crate) manifest: Manifest,
    digest: [u8; 32],
    manifest_bytes: u64,
}

impl Sealed {
    /// Reads the end of it.
    pub(crate) fn open(path: &Path) -> Result<Self, BackupError> {
        let place = path.display().to_string();
        let unreadable = |source| BackupError::Unreadable { place: place.clone(), source };
        let no_backup = || BackupError::NoBackup { place: place.clone() };
        let mut file = File::open(path).map_err(unreadable)?;
        let length = file.metadata().map_err(unreadable)?.len();
        let Some(before) = length.checked_sub(FOOTER as u64) else { return Err(no_backup()) };
        let mut footer = [0; FOOTER];
        file.seek(SeekFrom::Start(before)).and_then(|_| file.read_exact(&mut footer)).map_err(unreadable)?;
        let (digest, rest) = footer.split_at(32);
        let (manifest_bytes, magic) = rest.split_at(8);
        let manifest_bytes = u64::from_be_bytes(manifest_bytes.try_into().expect("it was split there"));
        if magic != MAGIC || manifest_bytes > before.min(MANIFEST_MAX) {
            return Err(no_backup());
        }
        let mut text = vec![0; usize::try_from(manifest_bytes).expect("it is small")];
        file.seek(SeekFrom::Start(before - manifest_bytes))
            .and_then(|_| file.read_exact(&mut text))
            .map_err(unreadable)?;
        let damaged = || BackupError::Damaged { place: place.clone() };
        let manifest: Value = serde_json::from_slice(&text).ok().ok_or_else(damaged)?;
        if manifest["format"] != FORMAT {
            let version = manifest["version"].as_str().unwrap_or("a newer one").to_owned();
            return Err(BackupError::Newer { place, version });
        }
        let manifest: Manifest = serde_json::from_value(manifest).ok().ok_or_else(damaged)?;
        if manifest.database.checked_add(manifest.usage) != Some(before - manifest_bytes) {
            return Err(damaged());
        }
        let digest = digest.try_into().expect("it was split there");
        Ok(Self { file, place, manifest, digest, manifest_bytes })
    }

    /// Writes the two databases to files of these names, which aren't there; only what matches the digest is kept there
    /// by whoever called.
    pub(crate) fn unpack(mut self, database: &Path, usage: &Path) -> Result<Manifest, BackupError> {
        let unreadable = |source| BackupError::Unreadable { place: self.place.clone(), source };
        self.file.rewind().map_err(unreadable)?;
        let mut hasher = Sha256::new();
        let mut from = BufReader::with_capacity(STRIDE, &mut self.file);
        for (path, length) in [(database, self.manifest.database), (usage, self.manifest.usage)] {
            let written = owners_only().open(path).and_then(|mut file| {
                pass(&mut from, length, |bytes| {
                    hasher.update(bytes);
                    file.write_all(bytes)
                })?;
                file.sync_all()
            });
            written.map_err(|error| BackupError::of_io(path, error))?;
        }
        let rest = pass(&mut from, self.manifest_bytes, |bytes| {
            hasher.update(bytes);
            Ok(())
        });
        rest.map_err(unreadable)?;
        if hasher.finalize()[..] == self.digest {
            Ok(self.manifest)
        } else {
            Err(BackupError::Damaged { place: self.place })
        }
    }
}

/// Hands over at most so many bytes.
fn pass(
    from: &mut impl Read,
    mut left: u64,
    mut take: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<()> {
    let mut buffer = vec![0; STRIDE];
    while left > 0 {
        let most = usize::try_from(left).unwrap_or(STRIDE).min(STRIDE);
        let read = from.read(&mut buffer[..most])?;
        if read == 0 {
            break;
        }
        take(&buffer[..read])?;
        left -= read as u64;
    }
    Ok(())
}
