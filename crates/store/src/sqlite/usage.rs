//! Counts, last uses and denied attempts as they come in, a batch in one transaction and each batch once.

use std::{collections::BTreeSet, sync::Arc};

use async_trait::async_trait;
use claviger_model::{KeyId, RequestId};
use claviger_verify::usage::{BatchId, Bucket, DeniedAttempt, LastUse, SinkError, UsageBatch, UsageSink};
use rusqlite::{Connection, params};

use super::{Inner, failure::Outcome};
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
    for (bucket, count) in &batch.counts {
        add_count(connection, bucket, *count)?;
    }
    for last_use in &batch.last_uses {
        add_last_use(connection, last_use)?;
    }
    for denial in &batch.denials {
        add_denial(connection, denial)?;
    }
    trim_denials(connection, &batch.denials)
}

fn add_count(connection: &Connection, bucket: &Bucket, count: u64) -> Outcome<()> {
    if count == 0 {
        return Ok(());
    }
    let sql = "INSERT INTO counts (key, day, api, secret, environment, outcome, count)
               VALUES             (?1,  ?2,  ?3,  ?4,     ?5,          ?6,      ?7)
               ON CONFLICT (key, day, api, secret, environment, outcome)
               DO UPDATE SET count = count + excluded.count";
    let (key, number) = match bucket.secret {
        Some(secret) => (secret.key.to_bytes().to_vec(), secret.secret),
        None => (Vec::new(), 0),
    };
    connection.prepare_cached(sql)?.execute(params![
        key,
        bucket.day,
        bucket.api,
        number,
        bucket.environment.map_or("", claviger_model::Environment::as_str),
        bucket.outcome.as_str(),
        count,
    ])?;
    Ok(())
}

fn add_last_use(connection: &Connection, last: &LastUse) -> Outcome<()> {
    let sql = "INSERT INTO last_uses (key, secret, at, address, endpoint)
               VALUES                (?1,  ?2,     ?3, ?4,      ?5)
               ON CONFLICT (key, secret)
               DO UPDATE SET at       = excluded.at,
                             address  = excluded.address,
                             endpoint = excluded.endpoint
                       WHERE excluded.at >= at";
    connection.prepare_cached(sql)?.execute(params![
        last.secret.key.to_bytes(),
        last.secret.secret,
        last.at.as_millis(),
        last.address.map(|address| address.to_string()),
        last.endpoint,
    ])?;
    Ok(())
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
