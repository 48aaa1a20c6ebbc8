//! A node that is killed: the next revocation waits for its lease once, and none waits for one that is there again.

use claviger_testkit::{Stopwatch, eventually};

use super::{
    STRICT, STRICT_BOUND, confirmed_by, member, members, revoked,
    stage::{Stage, name},
    status,
};

#[test]
fn a_killed_node_is_waited_for_once_and_then_never_again() {
    let mut stage = Stage::of(STRICT);
    let ids: Vec<_> = (0..4).map(|n| stage.issue(0, &n.to_string()).0).collect();
    stage.cluster.kill(2);
    let clock = Stopwatch::start();
    revoked(&stage.operator(0), &ids[0]);
    let waited = clock.now();
    assert!(waited < STRICT_BOUND * 2, "{waited:?}");
    eventually(|| (members(&stage.operator(1)).len() == 2).then_some(()));
    for id in &ids[1..] {
        confirmed_by(2, &stage.operator(1), id);
    }
}

#[test]
fn a_node_that_is_started_again_in_its_place_is_not_waited_for_in_its_former_run() {
    let mut stage = Stage::of("120s");
    let (id, key) = stage.issue(0, "n");
    let before = member(&stage.operator(0), &name(2));
    stage.cluster.kill(2);
    stage.cluster.start_again(2);
    assert_eq!(members(&stage.operator(0)).len(), 3, "the former run is no member");
    assert_ne!(member(&stage.operator(0), &name(2)), before);
    assert_eq!(status(stage.node(2), &key), 200);
    confirmed_by(3, &stage.operator(0), &id);
    assert_eq!(status(stage.node(2), &key), 401);
}

#[test]
fn a_node_that_ends_in_order_is_waited_for_by_nobody() {
    let mut stage = Stage::of("120s");
    let (id, _) = stage.issue(0, "n");
    assert_eq!(stage.cluster.stop(2), Some(0));
    assert_eq!(members(&stage.operator(0)).len(), 2);
    confirmed_by(2, &stage.operator(0), &id);
}
