//! Arriving: an installation that was kept elsewhere is written into an empty database, in one transaction.

use std::time::Duration;

use claviger_model::{InstallationId, NodeId};
use tokio_postgres::Row;

use super::{
    address::Address,
    ask::{self, Ask},
    audit,
    columns::{Bound, array, bind, stored},
    connect::{Connection, Connector},
    failure::{self, Outcome, of_open},
    migrate::prepare,
};
use crate::{
    ChainCheck, OpenError, StoreError,
    copy::{Batch, Standing, Table, Values},
};

/// How long the answer to COMMIT is waited for: a standby far behind may have to write all of it first.
const COMMIT: Duration = Duration::from_mins(1);
/// How long statistics are waited for, which the server gathers by itself otherwise.
const ANALYSIS: Duration = Duration::from_secs(30);

/// Locked first, the feed's head keeps every node from starting, for each of them reads there which installation it
/// serves. Copied rows are no changes: nobody has followed the feed of this database yet, so it begins where the old one
/// ended, and the triggers that would append to it are set aside until the end of this transaction. That takes no right
/// beyond owning the tables, and nobody else sees it.
const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED;
                     SET LOCAL lock_timeout = '10s';
                     SET LOCAL statement_timeout = '600s';
                     SET LOCAL idle_in_transaction_session_timeout = '600s';
                     SET LOCAL synchronous_commit = on;
                     LOCK TABLE feed_head IN ACCESS EXCLUSIVE MODE;
                     ALTER TABLE accounts       DISABLE TRIGGER accounts_feed;
                     ALTER TABLE accounts       DISABLE TRIGGER accounts_feed_insert;
                     ALTER TABLE keys           DISABLE TRIGGER keys_feed;
                     ALTER TABLE secrets        DISABLE TRIGGER secrets_feed;
                     ALTER TABLE secrets        DISABLE TRIGGER secrets_feed_insert;
                     ALTER TABLE operators      DISABLE TRIGGER operators_feed;
                     ALTER TABLE clients        DISABLE TRIGGER clients_feed;
                     ALTER TABLE client_secrets DISABLE TRIGGER client_secrets_feed";
const TRIGGERS: &str = "ALTER TABLE accounts       ENABLE TRIGGER accounts_feed;
                        ALTER TABLE accounts       ENABLE TRIGGER accounts_feed_insert;
                        ALTER TABLE keys           ENABLE TRIGGER keys_feed;
                        ALTER TABLE secrets        ENABLE TRIGGER secrets_feed;
                        ALTER TABLE secrets        ENABLE TRIGGER secrets_feed_insert;
                        ALTER TABLE operators      ENABLE TRIGGER operators_feed;
                        ALTER TABLE clients        ENABLE TRIGGER clients_feed;
                        ALTER TABLE client_secrets ENABLE TRIGGER client_secrets_feed";

/// What is in a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// Nothing.
    Empty,
    /// An installation.
    Installation(InstallationId),
    /// Nodes have it open, and hold nothing yet.
    Nodes,
}

/// A database that an installation is copied to.
pub(crate) struct Arrival {
    connection: Connection,
    place: String,
}

impl Arrival {
    /// Connects, and brings the schema up; `installation` names the history of a new one until another comes.
    pub(crate) async fn at(url: &str, installation: InstallationId) -> Result<Self, OpenError> {
        let connector = Connector::to(Address::read(url)?)?;
        let place = connector.place().to_owned();
        let connection = connector.connect().await.map_err(|failure| of_open(&place, failure))?;
        prepare(&connection, &place, true, installation).await?;
        Ok(Self { connection, place })
    }

    /// The URL without its password.
    pub(crate) fn place(&self) -> &str {
        &self.place
    }

    /// What is there.
    pub(crate) async fn look(&self) -> Result<Found, StoreError> {
        let sql = "SELECT installation,
                          seq > 0 OR audit_number > 0
                              OR EXISTS (SELECT FROM accounts) OR EXISTS (SELECT FROM operators)
                              OR EXISTS (SELECT FROM settings) OR EXISTS (SELECT FROM counts) AS something,
                          EXISTS (SELECT FROM feed_node WHERE NOT expelled)                   AS nodes
                     FROM feed_head";
        let look = async {
            let row = self.row(sql, Vec::new()).await?;
            let row = row.ok_or_else(|| StoreError::Internal("the feed has no head".to_owned()))?;
            Ok(match (row.try_get("something")?, row.try_get("nodes")?) {
                (true, _) => Found::Installation(stored(&row, "installation")?),
                (false, true) => Found::Nodes,
                (false, false) => Found::Empty,
            })
        };
        let look: Outcome<Found> = look.await;
        Ok(look?)
    }

    /// Begins the transaction, and keeps every node out until its end. Dropped before [`commit`](Self::commit), nothing
    /// of it is left.
    pub(crate) async fn begin(&self) -> Result<(), StoreError> {
        self.run(BEGIN).await
    }

    /// Writes rows.
    pub(crate) async fn take(&self, batch: Batch) -> Result<(), StoreError> {
        let Table { name, columns, .. } = batch.table;
        let names: Vec<_> = columns.iter().map(|(name, _)| *name).collect();
        let places: Vec<_> = (1..=columns.len()).map(|number| format!("${number}")).collect();
        let sql =
            format!("INSERT INTO {name} ({}) SELECT * FROM unnest({})", names.join(", "), places.join(", "));
        let values: Vec<Bound> = batch.values.into_iter().map(bound).collect();
        Ok(ask::execute(&self.connection, &sql, values).await.map(drop)?)
    }

    /// Goes on where the other database stood: its installation, its feed under a new mark, and its trail.
    pub(crate) async fn go_on(&self, from: &Standing) -> Result<(), StoreError> {
        self.run(TRIGGERS).await?;
        let sql = "UPDATE feed_head
                      SET installation = $1,
                          seq          = $2,
                          mark         = gen_random_uuid(),
                          audit_number = $3,
                          audit_hash   = $4";
        let values = bind![from.installation, from.seq, from.trail.number, from.trail.hash];
        Ok(ask::execute(&self.connection, sql, values).await.map(drop)?)
    }

    /// Makes a member of a process that decides by what it knew before and will hear of no change: what is changed here
    /// waits for it. It renews nothing, so the lease is what it is waited for at most.
    pub(crate) async fn wait_for(
        &self,
        node: NodeId,
        name: &str,
        place: [u8; 32],
        lease: Duration,
    ) -> Result<(), StoreError> {
        let sql = "INSERT INTO feed_node (incarnation, name, place, lease_ms, leases, profiles, version, acked,
                                          joined_at, renewed_at)
                   SELECT                 $1,          $2,   $3,    $4,       '{}',   '{}',     $5,      head.seq,
                                          clock.ms,  clock.ms
                     FROM feed_head head,
                          (SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS ms) AS clock";
        let lease = u64::try_from(lease.as_millis()).unwrap_or(u64::MAX);
        let values = bind![node, name, place, lease, env!("CARGO_PKG_VERSION")];
        Ok(ask::execute(&self.connection, sql, values).await.map(drop)?)
    }

    /// How many rows a table has.
    pub(crate) async fn count(&self, table: &Table) -> Result<u64, StoreError> {
        self.number(&format!("SELECT count(*) FROM {}", table.name)).await
    }

    /// How many sealed copies there are.
    pub(crate) async fn sealed(&self) -> Result<u64, StoreError> {
        self.number("SELECT count(sealed) FROM secrets").await
    }

    async fn number(&self, sql: &str) -> Result<u64, StoreError> {
        let count = async {
            let row = self.row(sql, Vec::new()).await?;
            let row = row.ok_or_else(|| StoreError::Internal("a count counts something".to_owned()))?;
            Ok(stored(&row, 0)?)
        };
        let count: Outcome<u64> = count.await;
        Ok(count?)
    }

    /// Walks the whole chain of audit events.
    pub(crate) async fn check_audit(&self) -> Result<ChainCheck, StoreError> {
        Ok(audit::check(self).await?)
    }

    /// Ends the transaction.
    pub(crate) async fn commit(self) -> Result<(), StoreError> {
        let warnings = self.connection.warnings();
        match tokio::time::timeout(COMMIT, self.connection.batch_execute("COMMIT")).await {
            Ok(Ok(())) if self.connection.warnings() == warnings => {}
            Ok(Ok(())) => {
                return Err(StoreError::OutcomeUnknown("PostgreSQL committed with a warning".to_owned()));
            }
            Ok(Err(error)) => return Err(failure::of_commit(&error)),
            Err(_elapsed) => {
                return Err(StoreError::OutcomeUnknown(format!("no answer to COMMIT within {COMMIT:?}")));
            }
        }
        // What is planned before the server gets to it by itself would be planned for empty tables.
        let analysed = tokio::time::timeout(ANALYSIS, self.connection.batch_execute("ANALYZE")).await;
        if !matches!(analysed, Ok(Ok(()))) {
            tracing::debug!("the new tables aren't analysed yet");
        }
        Ok(())
    }

    async fn run(&self, sql: &str) -> Result<(), StoreError> {
        self.connection.batch_execute(sql).await.map_err(|error| failure::undone(&error))
    }
}

fn bound(values: Values) -> Bound {
    match values {
        Values::Ids(ids) => array(ids),
        Values::Bytes(all) => array(all),
        Values::Texts(texts) => array(texts),
        Values::Numbers(numbers) => array(numbers),
    }
}

impl Ask for Arrival {
    async fn rows(&self, sql: &str, values: Vec<Bound>) -> Outcome<Vec<Row>> {
        ask::rows(&self.connection, sql, values).await
    }
}
