//! The data directory: one server at a time, nobody else's eyes, nobody else's files.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, thread};

use claviger_testkit::{Program, ServerBuilder, eventually};
use serde_json::{Value, json};

use super::{refused_start, sqlite, status};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("the file is there").permissions().mode() & 0o777
}

#[test]
fn a_second_server_on_the_same_directory_is_refused_and_the_first_goes_on() {
    let server = ServerBuilder::new(crate::PROGRAM).profile("default").start();
    let account = server.operator().account("Acme");
    let (_, key) = server.operator().issue_plain(&account, "n");
    let said = refused_start(&server.data(), &[]);
    assert!(said.contains("in use by process"), "{said}");
    assert!(said.contains(&server.pid().to_string()) && said.contains("--data"), "{said}");
    let data = server.data();
    let said = Program::at(crate::PROGRAM).run(&["init", "--data", data.to_str().unwrap()]).expect(1).err;
    assert!(said.contains("in use by process"), "{said}");
    server.operator().issue_plain(&account, "afterwards");
    assert_eq!(status(&server, &key), 200);
}

#[test]
fn a_directory_is_free_again_however_its_server_ended() {
    let server = ServerBuilder::new(crate::PROGRAM).profile("default").start();
    let server = server.kill().start();
    assert_eq!(server.stop().start().stop().code, Some(0));
}

#[test]
fn what_is_kept_is_for_its_owner_only() {
    let server = ServerBuilder::new(crate::PROGRAM).profile("codat").start();
    let account = server.operator().account("Acme");
    server.operator().issue_plain(&account, "sealed");
    let all_private = |data: &Path| {
        assert_eq!(mode(data), 0o700);
        for file in fs::read_dir(data).unwrap() {
            let file = file.unwrap().path();
            assert_eq!(mode(&file), 0o600, "{}", file.display());
        }
    };
    all_private(&server.data());
    assert!(server.data().join("master.key").exists());
    let mut stopped = server.stop();
    all_private(&stopped.data());
}

#[test]
fn a_database_of_a_newer_version_is_refused_and_left_as_it_is() {
    for name in ["claviger.db", "usage.db"] {
        let server = ServerBuilder::new(crate::PROGRAM).profile("default").start();
        server.operator().account("Acme");
        let mut stopped = server.stop();
        let (data, file) = (stopped.data(), stopped.data().join(name));
        let version = sqlite(&file, "PRAGMA user_version").concat();
        sqlite(&file, "PRAGMA user_version = 99");
        let before = fs::read(&file).unwrap();
        let said = refused_start(&data, &[]);
        assert!(said.contains(file.to_str().unwrap()) && said.contains("newer version"), "{said}");
        assert!(said.contains("99") && said.contains("restore a backup"), "what and what to do: {said}");
        assert_eq!(fs::read(&file).unwrap(), before);
        sqlite(&file, &format!("PRAGMA user_version = {version}"));
        assert_eq!(stopped.start().operator().get("/v1/accounts").status, 200);
    }
}

#[test]
fn a_database_that_is_taken_away_takes_no_more_changes_and_lets_nobody_in_that_was_out() {
    let server = ServerBuilder::new(crate::PROGRAM).profile("default").start();
    let operator = server.operator();
    let account = operator.account("Acme");
    let (_, active) = operator.issue_plain(&account, "active");
    let (revoked_id, revoked) = operator.issue_plain(&account, "revoked");
    let database = server.data().join("claviger.db");
    let earlier = fs::read(&database).unwrap();
    let earlier_log = fs::read(server.data().join("claviger.db-wal")).unwrap();
    assert_eq!(operator.post(&format!("/v1/keys/{revoked_id}/revoke"), &Value::Null).status, 200);
    // As long as the lease lasts, then not at all.
    let decides_as_before = || {
        assert!(matches!(status(&server, &revoked), 401 | 503), "nothing revives it");
        assert!(matches!(status(&server, &active), 200 | 503));
        assert!(matches!(status(&server, "my_live_000000000000000000000000000000000000ab"), 401 | 503));
    };
    let takes_no_changes = || {
        let path = format!("/v1/accounts/{account}/keys");
        let refused = operator.post(&path, &json!({"name": "n"})).expect(503).json();
        assert_eq!(refused["code"], "unavailable");
    };
    fs::remove_file(&database).unwrap();
    takes_no_changes();
    decides_as_before();
    assert!(!database.exists(), "no empty database takes its place");
    // Another file in its place: the database from before the revocation.
    fs::write(&database, earlier).unwrap();
    takes_no_changes();
    decides_as_before();
    assert!(server.log().contains("the database file is gone or another one"));
    // Put back whole and started afresh, it is what it is: a database without the revocation.
    let mut stopped = server.kill();
    fs::write(stopped.data().join("claviger.db-wal"), earlier_log).unwrap();
    let _ = fs::remove_file(stopped.data().join("claviger.db-shm"));
    let server = stopped.start();
    assert_eq!((status(&server, &active), status(&server, &revoked)), (200, 200), "a restore forgets");
}

#[test]
fn an_older_backup_moved_over_a_running_servers_database_revives_no_key() {
    let server =
        ServerBuilder::new(crate::PROGRAM).profile("default").variable("CLAVIGER_LEASE", "3s").start();
    let account = server.operator().account("Acme");
    let (revoked_id, revoked) = server.operator().issue_plain(&account, "revoked");
    // An orderly end leaves everything in the one file: the backup, and later the database with the revocation.
    let mut stopped = server.stop();
    let backup = stopped.data().join("backup.db");
    fs::copy(stopped.data().join("claviger.db"), &backup).unwrap();
    let server = stopped.start();
    let path = format!("/v1/keys/{revoked_id}/revoke");
    assert_eq!(server.operator().post(&path, &Value::Null).status, 200);
    let server = server.stop().start();
    assert_eq!(status(&server, &revoked), 401);

    fs::rename(&backup, server.data().join("claviger.db")).unwrap();
    // Reads side by side need new connections.
    let operator = server.operator();
    thread::scope(|scope| {
        for _ in 0..12 {
            scope.spawn(|| assert_eq!(operator.get("/v1/keys").status, 503));
        }
    });
    eventually(|| match status(&server, &revoked) {
        503 => Some(()),
        answered => {
            assert_eq!(answered, 401, "a revoked key works again");
            None
        }
    });
}

#[test]
fn a_directory_that_can_not_be_used_is_refused_with_its_name() {
    let mut builder = ServerBuilder::new(crate::PROGRAM);
    let root = builder.directory().to_owned();
    let file = root.join("file");
    fs::write(&file, "not a directory").unwrap();
    let said = refused_start(&file, &[]);
    assert!(said.contains(file.to_str().unwrap()), "{said}");
    let said = refused_start(Path::new("/proc/none/data"), &[]);
    assert!(said.contains("/proc/none/data"), "{said}");
}
