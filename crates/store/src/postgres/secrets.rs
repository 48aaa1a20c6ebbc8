//! The secrets of a key: one row each, numbered from 1, the newest being the current one.

use claviger_model::{AccountId, KeyId, Timestamp};

use super::{
    ask::Ask,
    authority,
    change::{Change, Left},
    columns::{array, bind, stored},
    failure::Outcome,
    locks::{self, Within},
};
use crate::{AuditNote, NewSecret, SealedSecret};

/// Adds a key's next secret. One that runs out by itself ends then.
pub(super) async fn add(
    change: &Change,
    key: KeyId,
    secret: &NewSecret,
    created_at: Timestamp,
) -> Outcome<()> {
    let sql = "INSERT INTO secrets (key, number, digest, hint, sealed, created_at, ends_at, expires_at,
                                    lookup, hash, imported_as)
               SELECT $1, 1 + coalesce(max(number), 0), $2, $3, $4, $5, $6, $6, $7, $8, CASE WHEN $8 IS NOT NULL THEN $2 END
                 FROM secrets
                WHERE key = $1";
    let foreign = secret.foreign.as_ref();
    let mut values = bind![key, secret.digest, secret.hint, secret.sealed, created_at, secret.expires_at];
    values
        .extend(bind![foreign.map(|foreign| &*foreign.lookup), foreign.map(|foreign| foreign.hash.as_str())]);
    change.execute(sql, values).await.map(drop)
}

/// Ends all there are at `at`, unless they end earlier.
pub(super) async fn end(change: &Change, key: KeyId, at: Timestamp) -> Outcome<()> {
    let sql = "UPDATE secrets SET ends_at = $2 WHERE key = $1 AND (ends_at IS NULL OR ends_at > $2)";
    change.execute(sql, bind![key, at]).await.map(drop)
}

/// Forgets those that ran out by themselves before this instant: a grant has as many as it was gone on with.
pub(super) async fn forget(change: &Change, key: KeyId, before: Timestamp) -> Outcome<()> {
    let sql = "DELETE FROM secrets WHERE key = $1 AND expires_at < $2";
    change.execute(sql, bind![key, before]).await.map(drop)
}

/// Forgets the sealed copies of all there are.
pub(super) async fn unseal(change: &Change, key: KeyId) -> Outcome<()> {
    let sql = "UPDATE secrets SET sealed = NULL WHERE key = $1 AND sealed IS NOT NULL";
    change.execute(sql, bind![key]).await.map(drop)
}

/// The sealed copies of the newest secrets of `keys`, and the event that tells of those there are.
pub(super) async fn reveal(
    change: &mut Change,
    keys: Vec<KeyId>,
    note: &AuditNote,
    account: Option<AccountId>,
) -> Outcome<Left<Vec<SealedSecret>>> {
    locks::take(change, account.map(Within::Account), [note]).await?;
    authority::hold(change, note).await?;
    let sql = "SELECT asked.key, newest.sealed
                 FROM unnest($1) WITH ORDINALITY AS asked (key, place)
                 JOIN keys k ON k.id = asked.key
                CROSS JOIN LATERAL (SELECT sealed
                                      FROM secrets
                                     WHERE key = asked.key
                                     ORDER BY number DESC
                                     LIMIT 1) AS newest
                WHERE newest.sealed IS NOT NULL
                  AND ($2 IS NULL OR k.account = $2)
                ORDER BY asked.place";
    let mut values = vec![array(keys)];
    values.extend(bind![account]);
    let rows = change.rows(sql, values).await?;
    let revealed = rows
        .iter()
        .map(|row| Ok((stored(row, 0)?, row.try_get(1)?)))
        .collect::<Outcome<Vec<SealedSecret>>>()?;
    if !revealed.is_empty() {
        tell(change, &revealed, note, account);
    }
    Ok(Left::made(revealed))
}

/// The event names the keys that are shown, and no others.
fn tell(change: &mut Change, revealed: &[SealedSecret], note: &AuditNote, account: Option<AccountId>) {
    let keys: Vec<String> = revealed.iter().map(|(key, _)| key.to_string()).collect();
    let note = AuditNote { detail: serde_json::json!({ "keys": keys }), ..note.clone() };
    change.tell_of_all(&note, account, keys);
}
