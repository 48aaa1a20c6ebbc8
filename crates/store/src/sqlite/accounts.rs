//! Accounts' rows.

use std::sync::Arc;

use claviger_model::{Account, AccountId};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{
    audit,
    columns::stored,
    failure::Outcome,
    feed::committed,
    idempotency, keys,
    select::{Select, after},
};
use crate::{
    AccountChange, AccountFilter, AuditNote, Committed, Idempotency, KeyLimits, KeyRow, NewAccount, Page,
    PageRequest, StoreError,
    words::{account_state, to_json},
};

pub(super) fn insert(
    connection: &Connection,
    new: NewAccount,
    note: &AuditNote,
    call: Option<&Idempotency>,
) -> Outcome<Committed<(Account, Option<KeyRow>)>> {
    idempotency::admit(connection, call)?;
    let NewAccount { account, first_key } = new;
    insert_row(connection, &account)?;
    let subject = account.id.to_string();
    audit::append(connection, note, Some(account.id), Some(&subject))?;
    let key = match first_key {
        Some((key, note)) if key.account == account.id => {
            Some(keys::insert(connection, key, KeyLimits::default(), None, &note)?.value)
        }
        Some(_) => return Err(StoreError::Internal("the first key is another account's".to_owned()).into()),
        None => None,
    };
    idempotency::record(connection, call, &subject, note.at)?;
    committed(connection, (account, key))
}

pub(super) fn insert_row(connection: &Connection, account: &Account) -> Outcome<()> {
    if let Some(external_id) = &account.external_id {
        let sql = "SELECT EXISTS (SELECT 1 FROM accounts WHERE api = ?1 AND external_id = ?2)";
        let taken =
            connection.prepare_cached(sql)?.query_one(params![account.api, external_id], |row| row.get(0))?;
        if taken {
            return Err(StoreError::ExternalIdTaken.into());
        }
    }
    let sql = "INSERT INTO accounts (id, api, name, external_id, metadata, state, created_at)
               VALUES               (?1, ?2,  ?3,   ?4,          ?5,       ?6,    ?7)";
    connection.prepare_cached(sql)?.execute(params![
        account.id.to_bytes(),
        account.api,
        account.name,
        account.external_id,
        to_json(&account.metadata),
        account_state(account.state),
        account.created_at.as_millis(),
    ])?;
    Ok(())
}

pub(super) fn find(connection: &Connection, id: AccountId) -> Outcome<Option<Account>> {
    let sql = "SELECT id, api, name, external_id, metadata, state, created_at FROM accounts WHERE id = ?1";
    Ok(connection.prepare_cached(sql)?.query_one([id.to_bytes()], account).optional()?)
}

pub(super) fn apis(connection: &Connection) -> Outcome<Vec<Arc<str>>> {
    let mut statement = connection.prepare_cached("SELECT DISTINCT api FROM accounts ORDER BY api")?;
    let names = statement.query_map([], |row| row.get(0))?;
    Ok(names.collect::<Result<_, _>>()?)
}

pub(super) fn list(
    connection: &Connection,
    filter: AccountFilter,
    at: PageRequest<AccountId>,
) -> Outcome<Page<Account, AccountId>> {
    let sql = "SELECT id, api, name, external_id, metadata, state, created_at FROM accounts WHERE id > ?";
    // Two ranges of two indexes. It is the first condition: its value is the second.
    let begins = "id IN (SELECT id FROM accounts
                          WHERE name COLLATE NOCASE >= ?2 AND name COLLATE NOCASE < ?2 || char(1114111)
                          UNION
                         SELECT id FROM accounts
                          WHERE external_id >= ?2 AND external_id < ?2 || char(1114111))";
    Select::new(sql, after(at.after.map(AccountId::to_bytes)))
        .and(begins, filter.name)
        .and("api = ?", filter.api.map(|api| api.to_string()))
        .and("external_id = ?", filter.external_id)
        .page(connection, "id", at.limit, account, |account| account.id)
}

fn account(row: &Row<'_>) -> rusqlite::Result<Account> {
    Ok(Account {
        id: stored(row, "id")?,
        api: row.get("api")?,
        name: row.get("name")?,
        external_id: row.get("external_id")?,
        metadata: stored(row, "metadata")?,
        state: stored(row, "state")?,
        created_at: stored(row, "created_at")?,
    })
}

pub(super) fn change(
    connection: &Connection,
    id: AccountId,
    change: AccountChange,
    note: &AuditNote,
) -> Outcome<Committed<Account>> {
    let mut account = find(connection, id)?.ok_or(StoreError::NotFound)?;
    match change {
        AccountChange::Rename(name) => {
            let sql = "UPDATE accounts SET name = ?2 WHERE id = ?1";
            connection.prepare_cached(sql)?.execute(params![id.to_bytes(), name])?;
            account.name = name;
        }
        AccountChange::SetState(state) => {
            let sql = "UPDATE accounts SET state = ?2 WHERE id = ?1";
            connection.prepare_cached(sql)?.execute(params![id.to_bytes(), account_state(state)])?;
            account.state = state;
        }
        AccountChange::SetMetadata(metadata) => {
            let sql = "UPDATE accounts SET metadata = ?2 WHERE id = ?1";
            connection.prepare_cached(sql)?.execute(params![id.to_bytes(), to_json(&metadata)])?;
            account.metadata = metadata;
        }
    }
    audit::append(connection, note, Some(id), Some(&id.to_string()))?;
    committed(connection, account)
}
