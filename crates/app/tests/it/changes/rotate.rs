//! `POST /v1/keys/{id}/rotate`

use std::{collections::HashSet, sync::Barrier, thread};

use claviger_testkit::eventually;
use serde_json::{Value, json};

use super::{opened, opened_with_clock, status, text};

#[test]
fn both_secrets_of_one_key_work_during_the_overlap() {
    let (server, operator, account) = opened("default");
    let (id, old) = operator.issue_plain(&account, "rotates");
    let rotated =
        operator.post(&format!("/v1/keys/{id}/rotate"), &json!({"overlap": "1h"})).expect(200).json();
    let new = text(&rotated, "key");
    assert_eq!(text(&rotated, "id"), id, "the same key");
    assert_ne!(new, old);
    assert_eq!((status(&server, &old), status(&server, new)), (200, 200));
    for secret in [&old, new] {
        let verdict = operator.verify(&json!({"key": secret}));
        assert_eq!(text(&verdict["permit"], "key_id"), id);
    }
    let secrets = rotated["secrets"].as_array().unwrap();
    let numbers: Vec<_> = secrets.iter().map(|secret| secret["number"].as_u64().unwrap()).collect();
    assert_eq!(numbers, [2, 1], "the newest first");
    assert_eq!((&secrets[0]["ends_at"], secrets[1]["ends_at"].is_string()), (&Value::Null, true));
}

#[test]
fn the_old_secret_ends_with_the_overlap_that_the_profile_states() {
    let (server, operator, account) = opened_with_clock("default");
    let (id, old) = operator.issue_plain(&account, "rotates");
    let rotated = operator.post(&format!("/v1/keys/{id}/rotate"), &Value::Null).expect(200).json();
    server.move_clock("+23h");
    assert_eq!((status(&server, &old), status(&server, text(&rotated, "key"))), (200, 200));
    server.move_clock("+25h");
    assert_eq!((status(&server, &old), status(&server, text(&rotated, "key"))), (401, 200));
    assert_eq!(operator.verify(&json!({"key": old}))["denial"]["code"], "revoked");
    server.move_clock("+0");
    assert_eq!(status(&server, &old), 401, "an overlap that has ended doesn't begin again");
}

#[test]
fn an_overlap_of_nothing_refuses_the_old_secret_at_once() {
    let (server, operator, account) = opened("default");
    let (id, old) = operator.issue_plain(&account, "leaked");
    let rotated =
        operator.post(&format!("/v1/keys/{id}/rotate"), &json!({"overlap": "0"})).expect(200).json();
    assert_eq!(rotated["receipt"]["complete"], true);
    assert_eq!((status(&server, &old), status(&server, text(&rotated, "key"))), (401, 200));
}

#[test]
fn a_second_rotation_never_lengthens_the_first_ones_overlap() {
    let (server, operator, account) = opened_with_clock("default");
    let (id, first) = operator.issue_plain(&account, "rotates");
    let rotate = |overlap: &str| {
        let path = format!("/v1/keys/{id}/rotate");
        operator.post(&path, &json!({"overlap": overlap})).expect(200).json()
    };
    let second = text(&rotate("1h"), "key").to_owned();
    let third = text(&rotate("10h"), "key").to_owned();
    let works = || [&first, &second, &third].map(|key| status(&server, key));
    assert_eq!(works(), [200, 200, 200]);
    server.move_clock("+2h");
    assert_eq!(works(), [401, 200, 200]);
    server.move_clock("+11h");
    assert_eq!(works(), [401, 401, 200]);
    let fourth = text(&rotate("0"), "key").to_owned();
    assert_eq!(works(), [401, 401, 401]);
    assert_eq!(status(&server, &fourth), 200);
}

#[test]
fn a_rotation_for_a_compromise_ends_every_overlap() {
    let (server, operator, account) = opened("default");
    let (id, first) = operator.issue_plain(&account, "rotates");
    let path = format!("/v1/keys/{id}/rotate");
    let second = operator.post(&path, &json!({"overlap": "24h"})).expect(200).json();
    let third = operator.post(&path, &json!({"overlap": "0"})).expect(200).json();
    let works = [&*first, text(&second, "key"), text(&third, "key")].map(|key| status(&server, key));
    assert_eq!(works, [401, 401, 200]);
}

#[test]
fn the_last_use_of_each_secret_is_told_apart() {
    let (server, operator, account) = opened("default");
    let (id, old) = operator.issue_plain(&account, "rotates");
    let path = format!("/v1/keys/{id}");
    let rotated = operator.post(&format!("{path}/rotate"), &json!({})).expect(200).json();
    assert_eq!(server.customer(&old).get("/v1/by-the-old").status, 200);
    let used = |number: usize| operator.get(&path).expect(200).json()["secrets"][number].take();
    let of_old = eventually(|| Some(used(1)).filter(|secret| !secret["last_used_at"].is_null()));
    assert_eq!(text(&of_old, "last_used_for"), "GET /v1/by-the-old");
    assert_eq!(text(&of_old, "last_used_from"), "127.0.0.1");
    assert_eq!(used(0)["last_used_at"], Value::Null, "nobody has switched to the new one yet");
    assert_eq!(server.customer(text(&rotated, "key")).get("/v1/by-the-new").status, 200);
    let of_new = eventually(|| Some(used(0)).filter(|secret| !secret["last_used_at"].is_null()));
    assert_eq!(text(&of_new, "last_used_for"), "GET /v1/by-the-new");
    assert_eq!(used(1), of_old);
}

#[test]
fn rotations_that_race_leave_one_newest_and_never_none() {
    const RACERS: usize = 16;
    let (server, operator, account) = opened("default");
    let (id, first) = operator.issue_plain(&account, "raced for");
    let path = format!("/v1/keys/{id}/rotate");
    let start = Barrier::new(RACERS);
    let rotated: Vec<Value> = thread::scope(|scope| {
        let racers: Vec<_> = (0..RACERS)
            .map(|_| {
                scope.spawn(|| {
                    start.wait();
                    operator.post(&path, &json!({"overlap": "0"})).expect(200).json()
                })
            })
            .collect();
        racers.into_iter().map(|racer| racer.join().unwrap()).collect()
    });
    let keys: HashSet<_> = rotated.iter().map(|rotated| text(rotated, "key")).collect();
    assert_eq!(keys.len(), RACERS);
    let working: Vec<_> = keys.iter().filter(|key| status(&server, key) == 200).collect();
    assert_eq!(working.len(), 1, "exactly one is the newest");
    assert_eq!(status(&server, &first), 401);
    let shown = operator.get(&format!("/v1/keys/{id}")).expect(200).json();
    let current: Vec<_> =
        shown["secrets"].as_array().unwrap().iter().filter(|secret| secret["ends_at"].is_null()).collect();
    assert_eq!(current.len(), 1);
    assert_eq!(current[0]["number"], RACERS + 1);
}

#[test]
fn a_key_works_throughout_a_rotation() {
    let (server, operator, account) = opened("default");
    let (id, old) = operator.issue_plain(&account, "in use");
    thread::scope(|scope| {
        let path = format!("/v1/keys/{id}/rotate");
        let rotating = scope.spawn(move || {
            for _ in 0..20 {
                assert_eq!(operator.post(&path, &json!({"overlap": "1h"})).status, 200);
            }
        });
        while !rotating.is_finished() {
            assert_eq!(status(&server, &old), 200);
        }
        rotating.join().unwrap();
    });
}

#[test]
fn an_overlap_that_is_no_duration_or_beyond_a_year_is_refused() {
    let (server, operator, account) = opened("default");
    let (id, key) = operator.issue_plain(&account, "n");
    for overlap in ["", "1", "24", "-1h", "1.5h", "1w", "367d", "1h30m"] {
        let answer =
            operator.post(&format!("/v1/keys/{id}/rotate"), &json!({"overlap": overlap})).expect(422);
        assert_eq!(text(&answer.json()["errors"][0], "pointer"), "/overlap", "{overlap:?}");
    }
    assert_eq!(status(&server, &key), 200);
}

#[test]
fn a_disabled_key_may_be_rotated_and_stays_disabled() {
    let (server, operator, account) = opened("default");
    let (id, _) = operator.issue_plain(&account, "n");
    assert_eq!(operator.post(&format!("/v1/keys/{id}/disable"), &Value::Null).status, 200);
    let rotated = operator.post(&format!("/v1/keys/{id}/rotate"), &json!({})).expect(200).json();
    assert_eq!(text(&rotated, "state"), "disabled");
    assert_eq!(status(&server, text(&rotated, "key")), 401);
}
