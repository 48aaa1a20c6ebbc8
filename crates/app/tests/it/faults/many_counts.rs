//! F44: far more counts and last uses than a year brings, most of them old: while they are forgotten, keys are used and
//! changed as before.

use std::{path::Path, process::Command, time::Duration};

use claviger_testkit::{Finished, Hammer, ServerBuilder, Stopwatch};
use serde_json::json;

/// What a statement finds in a database file.
#[track_caller]
fn sqlite(file: &Path, statement: &str) -> String {
    let ran =
        Command::new("sqlite3").args(["-batch", "-cmd", ".timeout 60000"]).arg(file).arg(statement).output();
    Finished::from(ran.expect("sqlite3 is installed: ./test installs it")).expect(0).out
}

#[test]
fn what_is_old_is_forgotten_while_keys_are_used_and_changed() {
    let rows = if crate::at_length() { 20_000_000 } else { 60_000 };
    let server = ServerBuilder::new(crate::PROGRAM).profile("default").on_lasting_ports().start();
    let account = server.operator().account("Acme");
    let restrictions = json!({"quotas": [{"name": "calls", "limit": 1_000_000_000, "per": "month"}]});
    let order = json!({"name": "counted", "restrictions": restrictions});
    let counted = server.operator().post(&format!("/v1/accounts/{account}/keys"), &order).expect(201).json();
    let counted = counted["key"].as_str().unwrap().to_owned();
    let (_, plain) = server.operator().issue_plain(&account, "plain");
    let usage = server.data().join("usage.db");
    let stopped = server.stop();
    let fill = format!(
        "WITH RECURSIVE n (n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM n WHERE n < {rows})
         INSERT INTO counts (key, day, api, secret, environment, outcome, count)
         SELECT randomblob(16), unixepoch() / 86400 - iif(n % 50 = 0, 390, 410 + n % 50), 'default', 1, 'live', 'allowed', 1 FROM n;
         WITH RECURSIVE n (n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM n WHERE n < {rows})
         INSERT INTO last_uses (key, secret, at, address)
         SELECT randomblob(16), 1, (unixepoch() - n % 2 * 91 * 86400) * 1000, '192.0.2.1' FROM n"
    );
    sqlite(&usage, &fill);

    let server = stopped.start();
    let clock = Stopwatch::start();
    let hammers = [&plain, &counted].map(|key| {
        let request = format!("GET /v1/things HTTP/1.1\r\nHost: api\r\nAuthorization: Bearer {key}\r\n\r\n");
        Hammer::with_pauses(clock, server.gateway, request.as_bytes(), 1, Duration::from_millis(1))
    });
    // How much is old of either, and how much isn't.
    let look = "SELECT (SELECT count(*) FROM counts    WHERE day < unixepoch() / 86400 - 400),
                       (SELECT count(*) FROM last_uses WHERE at < (unixepoch() - 86400) * 1000 AND address IS NOT NULL),
                       (SELECT count(*) FROM counts    WHERE day BETWEEN unixepoch() / 86400 - 400 AND unixepoch() / 86400 - 380),
                       (SELECT count(*) FROM last_uses WHERE address = '192.0.2.1')";
    let all_forgotten = format!("0|0|{}|{}\n", rows / 50, rows / 2);
    let mut changes = 0;
    while sqlite(&usage, look) != all_forgotten {
        let (id, _) = server.operator().issue_plain(&account, "passing");
        let receipt = server.operator().post(&format!("/v1/keys/{id}/revoke"), &json!({})).expect(200).json();
        assert_eq!(receipt["receipt"]["complete"], true);
        changes += 1;
    }
    assert!(changes > 0, "there was nothing to forget");
    for hammer in hammers {
        hammer.until(200, 50);
        let probes = hammer.stop();
        assert!(probes.iter().all(|probe| matches!(probe.status, Some(200))), "all are allowed");
    }
}
