//! A company moves here with its customers' keys, as its people do it: `claviger import` and `claviger export`.

mod hashes;
mod overlaps;
mod show;

use std::{
    fmt::Write as _,
    io::Write as _,
    process::{Child, Stdio},
};

use claviger_model::{
    Digest, Entropy, Environment,
    key::{Alphabet, Checksum, KeyFormat},
};
use claviger_testkit::{Program, Server, ServerBuilder, eventually};
use serde_json::{Value, json};

/// Chance that a test can repeat.
struct Counted(u32);

impl Entropy for Counted {
    fn fill(&self, bytes: &mut [u8]) {
        for (part, number) in bytes.chunks_mut(32).zip(0u32..) {
            let drawn = Digest::of(&[self.0.to_be_bytes(), number.to_be_bytes()].concat());
            part.copy_from_slice(&drawn.as_bytes()[..part.len()]);
        }
    }
}

/// The plain key of customer number so, as another system made it in the default profile's format.
fn plain(number: u32) -> String {
    minted("my_live_", 32, "base62", Checksum::Crc32, number)
}

/// A key of a format, which is made by `number`.
fn minted(prefix: &str, length: usize, letters: &str, checksum: Checksum, number: u32) -> String {
    let alphabet = Alphabet::new(letters).expect("letters of an alphabet");
    let format = KeyFormat::new(prefix, None, length, alphabet, checksum).expect("a format that can be");
    let key = format.mint(Environment::Live, &Counted(number)).expect("every format has live keys");
    key.expose().to_owned()
}

/// Its row, by digest.
fn row(number: u32) -> Value {
    json!({
        "account": format!("cus_{}", number / 4),
        "digest": Digest::of(plain(number).as_bytes()).to_hex(),
        "name": format!("Key {number}"),
    })
}

fn lines(rows: impl IntoIterator<Item = Value>) -> String {
    rows.into_iter().fold(String::new(), |mut text, row| {
        writeln!(text, "{row}").expect("a String takes everything");
        text
    })
}

fn serve() -> (Server, Program) {
    let server = ServerBuilder::new(crate::PROGRAM).profile("default").start();
    let cli = server.cli();
    (server, cli)
}

fn status(server: &Server, key: &str) -> u16 {
    server.customer(key).get("/v1/things").status
}

/// The totals that an import ends with.
#[track_caller]
fn totals(cli: &Program, arguments: &[&str], input: &str, code: i32) -> Value {
    let arguments = [&["import", "-", "--json"], arguments].concat();
    cli.run_with(&arguments, input).expect(code).json()
}

#[test]
fn keys_work_once_they_are_imported_and_the_same_again_changes_nothing() {
    let (server, cli) = serve();
    let text = lines((0..2500).map(row));
    assert_eq!(status(&server, &plain(7)), 401);
    let asked = totals(&cli, &["--dry-run"], &text, 0);
    assert_eq!((&asked["created"], &asked["dry_run"]), (&json!(2500), &json!(true)));
    assert_eq!(status(&server, &plain(7)), 401, "asking makes nothing");
    let done = totals(&cli, &[], &text, 0);
    let told =
        ["rows", "created", "changed", "unchanged", "refused", "accounts"].map(|field| done[field].as_u64());
    assert_eq!(told, [2500, 2500, 0, 0, 0, 625].map(Some));
    for number in [0, 7, 1999, 2000, 2499] {
        assert_eq!(status(&server, &plain(number)), 200, "{number}");
    }
    let again = totals(&cli, &["--api", "default"], &text, 0);
    assert_eq!(
        (&again["created"], &again["unchanged"], &again["changed"]),
        (&json!(0), &json!(2500), &json!(0))
    );
    let mut renamed = row(3);
    renamed["name"] = json!("Another name");
    let changed = totals(&cli, &[], &lines([row(2), renamed]), 0);
    assert_eq!((&changed["changed"], &changed["unchanged"]), (&json!(1), &json!(1)));
    assert_eq!(server.operator().get("/v1/audit-events/check").expect(200).json()["whole"], true);
}

#[test]
fn a_key_that_was_revoked_here_is_never_brought_back() {
    let (server, cli) = serve();
    let text = lines([row(1), row(2)]);
    let _ = totals(&cli, &[], &text, 0);
    let found = server.operator().post("/v1/keys/find", &json!({"key": plain(1)})).expect(200).json();
    let id = found["id"].as_str().or(found["key"]["id"].as_str()).unwrap().to_owned();
    let _ = server.operator().post(&format!("/v1/keys/{id}/revoke"), &Value::Null).expect(200);
    for state in [Value::Null, json!("active"), json!("disabled")] {
        let mut again = row(1);
        again["state"] = state;
        let refused = totals(&cli, &[], &lines([again, row(2)]), 1);
        let told = json!({"line": 1, "code": "revoked", "detail": "the key was revoked here, and stays so"});
        assert_eq!((&refused["refused_rows"], &refused["unchanged"]), (&json!([told]), &json!(1)));
        assert_eq!((status(&server, &plain(1)), status(&server, &plain(2))), (401, 200));
    }
    let server = server.kill().start();
    let mut ended = row(1);
    ended["state"] = json!("revoked");
    assert_eq!(totals(&server.cli(), &[], &lines([ended, row(1)]), 1)["reasons"], json!({"duplicate": 1}));
    assert_eq!(status(&server, &plain(1)), 401);
}

#[test]
fn rows_that_can_not_be_taken_are_told_with_their_lines_and_never_with_their_keys() {
    let (server, cli) = serve();
    let report = server.directory().join("report.jsonl");
    let weak = with_checksum(&("my_live_".to_owned() + &"ab".repeat(16)));
    let foreign = "sk_live_AbCdEfGhIjKlMnOpQrStUvWx0123456789";
    let text = [
        lines([json!({"account": "a", "key": plain(1)})]),
        format!("{{\"account\": \"a\", \"key\": \"{}\n", plain(2)),
        lines([
            json!({"account": "a", "key": plain(1)}),
            json!({"account": "b", "digest": Digest::of(plain(1).as_bytes()).to_hex().to_uppercase()}),
            json!({"account": "a", "key": foreign}),
            json!({"account": "a", "key": weak}),
            json!({"account": "a", "digest": "$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW"}),
            json!({"account": plain(3), "key": plain(4), "scopes": plain(5), "name": plain(6)}),
            json!({"account": "a", "key": plain(7), plain(8): 1}),
            json!({"account": "a", "key": plain(9), "scopes": ["read"]}),
            json!({"account": "a", "key": plain(10), "environment": "test"}),
            json!({"account": "a", "key": plain(11), "created_at": "2999-01-01T00:00:00Z"}),
            json!({"account": "a", "key": plain(14), "hint": plain(14)[8..32]}),
            json!({"account": "a", "digest": Digest::of(b"short").to_hex(), "hint": "short"}),
        ]),
        format!("{{\"account\":\"a\",\"key\":\"{}\",\"key\":\"x\"}}\n", plain(12)),
        format!(
            "{{\"account\":\"a\",\"key\":\"{}\",\"metadata\":{{\"a\":\"{}\"}}}}\n",
            plain(13),
            "x".repeat(200_000)
        ),
    ]
    .concat();
    let arguments = ["import", "-", "--report", report.to_str().unwrap()];
    let ended = cli.run_with(&arguments, &text).expect(1);
    let told = std::fs::read_to_string(&report).unwrap();
    let told: Vec<Value> = told.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let codes: Vec<_> =
        told.iter().map(|row| (row["line"].as_u64().unwrap(), row["code"].as_str().unwrap())).collect();
    let wanted = [
        (2, "malformed"),
        (3, "duplicate"),
        (4, "duplicate"),
        (5, "format"),
        (6, "weak"),
        (7, "unknown_hash"),
        (8, "malformed"),
        (9, "malformed"),
        (10, "malformed"),
        (11, "malformed"),
        (12, "malformed"),
        (13, "malformed"),
        (14, "malformed"),
        (15, "malformed"),
        (16, "malformed"),
    ];
    assert_eq!(codes, wanted, "{told:?}");
    assert!(
        ended.out.contains("rows            16") && ended.out.contains("created         1"),
        "{}",
        ended.out
    );
    let all = [ended.out, ended.err, server.log(), format!("{told:?}")].concat();
    let names = (1..15).map(plain).chain([weak, foreign.to_owned()]);
    for secret in names {
        assert!(!all.contains(&secret[8..24]), "{secret} is told: {all}");
    }
}

/// A key of the default profile that ends in its checksum.
fn with_checksum(key: &str) -> String {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let sum = crc32(key.as_bytes());
    let digits = (0..6u32).rev().map(|place| DIGITS[(sum / 62u32.pow(place) % 62) as usize]);
    key.chars().chain(digits.map(char::from)).collect()
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| (sum >> 1) ^ (0xedb8_8320 & (sum & 1).wrapping_neg()))
    })
}

#[test]
fn columns_are_taken_as_lines_of_json_are() {
    let (server, cli) = serve();
    let file = server.directory().join("keys.csv");
    let text = format!(
        "account,account_name,key,name,metadata,restrictions,expires_at\r\n\
         cus_1,\"Acme, Inc.\",{},Server,\"{{\"\"plan\"\":\"\"pro\"\"}}\",\"{{\"\"networks\"\":[\"\"10.0.0.0/8\"\"]}}\",2030-01-01T00:00:00Z\r\n\
         cus_1,,{},,,,\r\n",
        plain(1),
        plain(2)
    );
    std::fs::write(&file, text).unwrap();
    let done = cli.run(&["import", file.to_str().unwrap(), "--json"]).expect(0).json();
    assert_eq!((&done["created"], &done["accounts"]), (&json!(2), &json!(1)));
    assert_eq!((status(&server, &plain(1)), status(&server, &plain(2))), (403, 200));
    let exported = cli.run(&["export"]).expect(0).out;
    let first: Vec<Value> = exported.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let server_key = first.iter().find(|row| row["name"] == "Server").unwrap();
    assert_eq!(
        (&server_key["account_name"], &server_key["metadata"]),
        (&json!("Acme, Inc."), &json!({"plan": "pro"}))
    );
    std::fs::write(&file, "cus_1,my_live_AbCdEf0123\n").unwrap();
    let refused = cli.run(&["import", file.to_str().unwrap()]).expect(2);
    assert!(
        refused.err.contains("the first line names the columns") && !refused.err.contains("AbCdEf"),
        "{}",
        refused.err
    );
}

#[test]
fn what_is_exported_can_be_imported_elsewhere_and_answers_the_same() {
    let (old, cli) = serve();
    let keys = lines([
        json!({"account": "cus_1", "account_name": "Acme", "account_metadata": {"a": 1}, "key": plain(1), "name": "n",
               "external_id": "k1", "metadata": {"b": 2}, "created_at": "2020-01-01T00:00:00Z", "last_used_at": "2024-01-01T00:00:00Z"}),
        json!({"account": "cus_1", "key": plain(2), "restrictions": {"networks": ["10.0.0.0/8"], "rates": [{"name": "r", "limit": 5, "window": "1h"}]}}),
        json!({"account": "cus_2", "account_state": "suspended", "key": plain(3)}),
        json!({"account": "cus_3", "key": plain(4), "state": "disabled", "expires_at": "2030-01-01T00:00:00Z"}),
        json!({"account": "cus_3", "key": plain(5), "state": "revoked", "revoked_at": "2026-01-01T00:00:00Z"}),
    ]);
    let _ = totals(&cli, &[], &keys, 0);
    let account = old.operator().account("Made here");
    let (_, issued) = old.operator().issue_plain(&account, "issued here");
    let exported = cli.run(&["export", "--include-revoked"]).expect(0).out;
    assert_eq!((exported.lines().count(), cli.run(&["export"]).expect(0).out.lines().count()), (6, 5));
    assert_eq!(totals(&cli, &[], &exported, 0)["unchanged"], 6, "it is what is here");

    let (new, new_cli) = serve();
    assert_eq!(totals(&new_cli, &[], &exported, 0)["created"], 6);
    let sorted = |text: &str| {
        let mut rows: Vec<String> = text.lines().map(ToOwned::to_owned).collect();
        rows.sort();
        rows
    };
    assert_eq!(sorted(&new_cli.run(&["export", "--include-revoked"]).expect(0).out), sorted(&exported));
    for key in (1..=5).map(plain).chain([issued]) {
        assert_eq!(status(&new, &key), status(&old, &key), "{key}");
    }
}

/// An import whose rows come one by one, so that it can be ended in the middle.
fn begin(cli: &Program) -> Child {
    let mut command = cli.command(&["import", "-", "--json"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("the program starts")
}

#[test]
fn an_import_that_is_killed_goes_on_where_it_was() {
    let (server, cli) = serve();
    let text = lines((0..6400).map(row));
    let half: String = text.split_inclusive('\n').take(3200).collect();
    let mut killed = begin(&cli);
    killed.stdin.as_mut().unwrap().write_all(half.as_bytes()).unwrap();
    eventually(|| (status(&server, &plain(1700)) == 200).then_some(()));
    killed.kill().unwrap();
    let _ = killed.wait().unwrap();
    assert_eq!((status(&server, &plain(1700)), status(&server, &plain(3000))), (200, 401));

    // The server, too, in the middle of the rest.
    let mut cut_off = begin(&cli);
    cut_off.stdin.as_mut().unwrap().write_all(&text.as_bytes()[..text.len() - 10]).unwrap();
    eventually(|| (status(&server, &plain(3999)) == 200).then_some(()));
    let server = server.kill().start();
    drop(cut_off.stdin.take());
    let ended = cut_off.wait_with_output().unwrap();
    let said = String::from_utf8(ended.stderr).unwrap();
    assert!(!ended.status.success() && said.contains("run it again"), "{said}");

    let done = totals(&server.cli(), &[], &text, 0);
    let (created, unchanged) = (done["created"].as_u64().unwrap(), done["unchanged"].as_u64().unwrap());
    assert_eq!(created + unchanged, 6400, "{done}");
    assert!(unchanged >= 4000, "{done}");
    assert!([0, 3199, 5000, 6399].iter().all(|number| status(&server, &plain(*number)) == 200));
    assert_eq!(server.operator().get("/v1/audit-events/check").expect(200).json()["whole"], true);
}

#[test]
fn a_key_that_can_be_guessed_needs_leave_and_a_limit() {
    let (server, cli) = serve();
    let weak = with_checksum(&("my_live_".to_owned() + &"ab".repeat(16)));
    let alone = json!({"account": "a", "key": weak});
    let mut limited = alone.clone();
    limited["restrictions"] = json!({"rates": [{"name": "r", "limit": 5, "window": "1h"}]});
    for (row, allowed, code) in
        [(&alone, false, 1), (&limited, false, 1), (&alone, true, 1), (&limited, true, 0)]
    {
        let flags: &[&str] = if allowed { &["--allow-weak"] } else { &[] };
        let told = totals(&cli, flags, &lines([row.clone()]), code);
        assert_eq!(told["created"], json!(i32::from(code == 0)), "{told}");
    }
    assert_eq!(status(&server, &weak), 200);
}
