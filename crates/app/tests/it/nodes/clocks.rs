//! F34, F35, F36: wall clocks that are wrong, on a node and on the database's machine. Leases go by a clock that nobody
//! sets; a key that ends between two clocks is answered 503, and no other key is.
//!
//! The clock that leases go by can't be made wrong from outside: the program asks the kernel for it. What becomes of two
//! clocks that run at different rates is the simulation's to say.

use std::time::Duration;

use claviger_testkit::{Postgres, Stopwatch};

use super::{
    DEFAULT, all_until, confirmed_by, go_on_until, hammer, hammer_each, only, span,
    stage::{Stage, postgres},
    status, statuses, stop,
};

/// Keys by when they end: never, or so many minutes from now by the machine's clock (in the past where it is negative).
/// What lies in the past is written past the rules.
fn key_that_ends(stage: &Stage, minutes: i64) -> String {
    let (id, key) = stage.issue(0, "n");
    let uuid = stage.sql("SELECT id FROM keys ORDER BY id DESC LIMIT 1");
    let now = stage.sql(&format!("SELECT created_at FROM keys WHERE id = '{uuid}'"));
    let now: i64 = now.parse().expect("it is a number");
    stage.sql(&format!("UPDATE keys SET expires_at = {} WHERE id = '{uuid}'", now + minutes * 60_000));
    // Everybody knows it when a later change is confirmed.
    let (later, _) = stage.issue(0, "later");
    confirmed_by(3, &stage.operator(0), &later);
    assert!(stage.operator(0).get(&format!("/v1/keys/{id}")).json()["expires_at"].is_string());
    key
}

fn with_a_clock_to_move(lease: &str) -> Stage {
    Stage::with(lease, postgres(), |builder, node| if node == 2 { builder.movable_clock() } else { builder })
}

#[test]
fn a_node_whose_clock_is_set_forward_doubts_what_ends_in_between_and_nothing_else() {
    let stage = with_a_clock_to_move(DEFAULT);
    let forever = stage.issue(0, "forever").1;
    let (soon, later) = (key_that_ends(&stage, 30), key_that_ends(&stage, 120));
    let (node, clock) = (stage.node(2), Stopwatch::start());
    let hammers = [&forever, &soon, &later].map(|key| hammer(clock, node, key));
    all_until(&hammers, 200, 5);
    node.move_clock("+1h");
    let [of_forever, of_soon, of_later] = hammers;
    of_soon.until(503, 50);
    of_forever.until(200, 50);
    of_later.until(200, 50);
    assert_eq!(status(node, "my_live_000000000000000000000000000000000000ab"), 401);
    assert!((0..2).all(|other| status(stage.node(other), &soon) == 200), "elsewhere nothing is in doubt");
    let (id, key) = stage.issue(2, "n");
    confirmed_by(3, &stage.operator(2), &id);
    assert_eq!(status(node, &key), 401);
    only(&of_soon.stop(), &[200, 503]);
    for probes in [of_forever.stop(), of_later.stop()] {
        only(&probes, &[200, 503]);
        // Time that passed unseen might be a lease that ran out: it asks before it decides again.
        if let Some((from, to)) = span(&probes, 503) {
            assert!(to.saturating_sub(from) < Duration::from_secs(1), "{:?}", statuses(&probes));
        }
    }
}

#[test]
fn a_node_whose_clock_is_slow_lets_no_key_live_longer() {
    let mut stage = with_a_clock_to_move(DEFAULT);
    stage.node(2).move_clock("-1h");
    stage.cluster.stop(2);
    stage.cluster.start_again(2);
    let forever = stage.issue(0, "forever").1;
    let (expired, soon) = (key_that_ends(&stage, -30), key_that_ends(&stage, 30));
    for _ in 0..20 {
        assert_eq!(status(stage.node(2), &forever), 200);
        assert_eq!(status(stage.node(2), &soon), 200);
        assert_eq!(status(stage.node(2), &expired), 503, "by its own clock it would be good");
        assert_eq!(status(stage.node(1), &expired), 401);
    }
    let (id, key) = stage.issue(1, "n");
    confirmed_by(3, &stage.operator(0), &id);
    assert_eq!(status(stage.node(2), &key), 401);
}

#[test]
fn a_database_whose_clock_is_wrong_moves_no_lease() {
    for (offset, doubtful, sure) in [("+1h", 30, 120), ("-1h", -30, 30)] {
        let postgres = Postgres::builder().without_fsync().with_clock_at(offset).start();
        postgres.database();
        let mut stage = Stage::with("4s", postgres, |builder, _| builder);
        let forever = stage.issue(0, "forever").1;
        let (doubtful, sure) = (key_that_ends(&stage, doubtful), key_that_ends(&stage, sure));
        let clock = Stopwatch::start();
        let hammers = hammer_each(&stage, clock, &forever);
        go_on_until(clock, Duration::from_secs(5), &hammers);
        for node in 0..3 {
            assert_eq!(status(stage.node(node), &sure), 200, "{offset}");
            assert_eq!(status(stage.node(node), &doubtful), 503, "{offset}");
        }
        only(&stop(hammers), &[200]);
        let ids: Vec<_> = (0..2).map(|n| stage.issue(0, &n.to_string()).0).collect();
        confirmed_by(3, &stage.operator(0), &ids[0]);
        stage.cluster.kill(2);
        super::revoked(&stage.operator(1), &ids[1]);
    }
}

#[test]
fn a_wall_clock_that_runs_a_little_wrong_costs_nothing() {
    let stage = with_a_clock_to_move(DEFAULT);
    let good = stage.issue(0, "good").1;
    let clock = Stopwatch::start();
    let hammers = hammer_each(&stage, clock, &good);
    for rate in ["+0 x1.01", "+0 x0.99"] {
        let begun = clock.now();
        stage.node(2).move_clock(rate);
        go_on_until(clock, begun + Duration::from_secs(3), &hammers);
        let (id, key) = stage.issue(2, "n");
        confirmed_by(3, &stage.operator(0), &id);
        assert_eq!(status(stage.node(2), &key), 401);
    }
    only(&stop(hammers), &[200]);
}
