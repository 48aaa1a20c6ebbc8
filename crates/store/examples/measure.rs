//! Prints what this machine makes of the embedded database: how much committing together gains, and how long a large
//! database takes to open and to load. `cargo run --release -p claviger-store --example measure`

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "it measures, and prints what it measured"
)]

mod samples;

use std::{
    path::Path,
    time::{Duration, Instant},
};

use claviger_store::Store;

use self::samples::{Counted, KEYS, NOW, create, loads, new_account};

const TOGETHER: u64 = 64;

async fn open(dir: &Path) -> Store {
    Store::open_embedded(dir, NOW, &Counted).await.expect("a directory of its own")
}

#[expect(clippy::cast_precision_loss, reason = "a rate is printed in three digits")]
fn rate(count: u64, took: Duration) -> f64 {
    count as f64 / took.as_secs_f64()
}

/// Creates one by one, then by many at once.
async fn group_commit(dir: &Path) {
    let store = open(dir).await;
    let alone = new_account(&store).await;
    let begin = Instant::now();
    create(store.clone(), alone, 300).await;
    let single = rate(300, begin.elapsed());

    let mut calls = tokio::task::JoinSet::new();
    let mut accounts = Vec::new();
    for _ in 0..TOGETHER {
        accounts.push(new_account(&store).await);
    }
    let begin = Instant::now();
    for account in accounts {
        calls.spawn(create(store.clone(), account, 200));
    }
    calls.join_all().await;
    let together = rate(TOGETHER * 200, begin.elapsed());
    println!(
        "creates: {single:.0}/s alone, {together:.0}/s by {TOGETHER} at once: {:.1} times",
        together / single
    );
    store.close().await;
}

/// Puts a large database in place, past the store.
fn fill(dir: &Path) {
    let connection = rusqlite::Connection::open(dir.join("claviger.db")).expect("the file is there");
    let statements = format!(
        "PRAGMA synchronous = OFF;
         BEGIN;
         CREATE TEMP TABLE n AS
         WITH RECURSIVE count (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM count WHERE n < {KEYS}) SELECT n FROM count;
         INSERT INTO accounts (id, api, name, metadata, state, created_at)
         SELECT CAST(printf('%016d', n) AS BLOB), 'cashcat', 'Acme', '{{}}', 'active', 1 FROM n WHERE n <= {KEYS} / 10;
         INSERT INTO keys (id, account, name, environment, scopes, restrictions, state, created_at, created_by, metadata)
         SELECT CAST(printf('%016d', n) AS BLOB), CAST(printf('%016d', 1 + n / 10 % ({KEYS} / 10)) AS BLOB), 'Production',
                'live', '[\"costs:read\",\"alerts:read\"]', '{{\"networks\":[\"10.0.0.0/8\"],\"referrers\":null,\"endpoints\":null}}',
                'active', 1, 'operator:' || n % 1000, '{{}}'
           FROM n;
         INSERT INTO secrets (key, number, digest, hint, created_at)
         SELECT CAST(printf('%016d', n) AS BLOB), 1, randomblob(32), 'cc_live_AbCdEfG', 1 FROM n;
         COMMIT;
         PRAGMA wal_checkpoint(TRUNCATE);"
    );
    connection.execute_batch(&statements).expect("the statements are sound");
}

async fn large_database(dir: &Path) {
    open(dir).await.close().await;
    fill(dir);
    let begin = Instant::now();
    let store = open(dir).await;
    println!("opening {KEYS} keys, with its check: {:.2} s", begin.elapsed().as_secs_f64());
    loads(&store).await;
    store.close().await;
}

#[tokio::main]
async fn main() {
    let dir = tempfile::tempdir().expect("a place for temporary files");
    group_commit(&dir.path().join("small")).await;
    large_database(&dir.path().join("large")).await;
}
