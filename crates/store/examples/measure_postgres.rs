//! Prints what this machine makes of PostgreSQL: how many changes a second one and many callers get, how long a renewal
//! takes, and how long a million keys take to load. `cargo run --release -p claviger-store --example measure_postgres`

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "it measures, and prints what it measured"
)]

mod samples;

use std::time::Instant;

use claviger_model::NodeId;
use claviger_store::{PostgresOptions, Store};
use claviger_testkit::Postgres;
use claviger_verify::nodes::NodeCard;

use self::samples::{Counted, KEYS, NOW, create, loads, new_account, next};

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
