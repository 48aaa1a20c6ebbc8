//! Keys as they are made and changed.

use claviger_model::{AccountId, ClientId, KeyId, KeyState, Restrictions, Scopes, Timestamp};
use rusqlite::{Connection, OptionalExtension, params};

use super::{
    audit,
    columns::stored,
    failure::Outcome,
    feed::{already, committed},
    idempotency,
    key_rows::find,
    limits, secrets,
};
use crate::{
    AuditNote, Committed, Idempotency, KeyChange, KeyLimits, KeyRow, NewKey, StoreError, limits::hold_grant,
    words::to_json,
};

pub(super) fn insert(
    connection: &Connection,
    new: NewKey,
    limits: KeyLimits,
    call: Option<&Idempotency>,
    note: &AuditNote,
) -> Outcome<Committed<KeyRow>> {
    idempotency::admit(connection, call)?;
    let account = super::accounts::find(connection, new.account)?.ok_or(StoreError::NotFound)?;
    if let Some(external_id) = &new.external_id {
        free(connection, account.id, external_id, new.id)?;
    }
    insert_row(connection, &new, None)?;
    secrets::add(connection, new.id, &new.secret, new.created_at)?;
    let key = new.into_row(account.api);
    limits::hold(connection, None, &key, limits, note.at)?;
    end(connection, key, call, note)
}

/// The row of a key, which the application `client` holds if one does.
pub(super) fn insert_row(connection: &Connection, new: &NewKey, client: Option<ClientId>) -> Outcome<()> {
    let sql = "INSERT INTO keys (id, account, name, environment, scopes, restrictions, state,
                                 created_at, created_by, expires_at, external_id, metadata, client)
               VALUES           (?1, ?2,      ?3,   ?4,          ?5,     ?6,           'active',
                                 ?7,         ?8,         ?9,         ?10,         ?11,      ?12)";
    connection.prepare_cached(sql)?.execute(params![
        new.id.to_bytes(),
        new.account.to_bytes(),
        new.name,
        new.environment.as_str(),
        to_json(&new.scopes),
        to_json(&new.restrictions),
        new.created_at.as_millis(),
        new.created_by,
        new.expires_at.map(Timestamp::as_millis),
        new.external_id,
        to_json(&new.metadata),
        client.map(ClientId::to_bytes),
    ])?;
    Ok(())
}

pub(super) fn change(
    connection: &Connection,
    id: KeyId,
    within: Option<AccountId>,
    change: KeyChange,
    limits: KeyLimits,
    call: Option<&Idempotency>,
    note: &AuditNote,
) -> Outcome<Committed<KeyRow>> {
    idempotency::admit(connection, call)?;
    let before = find(connection, id)?
        .filter(|key| within.is_none_or(|account| account == key.account))
        .ok_or(StoreError::NotFound)?;
    if before.state == KeyState::Revoked {
        return match change {
            KeyChange::Revoke => already(connection, before),
            _ => Err(StoreError::Revoked.into()),
        };
    }
    hold_grant(&before, &change)?;
    apply(connection, &before, change, note.at)?;
    let key = found(connection, id)?;
    limits::hold(connection, Some(&before), &key, limits, note.at)?;
    end(connection, key, call, note)
}

/// Refuses where the key isn't any more as it was seen.
pub(super) fn hold_unchanged(connection: &Connection, id: KeyId, seen: Option<&KeyRow>) -> Outcome<()> {
    let Some(seen) = seen else { return Ok(()) };
    let now = find(connection, id)?.ok_or(StoreError::NotFound)?;
    if now.is_as_seen(seen) { Ok(()) } else { Err(StoreError::ChangedMeanwhile.into()) }
}

fn found(connection: &Connection, id: KeyId) -> Outcome<KeyRow> {
    find(connection, id)?
        .ok_or_else(|| StoreError::Internal(format!("{id} vanished while it was changed")).into())
}

fn end(
    connection: &Connection,
    key: KeyRow,
    call: Option<&Idempotency>,
    note: &AuditNote,
) -> Outcome<Committed<KeyRow>> {
    let subject = key.id.to_string();
    audit::append(connection, note, Some(key.account), Some(&subject))?;
    idempotency::record(connection, call, &subject, note.at)?;
    committed(connection, key)
}

fn apply(connection: &Connection, key: &KeyRow, change: KeyChange, now: Timestamp) -> Outcome<()> {
    match change {
        KeyChange::Rename(name) => {
            let sql = "UPDATE keys SET name = ?2 WHERE id = ?1";
            connection.prepare_cached(sql)?.execute(params![key.id.to_bytes(), name])?;
        }
        KeyChange::Restrict { scopes, restrictions, expires_at } => {
            let restrictions = key.restrictions.patched(restrictions);
            restrict(connection, key.id, scopes.as_ref(), &restrictions, expires_at)?;
        }
        KeyChange::Describe { external_id, metadata } => {
            describe(connection, key, external_id.as_ref(), metadata.as_ref())?;
        }
        KeyChange::Rotate { secret, others_end_at } => {
            secrets::end(connection, key.id, others_end_at)?;
            secrets::unseal(connection, key.id)?;
            secrets::add(connection, key.id, &secret, now)?;
        }
        KeyChange::Disable => set_state(connection, key.id, KeyState::Disabled)?,
        KeyChange::Enable => set_state(connection, key.id, KeyState::Active)?,
        KeyChange::Revoke => {
            let sql = "UPDATE keys SET state = 'revoked', revoked_at = ?2 WHERE id = ?1";
            connection.prepare_cached(sql)?.execute(params![key.id.to_bytes(), now.as_millis()])?;
            secrets::unseal(connection, key.id)?;
        }
    }
    Ok(())
}

fn set_state(connection: &Connection, key: KeyId, state: KeyState) -> Outcome<()> {
    let sql = "UPDATE keys SET state = ?2 WHERE id = ?1";
    connection.prepare_cached(sql)?.execute(params![key.to_bytes(), state.as_str()])?;
    Ok(())
}

/// One statement, so that it is one entry of the feed.
#[expect(
    clippy::option_option,
    reason = "the outer one says whether to change it, the inner one is its value"
)]
fn restrict(
    connection: &Connection,
    key: KeyId,
    scopes: Option<&Scopes>,
    restrictions: &Restrictions,
    expires_at: Option<Option<Timestamp>>,
) -> Outcome<()> {
    let sql = "UPDATE keys
                  SET scopes       = coalesce(?2, scopes),
                      restrictions = ?3,
                      expires_at   = CASE WHEN ?4 THEN ?5 ELSE expires_at END
                WHERE id = ?1";
    connection.prepare_cached(sql)?.execute(params![
        key.to_bytes(),
        scopes.map(to_json),
        to_json(restrictions),
        expires_at.is_some(),
        expires_at.flatten().map(Timestamp::as_millis),
    ])?;
    Ok(())
}

fn describe(
    connection: &Connection,
    key: &KeyRow,
    external_id: Option<&Option<String>>,
    metadata: Option<&serde_json::Value>,
) -> Outcome<()> {
    if let Some(Some(wanted)) = external_id {
        free(connection, key.account, wanted, key.id)?;
    }
    let sql = "UPDATE keys
                  SET external_id = CASE WHEN ?2 THEN ?3 ELSE external_id END,
                      metadata    = coalesce(?4, metadata)
                WHERE id = ?1";
    connection.prepare_cached(sql)?.execute(params![
        key.id.to_bytes(),
        external_id.is_some(),
        external_id.cloned().flatten(),
        metadata.map(to_json),
    ])?;
    Ok(())
}

/// Refuses an external id that another key of the account has.
fn free(connection: &Connection, account: AccountId, external_id: &str, key: KeyId) -> Outcome<()> {
    let owner = named(connection, account, external_id)?;
    if owner.is_none_or(|owner| owner == key) { Ok(()) } else { Err(StoreError::ExternalIdTaken.into()) }
}

/// The key of the account that has this external id.
pub(super) fn named(
    connection: &Connection,
    account: AccountId,
    external_id: &str,
) -> Outcome<Option<KeyId>> {
    let sql = "SELECT id FROM keys WHERE account = ?1 AND external_id = ?2";
    let values = params![account.to_bytes(), external_id];
    Ok(connection.prepare_cached(sql)?.query_one(values, |row| stored(row, 0)).optional()?)
}
