//! The rows of an import: what is here of them, and what of the plan is written.

use std::collections::HashSet;

use async_trait::async_trait;
use claviger_model::{Account, AccountId, Digest, KeyId, Timestamp};
use claviger_verify::foreign::FirstUse;
use rusqlite::{Connection, OptionalExtension, params};
use serde_json::Value;

use super::{
    Sqlite, accounts, audit, authority,
    columns::stored,
    failure::Outcome,
    feed::{already, committed},
    foreign, key_rows, keys, secrets,
    together::together,
    usage,
};
use crate::{
    AuditNote, Committed, EarlierSecret, Import, ImportRow, Imported, KeyRow, StoreError,
    earlier::ArrivedSecret,
    import::{Arrived, Known, Plan},
    transfer::TransferDatabase,
    words::{account_state, to_json},
};

/// What is to be done with the rows.
fn plan(connection: &Connection, import: &Import) -> Outcome<Plan> {
    let mut known = Known::default();
    let mut looked_for = HashSet::new();
    for row in &import.rows {
        if let Some(found) = key_rows::find_secret(connection, row.digest)? {
            known.keys.insert(row.digest, found);
        } else if is_no_keys(connection, row.digest)? {
            known.others.insert(row.digest);
        }
        let called = &row.row.account;
        if looked_for.insert(called)
            && let Some(account) = account(connection, &import.api, called)?
        {
            known.accounts.insert(called.clone(), account);
        }
        if let Some(account) = known.accounts.get(called)
            && let Some(external_id) = &row.row.external_id
            && keys::named(connection, *account, external_id)?.is_some()
        {
            known.external_ids.insert((*account, external_id.clone()));
        }
        foreign::find_again(connection, row, &mut known)?;
        find_earlier(connection, row, &mut known)?;
    }
    Ok(Plan::of(import, known))
}

/// Looks for what is here of a row's earlier secrets.
fn find_earlier(connection: &Connection, row: &ImportRow, known: &mut Known) -> Outcome<()> {
    for EarlierSecret { secret, .. } in &row.earlier {
        let digest = secret.digest;
        let found = match key_rows::find_secret(connection, digest)? {
            None if secret.foreign.is_some() => foreign::find_used(connection, digest)?,
            found => found,
        };
        if let Some(found) = found {
            known.keys.insert(digest, found);
        } else if is_no_keys(connection, digest)? {
            known.others.insert(digest);
        }
    }
    Ok(())
}

/// Whether it is the secret of an operator or an application.
fn is_no_keys(connection: &Connection, digest: Digest) -> Outcome<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM operators WHERE digest = ?1)
                   OR EXISTS (SELECT 1 FROM client_secrets WHERE digest = ?1)";
    Ok(connection.prepare_cached(sql)?.query_one([digest.as_bytes()], |row| row.get(0))?)
}

/// The account that rows call so: by the company's id, or else by its own.
fn account(connection: &Connection, api: &str, called: &str) -> Outcome<Option<AccountId>> {
    let sql = "SELECT id FROM accounts WHERE api = ?1 AND external_id = ?2";
    let found = connection.prepare_cached(sql)?.query_one([api, called], |row| stored(row, 0)).optional()?;
    match (found, called.parse()) {
        (None, Ok(id)) => Ok(accounts::find(connection, id)?
            .filter(|account| &*account.api == api)
            .map(|account| account.id)),
        (found, _) => Ok(found),
    }
}

/// Writes what is planned.
fn write(connection: &Connection, import: &Import, plan: Plan, note: &AuditNote) -> Outcome<Committed<Plan>> {
    let Some((note, subjects)) = plan.told(import, note) else { return already(connection, plan) };
    insert_accounts(connection, &plan.accounts)?;
    insert_keys(connection, &plan.keys)?;
    insert_secrets(connection, &plan.secrets())?;
    end_secrets(connection, &plan.ends())?;
    change_keys(connection, &plan.changes)?;
    for rehashed in &plan.rehashed {
        foreign::rehash(connection, rehashed)?;
    }
    audit::append_of_all(connection, &note, None, &subjects)?;
    committed(connection, plan)
}

fn insert_accounts(connection: &Connection, accounts: &[Account]) -> Outcome<()> {
    let sql = |rows: &str| {
        format!(
            "INSERT INTO accounts (id, api, name, external_id, metadata, state, created_at) VALUES {rows}"
        )
    };
    together(connection, accounts, 7, sql, |account, values| {
        values.put(account.id.to_bytes())?;
        values.put(&account.api)?;
        values.put(&account.name)?;
        values.put(&account.external_id)?;
        values.put(to_json(&account.metadata))?;
        values.put(account_state(account.state))?;
        values.put(account.created_at.as_millis())
    })
}

fn insert_keys(connection: &Connection, keys: &[Arrived]) -> Outcome<()> {
    let sql = |rows: &str| {
        format!(
            "INSERT INTO keys (id, account, name, environment, scopes, restrictions, state, created_at,
                               created_by, expires_at, revoked_at, external_id, metadata)
             VALUES {rows}"
        )
    };
    together(connection, keys, 13, sql, |Arrived { key, state, revoked_at, .. }, values| {
        values.put(key.id.to_bytes())?;
        values.put(key.account.to_bytes())?;
        values.put(&key.name)?;
        values.put(key.environment.as_str())?;
        values.put(to_json(&key.scopes))?;
        values.put(to_json(&key.restrictions))?;
        values.put(state.as_str())?;
        values.put(key.created_at.as_millis())?;
        values.put(&key.created_by)?;
        values.put(key.expires_at.map(Timestamp::as_millis))?;
        values.put(revoked_at.map(Timestamp::as_millis))?;
        values.put(&key.external_id)?;
        values.put(to_json(&key.metadata))
    })
}

fn insert_secrets(connection: &Connection, secrets: &[ArrivedSecret<'_>]) -> Outcome<()> {
    let sql = |rows: &str| {
        format!(
            "INSERT INTO secrets (key, number, digest, hint, created_at, ends_at, lookup, hash, imported_as)
             VALUES {rows}"
        )
    };
    together(connection, secrets, 9, sql, |arrived, values| {
        let (secret, foreign) = (arrived.secret, arrived.secret.foreign.as_ref());
        values.put(arrived.key.to_bytes())?;
        values.put(arrived.number)?;
        values.put(secret.digest.as_bytes())?;
        values.put(&secret.hint)?;
        values.put(arrived.created_at.as_millis())?;
        values.put(arrived.ends_at.map(Timestamp::as_millis))?;
        values.put(foreign.map(|foreign| &*foreign.lookup))?;
        values.put(foreign.map(|foreign| foreign.hash.as_str()))?;
        values.put(foreign.map(|_| secret.digest.as_bytes()))
    })
}

/// As a rotation does: what remains of the keys' sealed copies is of secrets that are the newest no more.
fn end_secrets(connection: &Connection, ends: &[(KeyId, u16, Timestamp)]) -> Outcome<()> {
    let sql = "UPDATE secrets
                  SET ends_at = ?3
                WHERE key = ?1 AND number = ?2 AND (ends_at IS NULL OR ends_at > ?3)";
    for (key, number, at) in ends {
        connection.prepare_cached(sql)?.execute(params![key.to_bytes(), number, at.as_millis()])?;
        secrets::unseal(connection, *key)?;
    }
    Ok(())
}

/// Each is one entry of the feed. Keys that end lose their sealed copies.
fn change_keys(connection: &Connection, changes: &[(KeyRow, Value)]) -> Outcome<()> {
    let sql = |rows: &str| {
        format!(
            "WITH said (id, name, scopes, restrictions, expires_at, external_id, metadata, state, revoked_at)
               AS (VALUES {rows})
             UPDATE keys
                SET name = said.name, scopes = said.scopes, restrictions = said.restrictions,
                    expires_at = said.expires_at, external_id = said.external_id, metadata = said.metadata,
                    state = said.state, revoked_at = said.revoked_at
               FROM said
              WHERE keys.id = said.id"
        )
    };
    together(connection, changes, 9, sql, |(key, _), values| {
        values.put(key.id.to_bytes())?;
        values.put(&key.name)?;
        values.put(to_json(&key.scopes))?;
        values.put(to_json(&key.restrictions))?;
        values.put(key.expires_at.map(Timestamp::as_millis))?;
        values.put(&key.external_id)?;
        values.put(to_json(&key.metadata))?;
        values.put(key.state.as_str())?;
        values.put(key.revoked_at.map(Timestamp::as_millis))
    })?;
    for (key, _) in changes.iter().filter(|(key, _)| key.revoked_at.is_some()) {
        secrets::unseal(connection, key.id)?;
    }
    Ok(())
}

#[async_trait]
impl TransferDatabase for Sqlite {
    async fn import(&self, import: Import, note: AuditNote) -> Result<Committed<Imported>, StoreError> {
        let work = move |connection: &Connection| {
            authority::hold(connection, &note)?;
            let plan = plan(connection, &import)?;
            write(connection, &import, plan, &note)
        };
        let Committed { value: plan, seq, made } = self.0.change_much(work).await?;
        let value = plan.imported();
        if !plan.last_uses.is_empty() {
            self.0
                .usage_writer
                .run(move |connection| usage::add_last_uses(connection, &plan.last_uses))
                .await?;
        }
        Ok(Committed { value, seq, made })
    }

    async fn would_import(&self, import: Import) -> Result<Imported, StoreError> {
        self.0.readers.run(move |connection| Ok(plan(connection, &import)?.imported())).await
    }

    async fn keep_first_uses(
        &self,
        first_uses: Vec<FirstUse>,
        note: AuditNote,
    ) -> Result<Committed<usize>, StoreError> {
        self.0.change(move |connection| foreign::keep(connection, &first_uses, &note)).await
    }

    async fn find_accounts(&self, ids: Vec<AccountId>) -> Result<Vec<Account>, StoreError> {
        let found = move |connection: &Connection| {
            ids.into_iter().filter_map(|id| accounts::find(connection, id).transpose()).collect()
        };
        self.0.readers.run(found).await
    }
}
