//! F23: the answer to a commit that is lost, or that says less than was asked for: nobody is told that it was done or that
//! it wasn't, and asking again ends well.

use std::thread;

use claviger_testkit::{Answer, FaultProxy, Operator, eventually};
use serde_json::{Value, json};

use super::{
    DEFAULT, revoked,
    stage::{DATABASE, Stage, by_way_of, postgres},
    status, text,
};

fn behind_a_proxy() -> (FaultProxy, Stage) {
    let postgres = postgres();
    let way = FaultProxy::to(postgres.address());
    let stage = Stage::with(DEFAULT, postgres, |builder, node| {
        if node == 0 { builder.database(&by_way_of(&[way.address()])) } else { builder }
    });
    (way, stage)
}

/// What is answered to `ask` when PostgreSQL commits and its answer is lost with the connection. `action` is what the
/// trail calls the change, by which its transaction is known from others.
#[track_caller]
fn without_an_answer(way: &FaultProxy, action: &str, ask: impl FnOnce() -> Answer + Send) -> Answer {
    let lost = way.drop_answers_after_each(&[action.as_bytes(), b"COMMIT\0"]);
    thread::scope(|scope| {
        let asked = scope.spawn(ask);
        lost.wait();
        way.close_all();
        asked.join().expect("it is answered")
    })
}

#[track_caller]
fn is_unknown(answer: Answer) {
    let problem = answer.expect(503).json();
    assert_eq!(text(&problem, "code"), "outcome_unknown", "{problem}");
}

#[test]
fn a_revocation_whose_commit_nobody_heard_of_is_unknown_and_asking_again_ends_well() {
    let (way, stage) = behind_a_proxy();
    let (id, key) = stage.issue(0, "n");
    let operator = stage.operator(0);
    let path = format!("/v1/keys/{id}/revoke");
    is_unknown(without_an_answer(&way, "key.revoke", || operator.post(&path, &Value::Null)));
    assert_eq!(stage.sql("SELECT state FROM keys"), "revoked", "this time it was done");
    revoked(&operator, &id);
    assert!((0..3).all(|node| status(stage.node(node), &key) == 401));
    assert_eq!(stage.sql("SELECT count(*) FROM audit_events WHERE action = 'key.revoke'"), "1");
}

#[test]
fn a_key_whose_commit_nobody_heard_of_is_made_once_however_often_it_is_asked_for() {
    let (way, stage) = behind_a_proxy();
    let (operator, path) = (stage.operator(0), format!("/v1/accounts/{}/keys", stage.account));
    let issue = |operator: &Operator| {
        operator.call_with("POST", &path, &[("Idempotency-Key", "once")], &json!({"name": "n"}))
    };
    is_unknown(without_an_answer(&way, "key.issue", || issue(&operator)));
    for node in [0, 1] {
        let again = issue(&stage.operator(node)).expect(409).json();
        assert_eq!(text(&again, "code"), "already_created");
        assert_eq!(again["id"], operator.get(&path).expect(200).json()["items"][0]["id"]);
    }
    assert_eq!(stage.sql("SELECT count(*) FROM keys"), "1");
}

#[test]
fn a_commit_that_gave_up_its_standby_is_not_called_done() {
    let stage = Stage::of(DEFAULT);
    let (id, key) = stage.issue(0, "n");
    let operator = stage.operator(0);
    let standby = |name: &str| {
        stage.sql(&format!("ALTER SYSTEM SET synchronous_standby_names = '{name}'"));
        stage.sql("SELECT pg_reload_conf()");
        eventually(|| (stage.sql("SHOW synchronous_standby_names") == name).then_some(()));
    };
    standby("missing");
    let path = format!("/v1/keys/{id}/revoke");
    thread::scope(|scope| {
        let asked = scope.spawn(|| operator.post(&path, &Value::Null));
        // What an operator does who sees that everything hangs.
        let cancel =
            "SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
        eventually(|| (stage.postgres.sql(DATABASE, cancel).as_deref() != Ok("0")).then_some(()));
        is_unknown(asked.join().expect("it is answered"));
    });
    standby("");
    revoked(&operator, &id);
    assert!((0..3).all(|node| status(stage.node(node), &key) == 401));
}
