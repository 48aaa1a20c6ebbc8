//! F27: a database that is there and doesn't serve: slow, full of connections, locked, or read-only. What is decided from
//! memory goes on, and changes say that they can't be made.

use std::{thread, time::Duration};

use claviger_testkit::{FaultProxy, Stopwatch, eventually};
use serde_json::{Value, json};

use super::{
    DEFAULT, STRICT, all_until, confirmed_by, go_on_until, hammer, hammer_each, is_ready, only, revoked,
    stage::{DATABASE, Stage, by_way_of, postgres},
    status, stop, text,
};

fn disconnect_all(stage: &Stage) {
    let sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'claviger'";
    stage.postgres.sql("postgres", sql).expect("the superuser may end sessions");
}

/// A change is refused, and for now.
#[track_caller]
fn takes_no_change(stage: &Stage, node: usize) {
    let path = format!("/v1/accounts/{}/keys", stage.account);
    let refused = stage.operator(node).post(&path, &json!({"name": "n"})).expect(503).json();
    assert_eq!(text(&refused, "code"), "unavailable");
}

/// Issues a key, if that can be done right now.
fn issued(stage: &Stage, node: usize) -> Option<(String, String)> {
    let path = format!("/v1/accounts/{}/keys", stage.account);
    let answer = stage.operator(node).post(&path, &json!({"name": "n"}));
    let made = (answer.status == 201).then(|| answer.json())?;
    Some((text(&made, "id").to_owned(), text(&made, "key").to_owned()))
}

/// A way to the database that the first node alone takes.
fn with_a_way(lease: &str) -> (FaultProxy, Stage) {
    let postgres = postgres();
    let way = FaultProxy::to(postgres.address());
    let stage = Stage::with(lease, postgres, |builder, node| {
        if node == 0 { builder.database(&by_way_of(&[way.address()])) } else { builder }
    });
    (way, stage)
}

#[test]
fn a_slow_way_to_the_database_slows_changes_alone() {
    let (way, stage) = with_a_way(DEFAULT);
    let (good, (id, key)) = (stage.issue(0, "good").1, stage.issue(0, "n"));
    let clock = Stopwatch::start();
    let hammers = hammer_each(&stage, clock, &good);
    way.delay(Duration::from_millis(200));
    // Answered when everybody knows it, or after five seconds with a promise. A new connection may take too long.
    let path = format!("/v1/keys/{id}/revoke");
    let answered = eventually(|| {
        let answer = stage.operator(0).post(&path, &Value::Null);
        matches!(answer.status, 200 | 202).then(|| answer.json()["receipt"].take())
    });
    if answered["complete"] == false {
        assert!(answered["guaranteed_by"].is_string(), "{answered}");
    }
    let receipt = format!("/v1/receipts/{}", answered["seq"]);
    eventually(|| (stage.operator(1).get(&receipt).json()["complete"] == true).then_some(()));
    assert!((0..3).all(|node| status(stage.node(node), &key) == 401));
    only(&stop(hammers), &[200]);
}

#[test]
fn a_way_slower_than_the_server_waits_for_a_transaction_to_go_on_stops_changes_alone() {
    let (way, stage) = with_a_way(DEFAULT);
    let good = stage.issue(0, "good").1;
    let clock = Stopwatch::start();
    let hammers = hammer_each(&stage, clock, &good);
    way.delay(Duration::from_secs(3));
    takes_no_change(&stage, 0);
    way.pass();
    // What the slow one was about may still be locked for as long as the server waits.
    let (other, _) = eventually(|| issued(&stage, 1));
    revoked(&stage.operator(1), &other);
    eventually(|| (stage.operator(0).get(&format!("/v1/keys/{other}")).status == 200).then_some(()));
    only(&stop(hammers), &[200]);
}

#[test]
fn a_way_that_loses_a_connection_without_a_word_costs_half_a_lease_at_most() {
    let (way, stage) = with_a_way("4s");
    let good = stage.issue(0, "good").1;
    let clock = Stopwatch::start();
    let of_good = hammer(clock, stage.node(0), &good);
    of_good.until(200, 5);
    way.blackhole();
    // The connections that are there never speak again, and new ones do.
    wait_for_a_renewal_to_be_lost(&stage, clock);
    way.pass();
    let passed_at = clock.now();
    go_on_until(clock, passed_at + Duration::from_secs(6), std::slice::from_ref(&of_good));
    only(&of_good.stop(), &[200]);
}

/// Two polls later something was asked for certain.
fn wait_for_a_renewal_to_be_lost(stage: &Stage, clock: Stopwatch) {
    let asked_by = clock.now() + Duration::from_secs(1);
    super::wait_until(clock, asked_by);
    assert!(is_ready(stage.node(0)));
}

#[test]
fn a_database_that_lets_nobody_in_any_more_stops_changes_alone() {
    let stage = Stage::of(DEFAULT);
    let good = stage.issue(0, "good").1;
    let clock = Stopwatch::start();
    let hammers = hammer_each(&stage, clock, &good);
    stage.sql("ALTER ROLE claviger CONNECTION LIMIT 0");
    disconnect_all(&stage);
    (0..3).for_each(|node| takes_no_change(&stage, node));
    all_until(&hammers, 200, 50);
    stage.sql("ALTER ROLE claviger CONNECTION LIMIT -1");
    let (id, _) = stage.issue(1, "afterwards");
    eventually(|| (super::revoke(&stage.operator(0), &id)["complete"] == true).then_some(()));
    only(&stop(hammers), &[200]);
}

#[test]
fn management_that_uses_up_its_connections_costs_no_lease() {
    let stage = Stage::of(STRICT);
    let (good, (id, _)) = (stage.issue(0, "good").1, stage.issue(0, "n"));
    let clock = Stopwatch::start();
    let hammers = hammer_each(&stage, clock, &good);
    let held = "SELECT id FROM keys FOR UPDATE; SELECT pg_sleep(6)";
    thread::scope(|scope| {
        scope.spawn(|| stage.sql(&format!("BEGIN; {held}")));
        is_sleeping(&stage);
        let begun = clock.now();
        for number in 0..48 {
            let (operator, id) = (stage.operator(number % 3), &id);
            scope.spawn(move || {
                let answer = operator.patch(&format!("/v1/keys/{id}"), &json!({"scopes": []}));
                assert!(matches!(answer.status, 200 | 503), "{}", answer.text());
            });
        }
        go_on_until(clock, begun + Duration::from_secs(5), &hammers);
    });
    only(&stop(hammers), &[200]);
}

/// Returns when a session has what it locks, and keeps it.
fn is_sleeping(stage: &Stage) {
    let sql = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'";
    eventually(|| (stage.postgres.sql(DATABASE, sql).as_deref() == Ok("1")).then_some(()));
}

#[test]
fn a_session_that_keeps_the_feed_locked_holds_up_changes_and_no_lease() {
    let stage = Stage::of(STRICT);
    let (good, (id, key)) = (stage.issue(0, "good").1, stage.issue(0, "n"));
    let clock = Stopwatch::start();
    let hammers = hammer_each(&stage, clock, &good);
    thread::scope(|scope| {
        let held = "BEGIN; SELECT seq FROM feed_head FOR UPDATE; SELECT pg_sleep(10)";
        scope.spawn(|| stage.sql(held));
        is_sleeping(&stage);
        let begun = clock.now();
        takes_no_change(&stage, 0);
        let took = clock.now().saturating_sub(begun);
        assert!(took < Duration::from_secs(4), "the lock is waited for a second: {took:?}");
        go_on_until(clock, begun + Duration::from_secs(8), &hammers);
    });
    confirmed_by(3, &stage.operator(0), &id);
    assert!((0..3).all(|node| status(stage.node(node), &key) == 401));
    only(&stop(hammers), &[200]);
}

#[test]
fn a_read_only_database_is_read_and_extends_no_lease() {
    let stage = Stage::of("4s");
    let (good, (id, _)) = (stage.issue(0, "good").1, stage.issue(0, "n"));
    let clock = Stopwatch::start();
    let hammers = hammer_each(&stage, clock, &good);
    let read_only = |set: &str| {
        stage.sql(&format!("ALTER SYSTEM SET default_transaction_read_only = {set}"));
        stage.sql("SELECT pg_reload_conf()");
        eventually(|| (stage.sql("SHOW default_transaction_read_only") == set).then_some(()));
    };
    read_only("on");
    assert_eq!(stage.operator(0).get(&format!("/v1/keys/{id}")).status, 200);
    takes_no_change(&stage, 0);
    all_until(&hammers, 503, 5);
    // An answer is as little of a wrong key as before.
    assert_eq!(status(stage.node(1), "my_live_000000000000000000000000000000000000ab"), 503);
    assert!(!is_ready(stage.node(2)));
    read_only("off");
    all_until(&hammers, 200, 5);
    confirmed_by(3, &stage.operator(0), &id);
    only(&stop(hammers), &[200, 503]);
}
