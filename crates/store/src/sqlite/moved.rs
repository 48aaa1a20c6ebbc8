//! Leaving: the installation is closed, read and, where that came to nothing, opened again, beside the process that
//! serves it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use claviger_model::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, TransactionBehavior, params};

use super::{
    connection,
    failure::{Outcome, of_open},
    file::DatabaseFile,
    migrate,
    rows::{self, Taker},
    start::{DATABASE, USAGE},
};
use crate::{
    DirectoryLock, OpenError, StoreError,
    copy::{COUNTED, KEPT, Standing},
};

/// That an installation was copied elsewhere, or is being copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Moved {
    /// Where it went: a URL without its password.
    pub(crate) place: String,
    /// Since when nothing changes here.
    pub(crate) at: Timestamp,
    /// Whether the copy may be in use.
    pub(crate) finished: bool,
}

/// Whether and where the installation went.
pub(super) fn find(connection: &Connection) -> Outcome<Option<Moved>> {
    let sql = "SELECT place, at, finished FROM moved";
    let moved = |row: &Row<'_>| {
        Ok(Moved {
            place: row.get("place")?,
            at: Timestamp::from_millis(row.get("at")?),
            finished: row.get("finished")?,
        })
    };
    Ok(connection.query_one(sql, [], moved).optional()?)
}

/// The installation in a data directory. Nothing in here waits for the network; all of it blocks.
pub(crate) struct Leaving {
    file: DatabaseFile,
    usage: PathBuf,
    lock: Option<DirectoryLock>,
    place: Option<[u8; 32]>,
}

impl Leaving {
    /// Finds what is in `dir`. Where nobody serves it, nobody can from here on, until this is dropped.
    pub(crate) fn of(dir: &Path) -> Result<Self, OpenError> {
        let path = dir.join(DATABASE);
        let there = fs::metadata(&path).map_err(|error| OpenError::of_io(&path, error))?;
        if there.len() == 0 {
            let detail = "it is empty: no installation was ever made there".to_owned();
            return Err(OpenError::Failed { place: path.display().to_string(), detail });
        }
        let lock = match DirectoryLock::take(dir) {
            Ok(lock) => Some(lock),
            Err(OpenError::InUse { .. }) => None,
            Err(error) => return Err(error),
        };
        let place = DirectoryLock::place_in(dir).ok();
        let leaving = Self { file: DatabaseFile::make(path)?, usage: dir.join(USAGE), lock, place };
        leaving.must_be_current()?;
        Ok(leaving)
    }

    /// Whether a process serves it.
    pub(crate) fn is_served(&self) -> bool {
        self.lock.is_none()
    }

    /// What tells the process that serves it from every other; `None` where the system doesn't say.
    pub(crate) fn place(&self) -> Option<[u8; 32]> {
        self.place
    }

    fn must_be_current(&self) -> Result<(), OpenError> {
        let failed = |error: rusqlite::Error| of_open(self.file.path(), &error);
        let connection = connection::to_read(self.file.path()).map_err(failed)?;
        let found = migrate::version(&connection).map_err(failed)?;
        let known = migrate::known(migrate::DATABASE);
        let place = self.file.to_string();
        match found {
            _ if found > known => Err(OpenError::Newer { place, found, known }),
            _ if found < known => Err(OpenError::Failed {
                place,
                detail: format!(
                    "its schema is {found} and this version needs {known}: start this version of claviger serve on it \
                     once, which brings it up"
                ),
            }),
            _ => Ok(()),
        }
    }

    fn to_write(&self) -> Outcome<Connection> {
        Ok(connection::to_write(self.file.path())?)
    }

    /// Whether and where it went already.
    pub(crate) fn moved(&self) -> Result<Option<Moved>, StoreError> {
        let found = || find(&connection::to_read(self.file.path())?);
        Ok(found()?)
    }

    /// From here on nothing changes in it.
    pub(crate) fn close(&self, place: &str, at: Timestamp) -> Result<(), StoreError> {
        let sql = "INSERT OR REPLACE INTO moved (one, place, at, finished) VALUES (1, ?1, ?2, 0)";
        self.change(|connection| connection.execute(sql, params![place, at.as_millis()])).map(drop)
    }

    /// The copy may be in use from here on; false where it was opened again meanwhile.
    pub(crate) fn finish(&self, place: &str, at: Timestamp) -> Result<bool, StoreError> {
        let sql = "UPDATE moved SET finished = 1 WHERE place = ?1 AND at = ?2";
        Ok(self.change(|connection| connection.execute(sql, params![place, at.as_millis()]))? > 0)
    }

    /// It changes again.
    pub(crate) fn open_again(&self) -> Result<(), StoreError> {
        self.change(|connection| connection.execute("DELETE FROM moved", [])).map(drop)
    }

    fn change<T>(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, StoreError> {
        let done = || -> Outcome<T> {
            let mut connection = self.to_write()?;
            let transaction = Transaction::new(&mut connection, TransactionBehavior::Immediate)?;
            let done = work(&transaction)?;
            transaction.commit()?;
            Ok(done)
        };
        Ok(done()?)
    }

    /// Which installation it is, and where its feed and trail stand.
    pub(crate) fn standing(&self) -> Result<Standing, StoreError> {
        let found = || rows::standing(&connection::to_read(self.file.path())?);
        Ok(found()?)
    }

    /// Hands over everything as of one instant, until nobody takes it any more. What costs numbers only comes last.
    pub(crate) fn read(&self, take: Taker<'_>) -> Result<Standing, StoreError> {
        let read = || -> Outcome<Standing> {
            let connection = connection::to_read(self.file.path())?;
            let snapshot = Transaction::new_unchecked(&connection, TransactionBehavior::Deferred)?;
            let standing = rows::standing(&snapshot)?;
            for table in KEPT {
                rows::read(&snapshot, table, take)?;
            }
            Ok(standing)
        };
        Ok(read()?)
    }

    /// The same for what costs numbers only.
    pub(crate) fn read_counts(&self, take: Taker<'_>) -> Result<(), StoreError> {
        let read = || -> Outcome<()> {
            let connection = connection::to_read(&self.usage)?;
            let snapshot = Transaction::new_unchecked(&connection, TransactionBehavior::Deferred)?;
            for table in COUNTED {
                rows::read(&snapshot, table, take)?;
            }
            Ok(())
        };
        Ok(read()?)
    }
}
