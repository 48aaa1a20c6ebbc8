//! How many keys an account may and must have, decided inside the transaction that changes them.
//!
//! There is one writer, so what is counted here can't change before the commit.

use claviger_model::{AccountId, Timestamp};
use rusqlite::{Connection, params};

use super::failure::Outcome;
use crate::{
    KeyLimits, KeyRow, StoreError,
    limits::{lasts, stands, works},
};

/// Refuses what was just done to an account's key if the account now has too many keys or too few. What applications hold
/// doesn't count.
pub(super) fn hold(
    connection: &Connection,
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
        && standing(connection, after.account, now, max)? > max
    {
        return Err(StoreError::TooManyKeys { max }.into());
    }
    let Some(before) = before.filter(|_| limits.min > 0) else { return Ok(()) };
    let stopped = works(before, now) && !works(after, now);
    if stopped && working(connection, after.account, now, limits.min)? < limits.min {
        return Err(StoreError::LastKey.into());
    }
    let ends = lasts(before) && !lasts(after);
    if ends && !any_lasts(connection, after.account)? {
        return Err(StoreError::LastKey.into());
    }
    Ok(())
}

/// Keys neither revoked nor expired; counts no further than one more than `enough`.
fn standing(connection: &Connection, account: AccountId, now: Timestamp, enough: u32) -> Outcome<u32> {
    let sql = "SELECT count(*)
                 FROM (SELECT 1
                         FROM keys
                        WHERE account = ?1
                          AND state <> 'revoked'
                          AND client IS NULL
                          AND (expires_at IS NULL OR expires_at > ?2)
                        LIMIT ?3 + 1)";
    let values = params![account.to_bytes(), now.as_millis(), enough];
    Ok(connection.prepare_cached(sql)?.query_one(values, |row| row.get(0))?)
}

/// Active keys that aren't expired; counts no further than one more than `enough`.
fn working(connection: &Connection, account: AccountId, now: Timestamp, enough: u32) -> Outcome<u32> {
    let sql = "SELECT count(*)
                 FROM (SELECT 1
                         FROM keys
                        WHERE account = ?1
                          AND state <> 'revoked'
                          AND client IS NULL
                          AND state = 'active'
                          AND (expires_at IS NULL OR expires_at > ?2)
                        LIMIT ?3 + 1)";
    let values = params![account.to_bytes(), now.as_millis(), enough];
    Ok(connection.prepare_cached(sql)?.query_one(values, |row| row.get(0))?)
}

/// Whether the account has an active key without an expiry.
fn any_lasts(connection: &Connection, account: AccountId) -> Outcome<bool> {
    let sql = "SELECT EXISTS (SELECT 1
                                FROM keys
                               WHERE account = ?1
                                 AND state <> 'revoked'
                                 AND client IS NULL
                                 AND state = 'active'
                                 AND expires_at IS NULL)";
    Ok(connection.prepare_cached(sql)?.query_one([account.to_bytes()], |row| row.get(0))?)
}
