//! Grants that ran out long ago: their rows are all that is left of them, and nobody asks for those.

use claviger_model::{KeyId, Timestamp};
use rusqlite::{Connection, params};

use super::{columns::stored, failure::Outcome};
use crate::apps::FORGOTTEN_AT_ONCE;

/// Some that ran out before this instant, the oldest first.
pub(super) fn find(connection: &Connection, before: Timestamp) -> Outcome<Vec<KeyId>> {
    let sql = "SELECT id
                 FROM keys
                WHERE client IS NOT NULL AND expires_at < ?1
                ORDER BY expires_at
                LIMIT ?2";
    let values = params![before.as_millis(), FORGOTTEN_AT_ONCE];
    let mut statement = connection.prepare_cached(sql)?;
    Ok(statement.query_map(values, |row| stored(row, 0))?.collect::<rusqlite::Result<_>>()?)
}

/// Forgets when they were last used and what was denied to them.
pub(super) fn forget_uses(connection: &Connection, old: &[KeyId]) -> Outcome<()> {
    each(connection, old, &["DELETE FROM last_uses WHERE key = ?1", "DELETE FROM denials WHERE key = ?1"])
}

/// Forgets what refers to them, and them at last.
pub(super) fn forget(connection: &Connection, old: &[KeyId]) -> Outcome<()> {
    each(
        connection,
        old,
        &[
            "DELETE FROM codes          WHERE key = ?1",
            "DELETE FROM refresh_tokens WHERE key = ?1",
            "DELETE FROM secrets        WHERE key = ?1",
            "DELETE FROM keys           WHERE id  = ?1",
        ],
    )
}

fn each(connection: &Connection, old: &[KeyId], statements: &[&str]) -> Outcome<()> {
    for sql in statements {
        let mut statement = connection.prepare_cached(sql)?;
        for key in old {
            statement.execute([key.to_bytes()])?;
        }
    }
    Ok(())
}
