//! Secrets that came by hashes: found again by what they came as, and kept by their digests once they are used.

use claviger_model::{Digest, KeyId};
use claviger_verify::foreign::FirstUse;
use rusqlite::{Connection, OptionalExtension, Params, Row, params};

use super::{
    audit,
    columns::stored,
    failure::Outcome,
    feed::{already, committed},
    key_rows,
};
use crate::{
    AuditNote, Committed, FoundSecret, ImportRow,
    foreign::{Rehashed, told},
    import::Known,
};

/// Looks for the key that a row with a hash is about where it isn't found by its digest: it may have been used since, or
/// the other system may have hashed it anew.
pub(super) fn find_again(connection: &Connection, row: &ImportRow, known: &mut Known) -> Outcome<()> {
    let Some(foreign) = row.foreign().filter(|_| !known.keys.contains_key(&row.digest)) else {
        return Ok(());
    };
    let mut found = find_used(connection, row.digest)?;
    if let (None, Some(account), Some(external_id)) =
        (&found, known.accounts.get(&row.row.account), &row.row.external_id)
    {
        let sql = "SELECT s.key, s.number
                     FROM keys    k
                     JOIN secrets s ON s.key = k.id
                    WHERE k.account = ?1 AND k.external_id = ?2 AND s.lookup = ?3
                    ORDER BY s.number DESC
                    LIMIT 1";
        let values = params![account.to_bytes(), external_id, foreign.lookup];
        found = lead(connection, sql, values)?;
    }
    known.keys.extend(found.map(|found| (row.digest, found)));
    Ok(())
}

/// The key of a secret that came as this, and that may have another digest since its first use.
pub(super) fn find_used(connection: &Connection, imported_as: Digest) -> Outcome<Option<FoundSecret>> {
    let sql = "SELECT key, number FROM secrets WHERE imported_as = ?1";
    lead(connection, sql, params![imported_as.as_bytes()])
}

/// Where a query for a secret's key and number leads.
fn lead(connection: &Connection, sql: &str, values: impl Params) -> Outcome<Option<FoundSecret>> {
    let place = |row: &Row<'_>| Ok((stored(row, "key")?, row.get("number")?));
    let found = connection.prepare_cached(sql)?.query_one(values, place).optional()?;
    let Some((id, number)): Option<(KeyId, u16)> = found else { return Ok(None) };
    Ok(key_rows::find(connection, id)?.map(|key| FoundSecret { key, number }))
}

/// Takes another hash for a secret that wasn't used yet.
pub(super) fn rehash(connection: &Connection, Rehashed { before, after, hash }: &Rehashed) -> Outcome<()> {
    let sql =
        "UPDATE secrets SET digest = ?2, imported_as = ?2, hash = ?3 WHERE digest = ?1 AND hash IS NOT NULL";
    connection.prepare_cached(sql)?.execute(params![before.as_bytes(), after.as_bytes(), hash.as_str()])?;
    Ok(())
}

/// Keeps the digests of secrets that were used for the first time, where that isn't done yet.
pub(super) fn keep(
    connection: &Connection,
    first_uses: &[FirstUse],
    note: &AuditNote,
) -> Outcome<Committed<usize>> {
    let sql = "UPDATE secrets
                  SET digest = ?4, hash = NULL
                WHERE key = ?1 AND number = ?2 AND digest = ?3 AND hash IS NOT NULL
                  AND NOT EXISTS (SELECT 1 FROM secrets        WHERE digest = ?4)
                  AND NOT EXISTS (SELECT 1 FROM operators      WHERE digest = ?4)
                  AND NOT EXISTS (SELECT 1 FROM client_secrets WHERE digest = ?4)";
    let mut kept = Vec::with_capacity(first_uses.len());
    let mut statement = connection.prepare_cached(sql)?;
    for FirstUse { key, secret, stand_in, digest } in first_uses {
        let values = params![key.to_bytes(), secret, stand_in.as_bytes(), digest.as_bytes()];
        if statement.execute(values)? > 0 {
            kept.push(*key);
        }
    }
    if kept.is_empty() {
        return already(connection, 0);
    }
    let (note, subjects) = told(note, &kept);
    audit::append_of_all(connection, &note, None, &subjects)?;
    committed(connection, kept.len())
}
