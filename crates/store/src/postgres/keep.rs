//! What is done to a database that was put back.

use super::{
    ask::Ask as _,
    change::{Change, Left},
    columns::{bind, stored},
    failure::Outcome,
    settings,
};
use crate::{AuditNote, LostChanges, StoreError, lost::LOST_CHANGES};

/// Ends what nobody can say had not ended, and passes over the numbers of changes that were lost. Nodes that run see
/// that numbers are missing, and load everything again.
pub(super) async fn begin_anew(change: &mut Change, note: &AuditNote) -> Outcome<Left<()>> {
    for sql in
        ["DELETE FROM sessions", "DELETE FROM links", "DELETE FROM codes", "DELETE FROM refresh_tokens"]
    {
        change.execute(sql, Vec::new()).await?;
    }
    let before = seq(change, "SELECT seq FROM feed_head FOR UPDATE").await?;
    let sql = "UPDATE feed_head SET seq = ((seq >> 32) + 1) << 32, mark = gen_random_uuid() RETURNING seq";
    let begins = seq(change, sql).await?;
    let lost = LostChanges::read(settings::find(change, LOST_CHANGES).await?.as_deref()).with(before, begins);
    let sql = "INSERT INTO settings (name, value) VALUES ($1, $2)
               ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    change.execute(sql, bind![LOST_CHANGES, lost]).await?;
    change.tell(note, None, None);
    Ok(Left::made(()))
}

async fn seq(change: &Change, sql: &str) -> Outcome<u64> {
    let row = change.row(sql, Vec::new()).await?;
    let row = row.ok_or_else(|| StoreError::Internal("feed_head is empty".to_owned()))?;
    Ok(stored(&row, 0)?)
}
