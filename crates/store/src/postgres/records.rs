//! Rows as the replica's records: all of them in one ordered scan, or those that entries of the feed name.

use std::sync::Arc;

use claviger_model::Timestamp;
use claviger_verify::feed::{
    AccountRecord, ClientRecord, ClientSecretRecord, Intake, OperatorRecord, Record, SecretRecord,
};
use futures_util::TryStreamExt;
use tokio_postgres::{Client, Row};

use super::{
    columns::{Bound, bind, stored, stored_if_any},
    failure::Outcome,
};
use crate::{Brought, StoreError, terms::Shared};

pub(super) const ACCOUNTS: &str = "SELECT id, api, external_id, state FROM accounts";

pub(super) const OPERATORS: &str =
    "SELECT id, digest, name, abilities, revoked_at IS NOT NULL AS revoked FROM operators";

pub(super) const CLIENT_SECRETS: &str =
    "SELECT s.digest, coalesce(c.revoked_at, s.ends_at), c.revoked_at IS NOT NULL,
            c.id, c.api, c.account, c.name, c.scopes, c.introspects
       FROM clients        c
       JOIN client_secrets s ON s.client = c.id";

pub(super) const SECRETS: &str = "SELECT s.digest, s.number, coalesce(k.revoked_at, s.ends_at),
                                         k.id, k.account, k.environment, k.state,
                                         least(s.expires_at, k.expires_at),
                                         k.scopes, k.restrictions, k.created_by, s.lookup, s.hash
                                    FROM keys    k
                                    JOIN secrets s ON s.key = k.id";

/// Hands everything to `into` as it comes, accounts before their keys.
pub(super) async fn load(client: &Client, into: &dyn Intake, forget_before: Timestamp) -> Outcome<()> {
    let shared = &mut Shared::default();
    each(client, ACCOUNTS, Vec::new(), |row| account(row, shared), |record| into.take(record)).await?;
    each(client, OPERATORS, Vec::new(), operator, |record| into.take(record)).await?;
    let sql = format!("{CLIENT_SECRETS} WHERE coalesce(c.revoked_at, s.ends_at, $1) >= $1");
    let client_secrets = |row: &Row| client_secret(row, shared);
    each(client, &sql, bind![forget_before], client_secrets, |record| into.take(record)).await?;
    let sql = format!("{SECRETS} WHERE coalesce(k.revoked_at, s.ends_at, $1) >= $1 ORDER BY k.id, s.number");
    each(client, &sql, bind![forget_before], |row| secret(row, shared), |record| into.take(record)).await
}

/// Rows are read one by one, so that however many there are never wait in memory.
async fn each(
    client: &Client,
    sql: &str,
    values: Vec<Bound>,
    mut record: impl FnMut(&Row) -> Outcome<Record>,
    take: impl Fn(Record),
) -> Outcome<()> {
    let rows = client.query_typed_raw(sql, values).await?;
    let mut rows = std::pin::pin!(rows);
    while let Some(row) = rows.try_next().await? {
        take(record(&row)?);
    }
    Ok(())
}

pub(super) fn account(row: &Row, shared: &mut Shared) -> Outcome<Record> {
    Ok(Record::Account(AccountRecord {
        id: stored(row, 0)?,
        api: shared.api(row.try_get(1)?),
        external_id: row.try_get::<_, Option<&str>>(2)?.map(Into::into),
        state: stored(row, 3)?,
    }))
}

pub(super) fn operator(row: &Row) -> Outcome<Record> {
    Ok(Record::Operator(OperatorRecord {
        id: stored(row, 0)?,
        digest: stored(row, 1)?,
        name: row.try_get::<_, &str>(2)?.into(),
        abilities: stored(row, 3)?,
        revoked: row.try_get(4)?,
    }))
}

pub(super) fn client_secret(row: &Row, shared: &mut Shared) -> Outcome<Record> {
    let client = ClientRecord {
        id: stored(row, 3)?,
        api: shared.api(row.try_get(4)?),
        account: stored_if_any(row, 5)?,
        name: row.try_get(6)?,
        scopes: stored(row, 7)?,
        introspects: row.try_get::<_, i64>(8)? != 0,
    };
    Ok(Record::ClientSecret(ClientSecretRecord {
        digest: stored(row, 0)?,
        client: Arc::new(client),
        ends_at: stored_if_any(row, 1)?,
        revoked: row.try_get(2)?,
    }))
}

pub(super) fn secret(row: &Row, shared: &mut Shared) -> Outcome<Record> {
    let terms = shared.terms(row.try_get(8)?, row.try_get(9)?, row.try_get(10)?);
    let terms = terms.map_err(|error| StoreError::Internal(format!("a key's terms aren't JSON: {error}")))?;
    Ok(Record::Secret(SecretRecord {
        digest: stored(row, 0)?,
        secret: stored(row, 1)?,
        ends_at: stored_if_any(row, 2)?,
        key: stored(row, 3)?,
        account: stored(row, 4)?,
        environment: stored(row, 5)?,
        state: stored(row, 6)?,
        expires_at: stored_if_any(row, 7)?,
        terms,
        foreign: Brought::read(row.try_get(11)?, row.try_get(12)?).and_then(Brought::unused),
    }))
}
