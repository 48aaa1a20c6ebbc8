//! The program as scripts and people run it: what it prints where, and how it ends.

mod accounts_and_keys;
mod applications;
mod doctor;
mod errors;
mod first_start;
mod init;
mod lists;
mod manual;
mod migrate;
mod operators_and_audit;
mod people;
mod profile_check;
mod ready_file;
mod serving;
mod settings;
mod verify;

use std::process::Stdio;

use claviger_testkit::{Finished, Program, Server, ServerBuilder};
use serde_json::Value;

/// A server of one of the profiles that ship, and the program as its operator runs it.
#[track_caller]
fn opened(profile: &str) -> (Server, Program) {
    let server = ServerBuilder::new(crate::PROGRAM).profile(profile).start();
    let cli = server.cli();
    (server, cli)
}

/// What a command with `--json` prints, which is one value on one line.
#[track_caller]
fn json(cli: &Program, arguments: &[&str]) -> Value {
    let ended = cli.run(&[arguments, &["--json"]].concat()).expect(0);
    assert_eq!(ended.out.lines().count(), 1, "one JSON value, on one line");
    ended.json()
}

/// A reader that has gone.
fn nobody() -> Stdio {
    let (_, writer) = std::io::pipe().expect("a pipe can be made");
    writer.into()
}

/// A failure says what and what to do, on standard error alone.
#[track_caller]
fn fails(ended: Finished, code: i32, saying: &[&str]) {
    let ended = ended.expect(code);
    assert_eq!(ended.out, "", "data alone goes to standard output");
    assert!(ended.err.starts_with("error: "), "{}", ended.err);
    for words in saying {
        assert!(ended.err.contains(words), "{words:?} is not in: {}", ended.err);
    }
}

#[track_caller]
fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().expect("the field is text")
}
