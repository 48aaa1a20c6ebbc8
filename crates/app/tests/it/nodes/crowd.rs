//! Many nodes on one database.

use claviger_testkit::{Postgres, Stopwatch, eventually};

use super::{confirmed_by, members, stage::Stage, status};

#[test]
fn a_crowd_of_nodes_confirms_a_revocation() {
    let count = if crate::at_length() { 50 } else { 12 };
    // Ten for calls, two for the feed and one to listen, of each.
    let most = u32::try_from(20 * count).unwrap();
    let postgres = Postgres::builder().without_fsync().max_connections(most).start();
    postgres.database();
    let stage = Stage::of_many(count, "10s", postgres, |builder, _| builder);
    eventually(|| (members(&stage.operator(count - 1)).len() == count).then_some(()));
    for node in [0, count / 2, count - 1] {
        let (id, key) = stage.issue(node, "n");
        assert!((0..count).all(|node| status(stage.node(node), &key) == 200));
        let clock = Stopwatch::start();
        confirmed_by(count, &stage.operator(node), &id);
        println!("{count} nodes: {:?}", clock.now());
        assert!((0..count).all(|node| status(stage.node(node), &key) == 401));
    }
}
