//! The ledger of quotas: reservations in one row for all nodes.

use std::sync::Arc;

use async_trait::async_trait;
use claviger_verify::limits::{Allotment, Grant, LedgerError, QuotaLedger};

use super::{
    Inner,
    ask::Ask,
    change::{Change, Durability, Left, make},
    columns::{bind, stored},
    failure::Outcome,
};
use crate::StoreError;

/// Days for which periods that are over are kept: longer than two months.
const KEPT: i64 = 62;

/// The database as the ledger.
pub(super) struct Ledger(pub(super) Arc<Inner>);

#[async_trait]
impl QuotaLedger for Ledger {
    async fn reserve(&self, of: &Allotment, amount: u32, limit: u32) -> Result<Grant, LedgerError> {
        let reserved =
            make!(&self.0.pool, Durability::EveryCommit, |change| reserve(change, of, amount, limit));
        let grant = reserved.map(|done| done.value).map_err(|error| LedgerError(error.to_string()))?;
        // The first of its period: a good time to forget older ones, and one that comes seldom.
        if grant.granted == grant.reserved {
            let inner = Arc::clone(&self.0);
            let before = of.period.begins - KEPT;
            tokio::spawn(async move {
                let forgotten = make!(&inner.pool, Durability::Soon, |change| forget(change, before));
                if let Err(error) = forgotten {
                    tracing::debug!(%error, "quotas of long ago can't be forgotten yet");
                }
            });
        }
        Ok(grant)
    }

    async fn give_back(&self, of: &Allotment, amount: u32) -> Result<(), LedgerError> {
        let given = make!(&self.0.pool, Durability::EveryCommit, |change| give_back(change, of, amount));
        given.map(drop).map_err(|error| LedgerError(error.to_string()))
    }
}

async fn reserve(change: &Change, of: &Allotment, amount: u32, limit: u32) -> Outcome<Left<Grant>> {
    let sql = "INSERT INTO quotas AS known (key, name, begins, reserved,      granted)
               VALUES                      ($1,  $2,   $3,     least($4, $5), least($4, $5))
               ON CONFLICT (key, name, begins)
               DO UPDATE SET reserved = known.reserved + least($4, greatest(0, $5 - known.reserved)),
                             granted  =                  least($4, greatest(0, $5 - known.reserved))
               RETURNING reserved, granted";
    let values = bind![of.key, of.name.as_str(), of.period.begins, amount, limit];
    let row = change.row(sql, values).await?;
    let row = row.ok_or_else(|| StoreError::Internal("a reservation left no row".to_owned()))?;
    Ok(Left::made(Grant { granted: stored(&row, "granted")?, reserved: stored(&row, "reserved")? }))
}

async fn forget(change: &Change, before: i64) -> Outcome<Left<()>> {
    change.execute("DELETE FROM quotas WHERE begins < $1", bind![before]).await?;
    Ok(Left::made(()))
}

async fn give_back(change: &Change, of: &Allotment, amount: u32) -> Outcome<Left<()>> {
    let sql = "UPDATE quotas
                  SET reserved = greatest(0, reserved - $4)
                WHERE key = $1
                  AND name = $2
                  AND begins = $3";
    change.execute(sql, bind![of.key, of.name.as_str(), of.period.begins, amount]).await?;
    Ok(Left::made(()))
}
