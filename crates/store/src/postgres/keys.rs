//! Keys as they are made and changed.

use std::sync::Arc;

use claviger_model::{AccountId, ClientId, KeyId, KeyState, Restrictions, Scopes, Timestamp};

use super::{
    accounts,
    ask::Ask,
    authority,
    change::{Change, Left},
    columns::bind,
    failure::Outcome,
    idempotency,
    key_rows::find,
    limits,
    locks::{self, Within},
    secrets,
};
use crate::{
    AuditNote, Idempotency, KeyChange, KeyLimits, KeyRow, NewKey, StoreError, limits::hold_grant,
    words::to_json,
};

pub(super) async fn insert(
    change: &mut Change,
    new: NewKey,
    limits: KeyLimits,
    call: Option<&Idempotency>,
    note: &AuditNote,
) -> Outcome<Left<KeyRow>> {
    locks::take(change, [Within::Account(new.account)], [note]).await?;
    authority::hold(change, note).await?;
    idempotency::claim(change, call, &new.id.to_string(), note.at).await?;
    let account = accounts::find(change, new.account).await?.ok_or(StoreError::NotFound)?;
    if let Some(external_id) = &new.external_id {
        free(change, account.id, external_id, new.id).await?;
    }
    insert_into(change, account.api, new, limits, note).await.map(Left::made)
}

/// The same into an account that is there and locked, or was made just now.
pub(super) async fn insert_into(
    change: &mut Change,
    api: Arc<str>,
    new: NewKey,
    limits: KeyLimits,
    note: &AuditNote,
) -> Outcome<KeyRow> {
    insert_row(change, &new, None).await?;
    secrets::add(change, new.id, &new.secret, new.created_at).await?;
    let key = new.into_row(api);
    limits::hold(change, None, &key, limits, note.at).await?;
    change.tell(note, Some(key.account), Some(&key.id));
    Ok(key)
}

/// The row of a key, which the application `client` holds if one does.
pub(super) async fn insert_row(change: &Change, new: &NewKey, client: Option<ClientId>) -> Outcome<()> {
    let sql = "INSERT INTO keys (id, account, name, environment, scopes, restrictions, state,
                                 created_at, created_by, expires_at, external_id, metadata, client)
               VALUES           ($1, $2,      $3,   $4,          $5,     $6,           'active',
                                 $7,         $8,         $9,         $10,         $11,      $12)";
    let values = bind![
        new.id,
        new.account,
        new.name,
        new.environment.as_str(),
        to_json(&new.scopes),
        to_json(&new.restrictions),
        new.created_at,
        new.created_by,
        new.expires_at,
        new.external_id,
        to_json(&new.metadata),
        client,
    ];
    change.execute(sql, values).await.map(drop)
}

/// One change, which may be repeated.
pub(super) async fn change(
    change: &mut Change,
    id: KeyId,
    within: Option<AccountId>,
    wanted: KeyChange,
    limits: KeyLimits,
    call: Option<&Idempotency>,
    note: &AuditNote,
) -> Outcome<Left<KeyRow>> {
    locks::take(change, [Within::Key(id)], [note]).await?;
    authority::hold(change, note).await?;
    idempotency::claim(change, call, &id.to_string(), note.at).await?;
    make(change, id, within, wanted, limits, note).await
}

/// All changes or none, where the key is still as it was seen; what the last one left.
pub(super) async fn patch(
    change: &mut Change,
    id: KeyId,
    seen: Option<&KeyRow>,
    changes: Vec<(KeyChange, AuditNote)>,
    limits: KeyLimits,
) -> Outcome<Left<KeyRow>> {
    locks::take(change, [Within::Key(id)], changes.iter().map(|(_, note)| note)).await?;
    if let Some(seen) = seen {
        let now = find(change, id).await?.ok_or(StoreError::NotFound)?;
        if !now.is_as_seen(seen) {
            return Err(StoreError::ChangedMeanwhile.into());
        }
    }
    let mut left = Err(StoreError::Internal("a patch of nothing".to_owned()).into());
    for (wanted, note) in changes {
        authority::hold(change, &note).await?;
        left = Ok(make(change, id, None, wanted, limits, &note).await?);
    }
    left
}

async fn make(
    change: &mut Change,
    id: KeyId,
    within: Option<AccountId>,
    wanted: KeyChange,
    limits: KeyLimits,
    note: &AuditNote,
) -> Outcome<Left<KeyRow>> {
    let before = find(change, id)
        .await?
        .filter(|key| within.is_none_or(|account| account == key.account))
        .ok_or(StoreError::NotFound)?;
    if before.state == KeyState::Revoked {
        return match wanted {
            KeyChange::Revoke => Ok(Left::already(before)),
            _ => Err(StoreError::Revoked.into()),
        };
    }
    hold_grant(&before, &wanted)?;
    apply(change, &before, wanted, note.at).await?;
    let key = find(change, id)
        .await?
        .ok_or_else(|| StoreError::Internal(format!("{id} vanished while it was changed")))?;
    limits::hold(change, Some(&before), &key, limits, note.at).await?;
    change.tell(note, Some(key.account), Some(&key.id));
    Ok(Left::made(key))
}

async fn apply(change: &Change, key: &KeyRow, wanted: KeyChange, now: Timestamp) -> Outcome<()> {
    match wanted {
        KeyChange::Rename(name) => {
            change.execute("UPDATE keys SET name = $2 WHERE id = $1", bind![key.id, name]).await?;
        }
        KeyChange::Restrict { scopes, restrictions, expires_at } => {
            let restrictions = key.restrictions.patched(restrictions);
            restrict(change, key.id, scopes.as_ref(), &restrictions, expires_at).await?;
        }
        KeyChange::Describe { external_id, metadata } => {
            describe(change, key, external_id.as_ref(), metadata.as_ref()).await?;
        }
        KeyChange::Rotate { secret, others_end_at } => {
            secrets::end(change, key.id, others_end_at).await?;
            secrets::unseal(change, key.id).await?;
            secrets::add(change, key.id, &secret, now).await?;
        }
        KeyChange::Disable => set_state(change, key.id, KeyState::Disabled).await?,
        KeyChange::Enable => set_state(change, key.id, KeyState::Active).await?,
        KeyChange::Revoke => {
            let sql = "UPDATE keys SET state = 'revoked', revoked_at = $2 WHERE id = $1";
            change.execute(sql, bind![key.id, now]).await?;
            secrets::unseal(change, key.id).await?;
        }
    }
    Ok(())
}

async fn set_state(change: &Change, key: KeyId, state: KeyState) -> Outcome<()> {
    let sql = "UPDATE keys SET state = $2 WHERE id = $1";
    change.execute(sql, bind![key, state.as_str()]).await.map(drop)
}

/// One statement, so that it is one entry of the feed.
#[expect(
    clippy::option_option,
    reason = "the outer one says whether to change it, the inner one is its value"
)]
async fn restrict(
    change: &Change,
    key: KeyId,
    scopes: Option<&Scopes>,
    restrictions: &Restrictions,
    expires_at: Option<Option<Timestamp>>,
) -> Outcome<()> {
    let sql = "UPDATE keys
                  SET scopes       = coalesce($2, scopes),
                      restrictions = $3,
                      expires_at   = CASE WHEN $4 THEN $5 ELSE expires_at END
                WHERE id = $1";
    let values =
        bind![key, scopes.map(to_json), to_json(restrictions), expires_at.is_some(), expires_at.flatten()];
    change.execute(sql, values).await.map(drop)
}

async fn describe(
    change: &Change,
    key: &KeyRow,
    external_id: Option<&Option<String>>,
    metadata: Option<&serde_json::Value>,
) -> Outcome<()> {
    if let Some(Some(wanted)) = external_id {
        free(change, key.account, wanted, key.id).await?;
    }
    let sql = "UPDATE keys
                  SET external_id = CASE WHEN $2 THEN $3 ELSE external_id END,
                      metadata    = coalesce($4, metadata)
                WHERE id = $1";
    let values = bind![key.id, external_id.is_some(), external_id.cloned().flatten(), metadata.map(to_json)];
    change.execute(sql, values).await.map(drop)
}

/// Refuses an external id that another key of the account has.
async fn free(change: &Change, account: AccountId, external_id: &str, key: KeyId) -> Outcome<()> {
    let sql = "SELECT 1 FROM keys WHERE account = $1 AND external_id = $2 AND id <> $3";
    let taken = change.row(sql, bind![account, external_id, key]).await?.is_some();
    if taken { Err(StoreError::ExternalIdTaken.into()) } else { Ok(()) }
}
