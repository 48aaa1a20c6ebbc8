//! How connections are set up.

use std::{path::Path, time::Duration};

use rusqlite::{Connection, OpenFlags, config::DbConfig};

/// How long somebody else may hold the database before a change is refused.
const BUSY: Duration = Duration::from_secs(5);
/// Statements kept compiled, per connection.
const STATEMENTS: usize = 96;

/// A connection that writes. What it commits is on disk when the commit returns.
pub(super) fn to_write(path: &Path) -> rusqlite::Result<Connection> {
    let connection = open(path)?;
    // The busy handler doesn't cover the switch to WAL; the result row says which mode it is in now.
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    // Checkpoints are the writer's own work, which looks at what they return.
    connection.pragma_update_and_check(None, "wal_autocheckpoint", 0, |_| Ok(()))?;
    connection.pragma_update_and_check(None, "journal_size_limit", 64 << 20, |_| Ok(()))?;
    // What a savepoint may have to put back is a few pages: no temporary file for them.
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    // Digests arrive in no order: their index should stay in memory. Negative: in KiB.
    connection.pragma_update(None, "cache_size", -(64 << 10))?;
    Ok(connection)
}

/// A connection that only reads, with all the files open that it reads from.
pub(super) fn to_read(path: &Path) -> rusqlite::Result<Connection> {
    let connection = open(path)?;
    connection.pragma_update(None, "query_only", true)?;
    // The log is opened by whoever first reads.
    connection.query_row("SELECT count(*) FROM sqlite_schema", (), |_| Ok(()))?;
    Ok(connection)
}

fn open(path: &Path) -> rusqlite::Result<Connection> {
    // Never creates: the file was made before, and one that vanished must not be replaced by an empty one.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DDL, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    // Plans don't depend on the values bound, so a statement is compiled once and not for every call.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    Ok(connection)
}
