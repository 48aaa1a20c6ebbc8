//! What a call says when the server is away, refuses, or loses its answer; and what is refused at the start.

use std::time::Duration;

use claviger_store::{OpenError, PostgresOptions, Store, StoreError};
use claviger_testkit::{FaultProxy, PgBouncer, Postgres};
use claviger_verify::feed::{Renewal, Seq};

use super::fixture::Fixture;
use crate::{
    earlier,
    samples::{Counted, NOW, account, card, key, new_account, node_id, note},
};

fn server() -> Postgres {
    Postgres::builder().without_fsync().start()
}

async fn open(url: &str) -> Store {
    Store::open_postgres(PostgresOptions::new(url), NOW, &Counted).await.unwrap()
}

async fn refused(options: PostgresOptions) -> OpenError {
    Store::open_postgres(options, NOW, &Counted).await.unwrap_err()
}

async fn create(store: &Store) -> Result<Seq, StoreError> {
    store.insert_account(new_account("cashcat"), note("account.create"), None).await.map(|made| made.seq)
}

/// The name of the database in a URL.
fn name(url: &str) -> &str {
    url.rsplit_once('/').unwrap().1.split('?').next().unwrap()
}

/// The same database by way of something else.
fn by(url: &str, address: std::net::SocketAddr) -> String {
    format!("postgres://claviger@{address}/{}?sslmode=disable", name(url))
}

fn is_unavailable<T>(answer: &Result<T, StoreError>) -> bool {
    matches!(answer, Err(StoreError::Unavailable(_)))
}

#[tokio::test]
async fn a_server_that_crashed_is_unavailable_until_it_is_back_with_all_that_was_answered() {
    let mut server = Postgres::start();
    let store = open(&server.database()).await;
    let kept = key(&store, account(&store).await).await;
    server.crash();
    assert!(is_unavailable(&create(&store).await));
    assert!(is_unavailable(&store.find_key(kept).await));
    assert!(store.feed().after(Seq(0)).await.is_err());
    server.start_again();
    assert!(store.find_key(kept).await.unwrap().is_some());
    create(&store).await.unwrap();
}

#[tokio::test]
async fn connections_that_were_cut_are_replaced_and_nobody_is_told() {
    let server = server();
    let store = open(&server.database()).await;
    let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'claviger'";
    for _ in 0..3 {
        create(&store).await.unwrap();
        server.sql("postgres", cut).unwrap();
        create(&store).await.unwrap();
        server.sql("postgres", cut).unwrap();
        assert!(!store.is_initialised().await.unwrap());
        server.sql("postgres", cut).unwrap();
        store.feed().after(Seq(0)).await.unwrap();
    }
}

#[tokio::test]
async fn whose_answer_to_a_commit_was_lost_is_told_that_nobody_knows() {
    let server = server();
    let url = server.database();
    let proxy = FaultProxy::to(server.address());
    let store = open(&by(&url, proxy.address())).await;
    let lost = proxy.drop_answers_after(b"COMMIT\0");
    let answer = create(&store).await;
    assert!(matches!(answer, Err(StoreError::OutcomeUnknown(_))), "{answer:?}");
    lost.wait();
    proxy.close_all();
    assert_eq!(server.sql(name(&url), "SELECT count(*) FROM accounts").unwrap(), "1");
    create(&store).await.unwrap();
}

#[tokio::test]
async fn a_commit_that_no_standby_has_confirmed_is_one_that_nobody_knows() {
    let server = Postgres::builder().without_fsync().start();
    let url = server.database();
    let store = open(&url).await;
    server.sql("postgres", "ALTER SYSTEM SET synchronous_standby_names = 'nobody'").unwrap();
    server.sql("postgres", "SELECT pg_reload_conf()").unwrap();
    // It is read by each process when it next looks.
    let shown = || server.sql("postgres", "SHOW synchronous_standby_names").unwrap();
    claviger_testkit::eventually(|| (shown() == "nobody").then_some(()));
    let answer = create(&store).await;
    assert!(matches!(answer, Err(StoreError::OutcomeUnknown(_))), "{answer:?}");
}

#[tokio::test]
async fn a_change_waits_a_second_for_a_lock_and_leases_go_on_meanwhile() {
    let server = server();
    let url = server.database();
    let store = open(&url).await;
    let node = node_id();
    assert!(store.feed().join(&card(node)).await.unwrap());
    let (holder, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    holder.batch_execute("BEGIN; SELECT * FROM feed_head FOR UPDATE").await.unwrap();
    let answer = create(&store).await;
    assert!(is_unavailable(&answer), "{answer:?}");
    assert!(matches!(store.feed().renew(node, None).await.unwrap(), Renewal::Renewed(_)));
    holder.batch_execute("ROLLBACK").await.unwrap();
    create(&store).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn management_that_uses_up_its_connections_leaves_the_feed_its_own() {
    let server = server();
    let url = server.database();
    let store = open(&url).await;
    let node = node_id();
    store.feed().join(&card(node)).await.unwrap();
    let (holder, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    holder.batch_execute("BEGIN; LOCK TABLE accounts IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let waiting: Vec<_> = (0..64)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move { create(&store).await })
        })
        .collect();
    let renewed = tokio::time::timeout(Duration::from_secs(1), store.feed().renew(node, None)).await;
    assert!(matches!(renewed, Ok(Ok(Renewal::Renewed(_)))));
    holder.batch_execute("ROLLBACK").await.unwrap();
    for call in waiting {
        let answer = call.await.unwrap();
        assert!(answer.is_ok() || is_unavailable(&answer), "{answer:?}");
    }
}

#[tokio::test]
async fn a_server_that_takes_no_changes_is_passed_over() {
    let (server, frozen) = (server(), server());
    let url = server.database();
    frozen.sql("postgres", "CREATE DATABASE test0 OWNER claviger").unwrap();
    frozen.sql("postgres", "ALTER ROLE claviger SET default_transaction_read_only = on").unwrap();
    let nobody = FaultProxy::to(server.address());
    nobody.refuse();
    let hosts = format!("{},{},{}", nobody.address(), frozen.address(), server.address());
    let store = open(&format!("postgres://claviger@{hosts}/{}?sslmode=disable", name(&url))).await;
    create(&store).await.unwrap();
    assert_eq!(server.sql(name(&url), "SELECT count(*) FROM accounts").unwrap(), "1");
}

/// In transaction mode every transaction may be another session's, and no statement is remembered.
#[tokio::test(flavor = "multi_thread")]
async fn everything_works_by_way_of_pgbouncer() {
    let server = server();
    let url = server.database();
    let pooler = PgBouncer::before(server.address(), name(&url), "claviger");
    let mut options = PostgresOptions::new(by(&url, pooler.address()));
    options.listen_url = Some(url);
    let store = Store::open_postgres(options, NOW, &Counted).await.unwrap();
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let store = store.clone();
        calls.spawn(async move {
            let owner = account(&store).await;
            let id = key(&store, owner).await;
            assert!(store.find_key(id).await.unwrap().is_some());
        });
    }
    calls.join_all().await;
    let node = node_id();
    store.feed().join(&card(node)).await.unwrap();
    assert!(matches!(store.feed().renew(node, Some(Seq(0))).await.unwrap(), Renewal::Renewed(_)));
    let (position, records) = crate::samples::load(&store, NOW).await;
    assert_eq!((position.head, records.len()), (Seq(32), 32));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_by_another_process_wakes_whoever_waits() {
    let server = server();
    let url = server.database();
    let (store, other) = (open(&url).await, open(&url).await);
    let feed = store.feed();
    let waiting = tokio::spawn(async move { feed.woken().await });
    while !waiting.is_finished() {
        create(&other).await.unwrap();
    }
    waiting.await.unwrap();
}

#[tokio::test]
async fn a_schema_is_made_by_migrating_and_not_where_that_is_refused() {
    let server = server();
    let url = server.database();
    let options = PostgresOptions { migrate: false, ..PostgresOptions::new(&url) };
    let told = refused(options.clone()).await;
    assert!(matches!(told, OpenError::Older { found: 0, .. }), "{told}");
    Store::migrate_postgres(&url, NOW, &Counted).await.unwrap();
    let before = Store::open_postgres(options, NOW, &Counted).await.unwrap().installation();
    Store::migrate_postgres(&url, NOW, &Counted).await.unwrap();
    assert_eq!(open(&url).await.installation(), before);
}

/// The steps before applications.
const EARLIER: [&str; 4] = [
    include_str!("../../../migrations/postgres/0001_initial.sql"),
    include_str!("../../../migrations/postgres/0002_members.sql"),
    include_str!("../../../migrations/postgres/0003_usage.sql"),
    include_str!("../../../migrations/postgres/0004_quotas.sql"),
];

#[tokio::test]
async fn a_database_of_the_version_before_gains_applications_and_loses_nothing() {
    let server = server();
    let url = server.database();
    let versions = "CREATE TABLE schema_versions (version bigint PRIMARY KEY, oldest_reader bigint NOT NULL);
                    INSERT INTO schema_versions VALUES (1, 1), (2, 2), (3, 3), (4, 3)";
    for step in EARLIER.into_iter().chain([versions, &earlier::rows(Fixture::literal)]) {
        server.sql(name(&url), &format!("SET ROLE claviger; {step}")).unwrap();
    }
    earlier::assert_stands(&open(&url).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_that_start_together_make_one_schema() {
    let server = server();
    let url = server.database();
    let mut starts = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let url = url.clone();
        starts.spawn(async move { open(&url).await.installation() });
    }
    let installations = starts.join_all().await;
    assert!(installations.iter().all(|one| *one == installations[0]), "{installations:?}");
}

#[tokio::test]
async fn a_newer_schema_is_gone_on_with_unless_it_says_otherwise() {
    let server = server();
    let url = server.database();
    open(&url).await;
    let newer = |number: u32, oldest: u32| {
        let sql = format!("INSERT INTO schema_versions (version, oldest_reader) VALUES ({number}, {oldest})");
        server.sql(name(&url), &sql).unwrap();
    };
    newer(98, 1);
    open(&url).await;
    newer(99, 99);
    let told = refused(PostgresOptions::new(&url)).await;
    assert!(matches!(told, OpenError::Newer { found: 99, .. }), "{told}");
}

/// Each row: the URL, and what is said of it. None shows the password.
#[tokio::test]
async fn what_is_wrong_with_a_database_is_said_without_its_password() {
    let server = server();
    let url = server.database();
    server.sql("postgres", "CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'").unwrap();
    server.sql("postgres", "CREATE DATABASE theirs").unwrap();
    // As it is from PostgreSQL 15 on.
    server.sql("theirs", "REVOKE CREATE ON SCHEMA public FROM PUBLIC").unwrap();
    let proxy = FaultProxy::to(server.address());
    proxy.refuse();
    let of = |address, name: &str| format!("postgres://claviger:s3cret@{address}/{name}?sslmode=disable");
    for (url, expected) in [
        ("nonsense".to_owned(), "URL can't be read"),
        ("postgres://claviger:s3cret@".to_owned(), "URL can't be read"),
        (of(proxy.address(), name(&url)), "can't be reached"),
        (of(server.address(), "nowhere"), "doesn't let us in"),
        (of(server.address(), "latin"), "create the database with ENCODING 'UTF8'"),
        (of(server.address(), "theirs"), "make the role the owner of its database"),
        (of(server.address(), name(&url)).replace("disable", "require"), "can't be reached"),
    ] {
        let told = refused(PostgresOptions::new(&url)).await.to_string();
        assert!(told.contains(expected), "{url}: {told}");
        assert!(!told.contains("s3cret"), "{told}");
    }
}

#[tokio::test]
async fn a_certificate_is_believed_by_its_authority_and_its_name_alone() {
    let server = Postgres::builder().without_fsync().encrypted().start();
    let plain = server.database();
    let authority = server.authority();
    let with = |mode: &str| plain.replace("sslmode=disable", &format!("sslmode={mode}"));
    let known = |mode: &str| format!("{}&sslrootcert={}", with(mode), authority.display());

    let store = open(&known("require")).await;
    create(&store).await.unwrap();
    let encrypted = server.sql("postgres", "SELECT count(*) FROM pg_stat_ssl WHERE ssl").unwrap();
    assert!(encrypted.parse::<u32>().unwrap() > 0, "{encrypted}");
    for mode in ["prefer", "verify-ca", "verify-full"] {
        open(&known(mode)).await;
    }

    for (url, why) in [
        (with("require"), "nobody knows the authority"),
        (with("prefer"), "a server that offers TLS is verified"),
        (known("require").replace("127.0.0.1", "localhost"), "it is another name's certificate"),
    ] {
        let told = refused(PostgresOptions::new(&url)).await;
        assert!(matches!(told, OpenError::Unreachable { .. }), "{why}: {told}");
    }
}
