//! Receipts that have something to remember.

use claviger_verify::{feed::Seq, nodes::Via};
use tokio_postgres::Row;

use super::{
    ask::Ask,
    change::{Change, Left},
    columns::{bind, stored, stored_if_any},
    failure::Outcome,
    pool::Pool,
};
use crate::{ReceiptRow, verbs::RECEIPT_KEPT_MILLIS, words::to_json};

/// Keeps a receipt, and forgets those that were complete long before it. One that was complete stays so.
pub(super) async fn put(change: &Change, receipt: &ReceiptRow) -> Outcome<Left<()>> {
    if let Some((_, now)) = receipt.complete {
        let long_ago = now.as_millis().saturating_sub(RECEIPT_KEPT_MILLIS);
        change.execute("DELETE FROM receipts WHERE completed_at < $1", bind![long_ago]).await?;
    }
    let sql = "INSERT INTO receipts AS known (seq, via, guaranteed_by, completed_at, confirmed, pending)
               VALUES                        ($1,  $2,  $3,            $4,           $5,        $6)
               ON CONFLICT (seq)
               DO UPDATE SET via          = excluded.via,
                             completed_at = excluded.completed_at,
                             confirmed    = excluded.confirmed,
                             pending      = excluded.pending
                       WHERE known.via IS NULL";
    let (via, completed_at) = receipt.complete.unzip();
    let values = bind![
        receipt.seq.0,
        via.map(Via::as_str),
        receipt.guaranteed_by,
        completed_at,
        to_json(&receipt.confirmed),
        to_json(&receipt.pending),
    ];
    change.execute(sql, values).await?;
    Ok(Left::made(()))
}

pub(super) async fn find(pool: &Pool, seq: Seq) -> Outcome<Option<ReceiptRow>> {
    let sql = "SELECT seq, via, guaranteed_by, completed_at, confirmed, pending FROM receipts WHERE seq = $1";
    pool.row(sql, bind![seq.0]).await?.as_ref().map(receipt).transpose()
}

fn receipt(row: &Row) -> Outcome<ReceiptRow> {
    let via = stored_if_any(row, "via")?;
    Ok(ReceiptRow {
        seq: Seq(stored(row, "seq")?),
        complete: via.zip(stored_if_any(row, "completed_at")?),
        guaranteed_by: stored(row, "guaranteed_by")?,
        confirmed: stored(row, "confirmed")?,
        pending: stored(row, "pending")?,
    })
}
