//! Rows as the replica's records: all of them in one ordered scan, or those that an entry of the feed names.

use std::sync::Arc;

use claviger_model::{Digest, Timestamp};
use claviger_verify::feed::{
    AccountRecord, ClientRecord, ClientSecretRecord, Intake, OperatorRecord, Record, SecretRecord,
};
use rusqlite::{Connection, Params, Row, types::FromSqlError};

use super::{
    columns::{stored, stored_if_any},
    failure::Outcome,
};
use crate::{Brought, terms::Shared};

const ACCOUNTS: &str = "SELECT id, api, external_id, state FROM accounts";

const OPERATORS: &str = "SELECT digest, id, name, abilities, revoked_at IS NOT NULL FROM operators";

const CLIENT_SECRETS: &str = "SELECT s.digest, coalesce(c.revoked_at, s.ends_at), c.revoked_at IS NOT NULL,
                                     c.id, c.api, c.account, c.name, c.scopes, c.introspects
                                FROM clients        c
                                JOIN client_secrets s ON s.client = c.id";

const SECRETS: &str = "SELECT s.digest, s.number, coalesce(k.revoked_at, s.ends_at),
                              k.id, k.account, k.environment, k.state,
                              min(coalesce(s.expires_at, k.expires_at), coalesce(k.expires_at, s.expires_at)),
                              k.scopes, k.restrictions, k.created_by, s.lookup, s.hash
                         FROM keys    k
                         JOIN secrets s ON s.key = k.id";

/// Hands everything to `into`, accounts before their keys.
pub(super) fn load(connection: &Connection, into: &dyn Intake, forget_before: Timestamp) -> Outcome<()> {
    let shared = &mut Shared::default();
    each(connection, ACCOUNTS, [], |row| account(row, shared), |record| into.take(record))?;
    each(connection, OPERATORS, [], operator, |record| into.take(record))?;
    let forget_before = forget_before.as_millis();
    let sql = format!("{CLIENT_SECRETS} WHERE coalesce(c.revoked_at, s.ends_at, ?1) >= ?1");
    each(connection, &sql, [forget_before], |row| client_secret(row, shared), |record| into.take(record))?;
    let sql = format!("{SECRETS} WHERE coalesce(k.revoked_at, s.ends_at, ?1) >= ?1 ORDER BY k.id, s.number");
    each(connection, &sql, [forget_before], |row| secret(row, shared), |record| into.take(record))
}

/// What a thing that changed is now.
pub(super) fn of(
    connection: &Connection,
    kind: &str,
    id: &[u8],
    shared: &mut Shared,
) -> Outcome<Vec<Record>> {
    let mut records = Vec::new();
    match kind {
        "account" => {
            let sql = format!("{ACCOUNTS} WHERE id = ?1");
            each(connection, &sql, [id], |row| account(row, shared), |record| records.push(record))?;
        }
        "key" => {
            let sql = format!("{SECRETS} WHERE k.id = ?1 ORDER BY s.number");
            each(connection, &sql, [id], |row| secret(row, shared), |record| records.push(record))?;
        }
        "operator" => {
            let sql = format!("{OPERATORS} WHERE id = ?1");
            each(connection, &sql, [id], operator, |record| records.push(record))?;
        }
        "digest" => {
            let sql = format!("{SECRETS} WHERE s.digest = ?1");
            each(connection, &sql, [id], |row| secret(row, shared), |record| records.push(record))?;
            let sql = format!("{CLIENT_SECRETS} WHERE s.digest = ?1");
            each(connection, &sql, [id], |row| client_secret(row, shared), |record| records.push(record))?;
            if records.is_empty() {
                let digest = id.try_into().map_err(FromSqlError::other).map_err(rusqlite::Error::from)?;
                records.push(Record::NoSecret(Digest::from_bytes(digest)));
            }
        }
        unknown => return Err(crate::StoreError::Internal(format!("the feed names a {unknown:?}")).into()),
    }
    Ok(records)
}

fn each(
    connection: &Connection,
    sql: &str,
    values: impl Params,
    mut record: impl FnMut(&Row<'_>) -> rusqlite::Result<Record>,
    mut take: impl FnMut(Record),
) -> Outcome<()> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(values)?;
    while let Some(row) = rows.next()? {
        take(record(row)?);
    }
    Ok(())
}

fn account(row: &Row<'_>, shared: &mut Shared) -> rusqlite::Result<Record> {
    Ok(Record::Account(AccountRecord {
        id: stored(row, 0)?,
        api: shared.api(row.get_ref(1)?.as_str()?),
        external_id: row.get(2)?,
        state: stored(row, 3)?,
    }))
}

fn operator(row: &Row<'_>) -> rusqlite::Result<Record> {
    Ok(Record::Operator(OperatorRecord {
        digest: stored(row, 0)?,
        id: stored(row, 1)?,
        name: row.get(2)?,
        abilities: stored(row, 3)?,
        revoked: row.get(4)?,
    }))
}

fn client_secret(row: &Row<'_>, shared: &mut Shared) -> rusqlite::Result<Record> {
    let client = ClientRecord {
        id: stored(row, 3)?,
        api: shared.api(row.get_ref(4)?.as_str()?),
        account: stored_if_any(row, 5)?,
        name: row.get(6)?,
        scopes: stored(row, 7)?,
        introspects: row.get(8)?,
    };
    Ok(Record::ClientSecret(ClientSecretRecord {
        digest: stored(row, 0)?,
        client: Arc::new(client),
        ends_at: stored_if_any(row, 1)?,
        revoked: row.get(2)?,
    }))
}

fn secret(row: &Row<'_>, shared: &mut Shared) -> rusqlite::Result<Record> {
    let terms = shared
        .terms(row.get_ref(8)?.as_str()?, row.get_ref(9)?.as_str()?, row.get_ref(10)?.as_str()?)
        .map_err(FromSqlError::other)?;
    Ok(Record::Secret(SecretRecord {
        digest: stored(row, 0)?,
        secret: row.get(1)?,
        ends_at: stored_if_any(row, 2)?,
        key: stored(row, 3)?,
        account: stored(row, 4)?,
        environment: stored(row, 5)?,
        state: stored(row, 6)?,
        expires_at: stored_if_any(row, 7)?,
        terms,
        foreign: Brought::read(row.get(11)?, row.get_ref(12)?.as_str_or_null()?).and_then(Brought::unused),
    }))
}
