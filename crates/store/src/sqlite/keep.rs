//! Copies of the files, and what is done to one that is put back.

use std::{fs, path::Path};

use rusqlite::{Connection, OpenFlags, backup::Backup};

use super::{
    audit, connection,
    failure::{Outcome, of_open},
    migrate, settings,
};
use crate::{AuditNote, BackupError, ChainCheck, LostChanges, OpenError, StoreError, lost::LOST_CHANGES};

/// Pages that are copied at a time.
const PAGES: i32 = 4096;
/// Where the master key's check value is, if keys are sealed.
const SEALED_BY: &str = "master_key_check";

/// What was found in a database that is sound.
pub(crate) struct LookedThrough {
    pub(crate) events: u64,
    pub(crate) head: [u8; 32],
    pub(crate) is_sealed: bool,
}

/// Copies a file as of one instant, whoever changes it meanwhile.
pub(crate) fn copy_file(from: &Path, to: &Path) -> Result<(), BackupError> {
    let unread = |error: rusqlite::Error| BackupError::Installation(of_open(from, &error));
    fs::metadata(from).map_err(|error| BackupError::Installation(OpenError::of_io(from, error)))?;
    let source = connection::to_read(from).map_err(unread)?;
    // What was read once stays what is read.
    source.execute_batch("BEGIN; SELECT count(*) FROM sqlite_schema").map_err(unread)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let copied = || -> rusqlite::Result<()> {
        let mut copy = Connection::open_with_flags(to, flags)?;
        copy.pragma_update_and_check(None, "journal_mode", "OFF", |_| Ok(()))?;
        copy.pragma_update(None, "synchronous", "OFF")?;
        let backup = Backup::new(&source, &mut copy)?;
        while backup.step(PAGES)? != rusqlite::backup::StepResult::Done {}
        drop(backup);
        // It came with the source's log, and is to be whole without one.
        copy.pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(()))
    };
    copied().map_err(|error| unwritten(to, &error))
}

/// Says what is in a database, if each page is what it should be, each reference leads somewhere, and the audit chain
/// is whole. It is told by the name that people know it by.
pub(crate) fn look_through(path: &Path, known_as: &Path) -> Result<LookedThrough, BackupError> {
    let place = known_as.display().to_string();
    let unsound = |detail: String| BackupError::Unsound { place: place.clone(), detail };
    let failed = |error: rusqlite::Error| unsound(error.to_string());
    let connection = connection::to_read(path).map_err(failed)?;
    let (found, known) = (migrate::version(&connection).map_err(failed)?, migrate::known(migrate::DATABASE));
    if found > known {
        return Err(BackupError::Installation(OpenError::Newer { place: place.clone(), found, known }));
    }
    let verdict: String =
        connection.pragma_query_value(None, "integrity_check", |row| row.get(0)).map_err(failed)?;
    if verdict != "ok" {
        return Err(unsound(verdict));
    }
    let astray: u64 = connection
        .query_one("SELECT count(*) FROM pragma_foreign_key_check", [], |row| row.get(0))
        .map_err(failed)?;
    if astray > 0 {
        return Err(unsound(format!("{astray} references lead nowhere")));
    }
    let unread = |error: crate::sqlite::failure::Failure| unsound(StoreError::from(error).to_string());
    let is_sealed = settings::find(&connection, SEALED_BY).map_err(unread)?.is_some();
    match audit::check_here(&connection).map_err(unread)? {
        ChainCheck::Whole { events, head } => Ok(LookedThrough { events, head, is_sealed }),
        ChainCheck::Broken { number, reason } => {
            Err(unsound(format!("event {number} of its trail: {reason}")))
        }
    }
}

/// Ends what nobody can say had not ended, and passes over the numbers of changes that were lost.
pub(super) fn begin_anew(connection: &Connection, note: &AuditNote) -> Outcome<()> {
    let head = || connection.query_one("SELECT seq FROM feed_head", [], |row| row.get::<_, u64>(0));
    let before = head()?;
    connection.execute_batch(
        "DELETE FROM sessions;
         DELETE FROM links;
         DELETE FROM codes;
         DELETE FROM refresh_tokens;
         UPDATE feed_head SET seq = ((seq >> 32) + 1) << 32",
    )?;
    let lost = LostChanges::read(settings::find(connection, LOST_CHANGES)?.as_deref()).with(before, head()?);
    let sql = "INSERT INTO settings (name, value) VALUES (?1, ?2)
               ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    connection.execute(sql, rusqlite::params![LOST_CHANGES, lost])?;
    audit::append(connection, note, None, None)
}

/// Leaves each file whole by itself.
pub(crate) fn leave_whole(database: &Path, usage: &Path) -> Result<(), BackupError> {
    let left = || -> Outcome<()> {
        whole_by_itself(&connection::to_write(database)?)?;
        whole_by_itself(&connection::to_write(usage)?)?;
        Ok(())
    };
    Ok(left().map_err(StoreError::from)?)
}

/// From here on nothing of it is in a file beside.
fn whole_by_itself(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update_and_check(None, "wal_checkpoint", "TRUNCATE", |_| Ok(()))?;
    connection.pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(()))
}

fn unwritten(path: &Path, error: &rusqlite::Error) -> BackupError {
    let kind = match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::DiskFull) => std::io::ErrorKind::StorageFull,
        _ => std::io::ErrorKind::Other,
    };
    BackupError::of_io(path, std::io::Error::new(kind, error.to_string()))
}
