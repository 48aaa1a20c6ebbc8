//! Forgetting what is old, and from where an account's keys were used.

use std::sync::Arc;

use claviger_model::{AccountId, KeyId};
use rusqlite::{Connection, OptionalExtension, params};

use super::{Inner, audit, authority, columns::stored, failure::Outcome};
use crate::{
    AuditNote, StoreError,
    retention::{AT_ONCE, Old},
};

/// Forgets some of what is old; where to go on.
pub(super) async fn forget(inner: &Arc<Inner>, old: Old, after: KeyId) -> Result<Option<KeyId>, StoreError> {
    let sessions = inner.change(move |connection| forget_sessions(connection, old)).await?;
    let (rows, last) = inner.usage_writer.run(move |connection| forget_uses(connection, old, after)).await?;
    Ok(last.or_else(|| sessions.max(rows).eq(&(AT_ONCE as usize)).then_some(after)))
}

fn forget_sessions(connection: &Connection, old: Old) -> Outcome<usize> {
    let sql = "DELETE FROM sessions
                WHERE id IN (SELECT id FROM sessions WHERE expires_at < ?1 ORDER BY expires_at LIMIT ?2)";
    Ok(connection.prepare_cached(sql)?.execute(params![old.before.as_millis(), AT_ONCE])?)
}

/// How many rows of one kind were forgotten at the most, and the last key whose uses were looked at.
fn forget_uses(connection: &Connection, old: Old, after: KeyId) -> Outcome<(usize, Option<KeyId>)> {
    let sql = "DELETE FROM denials
                WHERE number IN (SELECT number FROM denials WHERE at < ?1 ORDER BY at, number LIMIT ?2)";
    let denials = connection.prepare_cached(sql)?.execute(params![old.before.as_millis(), AT_ONCE])?;
    let sql = "DELETE FROM counts
                WHERE (key, day, api, secret, environment, outcome)
                   IN (SELECT key, day, api, secret, environment, outcome
                         FROM counts
                        WHERE day < ?1
                        ORDER BY day
                        LIMIT ?2)";
    let counts = connection.prepare_cached(sql)?.execute(params![old.counts_before, AT_ONCE])?;
    let sql = "SELECT max(key)
                 FROM (SELECT key FROM last_uses WHERE key > ?1 ORDER BY key LIMIT ?2)
               HAVING count(*) > 0";
    let values = params![after.to_bytes(), AT_ONCE];
    let last: Option<KeyId> =
        connection.prepare_cached(sql)?.query_one(values, |row| stored(row, 0)).optional()?;
    if let Some(last) = last {
        let sql = "UPDATE last_uses
                      SET address = NULL
                    WHERE key > ?1 AND key <= ?2 AND at < ?3 AND address IS NOT NULL";
        let values = params![after.to_bytes(), last.to_bytes(), old.before.as_millis()];
        connection.prepare_cached(sql)?.execute(values)?;
    }
    Ok((denials.max(counts), last))
}

/// The usage file goes first: what the trail says was erased is.
pub(super) async fn erase(
    inner: &Arc<Inner>,
    account: AccountId,
    note: AuditNote,
) -> Result<u64, StoreError> {
    let mut erased = 0;
    let mut after = KeyId::from_bytes([0; 16]);
    loop {
        let keys = inner.readers.run(move |connection| keys_of(connection, account, after)).await?;
        let Some(last) = keys.last() else { break };
        after = *last;
        erased += inner.usage_writer.run(move |connection| erase_uses(connection, &keys)).await?;
    }
    let sessions = move |connection: &Connection| erase_sessions(connection, account, &note);
    Ok(erased + inner.change(sessions).await?)
}

fn keys_of(connection: &Connection, account: AccountId, after: KeyId) -> Outcome<Vec<KeyId>> {
    let sql = "SELECT id FROM keys WHERE account = ?1 AND id > ?2 ORDER BY id LIMIT ?3";
    let values = params![account.to_bytes(), after.to_bytes(), AT_ONCE];
    let mut statement = connection.prepare_cached(sql)?;
    Ok(statement.query_map(values, |row| stored(row, 0))?.collect::<rusqlite::Result<_>>()?)
}

fn erase_uses(connection: &Connection, keys: &[KeyId]) -> Outcome<u64> {
    let mut erased = 0;
    for sql in [
        "UPDATE last_uses SET address = NULL WHERE key = ?1 AND address IS NOT NULL",
        "UPDATE denials   SET address = NULL WHERE key = ?1 AND address IS NOT NULL",
    ] {
        let mut statement = connection.prepare_cached(sql)?;
        for key in keys {
            erased += statement.execute([key.to_bytes()])? as u64;
        }
    }
    Ok(erased)
}

fn erase_sessions(connection: &Connection, account: AccountId, note: &AuditNote) -> Outcome<u64> {
    authority::hold(connection, note)?;
    let sql = "SELECT EXISTS (SELECT 1 FROM accounts WHERE id = ?1)";
    if !connection.prepare_cached(sql)?.query_one([account.to_bytes()], |row| row.get(0))? {
        return Err(StoreError::NotFound.into());
    }
    let sql = "UPDATE sessions
                  SET address = NULL, agent = NULL
                WHERE member IN (SELECT id FROM members WHERE account = ?1)
                  AND (address IS NOT NULL OR agent IS NOT NULL)";
    let erased = connection.prepare_cached(sql)?.execute([account.to_bytes()])?;
    audit::append(connection, note, Some(account), Some(&account.to_string()))?;
    Ok(erased as u64)
}
