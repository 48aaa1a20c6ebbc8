//! F33: an older state of the database that is put back while nodes run: they notice, load everything anew, and what they
//! knew revoked stays revoked and is revoked there again.
//!
//! It is put back in one transaction, beside the database and then exchanged for it, or table by table under their eyes.

use std::{fs, process::Command};

use claviger_testkit::{Finished, Hammer, Program, Stopwatch, eventually};
use serde_json::{Value, json};

use super::{
    all_until, confirmed_by, hammer, hammer_each, none_allowed_after, only, revoked,
    stage::{DATABASE, Stage},
    status, stop,
};
use crate::members::{LATER, LEAKED, set_password_by_link, signs_in, with_password};

/// Runs one of PostgreSQL's programs as the superuser.
#[track_caller]
fn client(stage: &Stage, program: &str, arguments: &[&str]) {
    let ran = run(stage, program, arguments);
    assert_eq!(ran.code, 0, "{}", ran.err);
}

fn run(stage: &Stage, program: &str, arguments: &[&str]) -> Finished {
    let port = stage.postgres.port().to_string();
    let mut command = Command::new(program);
    command.args(["-h", "127.0.0.1", "-U", "postgres", "-p", &port]).args(arguments);
    Finished::from(command.output().expect("it is installed"))
}

struct Restored {
    stage: Stage,
    good: String,
    taken: (String, String),
    young: String,
}

/// A stage that goes on after `keep`, and loses that by `put_back`.
#[track_caller]
fn restored(keep: impl FnOnce(&Stage), put_back: impl FnOnce(&Stage)) -> Restored {
    let stage = Stage::of("10s");
    let (good, taken) = (stage.issue(0, "good").1, stage.issue(1, "taken"));
    keep(&stage);
    let young = stage.issue(2, "young").1;
    revoked(&stage.operator(2), &taken.0);

    let clock = Stopwatch::start();
    let of_taken: Vec<Hammer> =
        stage.cluster.running().map(|server| hammer(clock, server, &taken.1)).collect();
    all_until(&of_taken, 401, 5);
    let of_good = hammer_each(&stage, clock, &good);
    let told_at = clock.now();
    put_back(&stage);
    let known = "SELECT count(*) FROM keys WHERE state = 'revoked'";
    eventually(|| (stage.postgres.sql(DATABASE, known).as_deref() == Ok("1")).then_some(()));
    all_until(&of_taken, 401, 20);
    all_until(&of_good, 200, 20);
    only(&stop(of_good), &[200, 503]);
    let probes = stop(of_taken);
    only(&probes, &[401, 503]);
    none_allowed_after(&probes, told_at);
    Restored { stage, good, taken, young }
}

#[track_caller]
fn all_is_well(restored: &Restored) {
    let Restored { stage, good, taken, young } = restored;
    for node in 0..3 {
        assert!(stage.node(node).log().contains("decisions stop: all keys are loaded anew"));
        let answers = [good, &taken.1, young].map(|key| status(stage.node(node), key));
        assert_eq!(answers, [200, 401, 401]);
    }
    let (id, _) = stage.issue(0, "afterwards");
    confirmed_by(3, &stage.operator(1), &id);
    let check = stage.operator(0).get("/v1/audit-events/check").expect(200).json();
    assert_eq!(check["whole"], true, "{check}");
}

#[test]
fn an_older_dump_put_back_in_one_transaction_revives_no_key() {
    let dump = tempfile::NamedTempFile::new().unwrap();
    let file = dump.path().to_str().unwrap();
    let restored = restored(
        |stage| client(stage, "pg_dump", &["--clean", "--if-exists", "--file", file, DATABASE]),
        |stage| {
            // It waits for those who are in the middle of something, and who come meanwhile wait for it. Where each
            // waits for the other PostgreSQL gives up one of them; if it is this one, it did nothing and is begun anew.
            let arguments = ["-qX", "--single-transaction", "-v", "ON_ERROR_STOP=1", "-f", file, DATABASE];
            eventually(|| {
                let ran = run(stage, "psql", &arguments);
                assert!(ran.code == 0 || ran.err.contains("deadlock detected"), "{}", ran.err);
                (ran.code == 0).then_some(())
            });
        },
    );
    all_is_well(&restored);
}

#[test]
fn an_older_copy_exchanged_for_the_database_revives_no_key() {
    let restored = restored(
        |stage| {
            stage.postgres.sql("postgres", "CREATE DATABASE kept OWNER claviger").unwrap();
            let dump = tempfile::NamedTempFile::new().expect("a file can be made");
            let file = dump.path().to_str().expect("the tests' paths are text");
            client(stage, "pg_dump", &["--file", file, DATABASE]);
            client(stage, "psql", &["-qX", "-v", "ON_ERROR_STOP=1", "-f", file, "kept"]);
        },
        |stage| {
            let exchanged = eventually(|| {
                let sql = format!("DROP DATABASE {DATABASE} WITH (FORCE)");
                stage.postgres.sql("postgres", &sql).ok()
            });
            assert_eq!(exchanged, "");
            stage.postgres.sql("postgres", &format!("ALTER DATABASE kept RENAME TO {DATABASE}")).unwrap();
        },
    );
    all_is_well(&restored);
}

#[test]
fn a_dump_that_is_put_back_table_by_table_is_waited_for() {
    let dumps = tempfile::tempdir().unwrap();
    let [tables, feed, rest, triggers] = ["tables", "feed", "rest", "triggers"].map(|part| {
        let file = dumps.path().join(part);
        file.to_str().unwrap().to_owned()
    });
    // What was put back half can't be put back again: where a node and this wait for each other, the node gives way.
    let gives_way_last = format!("dbname={DATABASE} options='-c deadlock_timeout=1min'");
    let put_back = |stage: &Stage, file: &str| {
        client(stage, "psql", &["-qX", "-v", "ON_ERROR_STOP=1", "-f", file, &gives_way_last]);
    };
    let of_feed = ["feed_head", "feed_log", "feed_node"];
    let only_feed = of_feed.map(|table| format!("--table={table}"));
    let without_feed = of_feed.map(|table| format!("--exclude-table={table}"));
    let dump = |stage: &Stage, how: &[&str], tables: &[String], file: &str| {
        let tables: Vec<_> = tables.iter().map(String::as_str).collect();
        client(stage, "pg_dump", &[how, &tables, &["--file", file, DATABASE]].concat());
    };
    let restored = restored(
        |stage| {
            dump(stage, &["--section=pre-data"], &[], &tables);
            dump(stage, &["--section=data"], &only_feed, &feed);
            dump(stage, &["--section=data"], &without_feed, &rest);
            dump(stage, &["--section=post-data"], &[], &triggers);
        },
        |stage| {
            stage.sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public AUTHORIZATION pg_database_owner");
            put_back(stage, &tables);
            put_back(stage, &feed);
            // The feed is there, and everybody has seen that it is an older one; there is no key yet.
            let noticed =
                |node: usize| stage.node(node).log().contains("decisions stop: all keys are loaded anew");
            eventually(|| (0..3).all(noticed).then_some(()));
            put_back(stage, &rest);
            put_back(stage, &triggers);
        },
    );
    all_is_well(&restored);
}

#[test]
fn where_no_node_ran_an_exported_trail_takes_away_again_what_it_tells_of() {
    let mut stage = Stage::of("2s");
    let room = tempfile::tempdir().unwrap();
    let [dump, trail, early] =
        ["dump", "trail", "early"].map(|name| room.path().join(name).to_str().unwrap().to_owned());
    let export = |stage: &Stage, file: &str| {
        fs::write(file, stage.node(0).cli().run(&["audit", "export"]).expect(0).out).unwrap();
    };
    let (good, taken, off) = (stage.issue(0, "good"), stage.issue(1, "taken"), stage.issue(1, "off"));
    export(&stage, &early);
    let rotated = stage.issue(2, "rotated");
    let (ada, _) = with_password(stage.node(0), &stage.account, "ada");
    client(&stage, "pg_dump", &["--clean", "--if-exists", "--file", &dump, DATABASE]);
    let change = |id: &str, what: &str, with: &Value| {
        stage.operator(0).post(&format!("/v1/keys/{id}/{what}"), with).json()
    };
    let _ = change(&rotated.0, "rotate", &json!({"overlap": "0"}));
    let _ = change(&off.0, "disable", &Value::Null);
    let lost = change(&taken.0, "revoke", &Value::Null)["receipt"]["seq"].as_u64().unwrap();
    let young = stage.issue(2, "young");
    set_password_by_link(stage.node(1), &ada, LATER);
    export(&stage, &trail);
    for node in 0..3 {
        stage.cluster.stop(node);
    }
    client(&stage, "psql", &["-qX", "--single-transaction", "-v", "ON_ERROR_STOP=1", "-f", &dump, DATABASE]);

    let url = stage.postgres.url(DATABASE);
    let restore = |trail: &str| {
        let words = ["restore", "--audit", trail, "--database-url", &url, "--json"];
        Program::at(crate::PROGRAM).run(&words)
    };
    let refused = restore(&early).expect(1).err;
    assert!(refused.contains("was exported before the backup was made"), "{refused}");
    let keys = [&good.1, &taken.1, &off.1, &rotated.1, &young.1];
    let answers = |stage: &Stage, node: usize| keys.map(|key| status(stage.node(node), key));
    let all = |stage: &Stage| (0..3).map(|node| answers(stage, node)).collect::<Vec<_>>();
    let do_again = || {
        let told = restore(&trail).expect(0).json();
        let again = &told["again"];
        assert_eq!((&again["refused"], &again["lost"]), (&json!([]), &json!({"key.issue": 1})), "{told}");
        assert_eq!(again["without_password"], json!([ada]), "{told}");
    };
    do_again();
    (0..3).for_each(|node| stage.cluster.start_again(node));
    assert_eq!(all(&stage), [[200, 401, 401, 401, 401]; 3]);
    for password in [LEAKED, LATER] {
        assert_eq!(signs_in(stage.node(2), "ada", password), 422);
    }
    // Once more, as if it had been cut off, and while nodes run.
    do_again();
    eventually(|| (all(&stage) == [[200, 401, 401, 401, 401]; 3]).then_some(()));
    assert_eq!(stage.operator(1).get(&format!("/v1/receipts/{lost}")).status, 404);
    let (id, _) = stage.issue(0, "afterwards");
    confirmed_by(3, &stage.operator(1), &id);
    let check = stage.operator(0).get("/v1/audit-events/check").expect(200).json();
    assert_eq!(check["whole"], true, "{check}");
}
