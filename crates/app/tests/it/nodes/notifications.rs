//! F28: a PgBouncer that shares sessions between transactions, through which no notification comes: everything works, and
//! a change is found by asking, or at once where the nodes may listen by a way of their own.

use std::time::Duration;

use claviger_testkit::{PgBouncer, Stopwatch};
use serde_json::json;

use super::{
    DEFAULT, confirmed_by,
    stage::{DATABASE, Stage, by_way_of, postgres},
    status, text,
};

const ROUNDS: usize = 5;

/// How long each of some revocations took until all three nodes had confirmed it, shortest first.
fn took(with_listen_url: bool) -> Vec<Duration> {
    let postgres = postgres();
    let bouncer = PgBouncer::before(postgres.address(), DATABASE, "claviger");
    let listen_url = postgres.url(DATABASE);
    let stage = Stage::with(DEFAULT, postgres, |builder, _| {
        let builder = builder.database(&by_way_of(&[bouncer.address()]));
        if with_listen_url { builder.variable("CLAVIGER_DATABASE_LISTEN_URL", &listen_url) } else { builder }
    });
    let clock = Stopwatch::start();
    let mut took: Vec<_> = (0..ROUNDS)
        .map(|round| {
            let issued = stage.operator(round % 3).issue(&stage.account, &json!({"name": "n"}));
            let (id, key) = (text(&issued, "id"), text(&issued, "key"));
            // Who issues a key waits for a second at most.
            let known = issued["receipt"]["complete"] == true;
            assert!(!known || (0..3).all(|node| status(stage.node(node), key) == 200));
            let begun = clock.now();
            confirmed_by(3, &stage.operator(round % 3), id);
            let took = clock.now().saturating_sub(begun);
            assert!((0..3).all(|node| status(stage.node(node), key) == 401));
            took
        })
        .collect();
    took.sort_unstable();
    took
}

#[test]
fn without_notifications_a_change_is_found_within_half_a_second() {
    let took = took(false);
    println!("{took:?}");
    assert!(took[0] < Duration::from_millis(750));
}

#[test]
fn with_a_way_of_its_own_to_listen_a_change_is_known_at_once() {
    let took = took(true);
    println!("{took:?}");
    assert!(took[0] < Duration::from_millis(250));
}
