//! One statement for many rows.
//!
//! Each statement that fires a trigger takes a savepoint, and within a change giving that back costs as much as the
//! change has written; and of a statement that changes one row, most of the time isn't spent on the row.

use rusqlite::{Connection, Statement, ToSql};

use super::failure::Outcome;

/// Rows of one statement.
const TOGETHER: usize = 100;

/// The values of a statement's rows, in the order of its placeholders.
pub(super) struct Values<'a, 'c> {
    statement: &'a mut Statement<'c>,
    put: usize,
}

impl Values<'_, '_> {
    /// The next one.
    pub(super) fn put(&mut self, value: impl ToSql) -> rusqlite::Result<()> {
        self.put += 1;
        self.statement.raw_bind_parameter(self.put, value)
    }
}

/// Runs a statement, which `sql` makes of the placeholders of its rows, for every [`TOGETHER`] of `rows`; `put` puts the
/// values of each into its so many columns.
pub(super) fn together<T>(
    connection: &Connection,
    rows: &[T],
    columns: usize,
    sql: impl Fn(&str) -> String,
    put: impl Fn(&T, &mut Values<'_, '_>) -> rusqlite::Result<()>,
) -> Outcome<()> {
    let row = format!("({})", vec!["?"; columns].join(", "));
    let of_many = |rows: usize| sql(&vec![row.as_str(); rows].join(", "));
    let run = |statement: &mut Statement<'_>, rows: &[T]| -> rusqlite::Result<()> {
        let mut values = Values { statement, put: 0 };
        rows.iter().try_for_each(|row| put(row, &mut values))?;
        statement.raw_execute().map(drop)
    };
    let whole = rows.chunks_exact(TOGETHER);
    let rest = whole.remainder();
    if whole.len() > 0 {
        let mut statement = connection.prepare_cached(&of_many(TOGETHER))?;
        whole.into_iter().try_for_each(|rows| run(&mut statement, rows))?;
    }
    if !rest.is_empty() {
        run(&mut connection.prepare(&of_many(rest.len()))?, rest)?;
    }
    Ok(())
}
