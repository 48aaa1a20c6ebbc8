//! Rows as they are, for whoever copies them.

use rusqlite::{Connection, Row, types::ValueRef};

use super::{columns::stored, failure::Outcome};
use crate::{
    StoreError,
    audit::Head,
    copy::{Batch, Kind, Standing, Table, Values},
};

/// Who takes rows; false where nobody does any more.
pub(crate) type Taker<'a> = &'a dyn Fn(Batch) -> bool;

/// Most rows handed over at a time, and from how many bytes on it is fewer.
const ROWS: u64 = 5_000;
const BYTES: usize = 4 << 20;

/// Where the feed and the trail stand.
pub(super) fn standing(connection: &Connection) -> Outcome<Standing> {
    let sql = "SELECT installation, seq, audit_number, audit_hash FROM feed_head";
    let standing = |row: &Row<'_>| {
        Ok(Standing {
            installation: stored(row, "installation")?,
            seq: row.get("seq")?,
            trail: Head { number: row.get("audit_number")?, hash: row.get("audit_hash")? },
        })
    };
    Ok(connection.query_one(sql, [], standing)?)
}

/// Hands over the rows of a table, in its order.
pub(super) fn read(connection: &Connection, table: &'static Table, take: Taker<'_>) -> Outcome<()> {
    let columns: Vec<_> = table.columns.iter().map(|(name, _)| *name).collect();
    let sql = format!("SELECT {} FROM {} ORDER BY {}", columns.join(", "), table.name, table.order);
    let mut statement = connection.prepare(&sql)?;
    let mut rows = statement.query([])?;
    let (mut batch, mut bytes) = (Batch::of(table), 0);
    while let Some(row) = rows.next()? {
        bytes += add(&mut batch, row)?;
        if batch.rows >= ROWS || bytes >= BYTES {
            hand_over(std::mem::replace(&mut batch, Batch::of(table)), take)?;
            bytes = 0;
        }
    }
    if batch.rows > 0 { hand_over(batch, take) } else { Ok(()) }
}

fn hand_over(batch: Batch, take: Taker<'_>) -> Outcome<()> {
    if take(batch) { Ok(()) } else { Err(StoreError::Unavailable("nobody takes the rows".to_owned()).into()) }
}

/// Adds a row; about how many bytes it has.
fn add(batch: &mut Batch, row: &Row<'_>) -> Outcome<usize> {
    let mut bytes = 0;
    for (index, ((_, kind), values)) in batch.table.columns.iter().zip(&mut batch.values).enumerate() {
        let value = row.get_ref(index)?;
        bytes += match value {
            ValueRef::Text(data) | ValueRef::Blob(data) => data.len(),
            _ => size_of::<i64>(),
        };
        match values {
            Values::Ids(ids) if *kind == Kind::IdOrNobody && value == ValueRef::Blob(&[]) => {
                ids.push(Some([0; 16]));
            }
            Values::Ids(ids) => ids.push(row.get(index)?),
            Values::Bytes(all) => all.push(row.get(index)?),
            Values::Texts(texts) => texts.push(row.get(index)?),
            Values::Numbers(numbers) => numbers.push(row.get(index)?),
        }
    }
    batch.rows += 1;
    Ok(bytes)
}
