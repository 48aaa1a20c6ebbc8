//! Damaged files: said so, never replaced by empty ones, never a key let in that was out.

use std::{fs, path::Path};

use claviger_testkit::{Program, ServerBuilder, Stopped};
use serde_json::json;

use super::{refused_start, status};

const PAGE: usize = 4096;

/// A stopped server with some keys, the last of them revoked.
fn stopped() -> (Stopped, Vec<String>) {
    let server = ServerBuilder::new(crate::PROGRAM).profile("default").start();
    let operator = server.operator();
    let account = operator.account("Acme");
    let keys: Vec<_> = (0..60).map(|n| operator.issue_plain(&account, &format!("key {n}"))).collect();
    let (last, _) = keys.last().expect("there are some");
    assert_eq!(operator.post(&format!("/v1/keys/{last}/revoke"), &json!({})).status, 200);
    (server.stop(), keys.into_iter().map(|(_, key)| key).collect())
}

/// The file stays exactly as it was found.
fn is_refused(data: &Path, file: &Path) {
    let before = fs::read(file).expect("the file is there");
    let said = refused_start(data, &[]);
    assert!(said.contains(file.to_str().expect("the tests' paths are text")), "{said}");
    assert!(said.contains("is damaged") && said.contains("backup"), "what and what to do: {said}");
    assert_eq!(fs::read(file).expect("the file is there"), before);
}

#[test]
fn what_is_no_database_is_refused() {
    for content in [&b"this is no database, and it is long enough to be looked at"[..], &[0xff; 3 * PAGE]] {
        for name in ["claviger.db", "usage.db"] {
            let (mut stopped, _) = stopped();
            let (data, file) = (stopped.data(), stopped.data().join(name));
            fs::write(&file, content).unwrap();
            is_refused(&data, &file);
        }
    }
}

#[test]
fn a_truncated_database_is_refused() {
    let (mut stopped, _) = stopped();
    let (data, file) = (stopped.data(), stopped.data().join("claviger.db"));
    let whole = fs::read(&file).unwrap();
    fs::write(&file, &whole[..whole.len() / 2]).unwrap();
    is_refused(&data, &file);
}

#[test]
fn a_database_that_is_gone_or_emptied_is_not_replaced_by_a_new_one() {
    let (mut stopped, _) = stopped();
    let (data, file) = (stopped.data(), stopped.data().join("claviger.db"));
    fs::write(&file, "").unwrap();
    is_refused(&data, &file);
    fs::remove_file(&file).unwrap();
    let said = refused_start(&data, &[]);
    assert!(said.contains("is missing or empty") && said.contains("backup"), "{said}");
    assert!(!file.exists(), "nothing is made in its place");
}

#[test]
fn a_page_of_rubbish_is_refused_or_makes_no_difference() {
    let (mut stopped, keys) = stopped();
    let (data, file) = (stopped.data(), stopped.data().join("claviger.db"));
    let whole = fs::read(&file).unwrap();
    let mut refused = 0;
    for page in 1..whole.len() / PAGE {
        let mut damaged = whole.clone();
        damaged[page * PAGE..(page + 1) * PAGE].fill(0xa5);
        fs::write(&file, damaged).unwrap();
        // `init` opens the database as `serve` does, and ends either way.
        let ended = Program::at(crate::PROGRAM).run(&["init", "--data", data.to_str().unwrap()]).expect(1);
        refused += usize::from(ended.err.contains("is damaged"));
        let harmless = ended.err.contains("is initialised already");
        assert!(harmless || ended.err.contains("is damaged"), "page {page}: {}", ended.err);
    }
    assert!(refused * 10 >= (whole.len() / PAGE - 1) * 9, "{refused} of {}", whole.len() / PAGE - 1);
    fs::write(&file, whole).unwrap();
    let server = stopped.start();
    let (revoked, active) = keys.split_last().unwrap();
    assert_eq!(status(&server, revoked), 401);
    assert!(active.iter().all(|key| status(&server, key) == 200), "whole again, nothing is missing");
}
