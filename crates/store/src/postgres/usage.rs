//! Counts, last uses and denied attempts as they come in, a batch in one transaction and each batch once.
//!
//! Rows that several nodes write are written in one order, and what is forgotten is whatever nobody else holds.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use async_trait::async_trait;
use claviger_model::{Environment, KeyId};
use claviger_verify::usage::{BatchId, Bucket, DeniedAttempt, LastUse, SinkError, UsageBatch, UsageSink};

use super::{
    Inner,
    change::{Change, Durability, Left, make},
    columns::{array, bind},
    failure::Outcome,
};
use crate::usage::{KEPT_OF_KEY, KEPT_OF_UNKNOWN};

/// What an unknown key is called in a primary key.
pub(super) const NOBODY: KeyId = KeyId::from_bytes([0; 16]);

/// The database as the place where counts go.
pub(super) struct Sink(pub(super) Arc<Inner>);

#[async_trait]
impl UsageSink for Sink {
    async fn add(&self, id: BatchId, batch: &UsageBatch) -> Result<(), SinkError> {
        let added = make!(&self.0.pool, Durability::Soon, |change| add(change, id, batch));
        added.map(drop).map_err(|error| SinkError(error.to_string()))
    }
}

async fn add(change: &Change, id: BatchId, batch: &UsageBatch) -> Outcome<Left<()>> {
    let sql = "INSERT INTO batches (incarnation, number) VALUES ($1, $2) ON CONFLICT DO NOTHING";
    if change.execute(sql, bind![id.incarnation, id.number]).await? > 0 {
        add_counts(change, &batch.counts).await?;
        add_last_uses(change, &batch.last_uses).await?;
        add_denials(change, &batch.denials).await?;
        trim_denials(change, &batch.denials).await?;
        forget(change).await?;
    }
    Ok(Left::made(()))
}

async fn add_counts(change: &Change, counts: &[(Bucket, u64)]) -> Outcome<()> {
    let mut rows: BTreeMap<(KeyId, i64, &str, u16, &str, &str), u64> = BTreeMap::new();
    for (bucket, count) in counts.iter().filter(|(_, count)| *count > 0) {
        let (key, secret) = bucket.secret.map_or((NOBODY, 0), |secret| (secret.key, secret.secret));
        let environment = bucket.environment.map_or("", Environment::as_str);
        let place = (key, bucket.day, &*bucket.api, secret, environment, bucket.outcome.as_str());
        *rows.entry(place).or_default() += count;
    }
    if rows.is_empty() {
        return Ok(());
    }
    let sql = "INSERT INTO counts AS known (key, day, api, secret, environment, outcome, count)
               SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7)
               ON CONFLICT (key, day, api, secret, environment, outcome)
               DO UPDATE SET count = known.count + excluded.count";
    let values = vec![
        array(rows.keys().map(|row| row.0)),
        array(rows.keys().map(|row| row.1)),
        array(rows.keys().map(|row| row.2)),
        array(rows.keys().map(|row| row.3)),
        array(rows.keys().map(|row| row.4)),
        array(rows.keys().map(|row| row.5)),
        array(rows.values().copied()),
    ];
    change.execute(sql, values).await.map(drop)
}

pub(super) async fn add_last_uses(change: &Change, last_uses: &[LastUse]) -> Outcome<()> {
    let mut rows: BTreeMap<(KeyId, u16), &LastUse> = BTreeMap::new();
    for last in last_uses {
        let known = rows.entry((last.secret.key, last.secret.secret)).or_insert(last);
        if last.at >= known.at {
            *known = last;
        }
    }
    if rows.is_empty() {
        return Ok(());
    }
    let sql = "INSERT INTO last_uses AS known (key, secret, at, address, endpoint)
               SELECT * FROM unnest($1, $2, $3, $4, $5)
               ON CONFLICT (key, secret)
               DO UPDATE SET at       = excluded.at,
                             address  = excluded.address,
                             endpoint = excluded.endpoint
                       WHERE excluded.at >= known.at";
    let values = vec![
        array(rows.keys().map(|row| row.0)),
        array(rows.keys().map(|row| row.1)),
        array(rows.values().map(|last| last.at)),
        array(rows.values().map(|last| last.address)),
        array(rows.values().map(|last| last.endpoint.as_deref())),
    ];
    change.execute(sql, values).await.map(drop)
}

async fn add_denials(change: &Change, denials: &[DeniedAttempt]) -> Outcome<()> {
    if denials.is_empty() {
        return Ok(());
    }
    let sql = "INSERT INTO denials (api, key, at, request, code, detail, address, endpoint)
               SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8)";
    let values = vec![
        array(denials.iter().map(|denial| &*denial.api)),
        array(denials.iter().map(|denial| denial.key)),
        array(denials.iter().map(|denial| denial.at)),
        array(denials.iter().map(|denial| denial.request)),
        array(denials.iter().map(|denial| denial.code.as_str())),
        array(denials.iter().map(|denial| &*denial.detail)),
        array(denials.iter().map(|denial| denial.address)),
        array(denials.iter().map(|denial| denial.endpoint.as_deref())),
    ];
    change.execute(sql, values).await.map(drop)
}

async fn trim_denials(change: &Change, added: &[DeniedAttempt]) -> Outcome<()> {
    let keys: BTreeSet<KeyId> = added.iter().filter_map(|denial| denial.key).collect();
    if !keys.is_empty() {
        let sql = "DELETE FROM denials
                    WHERE number IN (SELECT old.number
                                       FROM unnest($1) AS of (key)
                                      CROSS JOIN LATERAL (SELECT number
                                                            FROM denials
                                                           WHERE key = of.key
                                                           ORDER BY at DESC, number DESC
                                                          OFFSET $2
                                                             FOR UPDATE SKIP LOCKED) AS old)";
        let mut values = vec![array(keys)];
        values.extend(bind![KEPT_OF_KEY]);
        change.execute(sql, values).await?;
    }
    if added.iter().any(|denial| denial.key.is_none()) {
        let sql = "DELETE FROM denials
                    WHERE number IN (SELECT number
                                       FROM denials
                                      WHERE key IS NULL
                                      ORDER BY at DESC, number DESC
                                     OFFSET $1
                                        FOR UPDATE SKIP LOCKED)";
        change.execute(sql, bind![KEPT_OF_UNKNOWN]).await?;
    }
    Ok(())
}

/// Forgets the batches that nobody offers again.
async fn forget(change: &Change) -> Outcome<()> {
    let sql = "DELETE FROM batches
                WHERE (incarnation, number) IN (SELECT incarnation, number
                                                  FROM batches
                                                 WHERE at < clock_timestamp() - interval '2 days'
                                                 LIMIT 1000
                                                   FOR UPDATE SKIP LOCKED)";
    change.execute(sql, Vec::new()).await.map(drop)
}
