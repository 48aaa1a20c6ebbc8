//! Nodes of the version before beside nodes of this one: an upgrade, one node after the other, and back again.
//!
//! `tests/beside` builds that version and runs this.

use claviger_testkit::{Cluster, Stopwatch};

use super::{
    confirmed_by, hammer, only,
    stage::{DATABASE, Stage, name, postgres},
    status,
};

/// Whatever a node of either version issues or revokes counts at all of them.
#[track_caller]
fn all_agree(stage: &Stage, kept: &str) {
    for at in 0..3 {
        let (id, key) = stage.issue(at, "passing");
        let of = |key: &str| [0, 1, 2].map(|node| status(stage.node(node), key));
        // A new key may take until the others have heard of it.
        claviger_testkit::eventually(|| (of(&key) == [200; 3]).then_some(()));
        confirmed_by(3, &stage.operator(at), &id);
        assert_eq!(of(&key), [401; 3]);
        assert_eq!(of(kept), [200; 3]);
    }
}

#[test]
#[ignore = "needs the version before, which `tests/beside` builds"]
fn nodes_are_upgraded_one_after_the_other_and_back_again() {
    let before = std::env::var("CLAVIGER_BEFORE").expect("tests/beside says where the version before is");
    let postgres = postgres();
    let url = postgres.url(DATABASE);
    let cluster = Cluster::start(&before, 3, &url, |builder, node| {
        builder.profile("default").on_lasting_ports().variable("CLAVIGER_NODE", &name(node))
    });
    let account = cluster.operator(0).account("Acme");
    let mut stage = Stage { cluster, postgres, account };
    let (_, kept) = stage.issue(0, "kept");
    all_agree(&stage, &kept);
    for to in [crate::PROGRAM, &before] {
        for node in 0..3 {
            let clock = Stopwatch::start();
            let others: Vec<_> = (0..3)
                .filter(|other| *other != node)
                .map(|other| hammer(clock, stage.node(other), &kept))
                .collect();
            assert_eq!(stage.cluster.stop(node), Some(0));
            stage.cluster.start_again_with(node, |stopped| stopped.by(to));
            all_agree(&stage, &kept);
            only(&super::stop(others), &[200]);
        }
    }
    let check = stage.operator(0).get("/v1/audit-events/check").expect(200).json();
    assert_eq!(check["whole"], true, "{check}");
}
