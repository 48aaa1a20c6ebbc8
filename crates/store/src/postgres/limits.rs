//! How many keys an account may and must have, decided inside the transaction that changes them.
//!
//! The account's row is locked, so what is counted here can't change before the commit.

use claviger_model::{AccountId, Timestamp};

use super::{ask::Ask, change::Change, columns::bind, failure::Outcome};
use crate::{
    KeyLimits, KeyRow, StoreError,
    limits::{lasts, stands, works},
};

/// Refuses what was just done to an account's key if the account now has too many keys or too few. What applications hold
/// doesn't count.
pub(super) async fn hold(
    change: &Change,
    before: Option<&KeyRow>,
    after: &KeyRow,
    limits: KeyLimits,
    now: Timestamp,
) -> Outcome<()> {
    if after.client.is_some() {
        return Ok(());
    }
    let came = !before.is_some_and(|key| stands(key, now)) && stands(after, now);
    if let Some(max) = limits.max
        && came
        && standing(change, after.account, now, max).await? > i64::from(max)
    {
        return Err(StoreError::TooManyKeys { max }.into());
    }
    let Some(before) = before.filter(|_| limits.min > 0) else { return Ok(()) };
    let stopped = works(before, now) && !works(after, now);
    if stopped && working(change, after.account, now, limits.min).await? < i64::from(limits.min) {
        return Err(StoreError::LastKey.into());
    }
    let ends = lasts(before) && !lasts(after);
    if ends && !any_lasts(change, after.account).await? {
        return Err(StoreError::LastKey.into());
    }
    Ok(())
}

/// Keys neither revoked nor expired; counts no further than one more than `enough`.
async fn standing(change: &Change, account: AccountId, now: Timestamp, enough: u32) -> Outcome<i64> {
    let sql = "SELECT count(*)
                 FROM (SELECT 1
                         FROM keys
                        WHERE account = $1
                          AND state <> 'revoked'
                          AND client IS NULL
                          AND (expires_at IS NULL OR expires_at > $2)
                        LIMIT $3 + 1) AS found";
    count(change, sql, account, now, enough).await
}

/// Active keys that aren't expired; counts no further than one more than `enough`.
async fn working(change: &Change, account: AccountId, now: Timestamp, enough: u32) -> Outcome<i64> {
    let sql = "SELECT count(*)
                 FROM (SELECT 1
                         FROM keys
                        WHERE account = $1
                          AND state <> 'revoked'
                          AND client IS NULL
                          AND state = 'active'
                          AND (expires_at IS NULL OR expires_at > $2)
                        LIMIT $3 + 1) AS found";
    count(change, sql, account, now, enough).await
}

async fn count(change: &Change, sql: &str, account: AccountId, now: Timestamp, enough: u32) -> Outcome<i64> {
    let row = change.row(sql, bind![account, now, enough]).await?;
    Ok(row.map(|row| row.try_get(0)).transpose()?.unwrap_or(0))
}

/// Whether the account has an active key without an expiry.
async fn any_lasts(change: &Change, account: AccountId) -> Outcome<bool> {
    let sql = "SELECT 1
                 FROM keys
                WHERE account = $1
                  AND state <> 'revoked'
                  AND client IS NULL
                  AND state = 'active'
                  AND expires_at IS NULL
                LIMIT 1";
    Ok(change.row(sql, bind![account]).await?.is_some())
}
