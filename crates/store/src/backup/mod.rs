//! Keeping a copy of the embedded installation, and putting it back.
//!
//! A backup is made beside the process that serves the installation. It is put back where nobody serves one: unpacked
//! beside its place, looked through, and moved there last. Of the database that nodes share, its own tools make copies.

mod again;
mod file;
mod of_many;

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use claviger_model::{Entropy, EventId, Timestamp};

pub use self::again::{Again, TrailReader};
use self::file::{Manifest, Sealed};
use crate::{
    AuditNote, Authority, DirectoryLock, OpenError, Store, StoreError, TrailError,
    directory::owners_only,
    sqlite::{self, DATABASE, USAGE},
};

/// Where a backup is unpacked, in the directory it is for. While it is there, nothing is served from that.
pub(crate) const UNPACKED: &str = "restore.unfinished";

/// A backup that was made.
#[derive(Clone, Debug)]
pub struct BackedUp {
    /// SHA-256 of all that it holds.
    pub digest: [u8; 32],
    /// How large the file is.
    pub bytes: u64,
    /// How many events are on its audit trail, which was walked.
    pub events: u64,
    /// The hash of the last one.
    pub head: [u8; 32],
    /// Whether keys in it can only be shown with the master key, which it doesn't hold.
    pub is_sealed: bool,
}

/// Why no backup was made, or none put back.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// There is nothing to back up, or it can't be read.
    #[error(transparent)]
    Installation(OpenError),
    /// A file can't be written.
    #[error("{place} can't be written, and no half of it was left there")]
    Unwritable {
        /// Which.
        place: String,
        /// Why.
        source: io::Error,
    },
    /// The disk is full.
    #[error("the disk of {place} is full: make room, or choose another place. No half of it was left there")]
    Full {
        /// What was being written.
        place: String,
    },
    /// The backup can't be read.
    #[error("{place} can't be read")]
    Unreadable {
        /// The backup.
        place: String,
        /// Why.
        source: io::Error,
    },
    /// It doesn't end as a backup does.
    #[error(
        "{place} is no backup, or its end is missing: compare its size with the original's and copy it again, or take another \
         backup"
    )]
    NoBackup {
        /// The file.
        place: String,
    },
    /// Its digest isn't what was written at its end.
    #[error(
        "{place} was changed or damaged after it was made: copy it again from where it was made, or take another backup"
    )]
    Damaged {
        /// The file.
        place: String,
    },
    /// A later version made it.
    #[error("{place} was made by a newer version ({version}): restore it with that one")]
    Newer {
        /// The file.
        place: String,
        /// Which.
        version: String,
    },
    /// What it holds doesn't hold together.
    #[error("{place} is not sound ({detail}): use a backup that was made before")]
    Unsound {
        /// What was looked through.
        place: String,
        /// What was found.
        detail: String,
    },
    /// There is an installation.
    #[error(
        "{place} holds an installation, and nothing is ever overwritten: name an empty directory with --data"
    )]
    NotEmpty {
        /// The data directory.
        place: String,
    },
    /// The exported trail can't be used.
    #[error("the exported trail {place} can't be used")]
    Trail {
        /// The file.
        place: String,
        /// Why.
        source: TrailError,
    },
    /// The exported trail is that of something else.
    #[error(
        "the exported trail {place} doesn't contain event {number} as the backup has it: it is another installation's, or \
         was exported before the backup was made"
    )]
    AnotherTrail {
        /// The file.
        place: String,
        /// The last event of the backup.
        number: u64,
    },
    /// The restored installation doesn't take what is done in it.
    #[error(transparent)]
    Undone(#[from] StoreError),
}

impl BackupError {
    pub(crate) fn of_io(path: &Path, source: io::Error) -> Self {
        let place = path.display().to_string();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full { place },
            _ => Self::Unwritable { place, source },
        }
    }
}

/// Writes a backup of the installation in `dir` to `to`, which is whole when it is there. A process may be serving it.
///
/// It blocks.
pub fn back_up(dir: &Path, to: &Path, version: &str, now: Timestamp) -> Result<BackedUp, BackupError> {
    let (whole, usage) = (Unfinished::beside(to, "unfinished"), Unfinished::beside(to, "usage"));
    whole.make()?;
    usage.make()?;
    sqlite::copy_file(&dir.join(DATABASE), &whole.0)?;
    let checked = sqlite::look_through(&whole.0, &dir.join(DATABASE))?;
    sqlite::copy_file(&dir.join(USAGE), &usage.0)?;
    let sealed = || -> io::Result<([u8; 32], u64)> {
        let mut file = File::options().read(true).append(true).open(&whole.0)?;
        let database = file.metadata()?.len();
        let bytes = io::copy(&mut File::open(&usage.0)?, &mut file)?;
        let digest = file::seal(&mut file, &Manifest::of(version, now, database, bytes))?;
        file.sync_all()?;
        Ok((digest, file.metadata()?.len()))
    };
    let (digest, bytes) = sealed().map_err(|error| BackupError::of_io(to, error))?;
    fs::rename(&whole.0, to)
        .and_then(|()| sync_folder_of(to))
        .map_err(|error| BackupError::of_io(to, error))?;
    let sqlite::LookedThrough { events, head, is_sealed } = checked;
    Ok(BackedUp { digest, bytes, events, head, is_sealed })
}

/// A file that is gone when this is, unless it was renamed.
struct Unfinished(PathBuf);

impl Unfinished {
    fn beside(path: &Path, what: &str) -> Self {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".{}.{what}", std::process::id()));
        Self(name.into())
    }

    /// Makes it, empty and for its owner only.
    fn make(&self) -> Result<(), BackupError> {
        let made = owners_only().open(&self.0).and_then(|file| file.set_len(0));
        made.map_err(|error| BackupError::of_io(&self.0, error))
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

fn sync_folder_of(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

/// A backup that is unpacked beside its place, and looked through. Dropped, nothing is left of it.
pub struct Unpacked {
    dir: PathBuf,
    folder: Folder,
    _lock: DirectoryLock,
    /// When it was made.
    pub made_at: Timestamp,
    /// How many events are on its trail.
    pub events: u64,
    /// The hash of the last one.
    pub head: [u8; 32],
}

struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

impl Unpacked {
    /// Unpacks the backup `from` for `dir`, which holds no installation, and from here on takes none.
    ///
    /// It blocks.
    pub fn of(from: &Path, dir: &Path) -> Result<Self, BackupError> {
        let sealed = Sealed::open(from)?;
        let lock = DirectoryLock::take(dir).map_err(BackupError::Installation)?;
        let folder = dir.join(UNPACKED);
        let is_there = |path: &Path| fs::metadata(path).is_ok_and(|metadata| metadata.len() > 0);
        let (database, usage) = (dir.join(DATABASE), dir.join(USAGE));
        // An earlier restore may have been cut off after it had put one of the two in its place.
        if is_there(&database) || (is_there(&usage) && !folder.exists()) {
            return Err(BackupError::NotEmpty { place: dir.display().to_string() });
        }
        if folder.exists() {
            fs::remove_dir_all(&folder).map_err(|error| BackupError::of_io(&folder, error))?;
        }
        fs::create_dir(&folder).map_err(|error| BackupError::of_io(&folder, error))?;
        let folder = Folder(folder);
        let (database, usage) = (folder.0.join(DATABASE), folder.0.join(USAGE));
        let made_at = sealed.unpack(&database, &usage)?.made_at;
        let sqlite::LookedThrough { events, head, .. } = sqlite::look_through(&database, from)?;
        Ok(Self { dir: dir.to_owned(), folder, _lock: lock, made_at, events, head })
    }

    /// Opens what was unpacked, brought up to this version.
    pub async fn open(&self, now: Timestamp, entropy: &dyn Entropy) -> Result<Store, BackupError> {
        Store::open_embedded(&self.folder.0, now, entropy).await.map_err(BackupError::Installation)
    }

    /// Puts it in its place. To be called when nobody has it open.
    ///
    /// It blocks.
    pub fn put_in_place(self) -> Result<(), BackupError> {
        let (database, usage) = (self.folder.0.join(DATABASE), self.folder.0.join(USAGE));
        sqlite::leave_whole(&database, &usage)?;
        let moved = || -> io::Result<()> {
            for (from, name) in [(&usage, USAGE), (&database, DATABASE)] {
                File::open(from)?.sync_all()?;
                fs::rename(from, self.dir.join(name))?;
            }
            File::open(&self.dir)?.sync_all()
        };
        moved().map_err(|error| BackupError::of_io(&self.dir, error))
    }
}

impl Store {
    /// Begins another history in what was put back, of which `detail` says what it is.
    ///
    /// Whoever was signed in isn't any more, no link and no refresh token of before works: nobody can say which of them
    /// had ended. The numbers that changes may have had after the backup are passed over.
    pub async fn begin_anew(
        &self,
        detail: serde_json::Value,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<(), StoreError> {
        let note = AuditNote {
            id: EventId::mint(now, entropy),
            at: now,
            actor: "system".to_owned(),
            authority: Authority::System,
            action: "restore",
            request: None,
            detail,
        };
        self.0.begin_anew(note).await
    }
}

/// Whether a backup is being restored in this directory, or that was interrupted.
pub(crate) fn is_unfinished(dir: &Path) -> bool {
    dir.join(UNPACKED).exists()
}
