//! The ledger of quotas: reservations in the usage file.

use std::sync::Arc;

use async_trait::async_trait;
use claviger_verify::limits::{Allotment, Grant, LedgerError, QuotaLedger};
use rusqlite::{Connection, params};

use super::{Inner, failure::Outcome};

/// Days for which periods that are over are kept: longer than two months.
const KEPT: i64 = 62;

/// The usage file as the ledger.
pub(super) struct Ledger(pub(super) Arc<Inner>);

#[async_trait]
impl QuotaLedger for Ledger {
    async fn reserve(&self, of: &Allotment, amount: u32, limit: u32) -> Result<Grant, LedgerError> {
        let of = of.clone();
        let reserved =
            self.0.usage_writer.run(move |connection| reserve(connection, &of, amount, limit)).await;
        reserved.map_err(|error| LedgerError(error.to_string()))
    }

    async fn give_back(&self, of: &Allotment, amount: u32) -> Result<(), LedgerError> {
        let of = of.clone();
        let given = self.0.usage_writer.run(move |connection| give_back(connection, &of, amount)).await;
        given.map_err(|error| LedgerError(error.to_string()))
    }
}

fn reserve(connection: &Connection, of: &Allotment, amount: u32, limit: u32) -> Outcome<Grant> {
    let sql = "DELETE FROM quotas WHERE begins < ?1";
    connection.prepare_cached(sql)?.execute([of.period.begins - KEPT])?;
    let sql = "INSERT INTO quotas (key, name, begins, reserved,     granted)
               VALUES             (?1,  ?2,   ?3,     min(?4, ?5),  min(?4, ?5))
               ON CONFLICT (key, name, begins)
               DO UPDATE SET reserved = reserved + min(?4, max(0, ?5 - reserved)),
                             granted  =            min(?4, max(0, ?5 - reserved))
               RETURNING reserved, granted";
    let (key, name) = (of.key.to_bytes(), of.name.as_str());
    let values = params![key, name, of.period.begins, amount, limit];
    let grant = connection.prepare_cached(sql)?.query_row(values, |row| {
        Ok(Grant { granted: row.get("granted")?, reserved: row.get("reserved")? })
    })?;
    Ok(grant)
}

fn give_back(connection: &Connection, of: &Allotment, amount: u32) -> Outcome<()> {
    let sql = "UPDATE quotas
                  SET reserved = max(0, reserved - ?4)
                WHERE key = ?1
                  AND name = ?2
                  AND begins = ?3";
    let (key, name) = (of.key.to_bytes(), of.name.as_str());
    connection.prepare_cached(sql)?.execute(params![key, name, of.period.begins, amount])?;
    Ok(())
}
