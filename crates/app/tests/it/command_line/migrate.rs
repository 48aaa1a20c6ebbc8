//! `claviger migrate`: a schema is brought up as a whole or not at all, whoever runs beside.

use std::thread;

use claviger_testkit::{Postgres, Program, ServerBuilder, eventually};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::fails;

fn server() -> Postgres {
    Postgres::builder().without_fsync().start()
}

fn migrate(url: &str) -> Program {
    Program::at(crate::PROGRAM).with("CLAVIGER_DATABASE_URL", url)
}

/// What the one number of a query is.
#[track_caller]
fn number(postgres: &Postgres, sql: &str) -> u64 {
    postgres.sql("test0", sql).expect("the statement is sound").parse().expect("it finds a number")
}

const NEWEST: &str = "SELECT max(version) FROM schema_versions";

#[test]
fn it_says_from_which_to_which_and_a_second_time_changes_nothing() {
    let postgres = server();
    let url = postgres.database();
    let made = migrate(&url).run(&["migrate"]).expect(0);
    let known = number(&postgres, NEWEST);
    assert!(made.out.ends_with(&format!("/test0: made, with schema {known}\n")), "{}", made.out);
    let again = Program::at(crate::PROGRAM).run(&["migrate", "--json", "--database-url", &url]).expect(0);
    let told = again.json();
    assert_eq!((&told["from"], &told["to"]), (&json!(known), &json!(known)));
    assert_eq!(number(&postgres, "SELECT count(*) FROM schema_versions"), known);
    assert!(migrate(&url).run(&["migrate"]).expect(0).out.contains("already; nothing was changed"));
}

#[test]
fn the_embedded_database_needs_none() {
    let ended = Program::at(crate::PROGRAM).run(&["migrate"]);
    fails(ended, 2, &["no database is named", "`claviger serve` brings it up"]);
}

#[test]
fn it_names_no_password() {
    let refused = migrate("postgres://ada:secret@127.0.0.1:1/keys").run(&["migrate"]);
    assert!(!refused.err.contains("secret"), "{}", refused.err);
    fails(refused, 1, &["postgres://ada@127.0.0.1:1/keys", "can't be reached"]);
}

/// Somebody else's transaction makes the migration wait in the middle of its steps.
#[test]
fn killed_half_way_it_leaves_nothing() {
    let postgres = server();
    let url = postgres.database();
    let waits = |what: &str| {
        let sql = format!("SELECT count(*) FROM pg_stat_activity WHERE datname = 'test0' AND {what}");
        eventually(|| (number(&postgres, &sql) > 0).then_some(()));
    };
    thread::scope(|scope| {
        // Ends with the error that it was terminated.
        scope.spawn(|| postgres.sql("test0", "BEGIN; CREATE TABLE links (one int); SELECT pg_sleep(600)"));
        waits("wait_event = 'PgSleep'");
        let mut child = migrate(&url).command(&["migrate"]).spawn().unwrap();
        waits("wait_event_type = 'Lock'");
        child.kill().unwrap();
        child.wait().unwrap();
        let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'";
        postgres.sql("test0", end).unwrap();
    });
    let gone = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'claviger'";
    eventually(|| (number(&postgres, gone) == 0).then_some(()));
    assert_eq!(number(&postgres, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"), 0);
    assert!(migrate(&url).run(&["migrate"]).expect(0).out.contains("made, with schema"));
}

#[test]
fn told_not_to_migrate_serve_refuses_an_older_schema_and_says_what_to_do() {
    let postgres = server();
    let url = postgres.database();
    let data = TempDir::new().unwrap();
    let data = data.path().to_str().unwrap();
    let serve = ["serve", "--data", data, "--gateway", "127.0.0.1:0", "--portal", "127.0.0.1:0", "--control"];
    let serve = [&serve[..], &["127.0.0.1:0"]].concat();
    let waiting = migrate(&url).with("CLAVIGER_MIGRATE", "false");
    let refused = waiting.run(&serve);
    assert!(refused.err.contains("has schema 0 and this version needs"), "{}", refused.err);
    assert!(refused.err.contains("run claviger migrate first"), "{}", refused.err);
    assert_eq!(refused.code, 1);
    assert_eq!(postgres.sql("test0", "SELECT to_regclass('schema_versions')").unwrap(), "");

    assert_eq!(migrate(&url).run(&["migrate"]).code, 0);
    let server =
        ServerBuilder::new(crate::PROGRAM).database(&url).variable("CLAVIGER_MIGRATE", "false").start();
    server.operator().account("Acme");

    let neither = migrate(&url).with("CLAVIGER_MIGRATE", "perhaps").run(&serve);
    fails(neither, 1, &["CLAVIGER_MIGRATE can't be used: it must be true or false"]);
}

/// What a node of this version sees when a later one has migrated.
#[test]
fn nodes_go_on_with_a_newer_schema_that_says_they_may_and_with_no_other() {
    let postgres = server();
    let url = postgres.database();
    let node = ServerBuilder::new(crate::PROGRAM).database(&url).start();
    let operator = node.operator();
    let (account, known) = (operator.account("Acme"), number(&postgres, NEWEST));
    let (_, key) = operator.issue_plain(&account, "before");
    let newer = |version, oldest| {
        let sql =
            format!("INSERT INTO schema_versions (version, oldest_reader) VALUES ({version}, {oldest})");
        postgres.sql("test0", &sql).unwrap();
    };
    newer(known + 1, known);
    operator.issue_plain(&account, "meanwhile");
    assert_eq!(node.customer(&key).get("/v1/hello").status, 200);
    let node = node.stop().start();
    node.operator().issue_plain(&account, "after a restart");
    let told = migrate(&url).run(&["migrate"]).expect(0);
    assert!(told.out.contains("of a newer version, with which this one"), "{}", told.out);

    newer(known + 2, known + 2);
    assert_eq!(node.customer(&key).get("/v1/hello").status, 200, "who runs is not stopped");
    fails(migrate(&url).run(&["migrate"]), 1, &["was written by a newer version", "start that version"]);
    let mut stopped = node.stop();
    let data = stopped.data();
    let serve = ["serve", "--data", data.to_str().unwrap(), "--gateway", "127.0.0.1:0"];
    let refused =
        migrate(&url).run(&[&serve[..], &["--portal", "127.0.0.1:0", "--control", "127.0.0.1:0"]].concat());
    assert_eq!(refused.code, 1);
    assert!(refused.err.contains("was written by a newer version"), "{}", refused.err);
}

#[test]
fn several_at_once_take_each_step_once() {
    let postgres = server();
    let url = postgres.database();
    let said: Vec<Value> = thread::scope(|scope| {
        let runs: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| migrate(&url).run(&["migrate", "--json"]).expect(0).json()))
            .collect();
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    });
    let known = number(&postgres, NEWEST);
    assert!(said.iter().all(|told| told["to"] == json!(known)), "{said:?}");
    assert_eq!(said.iter().filter(|told| told["from"] == json!(0)).count(), 1, "{said:?}");
    assert_eq!(number(&postgres, "SELECT count(*) FROM schema_versions"), known);
}
