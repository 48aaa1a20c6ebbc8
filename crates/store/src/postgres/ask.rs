//! Statements: each is sent unnamed and with the types of its values, in one round trip.
//!
//! Nothing is prepared, so nothing is expected of a connection: a pooler between us may hand every transaction to
//! another one, and no plan outlives a migration.

use std::{future::Future, time::Duration};

use futures_util::TryStreamExt;
use tokio_postgres::{
    Client, Row,
    types::{ToSql, Type},
};

use super::{
    columns::Bound,
    failure::{Failure, Outcome},
    pool::Pool,
};

/// Until the server gives up a read, and a little more until we do.
const READ: &str = "BEGIN READ ONLY; SET LOCAL jit = off; SET LOCAL statement_timeout = '10s'";
const READ_PATIENCE: Duration = Duration::from_secs(11);

/// Whoever can be asked: by itself, or as part of a change.
pub(super) trait Ask: Sync {
    /// The rows of a statement.
    fn rows(&self, sql: &str, values: Vec<Bound>) -> impl Future<Output = Outcome<Vec<Row>>> + Send;

    /// The one row of a statement that finds one at most.
    fn row(&self, sql: &str, values: Vec<Bound>) -> impl Future<Output = Outcome<Option<Row>>> + Send {
        async { Ok(self.rows(sql, values).await?.into_iter().next()) }
    }
}

/// One statement of a transaction that was begun.
impl Ask for Client {
    async fn rows(&self, sql: &str, values: Vec<Bound>) -> Outcome<Vec<Row>> {
        rows(self, sql, values).await
    }
}

/// The rows of a statement.
pub(super) async fn rows(client: &Client, sql: &str, values: Vec<Bound>) -> Outcome<Vec<Row>> {
    Ok(client.query_typed_raw(sql, values).await?.try_collect().await?)
}

/// How many rows a statement changed.
pub(super) async fn execute(client: &Client, sql: &str, values: Vec<Bound>) -> Outcome<u64> {
    let typed: Vec<(&(dyn ToSql + Sync), Type)> =
        values.iter().map(|(value, of)| (&**value as &(dyn ToSql + Sync), of.clone())).collect();
    Ok(client.execute_typed(sql, &typed).await?)
}

/// One read: what it finds is of one instant, since it is one statement.
impl Ask for Pool {
    async fn rows(&self, sql: &str, values: Vec<Bound>) -> Outcome<Vec<Row>> {
        let again = values.iter().map(|(value, of)| (value.as_ref(), of.clone())).collect::<Vec<_>>();
        match read(self, sql, &again).await {
            // The server was restarted since; what remains on the shelf is likely to be as dead.
            Err(failure) if failure.is_disconnect() => {
                self.clear();
                read(self, sql, &again).await
            }
            answer => answer,
        }
    }
}

/// The three messages are sent together: a read costs one round trip.
async fn read(pool: &Pool, sql: &str, values: &[(&(dyn ToSql + Sync + Send), Type)]) -> Outcome<Vec<Row>> {
    let lent = pool.lend().await?;
    let typed: Vec<(&(dyn ToSql + Sync), Type)> =
        values.iter().map(|(value, of)| (*value as &(dyn ToSql + Sync), of.clone())).collect();
    let all = async {
        tokio::join!(
            biased;
            lent.batch_execute(READ),
            lent.query_typed(sql, &typed),
            lent.batch_execute("COMMIT"),
        )
    };
    let Ok((begun, found, ended)) = tokio::time::timeout(READ_PATIENCE, all).await else {
        return Err(Failure::TimedOut(READ_PATIENCE));
    };
    begun?;
    // After a failed statement COMMIT rolls back: the connection is as good as before.
    if ended.is_ok() {
        lent.give_back();
    }
    Ok(found?)
}
