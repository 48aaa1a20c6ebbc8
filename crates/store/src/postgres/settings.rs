//! Facts of the installation, by name.

use super::{
    ask::Ask,
    change::{Change, Left},
    columns::bind,
    failure::Outcome,
};
use crate::StoreError;

pub(super) async fn find(from: &impl Ask, name: &str) -> Outcome<Option<Vec<u8>>> {
    let row = from.row("SELECT value FROM settings WHERE name = $1", bind![name]).await?;
    Ok(row.map(|row| row.try_get(0)).transpose()?)
}

/// Whoever comes second waits for the first one's commit, and then sees its value.
pub(super) async fn put_if_absent(change: &Change, name: &str, value: &Vec<u8>) -> Outcome<Left<Vec<u8>>> {
    let sql = "INSERT INTO settings (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING";
    change.execute(sql, bind![name, value]).await?;
    let found = find(change, name).await?;
    Ok(Left::made(found.ok_or_else(|| StoreError::Internal(format!("the setting {name} vanished")))?))
}
