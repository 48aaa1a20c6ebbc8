//! The rows of an import: what is here of them, and what of the plan is written.

use async_trait::async_trait;
use claviger_model::{Account, AccountId, KeyState, Timestamp};
use claviger_verify::foreign::FirstUse;
use rusqlite::{Connection, OptionalExtension, params};

use super::{
    Sqlite, accounts, audit, authority,
    columns::stored,
    failure::Outcome,
    feed::{already, committed},
    foreign, key_rows, keys, secrets, usage,
};
use crate::{
    AuditNote, Committed, Import, Imported, KeyRow, StoreError,
    import::{Arrived, Known, Plan},
    transfer::TransferDatabase,
    words::to_json,
};

/// What is to be done with the rows.
fn plan(connection: &Connection, import: &Import) -> Outcome<Plan> {
    let mut known = Known::default();
    for row in &import.rows {
        if let Some(found) = key_rows::find_secret(connection, row.digest)? {
            known.keys.insert(row.digest, found);
        } else if is_operator(connection, row.digest.as_bytes())? {
            known.operators.insert(row.digest);
        }
        let called = &row.row.account;
        if !known.accounts.contains_key(called)
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
    }
    Ok(Plan::of(import, known))
}

fn is_operator(connection: &Connection, digest: &[u8; 32]) -> Outcome<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM operators WHERE digest = ?1)";
    Ok(connection.prepare_cached(sql)?.query_one([digest], |row| row.get(0))?)
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
    for account in &plan.accounts {
        accounts::insert_row(connection, account)?;
    }
    for arrived in &plan.keys {
        insert(connection, arrived)?;
    }
    for (key, _) in &plan.changes {
        change(connection, key)?;
    }
    for rehashed in &plan.rehashed {
        foreign::rehash(connection, rehashed)?;
    }
    audit::append_of_all(connection, &note, None, &subjects)?;
    committed(connection, plan)
}

fn insert(connection: &Connection, Arrived { key, state, revoked_at }: &Arrived) -> Outcome<()> {
    keys::insert_row(connection, key, None)?;
    if *state != KeyState::Active {
        let sql = "UPDATE keys SET state = ?2, revoked_at = ?3 WHERE id = ?1";
        let values = params![key.id.to_bytes(), state.as_str(), revoked_at.map(Timestamp::as_millis)];
        connection.prepare_cached(sql)?.execute(values)?;
    }
    secrets::add(connection, key.id, &key.secret, key.created_at)
}

/// One statement, so that it is one entry of the feed.
fn change(connection: &Connection, key: &KeyRow) -> Outcome<()> {
    let sql = "UPDATE keys
                  SET name = ?2, scopes = ?3, restrictions = ?4, expires_at = ?5, external_id = ?6, metadata = ?7,
                      state = ?8, revoked_at = ?9
                WHERE id = ?1";
    connection.prepare_cached(sql)?.execute(params![
        key.id.to_bytes(),
        key.name,
        to_json(&key.scopes),
        to_json(&key.restrictions),
        key.expires_at.map(Timestamp::as_millis),
        key.external_id,
        to_json(&key.metadata),
        key.state.as_str(),
        key.revoked_at.map(Timestamp::as_millis),
    ])?;
    if key.revoked_at.is_some() { secrets::unseal(connection, key.id) } else { Ok(()) }
}

#[async_trait]
impl TransferDatabase for Sqlite {
    async fn import(&self, import: Import, note: AuditNote) -> Result<Committed<Imported>, StoreError> {
        let work = move |connection: &Connection| {
            authority::hold(connection, &note)?;
            let plan = plan(connection, &import)?;
            write(connection, &import, plan, &note)
        };
        let Committed { value: plan, seq, made } = self.0.change(work).await?;
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
