//! Grants that ran out long ago: their rows are all that is left of them, and nobody asks for those.

use claviger_model::{KeyId, Timestamp};

use super::{
    ask::Ask,
    change::{Change, Left},
    columns::{array, bind, stored},
    failure::Outcome,
};
use crate::apps::FORGOTTEN_AT_ONCE;

/// What refers to a key, and the key at last.
const ROWS: [&str; 6] = [
    "DELETE FROM last_uses      WHERE key = ANY($1)",
    "DELETE FROM denials        WHERE key = ANY($1)",
    "DELETE FROM codes          WHERE key = ANY($1)",
    "DELETE FROM refresh_tokens WHERE key = ANY($1)",
    "DELETE FROM secrets        WHERE key = ANY($1)",
    "DELETE FROM keys           WHERE id  = ANY($1)",
];

/// Forgets some that ran out before this instant; how many. What others hold is left to them.
pub(super) async fn forget(change: &Change, before: Timestamp) -> Outcome<Left<usize>> {
    let sql = "SELECT id
                 FROM keys
                WHERE client IS NOT NULL AND expires_at < $1
                ORDER BY expires_at
                LIMIT $2
                  FOR UPDATE SKIP LOCKED";
    let limit = i64::try_from(FORGOTTEN_AT_ONCE).unwrap_or(i64::MAX);
    let found = change.rows(sql, bind![before, limit]).await?;
    let old = found.iter().map(|row| stored(row, 0)).collect::<Result<Vec<KeyId>, _>>()?;
    if !old.is_empty() {
        for sql in ROWS {
            change.execute(sql, vec![array(old.iter().copied())]).await?;
        }
    }
    Ok(Left::made(old.len()))
}
