//! The secrets of a key: one row each, numbered from 1, the newest being the current one.

use claviger_model::{AccountId, KeyId, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{
    audit,
    columns::{stored, stored_if_any},
    failure::Outcome,
};
use crate::{AuditNote, Brought, NewSecret, SealedSecret, SecretRow};

/// Adds a key's next secret. One that runs out by itself ends then.
pub(super) fn add(
    connection: &Connection,
    key: KeyId,
    secret: &NewSecret,
    created_at: Timestamp,
) -> Outcome<()> {
    let sql = "INSERT INTO secrets (key, number, digest, hint, sealed, created_at, ends_at, expires_at,
                                    lookup, hash, imported_as)
               SELECT ?1, 1 + coalesce(max(number), 0), ?2, ?3, ?4, ?5, ?6, ?6, ?7, ?8, CASE WHEN ?8 IS NOT NULL THEN ?2 END
                 FROM secrets
                WHERE key = ?1";
    let foreign = secret.foreign.as_ref();
    connection.prepare_cached(sql)?.execute(params![
        key.to_bytes(),
        secret.digest.as_bytes(),
        secret.hint,
        secret.sealed,
        created_at.as_millis(),
        secret.expires_at.map(Timestamp::as_millis),
        foreign.map(|foreign| &*foreign.lookup),
        foreign.map(|foreign| foreign.hash.as_str()),
    ])?;
    Ok(())
}

/// Ends all there are at `at`, unless they end earlier.
pub(super) fn end(connection: &Connection, key: KeyId, at: Timestamp) -> Outcome<()> {
    let sql = "UPDATE secrets SET ends_at = ?2 WHERE key = ?1 AND (ends_at IS NULL OR ends_at > ?2)";
    connection.prepare_cached(sql)?.execute(params![key.to_bytes(), at.as_millis()])?;
    Ok(())
}

/// Forgets those that ran out by themselves before this instant: a grant has as many as it was gone on with.
pub(super) fn forget(connection: &Connection, key: KeyId, before: Timestamp) -> Outcome<()> {
    let sql = "DELETE FROM secrets WHERE key = ?1 AND expires_at < ?2";
    connection.prepare_cached(sql)?.execute(params![key.to_bytes(), before.as_millis()])?;
    Ok(())
}

/// Forgets the sealed copies of all there are.
pub(super) fn unseal(connection: &Connection, key: KeyId) -> Outcome<()> {
    let sql = "UPDATE secrets SET sealed = NULL WHERE key = ?1 AND sealed IS NOT NULL";
    connection.prepare_cached(sql)?.execute([key.to_bytes()])?;
    Ok(())
}

/// All there are, the newest first.
pub(super) fn list(connection: &Connection, key: KeyId) -> rusqlite::Result<Vec<SecretRow>> {
    let sql = "SELECT number, digest, hint, created_at, ends_at, lookup, hash
                 FROM secrets
                WHERE key = ?1
                ORDER BY number DESC";
    connection.prepare_cached(sql)?.query_map([key.to_bytes()], secret)?.collect()
}

fn secret(row: &Row<'_>) -> rusqlite::Result<SecretRow> {
    Ok(SecretRow {
        number: row.get("number")?,
        digest: stored(row, "digest")?,
        hint: row.get("hint")?,
        created_at: stored(row, "created_at")?,
        ends_at: stored_if_any(row, "ends_at")?,
        brought: Brought::read(row.get("lookup")?, row.get_ref("hash")?.as_str_or_null()?),
    })
}

/// The sealed copies of the newest secrets of `keys`, and the event that tells of those there are.
pub(super) fn reveal(
    connection: &Connection,
    keys: &[KeyId],
    note: &AuditNote,
    account: Option<AccountId>,
) -> Outcome<Vec<SealedSecret>> {
    let sql = "SELECT s.sealed
                 FROM secrets s
                 JOIN keys k ON k.id = s.key
                WHERE s.key = ?1
                  AND (?2 IS NULL OR k.account = ?2)
                ORDER BY s.number DESC
                LIMIT 1";
    let mut statement = connection.prepare_cached(sql)?;
    let mut revealed = Vec::with_capacity(keys.len());
    for key in keys {
        let values = params![key.to_bytes(), account.map(AccountId::to_bytes)];
        let found = statement.query_one(values, |row| row.get::<_, Option<Vec<u8>>>(0)).optional()?;
        if let Some(Some(sealed)) = found {
            revealed.push((*key, sealed));
        }
    }
    if !revealed.is_empty() {
        tell(connection, &revealed, note, account)?;
    }
    Ok(revealed)
}

/// The event names the keys that are shown, and no others.
fn tell(
    connection: &Connection,
    revealed: &[SealedSecret],
    note: &AuditNote,
    account: Option<AccountId>,
) -> Outcome<()> {
    let keys: Vec<String> = revealed.iter().map(|(key, _)| key.to_string()).collect();
    let note = AuditNote { detail: serde_json::json!({ "keys": keys }), ..note.clone() };
    audit::append_of_all(connection, &note, account, &keys)
}
