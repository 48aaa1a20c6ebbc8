//! Lists: a SELECT of the clauses that were asked for, and pages.
//!
//! A clause that isn't asked for is left out rather than made true: SQLite chooses its indexes before it sees values.

use rusqlite::{Connection, Row, params_from_iter, types::Value};

use super::failure::Outcome;
use crate::Page;

/// A SELECT in the making. Its text comes from literals alone, its values are bound.
pub(super) struct Select {
    sql: String,
    values: Vec<Value>,
}

impl Select {
    /// Begins with `sql`, which ends within its WHERE clause and has one `?`: the first value.
    pub(super) fn new(sql: &'static str, value: impl Into<Value>) -> Self {
        Self { sql: sql.to_owned(), values: vec![value.into()] }
    }

    /// Adds a condition on `value`, if there is one.
    pub(super) fn and(mut self, condition: &'static str, value: Option<impl Into<Value>>) -> Self {
        if let Some(value) = value {
            self.sql.push_str(" AND ");
            self.sql.push_str(condition);
            self.values.push(value.into());
        }
        self
    }

    /// Adds a condition that needs no value.
    pub(super) fn and_if(mut self, asked: bool, condition: &'static str) -> Self {
        if asked {
            self.sql.push_str(" AND ");
            self.sql.push_str(condition);
        }
        self
    }

    /// Groups by these columns.
    pub(super) fn grouped_by(mut self, columns: &'static str) -> Self {
        self.sql.push_str(" GROUP BY ");
        self.sql.push_str(columns);
        self
    }

    /// Reads at most `limit` rows in this order.
    pub(super) fn read<T>(
        mut self,
        connection: &Connection,
        order: &'static str,
        limit: usize,
        row: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Outcome<Vec<T>> {
        self.sql.push_str(" ORDER BY ");
        self.sql.push_str(order);
        self.sql.push_str(" LIMIT ?");
        self.values.push(Value::Integer(i64::try_from(limit).unwrap_or(i64::MAX)));
        let mut statement = connection.prepare_cached(&self.sql)?;
        Ok(statement.query_map(params_from_iter(self.values), row)?.collect::<rusqlite::Result<_>>()?)
    }

    /// Reads a page: one row more than asked for says that there is a next one.
    pub(super) fn page<T, Id>(
        self,
        connection: &Connection,
        order: &'static str,
        limit: usize,
        row: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
        id: impl Fn(&T) -> Id,
    ) -> Outcome<Page<T, Id>> {
        let mut items = self.read(connection, order, limit.saturating_add(1), row)?;
        let more = items.len() > limit;
        items.truncate(limit);
        let next = if more { items.last().map(id) } else { None };
        Ok(Page { items, next })
    }
}

/// The value an id is bound as.
pub(super) fn blob(id: [u8; 16]) -> Value {
    Value::Blob(id.to_vec())
}

/// Where a list goes on after `id`; every id is greater than no bytes at all.
pub(super) fn after(id: Option<[u8; 16]>) -> Value {
    Value::Blob(id.map(Vec::from).unwrap_or_default())
}
