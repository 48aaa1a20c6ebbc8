//! Receipts that have something to remember.

use claviger_verify::feed::Seq;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{
    columns::{stored, stored_if_any},
    failure::Outcome,
};
use crate::{ReceiptRow, verbs::RECEIPT_KEPT_MILLIS, words::to_json};

/// Keeps a receipt, and forgets those that were complete long before it. One that was complete stays so.
pub(super) fn put(connection: &Connection, receipt: &ReceiptRow) -> Outcome<()> {
    if let Some((_, now)) = receipt.complete {
        let long_ago = now.as_millis().saturating_sub(RECEIPT_KEPT_MILLIS);
        connection.prepare_cached("DELETE FROM receipts WHERE completed_at < ?1")?.execute([long_ago])?;
    }
    let sql = "INSERT INTO receipts (seq, via, guaranteed_by, completed_at, confirmed, pending)
               VALUES               (?1,  ?2,  ?3,            ?4,           ?5,        ?6)
               ON CONFLICT (seq)
               DO UPDATE SET via          = excluded.via,
                             completed_at = excluded.completed_at,
                             confirmed    = excluded.confirmed,
                             pending      = excluded.pending
                       WHERE receipts.via IS NULL";
    let (via, completed_at) = receipt.complete.unzip();
    connection.prepare_cached(sql)?.execute(params![
        receipt.seq.0,
        via.map(claviger_verify::nodes::Via::as_str),
        receipt.guaranteed_by.as_millis(),
        completed_at.map(claviger_model::Timestamp::as_millis),
        to_json(&receipt.confirmed),
        to_json(&receipt.pending),
    ])?;
    Ok(())
}

pub(super) fn find(connection: &Connection, seq: Seq) -> Outcome<Option<ReceiptRow>> {
    let sql = "SELECT seq, via, guaranteed_by, completed_at, confirmed, pending FROM receipts WHERE seq = ?1";
    Ok(connection.prepare_cached(sql)?.query_one([seq.0], receipt).optional()?)
}

fn receipt(row: &Row<'_>) -> rusqlite::Result<ReceiptRow> {
    let via = stored_if_any(row, "via")?;
    Ok(ReceiptRow {
        seq: Seq(row.get("seq")?),
        complete: via.zip(stored_if_any(row, "completed_at")?),
        guaranteed_by: stored(row, "guaranteed_by")?,
        confirmed: stored(row, "confirmed")?,
        pending: stored(row, "pending")?,
    })
}
