//! Prints what this machine makes of PostgreSQL: how many changes a second one and many callers get, how long a renewal
//! takes, and how long a million keys take to load. `cargo run --release -p claviger-store --example measure_postgres`

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "it measures, and prints what it measured"
)]

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use claviger_model::{
    Account, AccountId, AccountState, Digest, Entropy, Environment, EventId, KeyId, NodeId, Restrictions,
    Scopes, Timestamp,
};
use claviger_store::{
    AuditNote, Authority, KeyLimits, NewAccount, NewKey, NewSecret, PostgresOptions, Store,
};
use claviger_testkit::Postgres;
use claviger_verify::{
    feed::{Intake, Record},
    nodes::NodeCard,
};

const NOW: Timestamp = Timestamp::from_millis(1_736_937_000_000);
const KEYS: u64 = 1_000_000;

static NEXT: AtomicU64 = AtomicU64::new(1);

fn next() -> [u8; 16] {
    let mut bytes = [0xff; 16];
    bytes[8..].copy_from_slice(&NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes());
    bytes
}

struct Counted;

impl Entropy for Counted {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(1);
    }
}

fn note(action: &'static str) -> AuditNote {
    let detail = serde_json::json!({ "name": "Production" });
    AuditNote {
        id: EventId::from_bytes(next()),
        at: NOW,
        actor: "operator:x".to_owned(),
        authority: Authority::System,
        action,
        request: None,
        detail,
    }
}

fn new_key(account: AccountId) -> NewKey {
    NewKey {
        id: KeyId::from_bytes(next()),
        account,
        name: Some("Production".to_owned()),
        environment: Environment::Live,
        scopes: Scopes::All,
        restrictions: Restrictions::default(),
        expires_at: None,
        created_at: NOW,
        created_by: "operator:x".to_owned(),
        external_id: None,
        metadata: serde_json::json!({}),
        secret: NewSecret { digest: Digest::of(&next()), hint: "cc_live_AbCdEfG".to_owned(), sealed: None },
    }
}

async fn new_account(store: &Store) -> AccountId {
    let account = Account {
        id: AccountId::from_bytes(next()),
        api: "cashcat".into(),
        name: "Acme".to_owned(),
        external_id: None,
        metadata: serde_json::json!({}),
        state: AccountState::Active,
        created_at: NOW,
    };
    let made =
        store.insert_account(NewAccount { account, first_key: None }, note("account.create"), None).await;
    made.expect("there is room").value.0.id
}

async fn create(store: Store, account: AccountId, count: u32) {
    for _ in 0..count {
        let made = store.insert_key(new_key(account), KeyLimits::default(), None, note("key.issue")).await;
        made.expect("there is room");
    }
}

async fn changes(store: &Store) {
    let account = new_account(store).await;
    let begin = Instant::now();
    create(store.clone(), account, 300).await;
    println!("creates, alone: {:.2} ms each", begin.elapsed().as_secs_f64() * 1000.0 / 300.0);
    let mut calls = tokio::task::JoinSet::new();
    let mut accounts = Vec::new();
    for _ in 0..32 {
        accounts.push(new_account(store).await);
    }
    let begin = Instant::now();
    for account in accounts {
        calls.spawn(create(store.clone(), account, 50));
    }
    calls.join_all().await;
    println!("creates, by 32 at once: {:.0}/s", 32.0 * 50.0 / begin.elapsed().as_secs_f64());
}

async fn renewals(store: &Store) {
    let card =
        NodeCard { id: NodeId::from_bytes(next()), ..NodeCard::alone(std::time::Duration::from_mins(2)) };
    let feed = store.feed();
    feed.join(&card).await.expect("the database answers");
    let head = store.roll().await.expect("the database answers").head;
    let begin = Instant::now();
    for _ in 0..300 {
        feed.renew(card.id, Some(head)).await.expect("the database answers");
    }
    println!("renewals: {:.2} ms each", begin.elapsed().as_secs_f64() * 1000.0 / 300.0);
}

/// Puts a large database in place, past the store and its triggers.
fn fill(server: &Postgres, database: &str) {
    let statements = format!(
        "SET session_replication_role = replica;
         INSERT INTO accounts (id, api, name, metadata, state, created_at)
         SELECT lpad(n::text, 32, '0')::uuid, 'cashcat', 'Acme', '{{}}', 'active', 1
           FROM generate_series(1, {KEYS} / 10) AS n;
         INSERT INTO keys (id, account, name, environment, scopes, restrictions, state, created_at, created_by, metadata)
         SELECT lpad(n::text, 32, '0')::uuid, lpad((1 + n / 10 % ({KEYS} / 10))::text, 32, '0')::uuid, 'Production',
                'live', '[\"costs:read\",\"alerts:read\"]', '{{\"networks\":[\"10.0.0.0/8\"],\"referrers\":null,\"endpoints\":null}}',
                'active', 1, 'operator:' || n % 1000, '{{}}'
           FROM generate_series(1, {KEYS}) AS n;
         INSERT INTO secrets (key, number, digest, hint, created_at)
         SELECT lpad(n::text, 32, '0')::uuid, 1, sha256(n::text::bytea), 'cc_live_AbCdEfG', 1
           FROM generate_series(1, {KEYS}) AS n;
         ANALYZE"
    );
    server.sql(database, &statements).expect("the statements are sound");
}

/// Counts what arrives.
#[derive(Default)]
struct Counter(AtomicU64);

impl Intake for Counter {
    fn take(&self, record: Record) {
        self.0.fetch_add(u64::from(matches!(record, Record::Secret(_))), Ordering::Relaxed);
    }
}

async fn loads(store: &Store) {
    for _ in 0..2 {
        let counter = Arc::new(Counter::default());
        let begin = Instant::now();
        store.feed().load(Arc::<Counter>::clone(&counter), NOW).await.expect("the database is sound");
        let count = counter.0.load(Ordering::Relaxed);
        println!("loading {count} keys: {:.2} s", begin.elapsed().as_secs_f64());
    }
}

#[tokio::main]
async fn main() {
    let server = Postgres::start();
    let url = server.database();
    let opened = Store::open_postgres(PostgresOptions::new(&url), NOW, &Counted).await;
    let store = opened.expect("the server was started above");
    changes(&store).await;
    renewals(&store).await;
    fill(&server, "test0");
    loads(&store).await;
}
