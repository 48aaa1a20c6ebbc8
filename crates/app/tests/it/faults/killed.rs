//! `kill -9` in the middle of changes: what was answered is there, what wasn't is there whole or not at all.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use claviger_testkit::{Server, ServerBuilder};
use serde_json::json;

use super::{Line, is_whole, status, text};

const WRITERS: usize = 8;
/// How often a server is killed in each of the tests, and how often in the long run.
const ROUNDS: usize = 5;
const ROUNDS_LONG: usize = 340;

/// How many of the earlier changes are looked at again after each kill.
const RECALLED: usize = 500;

fn rounds() -> usize {
    if crate::at_length() { ROUNDS_LONG } else { ROUNDS }
}

/// Lets `writers` run until they were answered `enough` times in all, then kills the server under them.
fn killed_under(
    server: Server,
    enough: usize,
    write: impl Fn(usize, &mut Line, &AtomicUsize) + Sync,
) -> claviger_testkit::Stopped {
    let answered = AtomicUsize::new(0);
    thread::scope(|scope| {
        for writer in 0..WRITERS {
            let mut line = Line::open(&server);
            let (write, answered) = (&write, &answered);
            scope.spawn(move || write(writer, &mut line, answered));
        }
        while answered.load(Ordering::SeqCst) < enough {
            thread::yield_now();
        }
        server.kill()
    })
}

#[test]
fn every_answered_key_survives_a_kill_in_the_middle_of_many() {
    let mut server = ServerBuilder::new(crate::PROGRAM).profile("default").start();
    let account = server.operator().account("Acme");
    let path = format!("/v1/accounts/{account}/keys");
    let ledger = Mutex::new(Vec::new());
    for round in 0..rounds() {
        let mut stopped = killed_under(server, 37 + 11 * (round % 5), |writer, line, answered| {
            for number in 0.. {
                let order = json!({"name": format!("{round}.{writer}.{number}")});
                let Some(answer) = line.post(&path, &order) else { return };
                let issued = answer.expect(201).json();
                let pair = (text(&issued, "id").to_owned(), text(&issued, "key").to_owned());
                ledger.lock().unwrap().push(pair);
                answered.fetch_add(1, Ordering::SeqCst);
            }
        });
        assert_eq!(stopped.code, None, "it was killed");
        is_whole(&stopped.data());
        server = stopped.start();
        let operator = server.operator();
        for (id, key) in ledger.lock().unwrap().iter().rev().take(RECALLED) {
            let verdict = operator.verify(&json!({"key": key}));
            assert_eq!((&verdict["allowed"], text(&verdict["permit"], "key_id")), (&json!(true), &**id));
        }
        assert_eq!(operator.get("/v1/audit-events/check").expect(200).json()["whole"], true);
    }
    println!("{} kills, {} answered keys, none lost", rounds(), ledger.lock().unwrap().len());
}

#[test]
fn answered_rotations_survive_a_kill_and_a_key_never_has_two_newest_secrets_or_none() {
    let mut server = ServerBuilder::new(crate::PROGRAM).profile("default").start();
    let operator = server.operator();
    let account = operator.account("Acme");
    let keys: Vec<_> = (0..WRITERS).map(|n| operator.issue_plain(&account, &format!("key {n}"))).collect();
    // Of each key: the secrets that were handed out, the newest last.
    let handed_out: Vec<_> = keys.iter().map(|(_, key)| Mutex::new(vec![key.clone()])).collect();
    let mut lost_answers = [0; WRITERS];
    for round in 0..rounds() {
        let mut stopped = killed_under(server, 29 + 7 * (round % 5), |writer, line, answered| {
            let path = format!("/v1/keys/{}/rotate", keys[writer].0);
            while let Some(answer) = line.post(&path, &json!({"overlap": "0"})) {
                let rotated = answer.expect(200).json();
                handed_out[writer].lock().unwrap().push(text(&rotated, "key").to_owned());
                answered.fetch_add(1, Ordering::SeqCst);
            }
        });
        is_whole(&stopped.data());
        server = stopped.start();
        let operator = server.operator();
        for (writer, (id, _)) in keys.iter().enumerate() {
            let secrets = operator.get(&format!("/v1/keys/{id}")).expect(200).json()["secrets"].take();
            let secrets = secrets.as_array().unwrap();
            let newest = secrets.iter().filter(|secret| secret["ends_at"].is_null()).count();
            assert_eq!(newest, 1);
            let known = handed_out[writer].lock().unwrap();
            let unanswered = secrets.len() - known.len();
            assert!(unanswered <= lost_answers[writer] + 1, "at most the one that was being asked for");
            let was_replaced = unanswered > lost_answers[writer];
            lost_answers[writer] = unanswered;
            let (last, earlier) = known.split_last().unwrap();
            if !was_replaced {
                assert_eq!(status(&server, last), 200, "the newest that was handed out");
            }
            for old in earlier.iter().rev().take(5) {
                assert_eq!(status(&server, old), 401, "one that was replaced at once");
            }
        }
    }
}

#[test]
fn answered_revocations_survive_a_kill() {
    let mut server = ServerBuilder::new(crate::PROGRAM).profile("default").start();
    let account = server.operator().account("Acme");
    let ledger = Mutex::new(Vec::new());
    for round in 0..rounds() {
        let operator = server.operator();
        let issue = |n: usize| operator.issue_plain(&account, &format!("{round}.{n}"));
        let keys: Vec<_> = (0..80).map(issue).collect();
        let next = AtomicUsize::new(0);
        let mut stopped = killed_under(server, 21 + 9 * (round % 5), |_, line, answered| {
            while let Some((id, key)) = keys.get(next.fetch_add(1, Ordering::SeqCst)) {
                let Some(answer) = line.post(&format!("/v1/keys/{id}/revoke"), &json!({})) else { return };
                assert_eq!(answer.expect(200).json()["receipt"]["complete"], true);
                ledger.lock().unwrap().push(key.clone());
                answered.fetch_add(1, Ordering::SeqCst);
            }
        });
        is_whole(&stopped.data());
        server = stopped.start();
        for key in ledger.lock().unwrap().iter().rev().take(RECALLED) {
            assert_eq!(status(&server, key), 401, "a revoked key never works again");
        }
        let untouched = keys.last().unwrap();
        assert_eq!(status(&server, &untouched.1), 200);
    }
}

#[test]
fn a_kill_costs_a_second_of_counts_at_most_and_counts_nothing_twice() {
    let server = ServerBuilder::new(crate::PROGRAM).profile("default").start();
    let account = server.operator().account("Acme");
    let (id, key) = server.operator().issue_plain(&account, "counted");
    let allowed = |server: &Server| {
        let usage = server.operator().get(&format!("/v1/usage?key_id={id}")).expect(200).json();
        usage["items"][0]["count"].as_u64().unwrap_or(0)
    };
    (0..40).for_each(|_| assert_eq!(status(&server, &key), 200));
    claviger_testkit::eventually(|| (allowed(&server) == 40).then_some(()));
    (0..10).for_each(|_| assert_eq!(status(&server, &key), 200));
    let server = server.kill().start();
    let counted = allowed(&server);
    assert!((40..=50).contains(&counted), "{counted}");
}
