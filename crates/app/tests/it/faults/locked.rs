//! Another program that holds the database: changes are refused in time, decisions go on.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    process::{Command, Stdio},
};

use claviger_testkit::ServerBuilder;
use serde_json::json;

use super::{status, text, timed};

#[test]
fn a_database_that_somebody_else_holds_takes_no_changes_and_decides_on() {
    let server = ServerBuilder::new(crate::PROGRAM).profile("default").start();
    let operator = server.operator();
    let account = operator.account("Acme");
    let (_, key) = operator.issue_plain(&account, "n");
    let path = format!("/v1/accounts/{account}/keys");

    let mut shell = Command::new("sqlite3");
    shell.arg("-batch").arg(server.data().join("claviger.db")).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut shell = shell.spawn().expect("sqlite3 is installed: ./test installs it");
    let mut tell = shell.stdin.take().unwrap();
    writeln!(tell, "BEGIN IMMEDIATE;\nSELECT 'held';").unwrap();
    let mut held = String::new();
    BufReader::new(shell.stdout.take().unwrap()).read_line(&mut held).unwrap();
    assert_eq!(held, "held\n");

    let took = timed(|| {
        let refused = operator.post(&path, &json!({"name": "n"})).expect(503);
        assert_eq!(text(&refused.json(), "code"), "unavailable");
        assert!(refused.header("retry-after").is_some());
    });
    assert!(took.as_secs() < 10, "{took:?}");
    assert_eq!(status(&server, &key), 200);
    assert_eq!(operator.get(&path).expect(200).json()["items"].as_array().unwrap().len(), 1);
    writeln!(tell, "ROLLBACK;").unwrap();
    drop(tell);
    shell.wait().unwrap();
    assert_eq!(operator.post(&path, &json!({"name": "n"})).status, 201);
}
