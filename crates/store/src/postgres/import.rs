//! The rows of an import: what is here of them, and what of the plan is written; each by one statement for all of them.

use std::{collections::BTreeSet, sync::Arc};

use async_trait::async_trait;
use claviger_model::{Account, AccountId, KeyId, Timestamp};
use claviger_verify::foreign::FirstUse;
use tokio_postgres::{Row, error::SqlState};

use super::{
    Postgres, accounts,
    ask::Ask,
    authority,
    change::{Change, Durability, Left, make},
    columns::{Column, array, stored},
    failure::{Failure, Outcome},
    foreign, key_rows,
    locks::{self, Within},
    usage,
    verbs::{change, to_its_end},
};
use crate::{
    AuditNote, Committed, Import, Imported, KeyRow, StoreError,
    earlier::ArrivedSecret,
    import::{Arrived, Known, Plan},
    transfer::TransferDatabase,
    words::{account_state, to_json},
};

/// What is to be done with the rows.
async fn plan(from: &impl Ask, import: &Import, mut known: Known) -> Outcome<Plan> {
    let earlier = || import.rows.iter().flat_map(|row| &row.earlier);
    let digests = || {
        let newest = import.rows.iter().map(|row| row.digest);
        newest.chain(earlier().map(|earlier| earlier.secret.digest))
    };
    known.keys = key_rows::find_secrets(from, digests()).await?.into_iter().collect();
    let sql = "SELECT digest FROM operators      WHERE digest = ANY($1)
                UNION ALL
               SELECT digest FROM client_secrets WHERE digest = ANY($1)";
    let others = from.rows(sql, vec![array(digests())]).await?;
    known.others = others.iter().map(|row| stored(row, 0)).collect::<Result<_, _>>()?;
    let named = import.rows.iter().filter_map(|row| {
        let account = known.accounts.get(&row.row.account)?;
        Some((*account, row.row.external_id.as_deref()?))
    });
    let (of, ids): (Vec<_>, Vec<_>) = named.unzip();
    if !of.is_empty() {
        let sql = "SELECT k.account, k.external_id
                     FROM unnest($1, $2) AS asked (account, external_id)
                     JOIN keys k ON k.account = asked.account AND k.external_id = asked.external_id";
        let taken = |row: &Row| Ok((stored(row, 0)?, row.try_get(1)?));
        let found = from.rows(sql, vec![array(of), array(ids)]).await?;
        known.external_ids = found.iter().map(taken).collect::<Outcome<_>>()?;
    }
    foreign::find_again(from, import, &mut known).await?;
    Ok(Plan::of(import, known))
}

/// The accounts that are here, by what rows call them: by the company's ids, or else by their own. Both are theirs for good.
async fn accounts(from: &impl Ask, import: &Import) -> Outcome<Known> {
    let called: BTreeSet<&str> = import.rows.iter().map(|row| row.row.account.as_str()).collect();
    let mut known = Known::default();
    let sql = "SELECT id, external_id FROM accounts WHERE api = $1 AND external_id = ANY($2)";
    for row in from.rows(sql, vec![import.api.bound(), array(called.iter().copied())]).await? {
        known.accounts.insert(row.try_get(1)?, stored(&row, 0)?);
    }
    let by_own = called.iter().filter(|called| !known.accounts.contains_key(**called));
    let by_own: Vec<AccountId> = by_own.filter_map(|called| called.parse().ok()).collect();
    if !by_own.is_empty() {
        let sql = "SELECT id FROM accounts WHERE api = $1 AND id = ANY($2)";
        for row in from.rows(sql, vec![import.api.bound(), array(by_own)]).await? {
            let id: AccountId = stored(&row, 0)?;
            known.accounts.insert(id.to_string(), id);
        }
    }
    Ok(known)
}

/// All rows that can be taken.
async fn take(change: &mut Change, import: &Import, note: &AuditNote) -> Outcome<Left<Imported>> {
    let known = accounts(change, import).await?;
    let locked: Vec<_> = known.accounts.values().copied().map(Within::Account).collect();
    locks::take(change, locked, [note]).await?;
    authority::hold(change, note).await?;
    let plan = plan(change, import, known).await?;
    usage::add_last_uses(change, &plan.last_uses).await?;
    let imported = plan.imported();
    let Some((note, subjects)) = plan.told(import, note) else { return Ok(Left::already(imported)) };
    match write(change, &plan).await {
        // Between what was looked at and what is written, somebody else brought the same.
        Err(Failure::Sql(error)) if error.code() == Some(&SqlState::UNIQUE_VIOLATION) => {
            return Err(Failure::Overtaken);
        }
        written => written?,
    }
    change.tell_of_all(&note, None, subjects);
    Ok(Left::made(imported))
}

async fn write(change: &Change, plan: &Plan) -> Outcome<()> {
    if !plan.accounts.is_empty() {
        insert_accounts(change, &plan.accounts).await?;
    }
    if !plan.keys.is_empty() {
        insert_keys(change, &plan.keys).await?;
    }
    let (secrets, ends) = (plan.secrets(), plan.ends());
    if !secrets.is_empty() {
        insert_secrets(change, &secrets).await?;
    }
    if !ends.is_empty() {
        end_secrets(change, &ends).await?;
    }
    if !plan.changes.is_empty() {
        change_keys(change, plan.changes.iter().map(|(key, _)| key)).await?;
    }
    if plan.rehashed.is_empty() { Ok(()) } else { foreign::rehash(change, &plan.rehashed).await }
}

async fn insert_accounts(change: &Change, accounts: &[Account]) -> Outcome<()> {
    let sql = "INSERT INTO accounts (id, api, name, external_id, metadata, state, created_at)
               SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7)";
    let of = || accounts.iter();
    let values = vec![
        array(of().map(|account| account.id)),
        array(of().map(|account| &*account.api)),
        array(of().map(|account| account.name.as_str())),
        array(of().map(|account| account.external_id.as_deref())),
        array(of().map(|account| to_json(&account.metadata))),
        array(of().map(|account| account_state(account.state))),
        array(of().map(|account| account.created_at)),
    ];
    change.execute(sql, values).await.map(drop)
}

async fn insert_keys(change: &Change, keys: &[Arrived]) -> Outcome<()> {
    let sql = "INSERT INTO keys (id, account, name, environment, scopes, restrictions, state, created_at,
                                 created_by, expires_at, revoked_at, external_id, metadata)
               SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";
    let of = || keys.iter().map(|arrived| &arrived.key);
    let values = vec![
        array(of().map(|key| key.id)),
        array(of().map(|key| key.account)),
        array(of().map(|key| key.name.as_deref())),
        array(of().map(|key| key.environment.as_str())),
        array(of().map(|key| to_json(&key.scopes))),
        array(of().map(|key| to_json(&key.restrictions))),
        array(keys.iter().map(|arrived| arrived.state.as_str())),
        array(of().map(|key| key.created_at)),
        array(of().map(|key| key.created_by.as_str())),
        array(of().map(|key| key.expires_at)),
        array(keys.iter().map(|arrived| arrived.revoked_at)),
        array(of().map(|key| key.external_id.as_deref())),
        array(of().map(|key| to_json(&key.metadata))),
    ];
    change.execute(sql, values).await.map(drop)
}

async fn insert_secrets(change: &Change, secrets: &[ArrivedSecret<'_>]) -> Outcome<()> {
    let sql =
        "INSERT INTO secrets (key, number, digest, hint, created_at, ends_at, lookup, hash, imported_as)
               SELECT *, CASE WHEN hash IS NOT NULL THEN digest END
                 FROM unnest($1, $2, $3, $4, $5, $6, $7, $8)
                   AS secret (key, number, digest, hint, created_at, ends_at, lookup, hash)";
    let foreign = || secrets.iter().map(|arrived| arrived.secret.foreign.as_ref());
    let values = vec![
        array(secrets.iter().map(|arrived| arrived.key)),
        array(secrets.iter().map(|arrived| arrived.number)),
        array(secrets.iter().map(|arrived| arrived.secret.digest)),
        array(secrets.iter().map(|arrived| arrived.secret.hint.as_str())),
        array(secrets.iter().map(|arrived| arrived.created_at)),
        array(secrets.iter().map(|arrived| arrived.ends_at)),
        array(foreign().map(|foreign| foreign.map(|foreign| &*foreign.lookup))),
        array(foreign().map(|foreign| foreign.map(|foreign| foreign.hash.as_str()))),
    ];
    change.execute(sql, values).await.map(drop)
}

/// As a rotation does: what remains of the keys' sealed copies is of secrets that are the newest no more.
async fn end_secrets(change: &Change, ends: &[(KeyId, u16, Timestamp)]) -> Outcome<()> {
    let sql = "UPDATE secrets
                  SET ends_at = said.ends_at
                 FROM unnest($1, $2, $3) AS said (key, number, ends_at)
                WHERE secrets.key = said.key AND secrets.number = said.number
                  AND (secrets.ends_at IS NULL OR secrets.ends_at > said.ends_at)";
    let keys = || array(ends.iter().map(|(key, ..)| *key));
    let numbers = array(ends.iter().map(|(_, number, _)| *number));
    change.execute(sql, vec![keys(), numbers, array(ends.iter().map(|(.., at)| *at))]).await?;
    let sql = "UPDATE secrets SET sealed = NULL WHERE key = ANY($1) AND sealed IS NOT NULL";
    change.execute(sql, vec![keys()]).await.map(drop)
}

/// One statement, so that each is one entry of the feed. Keys that end lose their sealed copies.
async fn change_keys<'a>(change: &Change, keys: impl Iterator<Item = &'a KeyRow> + Clone) -> Outcome<()> {
    let sql = "UPDATE keys
                  SET name = said.name, scopes = said.scopes, restrictions = said.restrictions,
                      expires_at = said.expires_at, external_id = said.external_id, metadata = said.metadata,
                      state = said.state, revoked_at = said.revoked_at
                 FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9)
                   AS said (id, name, scopes, restrictions, expires_at, external_id, metadata, state, revoked_at)
                WHERE keys.id = said.id";
    let of = || keys.clone();
    let values = vec![
        array(of().map(|key| key.id)),
        array(of().map(|key| key.name.as_deref())),
        array(of().map(|key| to_json(&key.scopes))),
        array(of().map(|key| to_json(&key.restrictions))),
        array(of().map(|key| key.expires_at)),
        array(of().map(|key| key.external_id.as_deref())),
        array(of().map(|key| to_json(&key.metadata))),
        array(of().map(|key| key.state.as_str())),
        array(of().map(|key| key.revoked_at)),
    ];
    change.execute(sql, values).await?;
    let ended: Vec<_> = of().filter(|key| key.revoked_at.is_some()).map(|key| key.id).collect();
    let sql = "UPDATE secrets SET sealed = NULL WHERE key = ANY($1) AND sealed IS NOT NULL";
    if ended.is_empty() { Ok(()) } else { change.execute(sql, vec![array(ended)]).await.map(drop) }
}

#[async_trait]
impl TransferDatabase for Postgres {
    async fn import(&self, import: Import, note: AuditNote) -> Result<Committed<Imported>, StoreError> {
        change!(self, |change| take(change, &import, &note))
    }

    async fn would_import(&self, import: Import) -> Result<Imported, StoreError> {
        let known = accounts(&self.0.pool, &import).await?;
        Ok(plan(&self.0.pool, &import, known).await?.imported())
    }

    async fn keep_first_uses(
        &self,
        first_uses: Vec<FirstUse>,
        note: AuditNote,
    ) -> Result<Committed<usize>, StoreError> {
        change!(self, |change| foreign::keep(change, &first_uses, &note))
    }

    async fn find_accounts(&self, ids: Vec<AccountId>) -> Result<Vec<Account>, StoreError> {
        Ok(accounts::find_all(&self.0.pool, ids).await?)
    }
}
