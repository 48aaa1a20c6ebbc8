//! Counts, last uses and denied attempts as they come in, a batch in one transaction and each batch once.

use std::{collections::BTreeSet, sync::Arc};

use async_trait::async_trait;
use claviger_model::{KeyId, RequestId};
use claviger_verify::usage::{BatchId, Bucket, DeniedAttempt, LastUse, SinkError, UsageBatch, UsageSink};
use rusqlite::{Connection, params};

use super::{Inner, failure::Outcome, together::together};
use crate::usage::{KEPT_OF_KEY, KEPT_OF_UNKNOWN};

/// Forgets the batches of processes that are gone: with the directory's lock held, that is all of them.
pub(super) fn begin(connection: &Connection) -> Outcome<()> {
    connection.execute("DELETE FROM batches", [])?;
    Ok(())
}

/// The usage file as the place where counts go.
pub(super) struct Sink(pub(super) Arc<Inner>);

#[async_trait]
impl UsageSink for Sink {
    async fn add(&self, id: BatchId, batch: &UsageBatch) -> Result<(), SinkError> {
        let batch = batch.clone();
        let added = self.0.usage_writer.run(move |connection| add(connection, id, &batch)).await;
        added.map_err(|error| SinkError(error.to_string()))
    }
}

fn add(connection: &Connection, id: BatchId, batch: &UsageBatch) -> Outcome<()> {
    let sql = "INSERT INTO batches (incarnation, number) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
    let new = connection.prepare_cached(sql)?.execute(params![id.incarnation, id.number])?;
    if new == 0 {
        return Ok(());
    }
    add_counts(connection, &batch.counts)?;
    add_last_uses(connection, &batch.last_uses)?;
    for denial in &batch.denials {
        add_denial(connection, denial)?;
    }
    trim_denials(connection, &batch.denials)
}

/// In the order of the table, so that neighbours are found without going down its tree again.
fn add_counts(connection: &Connection, counts: &[(Bucket, u64)]) -> Outcome<()> {
    let sql = |rows: &str| {
        format!(
            "INSERT INTO counts (key, day, api, secret, environment, outcome, count)
             VALUES {rows}
             ON CONFLICT (key, day, api, secret, environment, outcome)
             DO UPDATE SET count = count + excluded.count"
        )
    };
    let mut counts: Vec<_> = counts.iter().filter(|(_, count)| *count > 0).collect();
    counts.sort_unstable_by_key(|(bucket, _)| (bucket.secret.map(|secret| secret.key), bucket.day));
    together(connection, &counts, 7, sql, |(bucket, count), values| {
        let key = bucket.secret.map(|secret| secret.key.to_bytes());
        values.put(key.as_ref().map_or(&[][..], |key| &key[..]))?;
        values.put(bucket.day)?;
        values.put(&bucket.api)?;
        values.put(bucket.secret.map_or(0, |secret| secret.secret))?;
        values.put(bucket.environment.map_or("", claviger_model::Environment::as_str))?;
        values.put(bucket.outcome.as_str())?;
        values.put(count)
    })
}

/// Likewise.
pub(super) fn add_last_uses(connection: &Connection, uses: &[LastUse]) -> Outcome<()> {
    let sql = |rows: &str| {
        format!(
            "INSERT INTO last_uses (key, secret, at, address, endpoint)
             VALUES {rows}
             ON CONFLICT (key, secret)
             DO UPDATE SET at       = excluded.at,
                           address  = excluded.address,
                           endpoint = excluded.endpoint
                     WHERE excluded.at >= at"
        )
    };
    let mut uses: Vec<_> = uses.iter().collect();
    uses.sort_unstable_by_key(|last| last.secret.key);
    together(connection, &uses, 5, sql, |last, values| {
        values.put(last.secret.key.to_bytes())?;
        values.put(last.secret.secret)?;
        values.put(last.at.as_millis())?;
        values.put(last.address.map(|address| address.to_string()))?;
        values.put(&last.endpoint)
    })
}

fn add_denial(connection: &Connection, denial: &DeniedAttempt) -> Outcome<()> {
    let sql = "INSERT INTO denials (api, key, at, request, code, detail, address, endpoint)
               VALUES              (?1,  ?2,  ?3, ?4,      ?5,   ?6,     ?7,      ?8)";
    connection.prepare_cached(sql)?.execute(params![
        denial.api,
        denial.key.map(KeyId::to_bytes),
        denial.at.as_millis(),
        RequestId::to_bytes(denial.request),
        denial.code.as_str(),
        denial.detail,
        denial.address.map(|address| address.to_string()),
        denial.endpoint,
    ])?;
    Ok(())
}

fn trim_denials(connection: &Connection, added: &[DeniedAttempt]) -> Outcome<()> {
    let sql = "DELETE FROM denials
                WHERE key IS ?1
                  AND number NOT IN (SELECT number
                                       FROM denials
                                      WHERE key IS ?1
                                      ORDER BY at DESC, number DESC
                                      LIMIT ?2)";
    let mut trim = connection.prepare_cached(sql)?;
    let keys: BTreeSet<Option<KeyId>> = added.iter().map(|denial| denial.key).collect();
    for key in keys {
        let kept = if key.is_some() { KEPT_OF_KEY } else { KEPT_OF_UNKNOWN };
        trim.execute(params![key.map(KeyId::to_bytes), kept])?;
    }
    Ok(())
}
