//! What goes wrong in SQLite, and what it means to whoever asked.

use std::io;

use rusqlite::{Error, ErrorCode, ffi, types::FromSqlError};

use crate::{OpenError, StoreError};

/// Why a piece of work didn't succeed.
#[derive(Debug)]
pub(super) enum Failure {
    /// It may not be: an answer, not a fault.
    Refused(StoreError),
    /// SQLite failed, or its content isn't what we wrote.
    Sql(Error),
}

/// What a piece of work returns.
pub(super) type Outcome<T> = Result<T, Failure>;

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Sql(error)
    }
}

impl From<FromSqlError> for Failure {
    fn from(error: FromSqlError) -> Self {
        Self::Sql(error.into())
    }
}

impl From<StoreError> for Failure {
    fn from(refusal: StoreError) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(refusal) => refusal,
            Failure::Sql(error) => undone(&error),
        }
    }
}

/// What a failure means when it is certain that nothing was changed.
pub(super) fn undone(error: &Error) -> StoreError {
    if is_closed(error) {
        return StoreError::Moved;
    }
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => StoreError::StorageFull,
        Some(
            ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::SystemIoFailure
            | ErrorCode::CannotOpen
            | ErrorCode::ReadOnly
            | ErrorCode::PermissionDenied
            | ErrorCode::FileLockingProtocolFailed
            | ErrorCode::OutOfMemory
            | ErrorCode::OperationInterrupted,
        ) => StoreError::Unavailable(error.to_string()),
        _ => StoreError::Internal(error.to_string()),
    }
}

/// Whether the trigger of an installation that was moved refused it.
fn is_closed(error: &Error) -> bool {
    matches!(error, Error::SqliteFailure(code, Some(text))
        if code.extended_code == ffi::SQLITE_CONSTRAINT_TRIGGER && text == "the installation was moved")
}

/// What a failed COMMIT means.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum CommitFailure {
    /// Nothing was written: it can be rolled back and tried again.
    Undone,
    /// A write or an fsync failed. What is on disk is unknown, and a second fsync may claim success for pages the
    /// system has dropped: only reading the files afresh tells.
    Unknown,
}

/// Sorts the failures of COMMIT and of checkpoints.
pub(super) fn of_commit(error: &Error) -> CommitFailure {
    match error.sqlite_error_code() {
        Some(ErrorCode::SystemIoFailure | ErrorCode::DatabaseCorrupt) => CommitFailure::Unknown,
        _ => CommitFailure::Undone,
    }
}

/// What a failure means while opening `path`.
pub(super) fn of_open(path: &std::path::Path, error: &Error) -> OpenError {
    let place = path.display().to_string();
    let detail = error.to_string();
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => OpenError::Corrupt { place, detail },
        Some(ErrorCode::DiskFull) => OpenError::Full { place },
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => OpenError::Busy { place },
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => {
            OpenError::Permission { place, source: io::Error::other(detail) }
        }
        _ => OpenError::Failed { place, detail },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sqlite(code: std::ffi::c_int) -> Error {
        Error::SqliteFailure(ffi::Error::new(code), None)
    }

    #[test]
    fn only_a_failed_write_or_fsync_makes_the_outcome_unknown() {
        for code in [
            ffi::SQLITE_IOERR_FSYNC,
            ffi::SQLITE_IOERR_WRITE,
            ffi::SQLITE_IOERR_TRUNCATE,
            ffi::SQLITE_CORRUPT,
        ] {
            assert_eq!(of_commit(&sqlite(code)), CommitFailure::Unknown, "{code}");
        }
        for code in
            [ffi::SQLITE_FULL, ffi::SQLITE_BUSY, ffi::SQLITE_READONLY, ffi::SQLITE_CONSTRAINT_FOREIGNKEY]
        {
            assert_eq!(of_commit(&sqlite(code)), CommitFailure::Undone, "{code}");
        }
    }

    #[test]
    fn a_full_disk_and_a_busy_database_are_told_apart_from_faults() {
        assert!(matches!(undone(&sqlite(ffi::SQLITE_FULL)), StoreError::StorageFull));
        assert!(matches!(undone(&sqlite(ffi::SQLITE_BUSY)), StoreError::Unavailable(_)));
        assert!(matches!(undone(&sqlite(ffi::SQLITE_READONLY_DBMOVED)), StoreError::Unavailable(_)));
        assert!(matches!(undone(&sqlite(ffi::SQLITE_CONSTRAINT_UNIQUE)), StoreError::Internal(_)));
        assert!(matches!(undone(&sqlite(ffi::SQLITE_CORRUPT)), StoreError::Internal(_)));
    }
}
