//! What was written down comes back: backups, what is put back of them, and what they can't bring back to life.

mod forgotten;
mod passwords;

use std::{
    fs,
    io::{Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
    process::Command,
};

use claviger_testkit::{Finished, Hammer, Program, Server, ServerBuilder, Stopwatch, Visitor, repository};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A server with an account, and room for what is kept of it.
struct Stage {
    server: Server,
    account: String,
    room: TempDir,
}

impl Stage {
    fn of(profile: &str) -> Self {
        let server = ServerBuilder::new(crate::PROGRAM).profile(profile).start();
        let account = server.operator().account("Acme");
        Self { server, account, room: TempDir::new().expect("a directory can be made") }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.room.path().join(name)
    }

    /// A key's id, and the key.
    fn issue(&self, name: &str) -> (String, String) {
        self.server.operator().issue_plain(&self.account, name)
    }

    #[track_caller]
    fn post(&self, path: &str, body: &Value) {
        let answer = self.server.operator().post(path, body);
        assert!(answer.status < 300, "{path}: {}", answer.text());
    }

    /// A backup of it, while it serves.
    #[track_caller]
    fn back_up(&self) -> PathBuf {
        let file = self.file("claviger.backup");
        let data = self.server.data();
        let words = ["backup", text(&file), "--data", text(&data), "--json"];
        let made = self.server.cli().run(&words).expect(0).json();
        assert_eq!(made["bytes"], fs::metadata(&file).expect("it was made").len());
        assert_eq!(
            fs::read_dir(self.room.path()).expect("it is there").count(),
            1,
            "nothing is left beside it"
        );
        file
    }

    /// The trail as it is now.
    #[track_caller]
    fn export(&self) -> PathBuf {
        let file = self.file("trail.jsonl");
        fs::write(&file, self.server.cli().run(&["audit", "export"]).expect(0).out)
            .expect("it can be written");
        file
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("the tests' paths are text")
}

/// Puts a backup back.
fn restore(file: &Path, data: &Path, further: &[&str]) -> Finished {
    let words = [&["restore", text(file), "--data", text(data), "--json"], further].concat();
    Program::at(crate::PROGRAM).run(&words)
}

/// Serves what was put back in the place of `stage`.
#[track_caller]
fn serve_instead(stage: Stage, file: &Path, further: &[&str]) -> (Server, Value, TempDir) {
    let Stage { server, room, .. } = stage;
    let data = server.data();
    let stopped = server.stop();
    fs::remove_dir_all(&data).expect("it is one's own");
    let told = restore(file, &data, further).expect(0).json();
    (stopped.start(), told, room)
}

/// What a statement finds in a database file whose server has ended.
#[track_caller]
fn sqlite(file: &Path, statement: &str) -> String {
    let ran = Command::new("sqlite3").arg("-batch").arg(file).arg(statement).output();
    Finished::from(ran.expect("sqlite3 is installed: ./test installs it")).expect(0).out
}

#[track_caller]
fn status(server: &Server, key: &str) -> u16 {
    server.customer(key).get("/v1/things").status
}

#[test]
fn a_backup_that_is_made_while_keys_are_used_and_changed_gives_the_same_answers_when_it_is_put_back() {
    let stage = Stage::of("default");
    let (first, key) = stage.issue("first");
    let (revoked, dead) = stage.issue("revoked");
    stage.post(&format!("/v1/keys/{revoked}/revoke"), &Value::Null);
    let request = format!("GET /v1/things HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {key}\r\n\r\n");
    let hammer = Hammer::start(Stopwatch::start(), stage.server.gateway, request.as_bytes(), 2);
    let file = std::thread::scope(|scope| {
        let issuing = scope.spawn(|| (0..50).for_each(|n| drop(stage.issue(&format!("key {n}")))));
        let file = stage.back_up();
        issuing.join().unwrap();
        file
    });
    hammer.until(200, 2);
    assert!(hammer.stop().iter().all(|probe| matches!(probe.status, Some(200) | None)));
    let seen = stage.server.operator().get(&format!("/v1/keys/{first}")).expect(200).json();
    let (server, _, _room) = serve_instead(stage, &file, &[]);
    assert_eq!((status(&server, &key), status(&server, &dead)), (200, 401));
    let mut again = server.operator().get(&format!("/v1/keys/{first}")).expect(200).json();
    again["last_used_at"] = seen["last_used_at"].clone();
    again["secrets"] = seen["secrets"].clone();
    assert_eq!(again, seen);
    assert_eq!(server.operator().get("/v1/audit-events/check").expect(200).json()["whole"], true);
    let account = seen["account_id"].as_str().unwrap();
    let (_, new) = server.operator().issue_plain(account, "after");
    assert_eq!(status(&server, &new), 200);
}

#[test]
fn a_restore_brings_nothing_back_to_life_that_an_exported_trail_says_was_taken_away() {
    let stage = Stage::of("default");
    let keys: Vec<_> =
        ["kept", "revoked", "off", "off and on", "narrowed", "rotated", "revoked by an import"]
            .map(|name| stage.issue(name))
            .into();
    let id = |n: usize| keys[n].0.clone();
    let operator = json!({"name": "leaked", "can": ["read"]});
    let operator = stage.server.operator().post("/v1/operators", &operator).expect(201).json();
    let file = stage.back_up();
    stage.post(&format!("/v1/keys/{}/revoke", id(1)), &Value::Null);
    stage.post(&format!("/v1/keys/{}/disable", id(2)), &Value::Null);
    stage.post(&format!("/v1/keys/{}/disable", id(3)), &Value::Null);
    stage.post(&format!("/v1/keys/{}/enable", id(3)), &Value::Null);
    let narrow = json!({"restrictions": {"networks": ["192.0.2.0/24"]}});
    let _ = stage.server.operator().patch(&format!("/v1/keys/{}", id(4)), &narrow).expect(200);
    stage.post(&format!("/v1/keys/{}/rotate", id(5)), &json!({"overlap": "0"}));
    stage.post(&format!("/v1/operators/{}/revoke", operator["id"].as_str().unwrap()), &Value::Null);
    let rows = json!([{"account": stage.account, "key": keys[6].1, "state": "revoked"}]);
    stage.post("/v1/keys/import", &json!({"rows": rows}));
    let (_, later) = stage.issue("made later");
    let receipt = stage.server.operator().post(&format!("/v1/keys/{}/revoke", id(1)), &Value::Null);
    let lost = receipt.json()["receipt"]["seq"].as_u64().unwrap();
    let trail = stage.export();
    let (server, told, _room) = serve_instead(stage, &file, &["--audit", text(&trail)]);
    let statuses = |server: &Server| keys.iter().map(|(_, key)| status(server, key)).collect::<Vec<_>>();
    assert_eq!(statuses(&server), [200, 401, 401, 200, 403, 401, 401], "{told}");
    assert_eq!(status(&server, &later), 401);
    let leaked = claviger_testkit::Operator::new(server.control, operator["key"].as_str().unwrap());
    assert_eq!(leaked.get("/v1/accounts").status, 401);
    assert_eq!((&told["again"]["lost"], &told["again"]["refused"]), (&json!({"key.issue": 1}), &json!([])));
    assert_eq!(server.operator().get(&format!("/v1/receipts/{lost}")).status, 404);
    assert_eq!(server.operator().get("/v1/audit-events/check").expect(200).json()["whole"], true);

    // The trail of what was restored says all of it once more.
    fs::write(&trail, server.cli().run(&["audit", "export"]).expect(0).out).unwrap();
    let data = server.data();
    let stopped = server.stop();
    fs::remove_dir_all(&data).unwrap();
    let _ = restore(&file, &data, &["--audit", text(&trail)]).expect(0);
    assert_eq!(statuses(&stopped.start()), [200, 401, 401, 200, 403, 401, 401]);
}

#[test]
fn nobody_who_was_signed_in_is_after_a_restore() {
    let stage = Stage::of("default");
    let order = json!({"account_id": stage.account, "email": "a@example.com"});
    let link = stage.server.operator().post("/v1/sessions", &order).expect(201).json();
    let unused = stage.server.operator().post("/v1/sessions", &order).expect(201).json();
    let mut visitor = Visitor::new(stage.server.portal);
    let path = |link: &Value| {
        let url = link["url"].as_str().unwrap().to_owned();
        url[url.match_indices('/').nth(2).unwrap().0..].to_owned()
    };
    let _ = visitor.follow(&path(&link)).expect(200);
    assert_ne!(path(&link), path(&unused));
    let file = stage.back_up();
    let data = stage.server.data();
    let (server, ..) = serve_instead(stage, &file, &[]);
    let _stopped = server.stop();
    for table in ["sessions", "links", "codes", "refresh_tokens"] {
        let left = sqlite(&data.join("claviger.db"), &format!("SELECT count(*) FROM {table}"));
        assert_eq!(left, "0\n", "{table}");
    }
}

#[test]
fn a_file_that_is_cut_off_or_changed_or_newer_is_refused_and_nothing_is_left() {
    let stage = Stage::of("default");
    let file = stage.back_up();
    let whole = fs::read(&file).unwrap();
    let room = TempDir::new().unwrap();
    let (bad, data) = (room.path().join("bad"), room.path().join("data"));
    let refused = |bytes: &[u8], words: &str| {
        fs::write(&bad, bytes).unwrap();
        let said = restore(&bad, &data, &[]).expect(1).err;
        assert!(said.contains(words) && said.contains("nothing was restored"), "{words}: {said}");
        let left: Vec<_> =
            fs::read_dir(&data).into_iter().flatten().map(|e| e.unwrap().file_name()).collect();
        assert!(left.iter().all(|name| name == "claviger.lock"), "{left:?}");
    };
    refused(b"", "is no backup");
    for length in [1, 100, whole.len() / 2, whole.len() - 1] {
        refused(&whole[..length], "its end is missing");
    }
    for place in (0..whole.len() - 24).step_by(whole.len() / 40) {
        let mut changed = whole.clone();
        changed[place] ^= 1;
        refused(&changed, "bad ");
    }
    let newer = String::from_utf8_lossy(&whole[whole.len() - 300..]).contains("\"format\":1");
    assert!(newer);
    let mut newer = whole.clone();
    let at = newer.windows(10).rposition(|part| part == b"\"format\":1").unwrap();
    newer[at + 9] = b'2';
    refused(&newer, "made by a newer version");
    let database = stage.server.data().join("claviger.db");
    let _stopped = stage.server.stop();
    sqlite(&database, "PRAGMA user_version = 999");
    let words = ["backup", text(&bad), "--data", text(database.parent().unwrap())];
    let said = Program::at(crate::PROGRAM).run(&words).expect(1).err;
    assert!(said.contains("newer version"), "{said}");
}

#[test]
fn an_installation_is_never_overwritten_and_a_restore_that_was_interrupted_is_not_served() {
    let stage = Stage::of("default");
    let file = stage.back_up();
    let data = stage.server.data();
    let said = restore(&file, &data, &[]).expect(1).err;
    assert!(said.contains("in use by process"), "{said}");
    let mut stopped = stage.server.stop();
    let said = restore(&file, &data, &[]).expect(1).err;
    assert!(said.contains("nothing is ever overwritten"), "{said}");
    let other = stage.room.path().join("other");
    fs::create_dir_all(other.join("restore.unfinished")).unwrap();
    fs::copy(stopped.data().join("usage.db"), other.join("usage.db")).unwrap();
    let said = Program::at(crate::PROGRAM).run(&["serve", "--data", text(&other)]).expect(1).err;
    assert!(said.contains("run `claviger restore` again"), "{said}");
    let _ = restore(&file, &other, &[]).expect(0);
}

#[test]
fn a_trail_that_is_not_the_installations_or_not_whole_is_refused() {
    let (stage, other) = (Stage::of("default"), Stage::of("default"));
    let (file, of_other) = (stage.back_up(), other.export());
    let data = stage.room.path().join("data");
    let refused = |trail: &Path, words: &str| {
        let said = restore(&file, &data, &["--audit", text(trail)]).expect(1).err;
        assert!(said.contains(words) && said.contains("nothing was restored"), "{said}");
        assert!(!data.join("claviger.db").exists());
    };
    refused(&of_other, "another installation's");
    let (id, _) = stage.issue("n");
    stage.post(&format!("/v1/keys/{id}/revoke"), &Value::Null);
    let trail = stage.export();
    let lines = fs::read_to_string(&trail).unwrap();
    let without = |skipped: usize| {
        let left = lines.split_inclusive('\n').enumerate().filter(|(number, _)| *number != skipped);
        left.map(|(_, line)| line).collect::<String>()
    };
    let count = lines.lines().count();
    for (text, words) in [
        (without(count - 1), "the chain's head is missing"),
        (without(count - 2), "the chain goes on to"),
        (without(count - 3), "it comes after"),
        (lines.replace("key.revoke", "key.rename"), "doesn't follow"),
        (lines.replace('\n', " ") + &" ".repeat(33 << 20), "line 1 is longer than 32 MiB"),
    ] {
        fs::write(&trail, text).unwrap();
        refused(&trail, words);
        let checked = Program::at(crate::PROGRAM).run(&["audit", "verify", "--file", self::text(&trail)]);
        assert!(checked.expect(1).out.starts_with("broken\n"));
    }
    fs::write(&trail, &lines).unwrap();
    let checked = Program::at(crate::PROGRAM).run(&["audit", "verify", "--file", text(&trail)]).expect(0);
    let served = stage.server.operator().get("/v1/audit-events/check").expect(200).json();
    assert!(checked.out.contains(served["head"].as_str().unwrap()), "{}", checked.out);
}

#[test]
fn sealed_keys_are_put_back_only_with_their_master_key() {
    let stage = Stage::of("codat");
    let (id, key) = stage.issue("n");
    let file = stage.back_up();
    let master = stage.file("master.key");
    fs::copy(stage.server.data().join("master.key"), &master).unwrap();
    let data = stage.room.path().join("data");
    let said = restore(&file, &data, &[]).expect(1).err;
    assert!(said.contains("master.key isn't there"), "{said}");
    fs::write(stage.file("other.key"), format!("{}\n", "ab".repeat(32))).unwrap();
    let other = stage.file("other.key");
    let said = restore(&file, &data, &["--master-key-file", text(&other)]).expect(1).err;
    assert!(said.contains("is not the master key"), "{said}");
    fs::copy(&master, data.join("master.key")).unwrap();
    let _ = restore(&file, &data, &[]).expect(0);
    let there = stage.server.data();
    let stopped = stage.server.stop();
    fs::remove_dir_all(&there).unwrap();
    fs::rename(&data, &there).unwrap();
    let server = stopped.start();
    let shown = server.operator().post(&format!("/v1/keys/{id}/reveal"), &Value::Null).expect(200).json();
    assert_eq!(shown["key"], key.as_str());
}

#[test]
fn a_full_disk_leaves_no_half_of_a_backup_under_its_name() {
    let stage = Stage::of("default");
    (0..300).for_each(|n| drop(stage.issue(&format!("{n} {}", "x".repeat(60)))));
    let script = r#"mount -t tmpfs -o size=200k tmpfs "$1" && echo before > "$1/b" && "$2" backup "$1/b" --data "$3"
        echo "status $?"; ls -A "$1"; cat "$1/b""#;
    let small = stage.file("small");
    fs::create_dir(&small).unwrap();
    let ran = Command::new("unshare")
        .args(["--mount", "sh", "-c", script, "sh", text(&small), crate::PROGRAM, text(&stage.server.data())])
        .output();
    let ran = Finished::from(ran.unwrap());
    assert_eq!(ran.out, "status 1\nb\nbefore\n", "{}", ran.err);
    assert!(ran.err.contains("is full: make room"), "{}", ran.err);
}

#[test]
fn of_a_database_that_nodes_share_its_own_tools_make_backups() {
    for command in ["backup", "restore"] {
        let words = [command, "file", "--database-url", "postgres://localhost/claviger"];
        let said = Program::at(crate::PROGRAM).run(&words).expect(2).err;
        assert!(said.contains("pg_dump") || said.contains("psql"), "{said}");
    }
    assert!(repository().join("docs/guide/backup.md").exists());
}

#[test]
fn a_backup_that_was_damaged_before_it_was_sealed_is_told_when_it_is_made() {
    let stage = Stage::of("default");
    (0..50).for_each(|n| drop(stage.issue(&format!("{n}"))));
    let data = stage.server.data();
    let _stopped = stage.server.stop();
    let tampering = "UPDATE audit_events SET actor = 'nobody' WHERE number = 3";
    sqlite(&data.join("claviger.db"), tampering);
    let file = stage.room.path().join("b");
    let said = Program::at(crate::PROGRAM).run(&["backup", text(&file), "--data", text(&data)]).expect(1).err;
    assert!(said.contains("event 3 of its trail") && !file.exists(), "{said}");
    let mut opened = fs::File::options().write(true).open(data.join("claviger.db")).unwrap();
    opened.seek(SeekFrom::Start(3 * 4096)).unwrap();
    opened.write_all(&[0xff; 4096]).unwrap();
    let said = Program::at(crate::PROGRAM).run(&["backup", text(&file), "--data", text(&data)]).expect(1).err;
    assert!(said.contains("is not sound") && !file.exists(), "{said}");
}
