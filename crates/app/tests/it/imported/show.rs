//! A table of keys as better-auth and Kong make theirs is imported while old and new keys are in use.

use std::{
    fs::File,
    io::{BufWriter, Write as _},
    path::Path,
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use claviger_model::{Digest, key::Checksum};
use claviger_testkit::{Hammer, ServerBuilder, Stopwatch, repository};
use serde_json::json;

use super::{lines, minted, status, totals};

/// What keys of better-auth and of Kong look like, beside those of the default profile.
const OTHERS: &str = r#"formats = [
  { live = "my_live_", test = "my_test_", length = 32, alphabet = "base62", checksum = "crc32" },
  { live = "acme_", length = 64, alphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ" },
  { live = "", length = 32, alphabet = "base62" },
]"#;

/// A key of one of the two, which is made by `number`.
fn foreign(number: u32) -> String {
    if number.is_multiple_of(2) {
        minted("acme_", 64, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", Checksum::None, number)
    } else {
        minted("", 32, "base62", Checksum::None, number)
    }
}

/// A table of keys as better-auth, which has digests, and Kong, which has the keys, keep theirs.
fn write_table(file: &Path, rows: u32) {
    let mut file = BufWriter::new(File::create(file).expect("the file can be made"));
    for number in 0..rows {
        let key = foreign(number);
        let account = format!("cus_{}", number / 4);
        let row = if number.is_multiple_of(2) {
            let digest = URL_SAFE_NO_PAD.encode(Digest::of(key.as_bytes()).as_bytes());
            json!({"account": account, "digest": digest, "hint": &key[..6], "name": "Server", "created_at": "2024-05-01T00:00:00Z"})
        } else {
            json!({"account": account, "key": key, "external_id": format!("k{number}"), "created_at": "2024-05-01T00:00:00Z"})
        };
        writeln!(file, "{row}").expect("the file can be written");
    }
    file.flush().expect("the file can be written");
}

/// At length with a million keys.
#[test]
fn nobody_is_refused_while_the_keys_of_other_products_are_imported() {
    let rows = if crate::at_length() { 1_000_000 } else { 4_000 };
    let profile = std::fs::read_to_string(repository().join("profiles/default.toml")).unwrap();
    let formats = profile.lines().find(|line| line.starts_with("formats")).unwrap();
    let server = ServerBuilder::new(crate::PROGRAM).profile_text(&profile.replace(formats, OTHERS)).start();
    let (operator, cli) = (server.operator(), server.cli());
    let (_, issued) = operator.issue_plain(&operator.account("Here before"), "Server");
    let known = lines([
        json!({"account": "cus_0", "key": foreign(0)}),
        json!({"account": "cus_0", "key": foreign(1)}),
    ]);
    let _ = totals(&cli, &[], &known, 0);
    let file = server.directory().join("table.jsonl");
    write_table(&file, rows);

    let clock = Stopwatch::start();
    let hammers = [issued, foreign(0), foreign(1)].map(|key| {
        let request =
            format!("GET /v1/things HTTP/1.1\r\nHost: api.test\r\nAuthorization: Bearer {key}\r\n\r\n");
        Hammer::with_pauses(clock, server.gateway, request.as_bytes(), 1, Duration::from_millis(2))
    });
    let done = cli.run(&["import", file.to_str().unwrap(), "--json"]).expect(0).json();
    let took = clock.now();
    assert_eq!((&done["created"], &done["refused"]), (&json!(rows - 2), &json!(0)), "{done}");
    for probes in hammers.map(Hammer::stop) {
        let answered: Vec<_> = probes.iter().filter_map(|probe| probe.status).collect();
        assert!(answered.len() > 20, "{} answers in {took:?}", answered.len());
        assert!(answered.iter().all(|status| *status == 200), "a good key was refused");
        let lost = probes.iter().filter(|probe| probe.status.is_none()).count();
        assert!(lost <= 1, "{lost} requests had no answer, of which the end cuts one off");
    }
    for number in (0..rows).step_by(usize::try_from(rows / 100).unwrap()) {
        assert_eq!(status(&server, &foreign(number)), 200, "{number}");
    }
    assert_eq!(status(&server, &foreign(rows)), 401);
}
