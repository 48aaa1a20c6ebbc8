//! The directory and its files.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, sync::Arc};

use claviger_model::{AccountId, InstallationId, KeyId, KeyState, Role};
use claviger_store::{
    AuditFilter, ChainCheck, KeyChange, KeyFilter, KeyLimits, OpenError, Store, StoreError,
};

use super::fixture::Fixture;
use crate::{
    earlier,
    samples::{Counted, Kept, NOW, account, change, first, key, member, new_key, note},
};

async fn open(dir: &Path) -> Result<Store, OpenError> {
    Store::open_embedded(dir, NOW, &Counted).await
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn a_directory_and_its_files_are_their_owners_alone() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("a/claviger-data");
    let store = open(&dir).await.unwrap();
    account(&store).await;
    assert_eq!(mode(&dir), 0o700);
    let mut names = Vec::new();
    for entry in fs::read_dir(&dir).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
        names.push(path.file_name().unwrap().to_str().unwrap().to_owned());
    }
    names.sort_unstable();
    assert!(
        ["claviger.db", "claviger.db-wal", "claviger.lock", "usage.db"]
            .iter()
            .all(|name| names.contains(&(*name).to_owned())),
        "{names:?}"
    );
}

#[tokio::test]
async fn a_directory_is_one_stores_until_that_is_closed() {
    let fixture = Fixture::new().await;
    let second = open(fixture.dir()).await.unwrap_err();
    let text = second.to_string();
    assert!(matches!(second, OpenError::InUse { pid: Some(pid), .. } if pid == std::process::id()), "{text}");
    assert!(text.contains(&format!("process {}", std::process::id())), "{text}");
    let fixture = fixture.restarted().await;
    assert!(matches!(open(fixture.dir()).await, Err(OpenError::InUse { .. })));
}

#[tokio::test]
async fn what_was_answered_is_there_after_a_restart() {
    let fixture = Fixture::new().await;
    let id = key(&fixture.store, account(&fixture.store).await).await;
    let fixture = fixture.restarted().await;
    assert!(fixture.store.find_key(id).await.unwrap().is_some());
    assert!(matches!(fixture.store.check_audit().await.unwrap(), ChainCheck::Whole { events: 2, .. }));
}

/// What a killed process leaves: the files as they are, the log not yet copied, nobody's lock.
#[tokio::test]
async fn what_was_answered_is_there_after_the_process_was_killed() {
    let fixture = Fixture::new().await;
    let id = key(&fixture.store, account(&fixture.store).await).await;
    let killed = tempfile::tempdir().unwrap();
    for name in ["claviger.db", "claviger.db-wal", "usage.db", "usage.db-wal"] {
        fs::copy(fixture.dir().join(name), killed.path().join(name)).unwrap();
    }
    let store = open(killed.path()).await.unwrap();
    assert!(store.find_key(id).await.unwrap().is_some());
    assert_eq!(store.installation(), fixture.store.installation());
}

#[tokio::test]
async fn a_closed_store_answers_nothing_on_any_clone() {
    let fixture = Fixture::new().await;
    let store = fixture.store.clone();
    let account = account(&store).await;
    let feed = store.feed();
    fixture.restarted().await;
    let change = store.insert_key(new_key(account), KeyLimits::default(), None, note("key.issue")).await;
    assert!(matches!(change, Err(StoreError::Unavailable(_))));
    assert!(matches!(store.find_account(account).await, Err(StoreError::Unavailable(_))));
    feed.after(claviger_verify::feed::Seq(0)).await.unwrap_err();
    store.close().await;
}

#[tokio::test]
async fn a_newer_schema_is_refused_and_left_alone() {
    for (name, steps) in [("claviger.db", 10), ("usage.db", 2)] {
        let fixture = Fixture::new().await;
        fixture.store.clone().close().await;
        let path = fixture.dir().join(name);
        let raw = rusqlite::Connection::open(&path).unwrap();
        raw.pragma_update(None, "user_version", 99).unwrap();
        let refused = open(fixture.dir()).await.unwrap_err();
        assert!(matches!(refused, OpenError::Newer { found: 99, known, .. } if known == steps), "{refused}");
        assert!(refused.to_string().contains("newer version"), "{refused}");
        assert_eq!(raw.pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0)).unwrap(), 99);
    }
}

/// A file as version 0.1 left it: with its rows, and without members.
const FIRST_SCHEMA: &str = include_str!("../../../migrations/sqlite/0001_initial.sql");
const FIRST_ROWS: &str = r#"
    INSERT INTO feed_head (one, installation, audit_hash) VALUES (1, x'0123456789abcdef0123456789abcdef', zeroblob(32));
    INSERT INTO accounts VALUES (x'01010101010101010101010101010101', 'cashcat', 'Acme', 'e', '{}', 'active', 1);
    INSERT INTO keys VALUES (x'02020202020202020202020202020202', x'01010101010101010101010101010101', 'Production',
                             'live', '"all"', '{}', 'active', 1, 'system', NULL, NULL, 'e', '{}');
    INSERT INTO secrets VALUES (x'02020202020202020202020202020202', 1, randomblob(32), 'cc_live_Ab', NULL, 1, NULL);
    INSERT INTO operators VALUES (x'03030303030303030303030303030303', 'Ada', 'all', randomblob(32), 'clv_', 1, NULL);
    PRAGMA user_version = 1;
"#;

#[tokio::test]
async fn a_database_of_the_first_version_gains_members_and_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let raw = rusqlite::Connection::open(dir.path().join("claviger.db")).unwrap();
    raw.execute_batch(FIRST_SCHEMA).unwrap();
    raw.execute_batch(FIRST_ROWS).unwrap();
    drop(raw);

    let store = open(dir.path()).await.unwrap();
    let installation = 0x0123_4567_89ab_cdef_0123_4567_89ab_cdef_u128.to_be_bytes();
    assert_eq!(store.installation(), InstallationId::from_bytes(installation));
    let (owner, kept) = (AccountId::from_bytes([1; 16]), KeyId::from_bytes([2; 16]));
    assert_eq!(store.find_account(owner).await.unwrap().unwrap().name, "Acme");
    assert_eq!(store.find_key(kept).await.unwrap().unwrap().name.as_deref(), Some("Production"));
    let of_hint = KeyFilter { hint: Some("cc_live_A".to_owned()), ..KeyFilter::default() };
    assert_eq!(store.list_keys(of_hint, first(9)).await.unwrap().items[0].id, kept);
    assert!(store.is_initialised().await.unwrap());
    assert_eq!(store.feed().load(Arc::<Kept>::default(), NOW).await.unwrap().head.0, 4);
    let ada = member(&store, owner, "ada@example.com", Role::Administrator).await;
    store.close().await;

    let store = open(dir.path()).await.unwrap();
    assert!(store.find_member(ada).await.unwrap().is_some(), "a step is taken once");
}

/// The steps before applications.
const EARLIER: [&str; 4] = [
    FIRST_SCHEMA,
    include_str!("../../../migrations/sqlite/0002_members.sql"),
    include_str!("../../../migrations/sqlite/0003_receipts.sql"),
    include_str!("../../../migrations/sqlite/0004_moved.sql"),
];

#[tokio::test]
async fn a_database_of_the_version_before_gains_applications_and_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let raw = rusqlite::Connection::open(dir.path().join("claviger.db")).unwrap();
    for step in EARLIER {
        raw.execute_batch(step).unwrap();
    }
    raw.execute_batch(&earlier::rows(Fixture::literal)).unwrap();
    raw.pragma_update(None, "user_version", EARLIER.len()).unwrap();
    drop(raw);
    let store = open(dir.path()).await.unwrap();
    earlier::assert_stands(&store).await;
}

#[tokio::test]
async fn a_damaged_file_is_refused() {
    let fixture = Fixture::new().await;
    for _ in 0..3 {
        account(&fixture.store).await;
    }
    fixture.store.clone().close().await;
    let whole = fs::read(fixture.database()).unwrap();

    let mut pages = whole.clone();
    pages[4096..3 * 4096].fill(0xa5);
    for (content, what) in [(pages, "pages"), (b"not a database, but long enough".repeat(200), "header")] {
        fs::write(fixture.database(), content).unwrap();
        let refused = open(fixture.dir()).await.unwrap_err();
        assert!(matches!(refused, OpenError::Corrupt { .. }), "{what}: {refused:?}");
    }
    fs::write(fixture.database(), whole).unwrap();
    open(fixture.dir()).await.unwrap();
}

#[tokio::test]
async fn a_path_that_is_no_directory_is_refused() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let refused = open(file.path()).await.unwrap_err();
    assert!(matches!(refused, OpenError::Failed { .. }), "{refused:?}");
}

#[tokio::test]
async fn a_half_taken_step_is_taken_again_from_the_start() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path()).unwrap();
    let killed = rusqlite::Connection::open(dir.path().join("claviger.db")).unwrap();
    killed.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(())).unwrap();
    killed.execute_batch("BEGIN; CREATE TABLE accounts (id BLOB)").unwrap();
    drop(killed);
    let store = open(dir.path()).await.unwrap();
    account(&store).await;
}

#[tokio::test]
async fn nothing_is_written_into_a_file_that_was_moved_away() {
    let fixture = Fixture::new().await;
    let account = account(&fixture.store).await;
    let aside = fixture.dir().join("aside.db");
    fs::rename(fixture.database(), &aside).unwrap();
    let refused =
        fixture.store.insert_key(new_key(account), KeyLimits::default(), None, note("key.issue")).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    assert!(!fixture.database().exists(), "no empty database takes its place");
    fs::rename(&aside, fixture.database()).unwrap();
    key(&fixture.store, account).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_read_from_a_file_that_came_in_another_ones_place() {
    let fixture = Fixture::new().await;
    let account = account(&fixture.store).await;
    let revoked = key(&fixture.store, account).await;
    // Closed, so that all is in the one file.
    let fixture = fixture.restarted().await;
    let earlier = fixture.dir().join("earlier.db");
    fs::copy(fixture.database(), &earlier).unwrap();
    change(&fixture.store, revoked, KeyChange::Revoke).await.unwrap();
    let fixture = fixture.restarted().await;
    let (latest, aside) = (fixture.database(), fixture.dir().join("aside.db"));
    fs::rename(&latest, &aside).unwrap();
    fs::rename(&earlier, &latest).unwrap();

    let mut reads = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let store = fixture.store.clone();
        reads.spawn(async move { store.find_key(revoked).await });
    }
    for read in reads.join_all().await {
        assert!(matches!(read, Err(StoreError::Unavailable(_))), "{read:?}");
    }
    let loaded = fixture.store.feed().load(Arc::<Kept>::default(), NOW).await;
    assert!(loaded.is_err(), "{loaded:?}");

    fs::rename(&aside, &latest).unwrap();
    let found = fixture.store.find_key(revoked).await.unwrap().unwrap();
    assert_eq!(found.state, KeyState::Revoked);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_waits_five_seconds_for_a_database_that_another_program_holds() {
    let fixture = Fixture::new().await;
    let owner = account(&fixture.store).await;
    let holder = rusqlite::Connection::open(fixture.database()).unwrap();
    holder.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let store = fixture.store.clone();
        calls.spawn(async move {
            store.insert_key(new_key(owner), KeyLimits::default(), None, note("key.issue")).await
        });
    }
    while let Some(answer) = calls.join_next().await {
        assert!(matches!(answer.unwrap(), Err(StoreError::Unavailable(_))));
    }
    assert_eq!(fixture.store.list_audit(AuditFilter::default(), first(10)).await.unwrap().items.len(), 1);
    holder.execute_batch("ROLLBACK").unwrap();
    key(&fixture.store, owner).await;
}
