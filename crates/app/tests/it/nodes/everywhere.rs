//! P7, P9: what one node made works on the others at once, and limits hold over all of them together.

use std::{
    sync::{
        Barrier,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use claviger_testkit::{Answer, Cluster, Operator, eventually};
use serde_json::{Value, json};

use super::{
    DEFAULT, members,
    stage::{DATABASE, Stage, postgres},
    status, text,
};

const KEYS: usize = 1_000;
const WRITERS: usize = 8;

#[test]
fn a_thousand_keys_work_at_once_wherever_they_were_issued() {
    let stage = Stage::of(DEFAULT);
    let known_at_once = AtomicUsize::new(0);
    thread::scope(|scope| {
        for writer in 0..WRITERS {
            let (stage, known_at_once) = (&stage, &known_at_once);
            scope.spawn(move || {
                for number in 0..KEYS / WRITERS {
                    let order = json!({"name": number.to_string()});
                    let issued = stage.operator(writer % 3).issue(&stage.account, &order);
                    // Who issues waits for a second at most, which is more than enough where machines have time.
                    if issued["receipt"]["complete"] == true {
                        known_at_once.fetch_add(1, Ordering::Relaxed);
                        let key = text(&issued, "key");
                        assert!((0..3).all(|node| status(stage.node(node), key) == 200));
                    }
                }
            });
        }
    });
    let known_at_once = known_at_once.into_inner();
    println!("{known_at_once} of {KEYS} were known everywhere when they were answered");
    assert!(known_at_once > KEYS * 9 / 10, "{known_at_once}");
}

/// Codat's profile on three nodes, with one master key.
#[track_caller]
fn codat() -> Stage {
    let postgres = postgres();
    let key = tempfile::NamedTempFile::new().expect("a file can be made");
    std::fs::write(key.path(), "5a".repeat(32)).expect("a file can be written");
    let url = postgres.url(DATABASE);
    let cluster = Cluster::start(crate::PROGRAM, 3, &url, |builder, _| {
        let file = key.path().to_str().expect("the tests' paths are text");
        builder.profile("codat").variable("CLAVIGER_MASTER_KEY_FILE", file)
    });
    let made = cluster.operator(0).post("/v1/accounts", &json!({"name": "Acme"})).expect(201).json();
    let account = text(&made, "id").to_owned();
    Stage { cluster, postgres, account }
}

/// Asks this many at once, of all nodes in turn.
fn at_once(stage: &Stage, count: usize, ask: impl Fn(&Operator, usize) -> Answer + Sync) -> Vec<Answer> {
    let (together, ask) = (Barrier::new(count), &ask);
    thread::scope(|scope| {
        let asked: Vec<_> = (0..count)
            .map(|number| {
                let (operator, together) = (stage.operator(number % 3), &together);
                scope.spawn(move || {
                    together.wait();
                    ask(&operator, number)
                })
            })
            .collect();
        asked.into_iter().map(|asked| asked.join().expect("it is answered")).collect()
    })
}

fn standing(stage: &Stage) -> Vec<String> {
    let list = stage.operator(1).get(&format!("/v1/accounts/{}/keys", stage.account)).expect(200).json();
    let items = list["items"].as_array().expect("a list has items");
    let standing = items.iter().filter(|key| key["state"] != "revoked");
    standing.map(|key| text(key, "id").to_owned()).collect()
}

#[test]
fn a62_of_64_keys_asked_of_three_nodes_at_once_an_account_with_8_of_10_gets_2() {
    let stage = codat();
    assert_eq!(members(&stage.operator(0)).len(), 3);
    while standing(&stage).len() < 8 {
        stage.issue(0, "n");
    }
    let path = format!("/v1/accounts/{}/keys", stage.account);
    let answers = at_once(&stage, 64, |operator, number| {
        // Whoever had to wait too long for the account's lock asks again.
        eventually(|| {
            let answer = operator.post(&path, &json!({"name": number.to_string()}));
            (answer.status != 503).then_some(answer)
        })
    });
    let made = answers.iter().filter(|answer| answer.status == 201).count();
    for refused in answers.iter().filter(|answer| answer.status != 201) {
        assert_eq!((refused.status, &refused.json()["code"]), (409, &json!("too_many_keys")));
    }
    assert_eq!((made, standing(&stage).len()), (2, 10));
}

#[test]
fn the_last_two_keys_are_not_both_deleted_by_32_who_ask_at_once() {
    let stage = codat();
    while standing(&stage).len() < 2 {
        stage.issue(0, "n");
    }
    let keys = standing(&stage);
    let answers = at_once(&stage, 32, |operator, number| {
        eventually(|| {
            let answer = operator.post(&format!("/v1/keys/{}/revoke", keys[number / 3 % 2]), &Value::Null);
            (answer.status != 503).then_some(answer)
        })
    });
    let left = standing(&stage);
    assert_eq!(left.len(), 1);
    for (number, answer) in answers.iter().enumerate() {
        let expected = if keys[number / 3 % 2] == left[0] { 409 } else { 200 };
        assert_eq!(answer.status, expected, "{}", answer.text());
    }
}
