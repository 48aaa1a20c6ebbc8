//! What goes wrong between us and PostgreSQL, and what it means to whoever asked.

use std::{error::Error as _, io, time::Duration};

use tokio_postgres::{
    Error,
    error::{Severity, SqlState},
};

use crate::{OpenError, StoreError};

/// Why a piece of work didn't succeed.
#[derive(Debug)]
pub(super) enum Failure {
    /// It may not be: an answer, not a fault.
    Refused(StoreError),
    /// PostgreSQL failed, or the way to it, or its content isn't what we wrote. Nothing was changed.
    Sql(Error),
    /// Somebody else made first what was about to be made. Nothing was changed.
    Overtaken,
    /// No host let us in.
    Unreached(Error),
    /// No answer came in time. Nothing was changed: COMMIT had not been sent.
    TimedOut(Duration),
}

/// What a piece of work returns.
pub(super) type Outcome<T> = Result<T, Failure>;

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Sql(error)
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
            Failure::Overtaken => Self::Unavailable("another change made the same thing first".to_owned()),
            Failure::Unreached(error) => Self::Unavailable(told(&error)),
            Failure::TimedOut(after) => Self::Unavailable(format!("no answer within {after:?}")),
        }
    }
}

impl Failure {
    /// Whether the same work may succeed when it is done again: two transactions stood in each other's way.
    pub(super) fn is_conflict(&self) -> bool {
        matches!(self, Self::Overtaken)
            || matches!(self, Self::Sql(error) if error.code().is_some_and(|code| {
                *code == SqlState::T_R_SERIALIZATION_FAILURE || *code == SqlState::T_R_DEADLOCK_DETECTED
            }))
    }

    /// Whether the connection is gone, as those of a server that was restarted are.
    pub(super) fn is_disconnect(&self) -> bool {
        match self {
            Self::Sql(error) => match error.code() {
                Some(code) => code.code().starts_with("08") || code.code().starts_with("57P"),
                None => is_of_the_way(error),
            },
            Self::Refused(_) | Self::Overtaken | Self::Unreached(_) | Self::TimedOut(_) => false,
        }
    }
}

/// Whether it failed on the way to the server and back.
fn is_of_the_way(error: &Error) -> bool {
    error.is_closed() || error.source().is_some_and(<dyn std::error::Error>::is::<io::Error>)
}

/// An error with what brought it about. Of what PostgreSQL says, the detail is left out: it may show the row.
pub(super) fn told(error: &Error) -> String {
    if let Some(said) = error.as_db_error() {
        return format!("{} ({})", said.message(), said.code().code());
    }
    match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

/// What a failure means when it is certain that nothing was changed.
pub(super) fn undone(error: &Error) -> StoreError {
    let Some(code) = error.code() else {
        return if is_of_the_way(error) {
            StoreError::Unavailable(told(error))
        } else {
            StoreError::Internal(told(error))
        };
    };
    if *code == SqlState::DISK_FULL {
        return StoreError::StorageFull;
    }
    // Connections, too little of something, who stands in the way, who shuts down, what the system refuses.
    let passing = ["08", "28", "40", "53", "57", "58"].iter().any(|class| code.code().starts_with(class))
        || *code == SqlState::LOCK_NOT_AVAILABLE
        || *code == SqlState::READ_ONLY_SQL_TRANSACTION
        || *code == SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT;
    if passing { StoreError::Unavailable(told(error)) } else { StoreError::Internal(told(error)) }
}

/// What a failed COMMIT means. Only an error that PostgreSQL itself raised on the way to committing undid it: one that
/// ended the session may have come after the commit, and so may one of whatever is between us.
pub(super) fn of_commit(error: &Error) -> StoreError {
    let certain = error.as_db_error().is_some_and(|refusal| {
        refusal.parsed_severity() == Some(Severity::Error)
            && !["08", "58", "XX"].iter().any(|class| refusal.code().code().starts_with(class))
    });
    if certain { undone(error) } else { StoreError::OutcomeUnknown(told(error)) }
}

/// What a failure means while a database is being opened.
pub(super) fn of_open(place: &str, failure: Failure) -> OpenError {
    let place = place.to_owned();
    match failure {
        Failure::Refused(error) => OpenError::Failed { place, detail: error.to_string() },
        Failure::Overtaken => OpenError::Busy { place },
        Failure::TimedOut(after) => {
            OpenError::Unreachable { place, detail: format!("no answer within {after:?}") }
        }
        Failure::Unreached(error) => {
            let detail = told(&error);
            match error.code() {
                Some(code) if code.code().starts_with("28") || *code == SqlState::INVALID_CATALOG_NAME => {
                    OpenError::Denied { place, detail }
                }
                _ => OpenError::Unreachable { place, detail },
            }
        }
        Failure::Sql(error) => {
            let detail = told(&error);
            match error.code() {
                Some(code) if *code == SqlState::INSUFFICIENT_PRIVILEGE => OpenError::Unsuitable {
                    place,
                    detail: format!("{detail}; make the role the owner of its database"),
                },
                Some(code) if *code == SqlState::DISK_FULL => OpenError::Full { place },
                Some(code) if *code == SqlState::LOCK_NOT_AVAILABLE => OpenError::Busy { place },
                _ if matches!(undone(&error), StoreError::Unavailable(_)) => {
                    OpenError::Unreachable { place, detail }
                }
                _ => OpenError::Failed { place, detail },
            }
        }
    }
}
