//! Brings a file's schema up to what this version knows: append-only steps, each in a transaction with the number
//! that says it was taken.

use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::{failure::of_open, file::DatabaseFile};
use crate::OpenError;

/// The database's steps, in order.
pub(super) const DATABASE: &[&str] = &[
    include_str!("../../migrations/sqlite/0001_initial.sql"),
    include_str!("../../migrations/sqlite/0002_members.sql"),
    include_str!("../../migrations/sqlite/0003_receipts.sql"),
    include_str!("../../migrations/sqlite/0004_moved.sql"),
    include_str!("../../migrations/sqlite/0005_oauth.sql"),
    include_str!("../../migrations/sqlite/0006_introspection.sql"),
    include_str!("../../migrations/sqlite/0007_import.sql"),
    include_str!("../../migrations/sqlite/0008_old_grants.sql"),
    include_str!("../../migrations/sqlite/0009_foreign.sql"),
    include_str!("../../migrations/sqlite/0010_many.sql"),
];
/// The usage file's.
pub(super) const USAGE: &[&str] = &[
    include_str!("../../migrations/sqlite-usage/0001_initial.sql"),
    include_str!("../../migrations/sqlite-usage/0002_quotas.sql"),
];

/// Checks that the file is sound and not from the future, then takes the steps it lacks.
pub(super) fn migrate(
    connection: &mut Connection,
    file: &DatabaseFile,
    steps: &[&str],
) -> Result<(), OpenError> {
    let failed = |error: rusqlite::Error| of_open(file.path(), &error);
    let found = version(connection).map_err(failed)?;
    let known = known(steps);
    if found > known {
        return Err(OpenError::Newer { place: file.to_string(), found, known });
    }
    let verdict = quick_check(connection).map_err(failed)?;
    if verdict != "ok" {
        return Err(OpenError::Corrupt { place: file.to_string(), detail: verdict });
    }
    for (taken, step) in (1..=known).zip(steps).skip_while(|(taken, _)| *taken <= found) {
        take(connection, step, taken).map_err(failed)?;
    }
    Ok(())
}

/// Which steps a file has taken.
pub(super) fn version(connection: &Connection) -> rusqlite::Result<u32> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// How many steps there are.
pub(super) fn known(steps: &[&str]) -> u32 {
    u32::try_from(steps.len()).expect("a handful of steps")
}

/// Whether every page is what it should be. CHECK constraints are left out: they held when the rows were written, and
/// parsing all JSON again would be most of the time.
fn quick_check(connection: &Connection) -> rusqlite::Result<String> {
    connection.pragma_update(None, "ignore_check_constraints", true)?;
    let verdict = connection.pragma_query_value(None, "quick_check", |row| row.get(0))?;
    connection.pragma_update(None, "ignore_check_constraints", false)?;
    Ok(verdict)
}

fn take(connection: &mut Connection, step: &str, taken: u32) -> rusqlite::Result<()> {
    let transaction = Transaction::new(connection, TransactionBehavior::Exclusive)?;
    transaction.execute_batch(step)?;
    transaction.pragma_update(None, "user_version", taken)?;
    transaction.commit()
}
