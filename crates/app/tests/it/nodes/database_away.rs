//! F22, F24: a database that is gone for a while, by a crash, a fail-over, or as seen by all connections at once: for as
//! long as the lease nobody who verifies notices, and everything comes back by itself.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use claviger_testkit::{Stopwatch, eventually};
use serde_json::json;

use super::{
    DEFAULT, STRICT, all_until, confirmed_by, go_on_until, hammer, hammer_each, is_ready, none_allowed_after,
    only,
    stage::{Stage, postgres},
    status, stop, text, wait_until,
};

/// Changes are refused as long as the database is away, and reads too.
#[track_caller]
fn takes_no_changes(stage: &Stage, id: &str) {
    for node in 0..3 {
        let operator = stage.operator(node);
        let path = format!("/v1/accounts/{}/keys", stage.account);
        let refused = operator.post(&path, &json!({"name": "n"})).expect(503);
        assert!(refused.header("retry-after").is_some());
        assert_eq!(text(&refused.json(), "code"), "unavailable");
        assert_eq!(operator.get(&format!("/v1/keys/{id}")).status, 503);
    }
}

#[track_caller]
fn nobody_notices(lease: &str, away: Duration, end: impl FnOnce(&mut Stage)) {
    let mut stage = Stage::of(lease);
    let (good, (id, key)) = (stage.issue(0, "good").1, stage.issue(1, "n"));
    let history = stage.sql("SELECT installation, seq, mark FROM feed_head");
    let clock = Stopwatch::start();
    let hammers = hammer_each(&stage, clock, &good);
    end(&mut stage);
    let gone_at = clock.now();
    takes_no_changes(&stage, &id);
    go_on_until(clock, gone_at + away, &hammers);
    stage.postgres.start_again();
    assert_eq!(stage.sql("SELECT installation, seq, mark FROM feed_head"), history);
    // Each node has asked in vain and asks again after half a second.
    eventually(|| (0..3).all(|node| is_followed(&stage, node)).then_some(()));
    confirmed_by(3, &stage.operator(1), &id);
    assert!((0..3).all(|node| status(stage.node(node), &key) == 401));
    stage.issue(2, "afterwards");
    only(&stop(hammers), &[200]);
}

/// Whether a node's log ends well.
fn is_followed(stage: &Stage, node: usize) -> bool {
    stage.node(node).log().contains("the feed is followed again")
}

#[test]
fn a_crash_of_the_database_is_noticed_by_nobody_who_verifies() {
    nobody_notices(DEFAULT, Duration::from_secs(5), |stage| stage.postgres.crash());
}

#[test]
fn an_absence_of_half_a_lease_is_noticed_by_nobody_who_verifies() {
    let (lease, away) = if crate::at_length() { (DEFAULT, 60) } else { ("20s", 10) };
    nobody_notices(lease, Duration::from_secs(away), |stage| stage.postgres.stop());
}

#[test]
fn an_absence_longer_than_the_lease_stops_decisions_and_nothing_more() {
    let mut stage = Stage::of(STRICT);
    let (good, (id, gone)) = (stage.issue(0, "good").1, stage.issue(1, "gone"));
    confirmed_by(3, &stage.operator(1), &id);
    let clock = Stopwatch::start();
    let of_good = hammer_each(&stage, clock, &good);
    let of_gone = hammer(clock, stage.node(0), &gone);
    of_gone.until(401, 5);
    let revoked_at = clock.now();
    stage.postgres.crash();
    all_until(&of_good, 503, 5);
    assert!((0..3).all(|node| !is_ready(stage.node(node))));
    let lost_at = clock.now();
    wait_until(clock, lost_at + Duration::from_secs(1));
    stage.postgres.start_again();
    let there_at = clock.now();
    all_until(&of_good, 200, 5);
    println!("back {:?} after the database was", clock.now().saturating_sub(there_at));
    of_gone.until(401, 5);
    assert!((0..3).all(|node| is_ready(stage.node(node))));
    only(&stop(of_good), &[200, 503]);
    let of_gone = of_gone.stop();
    only(&of_gone, &[401, 503]);
    none_allowed_after(&of_gone, revoked_at);
    let (later, key) = stage.issue(2, "later");
    confirmed_by(3, &stage.operator(0), &later);
    assert!((0..3).all(|node| status(stage.node(node), &key) == 401));
}

#[test]
fn losing_all_connections_again_and_again_costs_no_lease_and_no_change() {
    let stage = Stage::with(STRICT, postgres(), |builder, _| builder);
    let good = stage.issue(0, "good").1;
    let ids: Vec<_> = (0..5).map(|n| stage.issue(0, &n.to_string()).0).collect();
    let clock = Stopwatch::start();
    let hammers = hammer_each(&stage, clock, &good);
    for id in ids {
        let ended = stage
            .sql("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = 'claviger'");
        assert_ne!(ended, "0");
        let ended_at = clock.now();
        confirmed_by(3, &stage.operator(1), &id);
        let took = clock.now().saturating_sub(ended_at);
        assert!(took < Duration::from_secs(4), "{took:?}");
        all_until(&hammers, 200, 5);
    }
    only(&stop(hammers), &[200]);
}

#[test]
fn what_was_answered_survives_crashes_of_the_database_under_those_who_change_it() {
    let mut stage = Stage::of(DEFAULT);
    let path = format!("/v1/accounts/{}/keys", stage.account);
    let (over, answered) = (AtomicBool::new(false), Mutex::new(Vec::new()));
    let operators: Vec<_> = (0..3).map(|node| stage.operator(node)).collect();
    thread::scope(|scope| {
        for (writer, operator) in operators.iter().cycle().take(6).enumerate() {
            let (over, answered, path) = (&over, &answered, &path);
            scope.spawn(move || {
                for number in 0.. {
                    if over.load(Ordering::SeqCst) {
                        return;
                    }
                    let order = json!({"name": format!("{writer}.{number}")});
                    let answer = operator.post(path, &order);
                    match answer.status {
                        201 => answered.lock().unwrap().push(text(&answer.json(), "key").to_owned()),
                        status => assert_eq!(status, 503, "{}", answer.text()),
                    }
                }
            });
        }
        for round in 1..=3 {
            eventually(|| (answered.lock().unwrap().len() > 30 * round).then_some(()));
            stage.postgres.crash();
            stage.postgres.start_again();
        }
        over.store(true, Ordering::SeqCst);
    });
    let answered = answered.into_inner().unwrap();
    for (number, key) in answered.iter().enumerate() {
        eventually(|| (status(stage.node(number % 3), key) == 200).then_some(()));
    }
    // One that was not answered is there whole or not at all.
    assert_eq!(stage.sql("SELECT count(*) FROM keys WHERE id NOT IN (SELECT key FROM secrets)"), "0");
    let unrecorded =
        "SELECT (SELECT count(*) FROM keys) - (SELECT count(*) FROM audit_events WHERE action = 'key.issue')";
    assert_eq!(stage.sql(unrecorded), "0");
    let check = stage.operator(0).get("/v1/audit-events/check").expect(200).json();
    assert_eq!(check["whole"], true, "{check}");
    println!("{} keys were answered", answered.len());
}
