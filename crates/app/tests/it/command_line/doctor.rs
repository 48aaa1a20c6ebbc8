//! `claviger doctor`: each thing is told with how it stands, what was found and what to do, and nothing is changed.

use std::{fs, os::unix::fs::PermissionsExt as _};

use claviger_testkit::{Finished, PgBouncer, Postgres, Program, ServerBuilder};
use serde_json::{Value, json};
use tempfile::TempDir;

/// What was found of one thing: how it stands, and the whole of it.
#[track_caller]
fn about(examined: &Value, thing: &str) -> (String, String) {
    let findings = examined["findings"].as_array().expect("there are findings");
    let found = findings.iter().find(|finding| finding["about"] == json!(thing));
    let found = found.unwrap_or(&Value::Null);
    (
        found["health"].as_str().unwrap_or("not told").to_owned(),
        format!("{} {}", found["found"], found["advice"]),
    )
}

#[track_caller]
fn tells(examined: &Value, thing: &str, health: &str, words: &[&str]) {
    let (found, text) = about(examined, thing);
    assert_eq!(found, health, "{thing}: {text} in {examined}");
    for words in words {
        assert!(text.contains(words), "{words:?} is not in: {text}");
    }
}

fn doctor(cli: &Program, arguments: &[&str]) -> Finished {
    cli.run(&[&["doctor", "--json"], arguments].concat())
}

fn plain() -> Program {
    Program::at(crate::PROGRAM)
}

#[test]
fn before_the_first_start_it_says_what_there_is_and_makes_nothing() {
    let root = TempDir::new().unwrap();
    let data = root.path().join("data");
    let told = plain().run(&["doctor", "--data", data.to_str().unwrap(), "--lease", "60s"]).expect(0);
    let mut lines: Vec<_> = told.out.lines().collect();
    let disk = lines.iter().position(|line| line.contains(" disk ")).expect("the disk is looked at");
    assert!(lines.remove(disk).contains("MiB are free for"), "{}", told.out);
    lines.retain(|line| !line.contains("What to do: Make room"));
    // How the machine's clock is set is not this test's.
    lines.retain(|line| !line.contains(" ntp ") && !line.contains("What to do: let systemd-timesyncd"));
    assert_eq!(lines.len(), 4, "{}", told.out);
    assert!(lines.iter().all(|line| line.starts_with("ok    ")), "{}", told.out);
    assert!(told.out.contains("isn't there: the first start makes it"), "{}", told.out);
    for words in ["The lease is 60s", "unnoticed for at least 53.8s", "at most 61.2s where one doesn't"] {
        assert!(lines[3].contains(words), "{words}: {}", lines[3]);
    }
    assert!(!data.exists());
}

#[test]
fn what_is_only_observed_is_warned_of() {
    let root = TempDir::new().unwrap();
    let (data, profile) = (root.path().join("data"), root.path().join("observing.toml"));
    let text = fs::read_to_string(claviger_testkit::repository().join("profiles/default.toml")).unwrap();
    fs::write(&profile, format!("mode = \"observe\"\n{text}")).unwrap();
    let arguments = ["--data", data.to_str().unwrap(), "--profile", profile.to_str().unwrap()];
    let examined = doctor(&plain(), &arguments).expect(0).json();
    tells(&examined, "observe", "warn", &["only observes everything", "claviger observed"]);
    fs::write(&profile, text).unwrap();
    let examined = doctor(&plain(), &arguments).expect(0).json();
    assert_eq!(about(&examined, "observe").0, "not told");
}

#[test]
fn a_running_server_is_left_alone() {
    let server = ServerBuilder::new(crate::PROGRAM).profile("cashcat").start();
    let data = server.data();
    let arguments = ["--data", data.to_str().unwrap()];
    let examined = doctor(&plain(), &arguments).expect(0).json();
    let pid = format!("is in use by process {}, which is left alone", server.pid());
    tells(&examined, "data directory", "ok", &[&pid]);
    tells(&examined, "database", "ok", &["has schema", "the newest that this version knows"]);
    server.operator().account("Acme");
    let server = server.stop().start();
    server.operator().account("Another");
    drop(server.stop());
}

#[test]
fn a_clock_that_went_back_is_warned_of_by_what_was_written() {
    let server = ServerBuilder::new(crate::PROGRAM).profile("default").start();
    let data = server.data();
    let arguments = ["--data", data.to_str().unwrap()];
    tells(
        &doctor(&plain(), &arguments).expect(0).json(),
        "clock",
        "ok",
        &["past everything that was written"],
    );
    server.operator().account("Acme");
    let stopped = server.stop();
    let behind = |by: &str| doctor(&plain().with_clock_at(by), &arguments).expect(0).json();
    tells(&behind("-1h"), "clock", "warn", &["the clock went back", "set the clock by NTP before"]);
    tells(&behind("+1h"), "clock", "ok", &[]);
    // What was written is known from the database, and from its file.
    let file = fs::File::options().append(true).open(data.join("claviger.db")).unwrap();
    file.set_modified(std::time::UNIX_EPOCH + std::time::Duration::from_hours(24 * 365 * 1000)).unwrap();
    tells(&doctor(&plain(), &arguments).expect(0).json(), "clock", "warn", &["claviger.db was written"]);
    drop(stopped);
}

#[test]
fn whether_the_clock_is_set_by_ntp_is_told_where_the_system_says() {
    let root = TempDir::new().unwrap();
    let data = root.path().join("data");
    let arguments = ["--data", data.to_str().unwrap()];
    let system = root.path().join("timedatectl");
    let path = format!("{}:/usr/bin:/bin", root.path().display());
    for (says, health, words) in [
        ("echo yes", "ok", "is set by NTP"),
        ("echo no", "warn", "timedatectl set-ntp true"),
        ("exit 1", "not told", ""),
    ] {
        fs::write(&system, format!("#!/bin/sh\n{says}\n")).unwrap();
        fs::set_permissions(&system, fs::Permissions::from_mode(0o755)).unwrap();
        tells(&doctor(&plain().with("PATH", &path), &arguments).expect(0).json(), "ntp", health, &[words]);
    }
}

#[test]
fn what_fails_ends_it_with_status_1() {
    let root = TempDir::new().unwrap();
    let file = root.path().join("claviger.toml");
    fs::write(&file, "laese = \"2s\"\n").unwrap();
    let examined = doctor(&plain(), &["--config", file.to_str().unwrap()]).expect(1).json();
    tells(&examined, "settings", "fail", &["claviger.toml:1:1: unknown field `laese`"]);
    assert_eq!(examined["health"], json!("fail"));

    let profile = root.path().join("mine.toml");
    fs::write(&profile, "name = \"mine\"\n").unwrap();
    let data = root.path().join("data");
    fs::create_dir(&data).unwrap();
    let arguments = ["--data", data.to_str().unwrap(), "--profile", profile.to_str().unwrap()];
    let examined = doctor(&plain(), &arguments).expect(1).json();
    tells(&examined, "profiles", "fail", &["mine.toml"]);
    tells(&examined, "data directory", "warn", &["open to other users (mode 755)", "chmod 700"]);

    let lost = plain().with("CLAVIGER_DATABASE_URL", "postgres://ada:secret@127.0.0.1:1/keys");
    let ended = doctor(&lost, &["--data", data.to_str().unwrap()]).expect(1);
    assert!(!ended.out.contains("secret"), "{}", ended.out);
    tells(&ended.json(), "database", "fail", &["postgres://ada@127.0.0.1:1/keys can't be reached"]);
}

#[test]
fn of_a_shared_database_it_says_what_can_be_relied_on() {
    let postgres = Postgres::start();
    let url = postgres.database();
    let root = TempDir::new().unwrap();
    let data = root.path().join("data");
    let arguments = ["--data", data.to_str().unwrap(), "--database-url", &url];
    let examined = doctor(&plain(), &arguments).expect(0).json();
    tells(&examined, "database", "warn", &["has schema 0", "claviger migrate"]);
    assert_eq!(
        postgres.sql("test0", "SELECT to_regclass('schema_versions')").unwrap(),
        "",
        "nothing is made"
    );
    let examined = doctor(&plain().with("CLAVIGER_MIGRATE", "false"), &arguments).expect(1).json();
    tells(&examined, "database", "fail", &["run claviger migrate first"]);

    let node = ServerBuilder::new(crate::PROGRAM).database(&url).start();
    let examined = doctor(&plain(), &arguments).expect(0).json();
    tells(&examined, "database", "ok", &["postgres://claviger@127.0.0.1"]);
    tells(&examined, "role", "ok", &["claviger is no superuser"]);
    tells(&examined, "encryption", "ok", &["stays on this machine"]);
    tells(&examined, "clock", "ok", &["ms apart"]);
    tells(&examined, "notifications", "ok", &["They arrive"]);
    tells(&examined, "nodes", "ok", &["1 on the roll, and each has confirmed every change"]);
    tells(&examined, "durability", "warn", &["has no replica", "restored, takes back the revocations"]);

    let ahead = plain().with_clock_at("+5s");
    tells(&doctor(&ahead, &arguments).expect(0).json(), "clock", "warn", &["set both by NTP"]);

    node.pause();
    let raw =
        "INSERT INTO accounts VALUES (gen_random_uuid(), 'default', 'by hand', NULL, '{}', 'active', 0)";
    postgres.sql("test0", raw).unwrap();
    let examined = doctor(&plain(), &arguments).expect(0).json();
    tells(&examined, "nodes", "warn", &["have not confirmed every change", "node_", "claviger node fence"]);
    node.resume();

    let other = |place: &str, digest: &str| {
        let sql = format!(
            "INSERT INTO feed_node (incarnation, name, place, lease_ms, leases, profiles, version, acked, joined_at, renewed_at)
             SELECT gen_random_uuid(), 'node-{digest}', decode('{}', 'hex'), 1, '{{}}', '{{\"cashcat\": \"{digest}\"}}', '1',
                    seq, 0, 0
               FROM feed_head",
            place.repeat(64)
        );
        postgres.sql("test0", &sql).unwrap();
    };
    node.pause();
    other("1", "aa");
    other("2", "bb");
    let examined = doctor(&plain(), &arguments).expect(0).json();
    tells(&examined, "profiles of nodes", "warn", &["cashcat (node-aa, node-bb)"]);
    node.resume();

    let url = url.replace("claviger@", "postgres@");
    let examined =
        doctor(&plain(), &["--data", data.to_str().unwrap(), "--database-url", &url]).expect(0).json();
    tells(&examined, "role", "warn", &["postgres is a superuser"]);
}

#[test]
fn whether_a_fail_over_can_take_revocations_back_is_told_by_the_servers_settings() {
    let forgetful = Postgres::builder().without_fsync().start();
    let told = doctor(&plain().with("CLAVIGER_DATABASE_URL", &forgetful.database()), &[]).expect(1).json();
    tells(&told, "durability", "fail", &["fsync = off", "set fsync = on"]);
    let waiting = Postgres::builder().setting("synchronous_standby_names", "ANY 1 (*)").start();
    // Nobody is there whom a commit could wait for, so the test's own must not.
    waiting.sql("postgres", "SET synchronous_commit = local; CREATE DATABASE alone OWNER claviger").unwrap();
    let told = doctor(&plain().with("CLAVIGER_DATABASE_URL", &waiting.url("alone")), &[]).expect(0).json();
    tells(&told, "durability", "warn", &["ANY 1 (*)", "none is connected"]);
}

#[test]
fn a_pooler_that_swallows_notifications_is_found_out() {
    let postgres = Postgres::start();
    let url = postgres.database();
    let between = PgBouncer::before(([127, 0, 0, 1], postgres.port()).into(), "test0", "claviger");
    let pooled = plain().with("CLAVIGER_DATABASE_URL", &between.url());
    let told = doctor(&pooled, &[]).expect(0).json();
    tells(&told, "notifications", "warn", &["something in between swallows them", "database_listen_url"]);
    let past = pooled.with("CLAVIGER_DATABASE_LISTEN_URL", &url);
    tells(&doctor(&past, &[]).expect(0).json(), "notifications", "ok", &["They arrive"]);
}

#[test]
fn an_installation_that_was_moved_says_where_it_went() {
    let server = ServerBuilder::new(crate::PROGRAM).start();
    let postgres = Postgres::builder().without_fsync().start();
    let (data, url) = (server.data(), postgres.database());
    let copied = plain().run(&["copy", "--from", &format!("sqlite:{}", data.display()), "--to", &url]);
    assert_eq!(copied.code, 0, "{}", copied.err);
    let told = doctor(&plain(), &["--data", data.to_str().unwrap()]).expect(1).json();
    tells(&told, "database", "fail", &["was moved to postgres://claviger@127.0.0.1"]);
}
