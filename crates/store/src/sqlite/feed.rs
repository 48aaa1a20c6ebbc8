//! The feed: what changed, in order, resolved to what it is now.
//!
//! It writes nothing: triggers do. It only forgets entries that nobody can be waiting for any more.

use std::sync::Arc;

use async_trait::async_trait;
use claviger_model::{InstallationId, NodeId, Timestamp};
use claviger_verify::{
    feed::{Change, Changes, FeedSource, Intake, Mark, Position, Renewal, Seq, SourceError},
    nodes::NodeCard,
};
use rusqlite::{Connection, Row, params};
use tokio::sync::Notify;

use super::{Inner, columns::stored, failure::Outcome, records};
use crate::{Committed, StoreError, terms::Shared};

/// Entries handed over at a time.
const AT_ONCE: u64 = 10_000;
/// How long entries are kept: a follower that was away longer loads everything again.
const KEPT_HOURS: u32 = 48;
/// The name of every change: while this process holds the file nobody can put another history in its place.
const UNMARKED: Mark = Mark([0; 16]);

/// What a change returned, at the place its own entries ended.
pub(super) fn committed<T>(connection: &Connection, value: T) -> Outcome<Committed<T>> {
    Ok(Committed { value, seq: position(connection)?.head, made: true })
}

/// The end of a change that found nothing left to do.
pub(super) fn already<T>(connection: &Connection, value: T) -> Outcome<Committed<T>> {
    Ok(Committed { made: false, ..committed(connection, value)? })
}

/// Where the feed stands.
pub(super) fn position(connection: &Connection) -> Outcome<Position> {
    let sql = "SELECT installation, seq FROM feed_head";
    let position =
        |row: &Row<'_>| Ok(Position { history: stored(row, 0)?, head: Seq(row.get(1)?), mark: UNMARKED });
    Ok(connection.prepare_cached(sql)?.query_one([], position)?)
}

/// Begins the history, in a database that has none, and says which it is.
pub(super) fn begin(connection: &Connection, installation: InstallationId) -> Outcome<InstallationId> {
    let sql = "INSERT INTO feed_head (one, installation, audit_hash) VALUES (1, ?1, ?2) ON CONFLICT (one) DO NOTHING";
    connection.execute(sql, params![installation.to_bytes(), crate::audit::GENESIS])?;
    Ok(position(connection)?.history)
}

/// Forgets the entries older than [`KEPT_HOURS`], by the clock that dated them.
pub(super) fn trim(connection: &Connection) -> Outcome<()> {
    let sql = "DELETE FROM feed_log
                WHERE seq < coalesce((SELECT seq
                                        FROM feed_log
                                       WHERE at >= (julianday('now') - 2440587.5) * 86400000 - ?1 * 3600000
                                       ORDER BY seq
                                       LIMIT 1),
                                     (SELECT seq + 1 FROM feed_head))";
    connection.execute(sql, [KEPT_HOURS])?;
    Ok(())
}

/// The clock that the database would take if it were asked, which is the system's.
fn now(connection: &Connection) -> Outcome<Timestamp> {
    let sql = "SELECT CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)";
    Ok(connection.prepare_cached(sql)?.query_one([], |row| stored(row, 0))?)
}

/// The store as the source of records.
pub(super) struct Feed {
    pub(super) inner: Arc<Inner>,
    pub(super) committed: Arc<Notify>,
}

#[async_trait]
impl FeedSource for Feed {
    async fn join(&self, card: &NodeCard) -> Result<bool, SourceError> {
        let now = self.inner.readers.run(now).await.map_err(unread)?;
        self.inner.node.join(card, now);
        Ok(true)
    }

    async fn load(&self, into: Arc<dyn Intake>, forget_before: Timestamp) -> Result<Position, SourceError> {
        let load = move |connection: &Connection| {
            records::load(connection, &*into, forget_before)?;
            position(connection)
        };
        self.inner.readers.run(load).await.map_err(unread)
    }

    async fn after(&self, seq: Seq) -> Result<Changes, SourceError> {
        self.inner.readers.run(move |connection| changes(connection, seq)).await.map_err(unread)
    }

    /// The renewal is counted when its answer is there: nothing that decides about the node is older then.
    async fn renew(&self, node: NodeId, applied: Option<Seq>) -> Result<Renewal, SourceError> {
        let read = move |connection: &Connection| {
            Ok((changes(connection, applied.unwrap_or_default())?, now(connection)?))
        };
        let (changes, now) = self.inner.readers.run(read).await.map_err(unread)?;
        let is_member = self.inner.node.renew(node, applied, now);
        Ok(if is_member { Renewal::Renewed(changes) } else { Renewal::NoMember })
    }

    async fn leave(&self, node: NodeId) -> Result<(), SourceError> {
        self.inner.node.end(node);
        Ok(())
    }

    async fn woken(&self) {
        self.committed.notified().await;
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is what map_err hands over")]
fn unread(error: StoreError) -> SourceError {
    SourceError(error.to_string())
}

/// A follower that was away too long, or knows more than there is, sees it by the gap: nothing is smoothed over.
fn changes(connection: &Connection, seq: Seq) -> Outcome<Changes> {
    Ok(Changes {
        position: position(connection)?,
        from: None,
        clock: None,
        entries: entries(connection, seq)?,
    })
}

fn entries(connection: &Connection, seq: Seq) -> Outcome<Vec<Change>> {
    let sql = "SELECT seq, kind, id FROM feed_log WHERE seq > ?1 ORDER BY seq LIMIT ?2";
    let mut shared = Shared::default();
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params![seq.0, AT_ONCE])?;
    let mut entries = Vec::new();
    while let Some(row) = rows.next()? {
        let (kind, id) = (row.get_ref(1)?.as_str()?, row.get_ref(2)?.as_blob()?);
        let records = records::of(connection, kind, id, &mut shared)?;
        entries.push(Change { seq: Seq(row.get(0)?), mark: UNMARKED, records });
    }
    Ok(entries)
}
