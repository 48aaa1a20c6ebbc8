//! Lists: a SELECT of the clauses that were asked for, and pages.

use tokio_postgres::Row;

use super::{
    ask::Ask,
    columns::{Bound, Column},
    failure::Outcome,
};
use crate::Page;

/// A SELECT in the making. Its text comes from literals alone, its values are bound.
pub(super) struct Select {
    sql: String,
    values: Vec<Bound>,
}

impl Select {
    /// Begins with `sql`, which ends within its WHERE clause.
    pub(super) fn new(sql: &str) -> Self {
        Self { sql: sql.to_owned(), values: Vec::new() }
    }

    /// Adds a condition on `value`, if there is one: each `?` is that value.
    pub(super) fn and(mut self, condition: &'static str, value: Option<impl Column>) -> Self {
        if let Some(value) = value {
            self.values.push(value.bound());
            let number = format!("${}", self.values.len());
            self.sql.push_str(" AND ");
            self.sql.push_str(&condition.replace('?', &number));
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
    pub(super) async fn read<T>(
        mut self,
        from: &impl Ask,
        order: &'static str,
        limit: usize,
        row: impl Fn(&Row) -> Outcome<T>,
    ) -> Outcome<Vec<T>> {
        self.values.push(i64::try_from(limit).unwrap_or(i64::MAX).bound());
        let clauses = format!(" ORDER BY {order} LIMIT ${}", self.values.len());
        self.sql.push_str(&clauses);
        from.rows(&self.sql, self.values).await?.iter().map(row).collect()
    }

    /// Reads a page: one row more than asked for says that there is a next one.
    pub(super) async fn page<T, Id>(
        self,
        from: &impl Ask,
        order: &'static str,
        limit: usize,
        row: impl Fn(&Row) -> Outcome<T>,
        id: impl Fn(&T) -> Id,
    ) -> Outcome<Page<T, Id>> {
        let mut items = self.read(from, order, limit.saturating_add(1), row).await?;
        let more = items.len() > limit;
        items.truncate(limit);
        let next = if more { items.last().map(id) } else { None };
        Ok(Page { items, next })
    }
}
