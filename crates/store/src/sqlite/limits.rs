//! How many keys an account may and must have, decided inside the transaction that changes them.
//!
//! There is one writer, so what is counted here can't change before the commit.

use claviger_model::{AccountId, KeyState, Timestamp};
use rusqlite::{Connection, params};

use super::failure::Outcome;
use crate::{KeyLimits, KeyRow, StoreError};

/// Refuses what was just done to an account's key if the account now has too many keys or too few.
pub(super) fn hold(
    connection: &Connection,
    before: Option<&KeyRow>,
    after: &KeyRow,
    limits: KeyLimits,
    now: Timestamp,
) -> Outcome<()> {
    let came = !before.is_some_and(|key| stands(key, now)) && stands(after, now);
    if let Some(max) = limits.max
        && came
        && standing(connection, after.account, now, max)? > max
    {
        return Err(StoreError::TooManyKeys { max }.into());
    }
    let went =
        before.is_some_and(|key| (works(key, now) && !works(after, now)) || (lasts(key) && !lasts(after)));
    if went && lasting(connection, after.account, limits.min)? < limits.min {
        return Err(StoreError::LastKey.into());
    }
    Ok(())
}

fn stands(key: &KeyRow, now: Timestamp) -> bool {
    key.state != KeyState::Revoked && key.expires_at.is_none_or(|at| at > now)
}

fn works(key: &KeyRow, now: Timestamp) -> bool {
    key.state == KeyState::Active && stands(key, now)
}

/// Whether a key works until somebody ends it. One that is going to expire is no remaining key: an expiry a second
/// ahead would delete the last one.
fn lasts(key: &KeyRow) -> bool {
    key.state == KeyState::Active && key.expires_at.is_none()
}

/// Keys neither revoked nor expired; counts no further than one more than `enough`.
fn standing(connection: &Connection, account: AccountId, now: Timestamp, enough: u32) -> Outcome<u32> {
    let sql = "SELECT count(*)
                 FROM (SELECT 1
                         FROM keys
                        WHERE account = ?1
                          AND state <> 'revoked'
                          AND (expires_at IS NULL OR expires_at > ?2)
                        LIMIT ?3 + 1)";
    let values = params![account.to_bytes(), now.as_millis(), enough];
    Ok(connection.prepare_cached(sql)?.query_one(values, |row| row.get(0))?)
}

/// Active keys without an expiry; counts no further than one more than `enough`.
fn lasting(connection: &Connection, account: AccountId, enough: u32) -> Outcome<u32> {
    let sql = "SELECT count(*)
                 FROM (SELECT 1
                         FROM keys
                        WHERE account = ?1
                          AND state <> 'revoked'
                          AND state = 'active'
                          AND expires_at IS NULL
                        LIMIT ?2 + 1)";
    let values = params![account.to_bytes(), enough];
    Ok(connection.prepare_cached(sql)?.query_one(values, |row| row.get(0))?)
}
