//! Keys that were rotated move with the secrets that their callers use still, and those end when they were to.

use std::{
    fs,
    time::{Duration, SystemTime},
};

use claviger_model::{Digest, Timestamp};
use claviger_testkit::{Operator, Postgres, Program, Server, ServerBuilder, eventually};
use serde_json::{Value, json};

use super::{lines, plain, serve, status, totals, with_checksum};

fn rotate(operator: &Operator, id: &str, overlap: &str) -> String {
    let path = format!("/v1/keys/{id}/rotate");
    let rotated = operator.post(&path, &json!({"overlap": overlap})).expect(200).json();
    rotated["key"].as_str().expect("a rotation shows the key once").to_owned()
}

fn exported(cli: &Program) -> String {
    cli.run(&["export", "--include-revoked"]).expect(0).out
}

fn sorted(text: &str) -> Vec<&str> {
    let mut rows: Vec<_> = text.lines().collect();
    rows.sort_unstable();
    rows
}

fn row_called<'a>(rows: &'a [Value], name: &str) -> &'a Value {
    rows.iter().find(|row| row["name"] == name).expect("the row is there")
}

fn read(rows: &str) -> Vec<Value> {
    rows.lines().map(|row| serde_json::from_str(row).expect("a row is JSON")).collect()
}

/// The story of an installation that moves while callers use secrets that were rotated; `hour_and_a_half` passes here.
fn moves_with_overlaps(new: Server, hour_and_a_half: impl FnOnce(&Server)) {
    let (old, old_cli) = serve();
    let operator = old.operator();
    let account = operator.account("Acme");
    let (id, first) = operator.issue_plain(&account, "rotates");
    let second = rotate(&operator, &id, "1h");
    let third = rotate(&operator, &id, "10h");
    let (compromised, leaked) = operator.issue_plain(&account, "compromised");
    let safe = rotate(&operator, &compromised, "0");
    let (revoked, of_revoked) = operator.issue_plain(&account, "revoked");
    let also_revoked = rotate(&operator, &revoked, "1h");
    let _ = operator.post(&format!("/v1/keys/{revoked}/revoke"), &Value::Null).expect(200);
    let (disabled, of_disabled) = operator.issue_plain(&account, "disabled");
    let also_disabled = rotate(&operator, &disabled, "10h");
    let _ = operator.post(&format!("/v1/keys/{disabled}/disable"), &Value::Null).expect(200);

    let rows = exported(&old_cli);
    let read_rows = read(&rows);
    let earlier = row_called(&read_rows, "rotates")["earlier_secrets"].as_array().expect("a list").clone();
    let digests: Vec<_> = earlier.iter().map(|secret| secret["digest"].as_str().expect("text")).collect();
    let digest_of = |key: &str| Digest::of(key.as_bytes()).to_hex();
    assert_eq!(digests, [digest_of(&second), digest_of(&first)], "the newest first");
    assert!(earlier.iter().all(|secret| secret["ends_at"].is_string()), "{earlier:?}");
    for name in ["compromised", "revoked"] {
        assert!(
            row_called(&read_rows, name)["earlier_secrets"].is_null(),
            "nothing of it works still: {name}"
        );
    }
    assert!(row_called(&read_rows, "disabled")["earlier_secrets"].is_array(), "it may be enabled again");

    let cli = new.cli();
    assert_eq!(totals(&cli, &["--dry-run"], &rows, 0)["created"], 4);
    assert_eq!(totals(&cli, &[], &rows, 0)["created"], 4);
    assert_eq!(totals(&cli, &[], &rows, 0)["unchanged"], 4);
    assert_eq!(sorted(&exported(&cli)), sorted(&rows), "it gives back what it took");
    assert_eq!(totals(&old_cli, &[], &rows, 0)["unchanged"], 4, "it is what is there");

    let works = |server: &Server| [&first, &second, &third].map(|key| status(server, key));
    assert_eq!(works(&new), [200, 200, 200]);
    assert_eq!([&leaked, &safe].map(|key| status(&new, key)), [401, 200]);
    let ended = [&of_revoked, &also_revoked, &of_disabled, &also_disabled];
    assert_eq!(ended.map(|key| status(&new, key)), ended.map(|key| status(&old, key)));

    hour_and_a_half(&new);
    eventually(|| (works(&new) == [401, 200, 200]).then_some(()));
    let told = new.operator().verify(&json!({"key": first}));
    assert_eq!(told["denial"]["code"], "revoked", "{told}");
    let left = row_called(&read(&exported(&cli)), "rotates")["earlier_secrets"].clone();
    assert_eq!(left.as_array().map(Vec::len), Some(1), "{left}");

    // The same file begins nothing again, not even where it is all there is.
    assert_eq!(totals(&cli, &[], &rows, 0)["unchanged"], 4);
    let new = new.kill().start();
    assert_eq!(works(&new), [401, 200, 200]);
    let fourth = rotate(&new.operator(), &id_of(&new, &third), "0");
    assert_eq!(works(&new), [401, 401, 401], "a rotation for a compromise ends what came, too");
    assert_eq!(status(&new, &fourth), 200);
    let again = totals(&new.cli(), &[], &rows, 1);
    assert_eq!(again["reasons"], json!({"replaced": 1}), "{again}");
    assert_eq!(works(&new), [401, 401, 401]);
    assert_eq!(new.operator().get("/v1/audit-events/check").expect(200).json()["whole"], true);
}

fn id_of(server: &Server, key: &str) -> String {
    let found = server.operator().post("/v1/keys/find", &json!({"key": key})).expect(200).json();
    found["id"].as_str().expect("a key has an id").to_owned()
}

#[test]
fn callers_with_earlier_secrets_are_served_until_the_end_that_they_were_promised() {
    let new = ServerBuilder::new(crate::PROGRAM).profile("default").movable_clock().start();
    moves_with_overlaps(new, |server| server.move_clock("+90m"));
}

/// The clocks of a node and its database can't be moved together: the ends are, to where they would be by then.
#[test]
fn callers_with_earlier_secrets_are_served_from_a_shared_database_too() {
    let postgres = Postgres::builder().without_fsync().start();
    let url = postgres.database();
    let new = ServerBuilder::new(crate::PROGRAM).profile("default").database(&url).start();
    let moved = format!("UPDATE secrets SET ends_at = ends_at - {} WHERE ends_at IS NOT NULL", 90 * 60_000);
    moves_with_overlaps(new, |_| {
        let _ = postgres.sql("test0", &moved).expect("the statement is sound");
    });
}

#[test]
fn a_rotation_after_the_first_import_comes_with_the_next() {
    let ((old, old_cli), (new, cli)) = (serve(), serve());
    let operator = old.operator();
    let (id, first) = operator.issue_plain(&operator.account("Acme"), "rotates");
    let _ = totals(&cli, &[], &exported(&old_cli), 0);
    let before = id_of(&new, &first);
    let second = rotate(&operator, &id, "1h");
    let rows = exported(&old_cli);
    assert_eq!(status(&new, &second), 401);
    assert_eq!(totals(&cli, &[], &rows, 0)["changed"], 1);
    assert_eq!(totals(&cli, &[], &rows, 0)["unchanged"], 1);
    assert_eq!([&first, &second].map(|key| status(&new, key)), [200, 200]);
    assert_eq!(id_of(&new, &second), before, "it is the same key");
    let _ = rotate(&new.operator(), &before, "0");
    assert_eq!([&first, &second].map(|key| status(&new, key)), [401, 401]);
}

#[test]
fn of_more_than_a_hundred_earlier_secrets_the_newest_move() {
    let ((old, old_cli), (new, cli)) = (serve(), serve());
    let operator = old.operator();
    let (id, first) = operator.issue_plain(&operator.account("Acme"), "rotates");
    let later: Vec<_> = (0..102).map(|_| rotate(&operator, &id, "1d")).collect();
    let rows = exported(&old_cli);
    let earlier = read(&rows)[0]["earlier_secrets"].as_array().expect("a list").len();
    assert_eq!((earlier, totals(&cli, &[], &rows, 0)["created"].as_u64()), (100, Some(1)));
    assert_eq!(
        [&first, &later[0], &later[1], &later[101]].map(|key| status(&new, key)),
        [401, 401, 200, 200]
    );
}

/// The instant so many days from now, by the machine's clock.
fn in_days(days: u64) -> Timestamp {
    let now = SystemTime::UNIX_EPOCH.elapsed().expect("it is after 1970").as_millis();
    let now = Timestamp::from_millis(i64::try_from(now).expect("it is long before the end of time"));
    now.plus(Duration::from_secs(days * 24 * 60 * 60))
}

#[test]
fn an_earlier_secret_that_can_not_be_taken_is_told_with_its_place() {
    let (server, cli) = serve();
    let digest = |number: u32| Digest::of(plain(number).as_bytes()).to_hex();
    let row = |number: u32, earlier: Value| json!({"account": "a", "digest": digest(number), "earlier_secrets": earlier});
    let weak = with_checksum(&("my_live_".to_owned() + &"ab".repeat(16)));
    let many: Vec<_> = (0..101).map(|n| json!({"digest": digest(1000 + n), "ends_at": in_days(1)})).collect();
    let text = lines([
        row(1, json!([{"digest": digest(101), "ends_at": in_days(1)}, {"digest": digest(102)}])),
        row(2, json!([{"digest": digest(103), "ends_at": in_days(367)}])),
        row(3, json!([{"key": weak, "ends_at": in_days(1)}])),
        row(4, json!([{"digest": digest(4), "ends_at": in_days(1)}])),
        row(5, json!(many)),
        row(6, json!([{"digest": digest(105), "ends_at": in_days(1)}])),
        row(7, json!([{"digest": digest(105), "ends_at": in_days(1)}])),
        row(8, json!(many[..100])),
    ]);
    let told = totals(&cli, &[], &text, 1);
    assert_eq!(
        (&told["created"], &told["reasons"]),
        (&json!(2), &json!({"malformed": 4, "weak": 1, "duplicate": 1}))
    );
    let details: Vec<_> =
        told["refused_rows"].as_array().unwrap().iter().map(|row| row["detail"].as_str().unwrap()).collect();
    for (detail, begins) in details.iter().zip([
        "earlier secret 2: ends_at: is missing",
        "earlier secret 1: ends_at: must be at most 366 days ahead",
        "earlier secret 1: key: too easy to guess",
        "earlier_secrets: has a secret twice",
        "earlier_secrets: must be a list of at most 100",
        "earlier secret 1: an earlier row has the same key",
    ]) {
        assert!(detail.starts_with(begins), "{detail}");
    }
    assert_eq!((status(&server, &plain(105)), status(&server, &plain(1099))), (200, 200));
    // Other changes wait for a call's secrets to be written.
    let one = |n: u32| json!({"digest": digest(n), "ends_at": in_days(1)});
    let of = |n: u32| row(n, (1..=100).map(|earlier| one(n + earlier)).collect());
    let rows: Vec<_> = (0..30).map(|n| of(10_000 + 200 * n)).collect();
    let told = server.operator().post("/v1/keys/import", &json!({"rows": rows})).expect(422).json();
    assert_eq!(told["errors"][0]["pointer"], "/rows", "{told}");
    assert_eq!(totals(&cli, &[], &lines(rows), 0)["created"], 30, "the command asks in parts");
    let of_another = row(9, json!([{"digest": digest(105), "ends_at": in_days(1)}]));
    assert_eq!(totals(&cli, &[], &lines([of_another]), 1)["reasons"], json!({"replaced": 1}));
}

#[test]
fn a_column_has_earlier_secrets_as_json() {
    let (server, cli) = serve();
    let file = server.directory().join("keys.csv");
    let earlier = json!([{"key": plain(2), "ends_at": in_days(1)}]).to_string().replace('"', "\"\"");
    fs::write(&file, format!("account,key,earlier_secrets\ncus_1,{},\"{earlier}\"\n", plain(1))).unwrap();
    assert_eq!(cli.run(&["import", file.to_str().unwrap(), "--json"]).expect(0).json()["created"], 1);
    assert_eq!((status(&server, &plain(1)), status(&server, &plain(2))), (200, 200));
}
