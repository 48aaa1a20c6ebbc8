//! Keys as they are read.

use claviger_model::{AccountId, Digest, KeyId};
use rusqlite::{Connection, OptionalExtension, Row};

use super::{
    columns::{stored, stored_if_any},
    failure::Outcome,
    secrets,
    select::{Select, after, blob},
};
use crate::{FoundSecret, KeyFilter, KeyRow, Page, PageRequest};

pub(super) fn find(connection: &Connection, id: KeyId) -> Outcome<Option<KeyRow>> {
    let sql = "SELECT k.id, k.account, a.api, k.name, k.environment, k.scopes, k.restrictions, k.state, k.created_at,
                      k.created_by, k.expires_at, k.revoked_at, k.external_id, k.metadata, k.client
                 FROM keys k
                 JOIN accounts a ON a.id = k.account
                WHERE k.id = ?1";
    Ok(connection.prepare_cached(sql)?.query_one([id.to_bytes()], |row| key(connection, row)).optional()?)
}

/// The key that this digest leads to, and by which of its secrets.
pub(super) fn find_secret(connection: &Connection, digest: Digest) -> Outcome<Option<FoundSecret>> {
    let sql = "SELECT key, number FROM secrets WHERE digest = ?1";
    let place = |row: &Row<'_>| Ok((stored(row, "key")?, row.get("number")?));
    let found = connection.prepare_cached(sql)?.query_one([digest.as_bytes()], place).optional()?;
    let Some((id, number)) = found else { return Ok(None) };
    Ok(find(connection, id)?.map(|key| FoundSecret { key, number }))
}

pub(super) fn list(
    connection: &Connection,
    filter: &KeyFilter,
    at: PageRequest<KeyId>,
) -> Outcome<Page<KeyRow, KeyId>> {
    let sql = "SELECT k.id, k.account, a.api, k.name, k.environment, k.scopes, k.restrictions, k.state, k.created_at,
                      k.created_by, k.expires_at, k.revoked_at, k.external_id, k.metadata, k.client
                 FROM keys k
                 JOIN accounts a ON a.id = k.account
                WHERE k.client IS NULL AND k.id > ?";
    // The second value, which is needed twice: no text that begins with it comes after it and the last character.
    let of_hint = "k.id IN (SELECT key FROM secrets WHERE hint >= ?2 AND hint < ?2 || char(1114111))";
    Select::new(sql, after(at.after.map(KeyId::to_bytes)))
        .and(of_hint, filter.hint.clone())
        .and("a.api = ?", filter.api.as_ref().map(ToString::to_string))
        .and("k.account = ?", filter.account.map(AccountId::to_bytes).map(blob))
        .and("k.external_id = ?", filter.external_id.clone())
        .and_if(!filter.include_revoked, "k.state <> 'revoked'")
        .page(connection, "k.id", at.limit, |row| key(connection, row), |key| key.id)
}

fn key(connection: &Connection, row: &Row<'_>) -> rusqlite::Result<KeyRow> {
    let id = stored(row, "id")?;
    Ok(KeyRow {
        id,
        account: stored(row, "account")?,
        api: row.get("api")?,
        name: row.get("name")?,
        environment: stored(row, "environment")?,
        scopes: stored(row, "scopes")?,
        restrictions: stored(row, "restrictions")?,
        state: stored(row, "state")?,
        created_at: stored(row, "created_at")?,
        created_by: row.get("created_by")?,
        expires_at: stored_if_any(row, "expires_at")?,
        revoked_at: stored_if_any(row, "revoked_at")?,
        external_id: row.get("external_id")?,
        metadata: stored(row, "metadata")?,
        client: stored_if_any(row, "client")?,
        secrets: secrets::list(connection, id)?,
    })
}
