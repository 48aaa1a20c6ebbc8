//! `claviger operator` and `claviger audit`

use claviger_testkit::Stopped;
use serde_json::json;

use super::{fails, json, opened, text};

#[test]
fn an_operator_is_issued_listed_and_revoked() {
    let (server, cli) = opened("default");
    let issued = json(&cli, &["operator", "issue", "--name", "gateway", "--can", "verify,read"]);
    assert_eq!(issued["can"], json!(["verify", "read"]));
    let limited = server.cli().with("CLAVIGER_OPERATOR_KEY", text(&issued, "key"));
    assert_eq!(limited.run(&["key", "list"]).expect(0).err, "");
    fails(limited.run(&["account", "create", "n"]), 1, &["lacks the ability manage"]);
    let listed = json(&cli, &["operator", "list"]);
    assert_eq!((text(&listed["items"][0], "name"), text(&listed["items"][1], "name")), ("first", "gateway"));
    let revoked = json(&cli, &["operator", "revoke", text(&issued, "id")]);
    assert!(revoked["operator"]["revoked_at"].is_string());
    fails(limited.run(&["key", "list"]), 1, &["doesn't accept this operator key"]);
    fails(cli.run(&["operator", "issue", "--name", "n", "--can", "fly"]), 2, &["verify", "read", "all"]);
    fails(cli.run(&["operator", "revoke", text(&listed["items"][0], "id")]), 1, &["issue another one first"]);
}

#[test]
fn the_operator_key_may_come_from_a_file() {
    let (server, _) = opened("default");
    let file = server.data().with_extension("key");
    std::fs::write(&file, format!("{}\n", server.operator_key())).unwrap();
    let url = format!("http://{}", server.control);
    let cli = claviger_testkit::Program::at(crate::PROGRAM);
    let flags = ["account", "list", "--url", &url, "--operator-key-file", file.to_str().unwrap()];
    assert_eq!(cli.run(&flags).expect(0).err, "");
}

#[test]
fn the_trail_is_listed_and_found_whole() {
    let (server, cli) = opened("default");
    let account = server.operator().account("Acme");
    let (id, _) = server.operator().issue_plain(&account, "n");
    json(&cli, &["key", "revoke", &id]);
    let events = json(&cli, &["audit", "list", "--subject", &id]);
    let actions: Vec<_> =
        events["items"].as_array().unwrap().iter().map(|event| text(event, "action")).collect();
    assert_eq!(actions, ["key.issue", "key.revoke"]);
    let report = json(&cli, &["audit", "verify"]);
    assert_eq!((&report["whole"], &report["events"]), (&json!(true), &json!(4)));
    let said = cli.run(&["audit", "verify"]).expect(0).out;
    assert!(said.starts_with("whole\n") && said.contains(text(&report, "head")), "{said}");
}

/// A stopped server with ten events on its trail.
fn with_a_trail() -> Stopped {
    let (server, _) = opened("default");
    let account = server.operator().account("Acme");
    (0..8).for_each(|n| drop(server.operator().issue_plain(&account, &format!("key {n}"))));
    server.stop()
}

#[test]
fn a_trail_that_was_tampered_with_is_found_out_at_the_first_event_that_does_not_follow() {
    for (tampering, number) in [
        ("UPDATE audit_events SET actor = 'operator:op_somebody_else' WHERE number = 3", 3),
        ("UPDATE audit_events SET action = 'key.rename' WHERE number = 5", 5),
        ("UPDATE audit_events SET at = at + 1 WHERE number = 1", 1),
        ("UPDATE audit_events SET detail = '{}' WHERE number = 10", 10),
        ("UPDATE audit_events SET subject = NULL WHERE number = 4", 4),
        ("UPDATE audit_events SET request = NULL WHERE number = 4", 4),
        ("UPDATE audit_events SET hash = zeroblob(32) WHERE number = 6", 6),
        ("DELETE FROM audit_events WHERE number = 7", 7),
        ("DELETE FROM audit_events WHERE number = 10", 10),
        ("DELETE FROM audit_events", 1),
        (
            "UPDATE audit_events SET number = -number WHERE number IN (4, 5);
             UPDATE audit_events SET number = 9 + number WHERE number < 0",
            4,
        ),
    ] {
        let mut stopped = with_a_trail();
        let database = stopped.data().join("claviger.db");
        let tampering = format!("PRAGMA ignore_check_constraints = 1; {tampering}");
        let shell =
            std::process::Command::new("sqlite3").arg("-batch").arg(database).arg(&tampering).output();
        let shell =
            claviger_testkit::Finished::from(shell.expect("sqlite3 is installed: ./test installs it"));
        assert_eq!(shell.expect(0).err, "");
        let server = stopped.start();
        let cli = server.cli();
        let ended = cli.run(&["audit", "verify", "--json"]).expect(1);
        let report = ended.json();
        assert_eq!((&report["whole"], &report["number"]), (&json!(false), &json!(number)), "{tampering}");
        let said = cli.run(&["audit", "verify"]).expect(1);
        assert!(
            said.out.starts_with("broken\n") && said.out.contains(&format!("number  {number}")),
            "{}",
            said.out
        );
    }
}
