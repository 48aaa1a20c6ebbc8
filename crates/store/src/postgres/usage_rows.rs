//! Counts, last uses and denied attempts as they are read.

use claviger_model::{Environment, KeyId};
use claviger_verify::usage::{DeniedAttempt, LastUse, SecretRef};
use tokio_postgres::Row;

use super::{
    ask::Ask,
    columns::{array, stored, stored_if_any},
    failure::Outcome,
    pool::Pool,
    select::Select,
    usage::NOBODY,
};
use crate::{
    DayCount, UsageFilter,
    usage::{MAX_COUNTS, MAX_DENIALS, request_id},
};

pub(super) async fn last_uses(pool: &Pool, keys: Vec<KeyId>) -> Outcome<Vec<LastUse>> {
    let sql = "SELECT u.key, u.secret, u.at, u.address, u.endpoint
                 FROM unnest($1) WITH ORDINALITY AS asked (key, place)
                 JOIN last_uses u ON u.key = asked.key
                ORDER BY asked.place, u.secret";
    pool.rows(sql, vec![array(keys)]).await?.iter().map(last_use).collect()
}

fn last_use(row: &Row) -> Outcome<LastUse> {
    Ok(LastUse {
        secret: SecretRef { key: stored(row, "key")?, secret: stored(row, "secret")? },
        at: stored(row, "at")?,
        address: stored_if_any(row, "address")?,
        endpoint: row.try_get::<_, Option<&str>>("endpoint")?.map(Into::into),
    })
}

pub(super) async fn counts(pool: &Pool, filter: UsageFilter) -> Outcome<Vec<DayCount>> {
    let sql =
        "SELECT day, key, secret, environment, outcome, sum(count)::bigint AS count FROM counts WHERE true";
    let order = "day DESC, key, secret, environment, outcome";
    Select::new(sql)
        .and("day >= ?", Some(filter.from_day))
        .and("day <= ?", Some(filter.to_day))
        .and("api = ?", filter.api)
        .and("key = ?", filter.key)
        .grouped_by("day, key, secret, environment, outcome")
        .read(pool, order, MAX_COUNTS, day_count)
        .await
}

fn day_count(row: &Row) -> Outcome<DayCount> {
    Ok(DayCount {
        day: row.try_get("day")?,
        key: Some(stored(row, "key")?).filter(|key| *key != NOBODY),
        secret: Some(stored(row, "secret")?).filter(|number| *number != 0),
        environment: environment_if_known(row)?,
        outcome: row.try_get("outcome")?,
        count: stored(row, "count")?,
    })
}

fn environment_if_known(row: &Row) -> Outcome<Option<Environment>> {
    if row.try_get::<_, &str>("environment")?.is_empty() {
        return Ok(None);
    }
    Ok(Some(stored(row, "environment")?))
}

pub(super) async fn denials(
    pool: &Pool,
    key: Option<KeyId>,
    request: Option<String>,
) -> Outcome<Vec<DeniedAttempt>> {
    let request = match request.as_deref().map(request_id) {
        Some(None) => return Ok(Vec::new()),
        Some(known) => known,
        None => None,
    };
    let sql = "SELECT api, key, at, request, code, detail, address, endpoint FROM denials WHERE true";
    Select::new(sql)
        .and("key = ?", key)
        .and("request = ?", request)
        .read(pool, "at DESC, number DESC", MAX_DENIALS, denial)
        .await
}

fn denial(row: &Row) -> Outcome<DeniedAttempt> {
    Ok(DeniedAttempt {
        api: row.try_get::<_, &str>("api")?.into(),
        key: stored_if_any(row, "key")?,
        at: stored(row, "at")?,
        request: stored(row, "request")?,
        code: stored(row, "code")?,
        detail: row.try_get::<_, &str>("detail")?.into(),
        address: stored_if_any(row, "address")?,
        endpoint: row.try_get::<_, Option<&str>>("endpoint")?.map(Into::into),
    })
}
