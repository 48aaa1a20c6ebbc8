//! `claviger init`: once a directory.

use std::{fs, os::unix::fs::PermissionsExt as _};

use claviger_testkit::{Program, ServerBuilder};
use serde_json::Value;
use tempfile::TempDir;

use super::{fails, nobody};

#[test]
fn it_prints_the_operator_key_once_and_refuses_the_second_time() {
    let root = TempDir::new().unwrap();
    let data = root.path().join("new/data");
    let cli = Program::at(crate::PROGRAM);
    let arguments = ["init", "--data", data.to_str().unwrap()];
    let made = cli.run(&arguments).expect(0);
    let key = made.out.strip_suffix('\n').unwrap();
    assert!(key.starts_with("clv_op_") && !key.contains('\n'), "the key alone is data: {}", made.out);
    assert!(made.err.contains("shown this once") && made.err.contains("lease"), "{}", made.err);
    assert_eq!(fs::metadata(&data).unwrap().permissions().mode() & 0o777, 0o700);
    for arguments in [&arguments[..], &[&arguments[..], &["--json"]].concat()] {
        fails(cli.run(arguments), 1, &["initialised already", "--data", data.to_str().unwrap()]);
    }
    let files = fs::read_dir(&data).unwrap().map(|file| fs::read(file.unwrap().path()).unwrap());
    let secret = key.as_bytes();
    for bytes in files {
        assert!(!bytes.windows(secret.len()).any(|window| window == secret), "the key is kept nowhere");
    }
}

#[test]
fn it_tells_of_the_lease_that_serve_will_have_and_makes_nothing_where_that_can_t_be_used() {
    let root = TempDir::new().unwrap();
    let data = root.path().join("data");
    let arguments = ["init", "--data", data.to_str().unwrap()];
    let with = |lease: &str| Program::at(crate::PROGRAM).with("CLAVIGER_LEASE", lease).run(&arguments);
    fails(with("1s"), 1, &["between 2s and 1h"]);
    fails(with("soon"), 1, &["CLAVIGER_LEASE"]);
    assert!(!data.exists());
    let made = with("30s").expect(0);
    assert!(made.err.contains("The lease is 30s"), "{}", made.err);
}

#[test]
fn a_key_that_can_not_be_shown_is_not_made() {
    let root = TempDir::new().unwrap();
    let cli = Program::at(crate::PROGRAM);
    let arguments = ["init", "--data", root.path().to_str().unwrap()];
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    for nowhere in [nobody(), full.into()] {
        let ended = cli.command(&arguments).stdout(nowhere).output().unwrap();
        fails(ended.into(), 1, &["the first operator key can't be made", "it can't be shown"]);
    }
    assert!(cli.run(&arguments).expect(0).out.starts_with("clv_op_"), "it is still to be made");
}

#[test]
fn with_json_it_prints_one_value() {
    let root = TempDir::new().unwrap();
    let arguments = ["init", "--json", "--data", root.path().to_str().unwrap()];
    let made = Program::at(crate::PROGRAM).run(&arguments).expect(0);
    let Value::Object(fields) = made.json() else { panic!("{}", made.out) };
    assert_eq!(fields.keys().collect::<Vec<_>>(), ["operator_key"]);
}

#[test]
fn the_directory_may_come_from_the_environment() {
    let root = TempDir::new().unwrap();
    let data = root.path().join("data");
    let cli = Program::at(crate::PROGRAM).with("CLAVIGER_DATA", data.to_str().unwrap());
    assert_eq!(cli.run(&["init"]).expect(0).out.lines().count(), 1);
    assert!(data.join("claviger.db").exists());
}

#[test]
fn the_directory_is_the_one_that_serve_would_use() {
    let root = TempDir::new().unwrap();
    let file = root.path().join("claviger.toml");
    fs::write(&file, "data = \"of-the-file\"\ngateway = \"127.0.0.1:0\"\n").unwrap();
    let config = file.to_str().unwrap();
    let cli = Program::at(crate::PROGRAM);
    assert!(cli.run(&["init", "--config", config]).expect(0).out.starts_with("clv_op_"));
    assert!(root.path().join("of-the-file/claviger.db").exists());
    fails(
        cli.clone().with("CLAVIGER_CONFIG", config).run(&["init"]),
        1,
        &["of-the-file is initialised already"],
    );
    let above = root.path().join("of-the-flag");
    let named = cli.run(&["init", "--config", config, "--data", above.to_str().unwrap()]);
    assert!(named.expect(0).out.starts_with("clv_op_"));
    assert!(above.join("claviger.db").exists());
}

#[test]
fn a_server_that_made_its_first_start_needs_no_init() {
    let server = ServerBuilder::new(crate::PROGRAM).profile("default").start();
    let mut stopped = server.stop();
    let arguments = ["init", "--data", stopped.data().to_str().unwrap()].map(str::to_owned);
    fails(Program::at(crate::PROGRAM).run(&arguments), 1, &["initialised already"]);
}
