//! Counts, last uses and denied attempts as they are read.

use claviger_model::{Environment, KeyId, RequestId};
use claviger_verify::usage::{DeniedAttempt, LastUse, SecretRef};
use rusqlite::{Connection, Row, types::FromSqlError};

use super::{
    columns::{stored, stored_if_any},
    failure::Outcome,
    select::{Select, blob},
};
use crate::{
    DayCount, UsageFilter,
    usage::{MAX_COUNTS, MAX_DENIALS, request_id},
};

pub(super) fn last_uses(connection: &Connection, keys: &[KeyId]) -> Outcome<Vec<LastUse>> {
    let sql = "SELECT key, secret, at, address, endpoint FROM last_uses WHERE key = ?1 ORDER BY secret";
    let mut statement = connection.prepare_cached(sql)?;
    let mut found = Vec::new();
    for key in keys {
        for last in statement.query_map([key.to_bytes()], last_use)? {
            found.push(last?);
        }
    }
    Ok(found)
}

fn last_use(row: &Row<'_>) -> rusqlite::Result<LastUse> {
    Ok(LastUse {
        secret: SecretRef { key: stored(row, "key")?, secret: row.get("secret")? },
        at: stored(row, "at")?,
        address: stored_if_any(row, "address")?,
        endpoint: row.get("endpoint")?,
    })
}

pub(super) fn counts(connection: &Connection, filter: UsageFilter) -> Outcome<Vec<DayCount>> {
    let sql = "SELECT day, key, secret, environment, outcome, sum(count) AS count FROM counts WHERE day >= ?";
    let order = "day DESC, key, secret, environment, outcome";
    Select::new(sql, filter.from_day)
        .and("day <= ?", Some(filter.to_day))
        .and("api = ?", filter.api.map(|api| api.to_string()))
        .and("key = ?", filter.key.map(KeyId::to_bytes).map(blob))
        .grouped_by("day, key, secret, environment, outcome")
        .read(connection, order, MAX_COUNTS, day_count)
}

fn day_count(row: &Row<'_>) -> rusqlite::Result<DayCount> {
    Ok(DayCount {
        day: row.get("day")?,
        key: key_if_known(row)?,
        secret: Some(row.get("secret")?).filter(|number| *number != 0),
        environment: environment_if_known(row)?,
        outcome: row.get("outcome")?,
        count: row.get("count")?,
    })
}

fn key_if_known(row: &Row<'_>) -> rusqlite::Result<Option<KeyId>> {
    let key = row.get_ref("key")?.as_blob()?;
    if key.is_empty() {
        return Ok(None);
    }
    let bytes = key.try_into().map_err(FromSqlError::other)?;
    Ok(Some(KeyId::from_bytes(bytes)))
}

fn environment_if_known(row: &Row<'_>) -> rusqlite::Result<Option<Environment>> {
    if row.get_ref("environment")?.as_str()?.is_empty() {
        return Ok(None);
    }
    Ok(Some(stored(row, "environment")?))
}

pub(super) fn denials(
    connection: &Connection,
    key: Option<KeyId>,
    request: Option<&str>,
) -> Outcome<Vec<DeniedAttempt>> {
    let request = match request.map(request_id) {
        Some(None) => return Ok(Vec::new()),
        Some(known) => known,
        None => None,
    };
    let sql = "SELECT api, key, at, request, code, detail, address, endpoint FROM denials WHERE at >= ?";
    Select::new(sql, i64::MIN)
        .and("key = ?", key.map(KeyId::to_bytes).map(blob))
        .and("request = ?", request.map(RequestId::to_bytes).map(blob))
        .read(connection, "at DESC, number DESC", MAX_DENIALS, denial)
}

fn denial(row: &Row<'_>) -> rusqlite::Result<DeniedAttempt> {
    Ok(DeniedAttempt {
        api: row.get("api")?,
        key: stored_if_any(row, "key")?,
        at: stored(row, "at")?,
        request: stored(row, "request")?,
        code: stored(row, "code")?,
        detail: row.get("detail")?,
        address: stored_if_any(row, "address")?,
        endpoint: row.get("endpoint")?,
    })
}
