//! The feed: what changed, in order, resolved to what it is now.
//!
//! It writes nothing: triggers do. It only forgets entries that nobody can be waiting for any more.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use claviger_model::{Digest, NodeId, Timestamp};
use claviger_verify::{
    feed::{Change, Changes, FeedSource, Intake, Mark, Position, Record, Renewal, Seq, SourceError},
    nodes::NodeCard,
};
use tokio_postgres::{Client, Row};

use super::{
    Inner,
    ask::Ask,
    change::{Change as Changing, Durability, Left, make},
    columns::{array, bind, stored, stored_if_any},
    failure::{Failure, Outcome},
    pool::Pool,
    records, roll,
};
use crate::{StoreError, terms::Shared};

/// Entries handed over, or forgotten, at a time.
const AT_ONCE: u64 = 10_000;
/// How long loading everything may take.
const LOAD: Duration = Duration::from_mins(10);

/// How many nodes load at once: when all start together, the database has the processors that are left for everything else.
const LOADS_AT_ONCE: u64 = 4;
/// How often a node asks for its turn to load, and how long it waits between two questions. Whoever holds a turn and stands
/// still is not waited for longer than half a minute.
const ASKS_FOR_TURN: usize = 300;
const TURN_PAUSE: Duration = Duration::from_millis(100);

/// How long reading what changed may take.
const READ: Duration = Duration::from_secs(5);

/// Reads what changed as of one instant, by keys.
const BEGIN_READ: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
                          SET LOCAL statement_timeout = '5s';
                          SET LOCAL random_page_cost = 1.1;
                          SET LOCAL jit = off";
/// Reads everything as of one instant.
const BEGIN_LOAD: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
                          SET LOCAL statement_timeout = '600s';
                          SET LOCAL jit = off";

/// Takes one of `$2` turns to load, until the transaction's end; whether one was free. Their locks are numbered from `$1`.
const TAKE_TURN: &str = "SELECT EXISTS (SELECT
                                         FROM generate_series(1, $2) AS turn
                                        WHERE pg_try_advisory_xact_lock($1 + turn))";
const TURNS: i64 = i64::from_be_bytes(*b"clavload");

/// Whether every table that decides tells of its changes. A dump that is put back brings its triggers last: until then its
/// rows come untold, and whoever loads them would miss the rest.
const TELLS: &str = "SELECT count(*) = 8
                       FROM pg_trigger
                      WHERE (tgrelid, tgname) IN (('accounts'::regclass,       'accounts_feed'),
                                                  ('accounts'::regclass,       'accounts_feed_insert'),
                                                  ('keys'::regclass,           'keys_feed'),
                                                  ('secrets'::regclass,        'secrets_feed'),
                                                  ('secrets'::regclass,        'secrets_feed_insert'),
                                                  ('operators'::regclass,      'operators_feed'),
                                                  ('clients'::regclass,        'clients_feed'),
                                                  ('client_secrets'::regclass, 'client_secrets_feed'))
                        AND tgenabled IN ('O', 'A')";

/// Forgets the entries older than 48 hours but for the newest of them, by the clock that dated them: a follower that was
/// away longer loads everything again, and one that was not can be told the mark of the change it stands at.
pub(super) async fn forget(pool: &Pool) {
    let sql = "DELETE FROM feed_log
                WHERE seq < (SELECT min(seq) + $1 FROM feed_log)
                  AND seq + 1 < coalesce((SELECT min(seq)
                                            FROM feed_log
                                           WHERE at >= clock_timestamp() - interval '48 hours'),
                                         (SELECT seq + 1 FROM feed_head))";
    loop {
        match make!(pool, Durability::EveryCommit, |change| forget_entries(change, sql)) {
            Ok(forgotten) if forgotten.value == AT_ONCE => {}
            Ok(_) => return,
            Err(error) => return tracing::warn!(%error, "the feed's old entries can't be forgotten yet"),
        }
    }
}

async fn forget_entries(change: &Changing, sql: &str) -> Outcome<Left<u64>> {
    change.execute(sql, bind![AT_ONCE]).await.map(Left::made)
}

/// The store as the source of records.
pub(super) struct Feed(pub(super) Arc<Inner>);

#[async_trait]
impl FeedSource for Feed {
    async fn join(&self, card: &NodeCard) -> Result<bool, SourceError> {
        let joined = make!(&self.0.feed_pool, Durability::EveryCommit, |change| roll::join(change, card));
        joined.map(|done| done.value).map_err(unread)
    }

    async fn load(&self, into: Arc<dyn Intake>, forget_before: Timestamp) -> Result<Position, SourceError> {
        load(&self.0.feed_pool, &*into, forget_before).await.map_err(unread)
    }

    async fn after(&self, seq: Seq) -> Result<Changes, SourceError> {
        let pool = &self.0.feed_pool;
        let found = pool.rows(AFTER, bind![seq.0, AT_ONCE]).await.map_err(unread)?;
        changes(pool, seq, &found).await.map_err(unread)
    }

    /// One transaction, whose snapshot is younger than the question; what it found counts once it is committed. All of
    /// it comes from the server that has taken the renewal: another may be one that was cut off.
    async fn renew(&self, node: NodeId, applied: Option<Seq>) -> Result<Renewal, SourceError> {
        let pool = &self.0.feed_pool;
        let renewed = make!(pool, Durability::OneInstant, |change| renew(change, node, applied));
        Ok(renewed.map_err(unread)?.value.map_or(Renewal::NoMember, Renewal::Renewed))
    }

    async fn leave(&self, node: NodeId) -> Result<(), SourceError> {
        let left = make!(&self.0.feed_pool, Durability::EveryCommit, |change| roll::leave(change, node));
        left.map(drop).map_err(unread)
    }

    async fn woken(&self) {
        self.0.wake.woken().await;
    }
}

fn unread(failure: impl Into<StoreError>) -> SourceError {
    SourceError(failure.into().to_string())
}

async fn load(pool: &Pool, into: &dyn Intake, forget_before: Timestamp) -> Outcome<Position> {
    let lent = pool.lend().await?;
    let loading = async {
        let client: &Client = &lent;
        begin_load(client).await?;
        let tells = client.rows(TELLS, Vec::new()).await?;
        if !tells[0].try_get::<_, bool>(0)? {
            return Err(untold());
        }
        records::load(&lent, into, forget_before).await?;
        let found = client.row("SELECT installation, seq AS head, mark FROM feed_head", Vec::new()).await?;
        let position = found.as_ref().map(position);
        lent.batch_execute("COMMIT").await?;
        position.unwrap_or_else(|| Err(no_head()))
    };
    let Ok(loaded) = tokio::time::timeout(LOAD, loading).await else {
        return Err(Failure::TimedOut(LOAD));
    };
    let position = loaded?;
    lent.give_back();
    Ok(position)
}

/// Begins to read everything, as of the moment at which it is this node's turn.
async fn begin_load(client: &Client) -> Outcome<()> {
    for _ in 0..ASKS_FOR_TURN {
        client.batch_execute(BEGIN_LOAD).await?;
        let taken = client.row(TAKE_TURN, bind![TURNS, LOADS_AT_ONCE]).await?;
        if taken.is_some_and(|row| row.try_get(0).unwrap_or_default()) {
            return Ok(());
        }
        client.batch_execute("ROLLBACK").await?;
        tokio::time::sleep(TURN_PAUSE).await;
    }
    Ok(client.batch_execute(BEGIN_LOAD).await?)
}

fn position(row: &Row) -> Outcome<Position> {
    Ok(Position {
        history: stored(row, "installation")?,
        head: Seq(stored(row, "head")?),
        mark: Mark(stored(row, "mark")?),
    })
}

fn untold() -> Failure {
    let detail = "its tables don't tell of their changes: a dump is being put back, or triggers were dropped";
    StoreError::Unavailable(detail.to_owned()).into()
}

fn no_head() -> Failure {
    StoreError::Internal("the feed has no head".to_owned()).into()
}

/// What happened after `$1`, at most `$2` entries, and where everything stands: a row at least.
const AFTER: &str = "SELECT head.installation, head.seq AS head, head.mark,
                            CASE WHEN head.seq = $1 THEN head.mark
                                 ELSE (SELECT mark FROM feed_log WHERE seq = $1) END   AS asked_from,
                            (extract(epoch FROM clock_timestamp()) * 1000)::bigint     AS clock,
                            entry.seq, entry.kind, entry.id, entry.mark                AS entry_mark
                       FROM feed_head head
                       LEFT JOIN LATERAL (SELECT seq, kind, id, mark
                                            FROM feed_log
                                           WHERE seq > $1 AND seq <= head.seq
                                           ORDER BY seq
                                           LIMIT $2) entry ON true";

/// `None` where the node is no member.
async fn renew(change: &Changing, node: NodeId, applied: Option<Seq>) -> Outcome<Left<Option<Changes>>> {
    let sql = format!(
        "WITH renewed AS (
             UPDATE feed_node
                SET acked       = CASE WHEN $4 THEN greatest(acked, $1) ELSE acked END,
                    renew_count = renew_count + 1,
                    renewed_at  = (extract(epoch FROM clock_timestamp()) * 1000)::bigint
              WHERE incarnation = $3 AND NOT expelled
             RETURNING incarnation
         )
         SELECT news.* FROM renewed CROSS JOIN ({AFTER}) AS news"
    );
    let values = bind![applied.unwrap_or_default().0, AT_ONCE, node, applied.is_some()];
    let found = change.rows(&sql, values).await?;
    if found.is_empty() {
        return Ok(Left::already(None));
    }
    resolved(change, &found).await.map(Some).map(Left::made)
}

/// What came after `seq`, of which `found` is the first look.
async fn changes(pool: &Pool, seq: Seq, found: &[Row]) -> Outcome<Changes> {
    if entries(found)?.is_empty() {
        let first = found.first().ok_or_else(no_head)?;
        return told(first, Vec::new());
    }
    // Records that are younger than the position they come with may be lost by a failover that keeps it: what there
    // is to tell is read anew, all of one instant.
    let lent = pool.lend().await?;
    let reading = async {
        lent.batch_execute(BEGIN_READ).await?;
        let client: &Client = &lent;
        let found = client.rows(AFTER, bind![seq.0, AT_ONCE]).await?;
        let changes = resolved(client, &found).await?;
        lent.batch_execute("COMMIT").await?;
        Outcome::Ok(changes)
    };
    let Ok(read) = tokio::time::timeout(READ, reading).await else {
        return Err(Failure::TimedOut(READ));
    };
    let changes = read?;
    lent.give_back();
    Ok(changes)
}

/// A follower that was away too long, or knows more than there is, sees it by the gap: nothing is smoothed over.
async fn resolved(from: &impl Ask, found: &[Row]) -> Outcome<Changes> {
    let first = found.first().ok_or_else(no_head)?;
    let entries = entries(found)?;
    let things = Things::named_by(&entries)?;
    told(first, resolve(from, entries, things).await?)
}

fn told(first: &Row, entries: Vec<Change>) -> Outcome<Changes> {
    Ok(Changes {
        position: position(first)?,
        from: stored_if_any(first, "asked_from")?.map(Mark),
        clock: Some(stored(first, "clock")?),
        entries,
    })
}

fn entries(found: &[Row]) -> Outcome<Vec<Entry>> {
    let mut entries: Vec<Entry> =
        found.iter().filter_map(|row| entry(row).transpose()).collect::<Outcome<_>>()?;
    entries.sort_unstable_by_key(|entry| entry.seq);
    Ok(entries)
}

/// An entry as the log has it.
struct Entry {
    seq: Seq,
    mark: Mark,
    thing: Thing,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Thing {
    kind: String,
    id: Vec<u8>,
}

/// The columns are empty where nothing came after the position.
fn entry(row: &Row) -> Outcome<Option<Entry>> {
    let Some(kind) = row.try_get("kind")? else { return Ok(None) };
    let thing = Thing { kind, id: row.try_get("id")? };
    Ok(Some(Entry { seq: Seq(stored(row, "seq")?), mark: Mark(stored(row, "entry_mark")?), thing }))
}

/// The ids that entries name, by kind.
#[derive(Default)]
struct Things {
    accounts: BTreeSet<[u8; 16]>,
    keys: BTreeSet<[u8; 16]>,
    operators: BTreeSet<[u8; 16]>,
    digests: BTreeSet<[u8; 32]>,
}

impl Things {
    fn named_by(entries: &[Entry]) -> Outcome<Self> {
        let mut things = Self::default();
        for Entry { thing: Thing { kind, id }, .. } in entries {
            let odd = || StoreError::Internal(format!("the feed names a {kind:?} of {} bytes", id.len()));
            match (kind.as_str(), id.as_array::<16>(), id.as_array::<32>()) {
                ("account", Some(id), _) => things.accounts.extend([*id]),
                ("key", Some(id), _) => things.keys.extend([*id]),
                ("operator", Some(id), _) => things.operators.extend([*id]),
                ("digest", _, Some(digest)) => things.digests.extend([*digest]),
                _ => return Err(odd().into()),
            }
        }
        Ok(things)
    }
}

/// What the things are now.
async fn resolve(from: &impl Ask, entries: Vec<Entry>, things: Things) -> Outcome<Vec<Change>> {
    let shared = &mut Shared::default();
    let mut known: BTreeMap<Thing, Vec<Record>> = BTreeMap::new();
    let mut learn = |kind: &str, id: &[u8], record| {
        known.entry(Thing { kind: kind.to_owned(), id: id.to_vec() }).or_default().push(record);
    };
    if !things.accounts.is_empty() {
        let sql = format!("{} WHERE id = ANY($1)", records::ACCOUNTS);
        for row in from.rows(&sql, vec![array(things.accounts)]).await? {
            learn("account", &stored::<[u8; 16]>(&row, 0)?, records::account(&row, shared)?);
        }
    }
    if !things.operators.is_empty() {
        let sql = format!("{} WHERE id = ANY($1)", records::OPERATORS);
        for row in from.rows(&sql, vec![array(things.operators)]).await? {
            learn("operator", &stored::<[u8; 16]>(&row, 0)?, records::operator(&row)?);
        }
    }
    if !things.keys.is_empty() {
        let sql = format!("{} WHERE k.id = ANY($1) ORDER BY k.id, s.number", records::SECRETS);
        for row in from.rows(&sql, vec![array(things.keys)]).await? {
            learn("key", &stored::<[u8; 16]>(&row, 3)?, records::secret(&row, shared)?);
        }
    }
    if !things.digests.is_empty() {
        let sql = format!("{} WHERE s.digest = ANY($1)", records::SECRETS);
        let mut gone = things.digests.clone();
        for row in from.rows(&sql, vec![array(things.digests.clone())]).await? {
            let digest: [u8; 32] = stored(&row, 0)?;
            gone.remove(&digest);
            learn("digest", &digest, records::secret(&row, shared)?);
        }
        let sql = format!("{} WHERE s.digest = ANY($1)", records::CLIENT_SECRETS);
        for row in from.rows(&sql, vec![array(things.digests)]).await? {
            let digest: [u8; 32] = stored(&row, 0)?;
            gone.remove(&digest);
            learn("digest", &digest, records::client_secret(&row, shared)?);
        }
        for digest in gone {
            learn("digest", &digest, Record::NoSecret(Digest::from_bytes(digest)));
        }
    }
    let change = |entry: Entry| {
        let records = known.get(&entry.thing).cloned().unwrap_or_default();
        Change { seq: entry.seq, mark: entry.mark, records }
    };
    Ok(entries.into_iter().map(change).collect())
}
