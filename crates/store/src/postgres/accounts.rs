//! Accounts' rows.

use std::sync::Arc;

use claviger_model::{Account, AccountId};
use tokio_postgres::Row;

use super::{
    ask::Ask,
    authority,
    change::{Change, Left},
    columns::{array, bind, stored},
    failure::Outcome,
    idempotency, keys,
    locks::{self, Within},
    pool::Pool,
    select::Select,
};
use crate::{
    AccountChange, AccountFilter, AuditNote, Idempotency, KeyLimits, KeyRow, NewAccount, Page, PageRequest,
    StoreError,
    words::{account_state, to_json},
};

pub(super) async fn insert(
    change: &mut Change,
    new: NewAccount,
    note: &AuditNote,
    call: Option<&Idempotency>,
) -> Outcome<Left<(Account, Option<KeyRow>)>> {
    locks::take(change, [], [note]).await?;
    authority::hold(change, note).await?;
    let NewAccount { account, first_key } = new;
    idempotency::claim(change, call, &account.id.to_string(), note.at).await?;
    insert_row(change, &account).await?;
    change.tell(note, Some(account.id), Some(&account.id));
    let key = match first_key {
        Some((key, note)) if key.account == account.id => {
            Some(keys::insert_into(change, account.api.clone(), key, KeyLimits::default(), &note).await?)
        }
        Some(_) => return Err(StoreError::Internal("the first key is another account's".to_owned()).into()),
        None => None,
    };
    Ok(Left::made((account, key)))
}

/// Of two accounts with the same external id, the one that comes second waits for the other's commit.
async fn insert_row(change: &Change, account: &Account) -> Outcome<()> {
    let sql = "INSERT INTO accounts (id, api, name, external_id, metadata, state, created_at)
               VALUES               ($1, $2,  $3,   $4,          $5,       $6,    $7)
               ON CONFLICT (api, external_id) WHERE external_id IS NOT NULL DO NOTHING";
    let values = bind![
        account.id,
        account.api,
        account.name,
        account.external_id,
        to_json(&account.metadata),
        account_state(account.state),
        account.created_at,
    ];
    if change.execute(sql, values).await? == 0 { Err(StoreError::ExternalIdTaken.into()) } else { Ok(()) }
}

pub(super) async fn find(from: &impl Ask, id: AccountId) -> Outcome<Option<Account>> {
    let sql = "SELECT id, api, name, external_id, metadata, state, created_at FROM accounts WHERE id = $1";
    from.row(sql, bind![id]).await?.as_ref().map(account).transpose()
}

pub(super) async fn apis(pool: &Pool) -> Outcome<Vec<Arc<str>>> {
    let rows = pool.rows("SELECT DISTINCT api FROM accounts ORDER BY api", Vec::new()).await?;
    rows.iter().map(api).collect()
}

fn api(row: &Row) -> Outcome<Arc<str>> {
    Ok(row.try_get::<_, &str>("api")?.into())
}

pub(super) async fn list(
    pool: &Pool,
    filter: AccountFilter,
    at: PageRequest<AccountId>,
) -> Outcome<Page<Account, AccountId>> {
    let sql = "SELECT id, api, name, external_id, metadata, state, created_at FROM accounts WHERE true";
    // Two ranges of two indexes: no text that begins with a value comes after it and the last character.
    let begins = "id IN (SELECT id FROM accounts
                          WHERE lower(name) >= lower(? COLLATE \"C\")
                            AND lower(name) <  lower(? COLLATE \"C\") || chr(1114111)
                          UNION
                         SELECT id FROM accounts
                          WHERE external_id >= ? AND external_id < ? || chr(1114111))";
    Select::new(sql)
        .and("id > ?", at.after)
        .and(begins, filter.name)
        .and("api = ?", filter.api)
        .and("external_id = ?", filter.external_id)
        .page(pool, "id", at.limit, account, |account| account.id)
        .await
}

pub(super) async fn find_all(pool: &Pool, ids: Vec<AccountId>) -> Outcome<Vec<Account>> {
    let sql =
        "SELECT id, api, name, external_id, metadata, state, created_at FROM accounts WHERE id = ANY($1)";
    pool.rows(sql, vec![array(ids)]).await?.iter().map(account).collect()
}

fn account(row: &Row) -> Outcome<Account> {
    Ok(Account {
        id: stored(row, "id")?,
        api: api(row)?,
        name: row.try_get("name")?,
        external_id: row.try_get("external_id")?,
        metadata: stored(row, "metadata")?,
        state: stored(row, "state")?,
        created_at: stored(row, "created_at")?,
    })
}

/// All changes or none; what the last one left.
pub(super) async fn patch(
    change: &mut Change,
    id: AccountId,
    changes: Vec<(AccountChange, AuditNote)>,
) -> Outcome<Left<Account>> {
    locks::take(change, [Within::Account(id)], changes.iter().map(|(_, note)| note)).await?;
    let mut left = Err(StoreError::Internal("a patch of nothing".to_owned()).into());
    for (wanted, note) in changes {
        authority::hold(change, &note).await?;
        left = Ok(Left::made(apply(change, id, wanted, &note).await?));
    }
    left
}

async fn apply(
    change: &mut Change,
    id: AccountId,
    wanted: AccountChange,
    note: &AuditNote,
) -> Outcome<Account> {
    let mut account = find(change, id).await?.ok_or(StoreError::NotFound)?;
    match wanted {
        AccountChange::Rename(name) => {
            change.execute("UPDATE accounts SET name = $2 WHERE id = $1", bind![id, name]).await?;
            account.name = name;
        }
        AccountChange::SetState(state) => {
            let sql = "UPDATE accounts SET state = $2 WHERE id = $1";
            change.execute(sql, bind![id, account_state(state)]).await?;
            account.state = state;
        }
        AccountChange::SetMetadata(metadata) => {
            let sql = "UPDATE accounts SET metadata = $2 WHERE id = $1";
            change.execute(sql, bind![id, to_json(&metadata)]).await?;
            account.metadata = metadata;
        }
    }
    change.tell(note, Some(id), Some(&id));
    Ok(account)
}
