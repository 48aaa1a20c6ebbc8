//! The roll of nodes: who is waited for.
//!
//! Every change here is committed before it is answered, whatever the database's default: a renewal that could be lost
//! is none.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use claviger_model::NodeId;
use claviger_verify::{
    feed::Seq,
    nodes::{Dead, Leases, NodeCard, NodeRow, Roll},
};
use tokio_postgres::Row;

use super::{
    ask::Ask,
    authority,
    change::{Change, Left},
    columns::{bind, stored},
    failure::Outcome,
};
use crate::{AuditNote, StoreError, words::to_json};

/// Makes a node a member, and excludes whoever was one at its place. `false` where it was excluded itself.
pub(super) async fn join(change: &Change, card: &NodeCard) -> Outcome<Left<bool>> {
    let sql = "INSERT INTO feed_node AS known (incarnation, name, place, lease_ms, leases, profiles, version,
                                               joined_at, renewed_at)
               SELECT                          $1,          $2,   $3,    $4,       $5,     $6,       $7,
                                               clock.ms,  clock.ms
                 FROM (SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS ms) AS clock
               ON CONFLICT (incarnation)
               DO UPDATE SET name     = excluded.name,
                             lease_ms = excluded.lease_ms,
                             leases   = excluded.leases,
                             profiles = excluded.profiles
                       WHERE NOT known.expelled";
    let stricter: BTreeMap<_, _> =
        card.leases.stricter.iter().map(|(api, lease)| (api, millis(*lease))).collect();
    let values = bind![
        card.id,
        card.name,
        card.place,
        millis(card.leases.node),
        to_json(&stricter),
        to_json(&card.profiles),
        card.version,
    ];
    if change.execute(sql, values).await? == 0 {
        return Ok(Left::already(false));
    }
    let sql = "UPDATE feed_node SET expelled = true WHERE place = $1 AND incarnation <> $2 AND NOT expelled";
    change.execute(sql, bind![card.place, card.id]).await?;
    forget(change).await?;
    Ok(Left::made(true))
}

fn millis(lease: Duration) -> u64 {
    u64::try_from(lease.as_millis()).unwrap_or(u64::MAX)
}

/// Whoever was excluded two days ago has seen it, or comes back as another.
async fn forget(change: &Change) -> Outcome<()> {
    let sql = "DELETE FROM feed_node
                WHERE incarnation IN (SELECT incarnation
                                        FROM feed_node
                                       WHERE expelled
                                         AND renewed_at < extract(epoch FROM clock_timestamp()) * 1000 - 172800000
                                         FOR UPDATE SKIP LOCKED)";
    change.execute(sql, Vec::new()).await.map(drop)
}

pub(super) async fn leave(change: &Change, node: NodeId) -> Outcome<Left<()>> {
    change.execute("DELETE FROM feed_node WHERE incarnation = $1", bind![node]).await?;
    Ok(Left::made(()))
}

/// Excludes a node unless it has renewed since it was seen dead.
pub(super) async fn exclude(change: &Change, dead: Dead) -> Outcome<Left<bool>> {
    let sql = "UPDATE feed_node
                  SET expelled = true
                WHERE incarnation = $1 AND renew_count = $2 AND renewed_at = $3 AND NOT expelled";
    let excluded = change.execute(sql, bind![dead.id, dead.renewals, dead.renewed_at]).await?;
    Ok(Left::made(excluded > 0))
}

/// A member serves these profiles from now on.
pub(super) async fn serves(
    change: &Change,
    node: NodeId,
    profiles: &BTreeMap<Arc<str>, String>,
) -> Outcome<Left<()>> {
    let sql = "UPDATE feed_node SET profiles = $2 WHERE incarnation = $1";
    change.execute(sql, bind![node, to_json(profiles)]).await?;
    Ok(Left::made(()))
}

/// Excludes a node that somebody knows to be dead.
pub(super) async fn fence(change: &mut Change, id: NodeId, note: &AuditNote) -> Outcome<Left<()>> {
    authority::hold(change, note).await?;
    let sql = "UPDATE feed_node SET expelled = true WHERE incarnation = $1 AND NOT expelled";
    if change.execute(sql, bind![id]).await? == 0 {
        return Err(StoreError::NotFound.into());
    }
    change.tell(note, None, Some(&id));
    Ok(Left::made(()))
}

/// The members and the feed's head, of one instant.
pub(super) async fn list(from: &impl Ask) -> Outcome<Roll> {
    let sql =
        "SELECT head.seq AS head, node.incarnation, node.name, node.acked, node.renew_count, node.lease_ms,
                      node.leases, node.profiles, node.version, node.joined_at, node.renewed_at
                 FROM feed_head head
                 LEFT JOIN feed_node node ON NOT node.expelled
                ORDER BY node.joined_at, node.incarnation";
    let rows = from.rows(sql, Vec::new()).await?;
    let first = rows.first().ok_or_else(|| StoreError::Internal("the feed has no head".to_owned()))?;
    let head = Seq(stored(first, "head")?);
    let nodes = rows.iter().filter_map(|row| node(row).transpose()).collect::<Outcome<_>>()?;
    Ok(Roll { head, nodes })
}

/// The columns are empty where there is no member.
fn node(row: &Row) -> Outcome<Option<NodeRow>> {
    let Some(name) = row.try_get("name")? else { return Ok(None) };
    let stricter: BTreeMap<Arc<str>, u64> = stored(row, "leases")?;
    let stricter = stricter.into_iter().map(|(api, ms)| (api, Duration::from_millis(ms))).collect();
    Ok(Some(NodeRow {
        id: stored(row, "incarnation")?,
        name,
        acked: u64::try_from(row.try_get::<_, i64>("acked")?).ok().map(Seq),
        renewals: stored(row, "renew_count")?,
        leases: Leases { node: Duration::from_millis(stored(row, "lease_ms")?), stricter },
        profiles: stored(row, "profiles")?,
        version: row.try_get("version")?,
        joined_at: stored(row, "joined_at")?,
        renewed_at: stored(row, "renewed_at")?,
    }))
}
