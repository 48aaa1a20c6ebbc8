//! Moving from one database to the other: all of it or nothing, and never two that take changes.

use std::{collections::BTreeSet, future, path::Path};

use claviger_model::{
    AccountId, ClientId, DenialCode, Digest, KeyId, RequestId, Role, Timestamp, restriction::Period,
};
use claviger_store::{
    ChainCheck, Copied, CopyError, CopyOrder, KeyChange, KeyLimits, NewKey, NewSecret, OpenError,
    PostgresOptions, ReceiptRow, Store, StoreError, UsageFilter, abort_copy, copy,
};
use claviger_testkit::Postgres;
use claviger_verify::{
    feed::Seq,
    limits::Allotment,
    usage::{BatchId, Bucket, DeniedAttempt, LastUse, Outcome, SecretRef, UsageBatch},
};
use tempfile::TempDir;

use crate::{
    app_samples::{allowed, client_of, held, refresh, refreshing},
    samples::{
        Counted, NOW, account, after_now, call, card, change, invited, key, load, member, new_key,
        new_operator, new_secret, node_id, note, rotate, signed_in, trail,
    },
};

/// A quota of the key `key`.
fn month(key: KeyId) -> Allotment {
    Allotment { key, name: "month".parse().unwrap(), period: Period { begins: 20_454, ends: 20_485 } }
}

/// An installation with something of everything, served by this process.
struct Old {
    dir: TempDir,
    store: Store,
    account: AccountId,
    key: KeyId,
    client: ClientId,
    /// A code that was exchanged, and the refresh tokens it led to: one that was used, and the one it was used for.
    code: Digest,
    tokens: [Digest; 2],
}

impl Old {
    async fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let store = Store::open_embedded(dir.path(), NOW, &Counted).await.unwrap();
        let account = account(&store).await;
        let mut keys = Vec::new();
        for _ in 0..4 {
            keys.push(key(&store, account).await);
        }
        change(&store, keys[1], KeyChange::Revoke).await.unwrap();
        change(&store, keys[2], rotate(after_now(3600))).await.unwrap();
        let mut sealed = Vec::new();
        for name in ["once", "twice"] {
            let secret = NewSecret { sealed: Some(b"sealed".to_vec()), ..new_secret() };
            let new = NewKey { secret, ..new_key(account) };
            let made =
                store.insert_key(new, KeyLimits::default(), Some(call(name, 1)), note("key.issue")).await;
            sealed.push(made.unwrap().value.id);
        }
        assert_eq!(store.sealed_secrets(sealed, note("key.reveal"), None).await.unwrap().len(), 2);
        store.put_receipt(receipt()).await.unwrap();
        store.initialise(new_operator("all"), note("operator.issue")).await.unwrap();
        let ada = member(&store, account, "ada@example.com", Role::Administrator).await;
        signed_in(&store, ada).await;
        invited(&store, account, "bob@example.com", Role::Viewer).await;
        let client = client_of(&store, account).await;
        let held = held(&store, account, client, ada).await;
        let used = refreshing(held.refresh, 1);
        let next = used.refresh.digest;
        refresh(&store, used, 1).await.unwrap();
        allowed(&store, client, ada).await;
        let tokens = [held.refresh, next];
        store.put_setting_if_absent("master_key_check", vec![1, 2, 3]).await.unwrap();
        count(&store, keys[0]).await;
        store.quota_ledger().reserve(&month(keys[0]), 5, 100).await.unwrap();
        Self { dir, store, account, key: keys[0], client, code: held.code, tokens }
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    async fn takes_changes(&self) -> bool {
        let changed = change(&self.store, self.key, KeyChange::Rename(None)).await;
        assert!(matches!(changed, Ok(_) | Err(StoreError::Moved)), "{changed:?}");
        changed.is_ok()
    }
}

async fn count(store: &Store, key: KeyId) {
    let secret = SecretRef { key, secret: 1 };
    let bucket = |secret| Bucket {
        api: "cashcat".into(),
        secret,
        environment: None,
        day: 10,
        outcome: Outcome::Allowed,
    };
    let last = LastUse { secret, at: NOW, address: None, endpoint: Some("GET /".into()) };
    let counts = vec![(bucket(Some(secret)), 7), (bucket(None), 9)];
    let batch = UsageBatch { counts, last_uses: vec![last], denials: vec![denial(key)] };
    store.usage_sink().add(BatchId { incarnation: [7; 16], number: 1 }, &batch).await.unwrap();
}

fn denial(key: KeyId) -> DeniedAttempt {
    DeniedAttempt {
        api: "cashcat".into(),
        key: Some(key),
        at: NOW,
        request: RequestId::from_bytes([3; 16]),
        code: DenialCode::Scope,
        detail: "The key lacks the scope a.".into(),
        address: None,
        endpoint: None,
    }
}

fn receipt() -> ReceiptRow {
    ReceiptRow {
        seq: Seq(1),
        complete: None,
        guaranteed_by: NOW,
        confirmed: Vec::new(),
        pending: vec![node_id()],
    }
}

fn postgres() -> Postgres {
    Postgres::builder().without_fsync().start()
}

async fn to(from: &Path, url: &str) -> Result<Copied, CopyError> {
    let (from, to, old_node) = (from.to_owned(), url.to_owned(), "the old one".to_owned());
    copy(CopyOrder { from, to, old_node, now: NOW, entropy: &Counted }, future::pending()).await
}

async fn open(url: &str) -> Store {
    Store::open_postgres(PostgresOptions::new(url), NOW, &Counted).await.unwrap()
}

/// All that there is to say of the application and what it holds.
async fn applications(store: &Store, old: &Old) -> [String; 5] {
    let [used, next] = old.tokens;
    [
        format!("{:?}", store.find_client(old.client).await.unwrap().unwrap()),
        format!("{:?}", crate::app_samples::consents(store, old.account).await),
        format!("{:?}", store.find_code(old.code).await.unwrap().unwrap()),
        format!("{:?}", store.find_refresh(used).await.unwrap().unwrap()),
        format!("{:?}", store.find_refresh(next).await.unwrap().unwrap()),
    ]
}

async fn records(store: &Store) -> (u64, Vec<String>) {
    let (position, records) = load(store, Timestamp::from_millis(i64::MIN)).await;
    let mut told: Vec<_> = records.iter().map(|record| format!("{record:?}")).collect();
    told.sort_unstable();
    (position.head.0, told)
}

#[tokio::test]
async fn everything_is_there_and_the_old_one_only_decides_from_then_on() {
    let (old, postgres) = (Old::new().await, postgres());
    let url = postgres.database();
    let before = (records(&old.store).await, old.store.check_audit().await.unwrap());
    let copied = to(old.path(), &url).await.unwrap();
    assert!(copied.rows.iter().all(|(_, rows)| *rows > 0), "{copied:?}");
    assert_eq!((copied.sealed, &copied.counts_lost), (2, &None));

    let new = open(&url).await;
    assert_eq!(new.installation(), old.store.installation(), "sealed copies are bound to it");
    assert_eq!((records(&new).await, new.check_audit().await.unwrap()), before);
    assert_eq!(before.1, ChainCheck::Whole { events: copied.events, head: copied.head });
    assert_eq!(trail(&new).await, trail(&old.store).await);
    let days = || UsageFilter { api: None, key: None, from_day: 0, to_day: 99 };
    assert_eq!(new.usage(days()).await.unwrap(), old.store.usage(days()).await.unwrap());
    assert_eq!(new.last_uses(vec![old.key]).await.unwrap().len(), 1);
    assert_eq!(new.denials(Some(old.key), None).await.unwrap().len(), 1);
    assert_eq!(new.find_receipt(Seq(1)).await.unwrap(), old.store.find_receipt(Seq(1)).await.unwrap());
    assert_eq!(applications(&new, &old).await, applications(&old.store, &old).await);
    assert_eq!(new.setting("master_key_check").await.unwrap(), Some(vec![1, 2, 3]));

    assert!(!old.takes_changes().await);
    assert_eq!(records(&old.store).await, before.0, "it is read as before");
    count(&old.store, old.key).await;

    let head = before.0.0;
    let made = change(&new, old.key, KeyChange::Revoke).await.unwrap();
    assert_eq!(made.seq.0, head + 1, "the feed goes on, and its triggers are back");
    assert!(
        matches!(new.check_audit().await.unwrap(), ChainCheck::Whole { events, .. } if events == copied.events + 1)
    );
}

#[tokio::test]
async fn changes_wait_for_whoever_serves_the_old_one_until_it_is_fenced() {
    let (old, postgres) = (Old::new().await, postgres());
    let url = postgres.database();
    let copied = to(old.path(), &url).await.unwrap();
    let new = open(&url).await;
    let roll = new.roll().await.unwrap();
    assert_eq!(roll.nodes.iter().map(|node| Some(node.id)).collect::<Vec<_>>(), [copied.old_node]);
    assert_eq!((roll.nodes[0].acked, &*roll.nodes[0].name), (Some(roll.head), "the old one"));
    new.fence(roll.nodes[0].id, note("node.fence")).await.unwrap();
    assert!(new.roll().await.unwrap().nodes.is_empty());
    // Or until a node holds the lock that it held.
    let (url, old) = (postgres.database(), Old::new().await);
    to(old.path(), &url).await.unwrap();
    old.store.close().await;
    let lock = claviger_store::DirectoryLock::take(old.dir.path()).unwrap();
    let (new, id) = (open(&url).await, node_id());
    let card = claviger_verify::nodes::NodeCard { place: lock.place().unwrap(), ..card(id) };
    assert!(new.feed().join(&card).await.unwrap());
    let roll = new.roll().await.unwrap();
    assert_eq!(roll.nodes.iter().map(|node| node.id).collect::<Vec<_>>(), [id]);
}

#[tokio::test]
async fn what_was_copied_is_served_no_more_from_where_it_was() {
    let (old, postgres) = (Old::new().await, postgres());
    let url = postgres.database();
    old.store.clone().close().await;
    let copied = to(old.path(), &url).await.unwrap();
    assert_eq!(copied.old_node, None, "nobody served it");
    let refused = Store::open_embedded(old.path(), NOW, &Counted).await.unwrap_err();
    assert!(matches!(&refused, OpenError::Moved { to, .. } if *to == copied.place), "{refused}");
    let again = to(old.path(), &url).await.unwrap_err();
    assert!(matches!(again, CopyError::AlreadyCopied { .. }), "{again}");
    let elsewhere = to(old.path(), &postgres.database()).await.unwrap_err();
    assert!(matches!(elsewhere, CopyError::MovedElsewhere { .. }), "{elsewhere}");
    for to in [None, Some(url.as_str())] {
        let refused = abort_copy(old.path(), to, NOW, &Counted).await.unwrap_err();
        assert!(matches!(refused, CopyError::InUseElsewhere { .. }), "{refused}");
    }
    // The copy was dropped, and somebody says so.
    let anew = postgres.database();
    abort_copy(old.path(), Some(&anew), NOW, &Counted).await.unwrap();
    assert!(matches!(abort_copy(old.path(), None, NOW, &Counted).await, Err(CopyError::NotMoved)));
    account(&Store::open_embedded(old.path(), NOW, &Counted).await.unwrap()).await;
}

#[tokio::test]
async fn a_copy_that_fails_leaves_nothing_and_the_old_one_takes_changes_again() {
    let (old, postgres) = (Old::new().await, postgres());
    let url = postgres.database();
    Store::migrate_postgres(&url, NOW, &Counted).await.unwrap();
    let obstacle =
        "CREATE TRIGGER obstacle BEFORE INSERT ON links FOR EACH ROW EXECUTE FUNCTION refuse('an obstacle')";
    postgres.sql("test0", obstacle).unwrap();
    let failed = to(old.path(), &url).await.unwrap_err();
    assert!(matches!(failed, CopyError::Undone(_)) && failed.to_string().contains("an obstacle"), "{failed}");
    assert!(old.takes_changes().await);

    // A trail that doesn't hold is found out in the copy.
    postgres.sql("test0", "DROP TRIGGER obstacle ON links").unwrap();
    let forge = "UPDATE audit_events SET actor = 'operator:forged' WHERE number = 3";
    rusqlite::Connection::open(old.path().join("claviger.db")).unwrap().execute(forge, []).unwrap();
    let failed = to(old.path(), &url).await.unwrap_err();
    assert!(matches!(&failed, CopyError::Differs { detail } if detail.contains("number: 3")), "{failed}");
    assert!(old.takes_changes().await);
    assert_eq!(postgres.sql("test0", "SELECT count(*) FROM accounts").unwrap(), "0");

    let interrupted = CopyOrder {
        from: old.path().to_owned(),
        to: url.clone(),
        old_node: String::new(),
        now: NOW,
        entropy: &Counted,
    };
    let interrupted = copy(interrupted, future::ready(())).await.unwrap_err();
    assert!(matches!(interrupted, CopyError::Interrupted), "{interrupted}");
    assert!(old.takes_changes().await);
}

#[tokio::test]
async fn only_an_empty_database_that_nobody_has_open_is_copied_to() {
    let (old, postgres) = (Old::new().await, postgres());
    let used = postgres.database();
    account(&open(&used).await).await;
    let refused = to(old.path(), &used).await.unwrap_err();
    assert!(matches!(refused, CopyError::NotEmpty { .. }), "{refused}");
    let followed = postgres.database();
    assert!(open(&followed).await.feed().join(&card(node_id())).await.unwrap());
    let refused = to(old.path(), &followed).await.unwrap_err();
    assert!(matches!(refused, CopyError::NodesRunning { .. }), "{refused}");
    assert!(old.takes_changes().await);

    let nothing = TempDir::new().unwrap();
    let refused = to(nothing.path(), &postgres.database()).await.unwrap_err();
    assert!(matches!(refused, CopyError::Source(_)), "{refused}");
    assert_eq!(std::fs::read_dir(nothing.path()).unwrap().count(), 0, "nothing is made where nothing was");
}

/// A copy that was killed leaves the old one closed; the next one goes on, or takes it back.
#[tokio::test]
async fn a_copy_that_was_cut_off_is_made_anew_or_taken_back() {
    let (old, postgres) = (Old::new().await, postgres());
    let url = postgres.database();
    let place = url.split('?').next().unwrap();
    let closed = format!("INSERT INTO moved (one, place, at) VALUES (1, '{place}', 0)");
    let database = rusqlite::Connection::open(old.path().join("claviger.db")).unwrap();
    database.execute(&closed, []).unwrap();
    assert!(!old.takes_changes().await);
    abort_copy(old.path(), None, NOW, &Counted).await.unwrap();
    assert!(old.takes_changes().await);
    database.execute(&closed, []).unwrap();
    let old = Old { store: reopened(&old).await, ..old };
    assert!(!old.takes_changes().await, "a server that is started meanwhile decides, and no more");
    to(old.path(), &url).await.unwrap();
}

async fn reopened(old: &Old) -> Store {
    old.store.clone().close().await;
    Store::open_embedded(old.path(), NOW, &Counted).await.unwrap()
}

#[tokio::test]
async fn no_table_is_forgotten() {
    let (old, postgres) = (Old::new().await, postgres());
    let copied = to(old.path(), &postgres.database()).await.unwrap();
    let copied: BTreeSet<_> = copied.rows.iter().map(|(table, _)| (*table).to_owned()).collect();
    let mut there = BTreeSet::new();
    for file in ["claviger.db", "usage.db"] {
        let connection = rusqlite::Connection::open(old.path().join(file)).unwrap();
        let mut tables = connection
            .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
            .unwrap();
        there.extend(tables.query_map([], |row| row.get::<_, String>(0)).unwrap().map(Result::unwrap));
    }
    // Moved by hand; followed by nobody; the mark itself; offered again by nobody.
    for apart in ["feed_head", "feed_log", "moved", "batches"] {
        assert!(there.remove(apart), "{apart}");
    }
    assert_eq!(copied, there);
}

#[tokio::test]
async fn rows_are_copied_however_many_and_however_long() {
    let (old, postgres) = (Old::new().await, postgres());
    let url = postgres.database();
    let many = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 12000)
                INSERT INTO idempotency (principal, key, fingerprint, subject, at)
                SELECT 'many', i, zeroblob(32), hex(zeroblob(400)), 0 FROM n";
    rusqlite::Connection::open(old.path().join("claviger.db")).unwrap().execute(many, []).unwrap();
    let copied = to(old.path(), &url).await.unwrap();
    assert!(copied.rows.contains(&("idempotency", 12_002)), "{copied:?}");
    let refused = open(&url).await.admit(call("once", 2)).await.unwrap_err();
    assert!(matches!(refused, StoreError::IdempotencyMismatch), "{refused}");
    let _ = old.account;
}
