//! F32: the roll of nodes, changed by hand, and nodes that are taken for each other.

use std::{process::Command, thread};

use claviger_testkit::{Program, ServerBuilder, Stopwatch, eventually};

use super::{
    DEFAULT, STRICT, STRICT_BOUND, all_until, confirmed_by, hammer_each, is_ready, member, members, only,
    revoked,
    stage::{DATABASE, Stage, name},
    status, stop,
};

#[test]
fn a_node_whose_row_was_deleted_by_hand_joins_again() {
    let stage = Stage::of(STRICT);
    let (good, (id, key)) = (stage.issue(0, "good").1, stage.issue(0, "n"));
    let clock = Stopwatch::start();
    let hammers = hammer_each(&stage, clock, &good);
    stage.sql(&format!("DELETE FROM feed_node WHERE name = '{}'", name(2)));
    eventually(|| member(&stage.operator(0), &name(2)));
    stage.sql("TRUNCATE feed_node");
    eventually(|| (members(&stage.operator(0)).len() == 3).then_some(()));
    // A member renews once more before it decides.
    eventually(|| (0..3).all(|node| is_ready(stage.node(node))).then_some(()));
    confirmed_by(3, &stage.operator(2), &id);
    assert!((0..3).all(|node| status(stage.node(node), &key) == 401));
    all_until(&hammers, 200, 5);
    // Whoever finds that it is no member decides nothing until it is one again.
    only(&stop(hammers), &[200, 503]);
}

#[test]
fn a_row_that_somebody_keeps_locked_holds_up_no_revocation() {
    let mut stage = Stage::of(STRICT);
    let ids: Vec<_> = (0..2).map(|n| stage.issue(0, &n.to_string()).0).collect();
    stage.cluster.kill(2);
    let held = format!("SELECT name FROM feed_node WHERE name = '{}' FOR UPDATE", name(2));
    thread::scope(|scope| {
        scope.spawn(|| stage.postgres.sql(DATABASE, &format!("BEGIN; {held}; SELECT pg_sleep(12)")));
        let asleep = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'";
        eventually(|| (stage.postgres.sql(DATABASE, asleep).as_deref() == Ok("1")).then_some(()));
        let clock = Stopwatch::start();
        for id in &ids {
            let begun = clock.now();
            revoked(&stage.operator(0), id);
            let took = clock.now().saturating_sub(begun);
            assert!(took < STRICT_BOUND * 2, "{took:?}");
        }
        stage.sql("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'");
    });
}

#[test]
fn a_copied_directory_is_another_node() {
    let mut stage = Stage::of(DEFAULT);
    stage.cluster.stop(2);
    let mut copy = ServerBuilder::new(crate::PROGRAM)
        .database(&stage.postgres.url(DATABASE))
        .profile("default")
        .variable("CLAVIGER_NODE", &name(2));
    let to = copy.directory().join("data");
    stage.cluster.start_again(2);
    let copied = Command::new("cp").arg("-a").arg(stage.node(2).data()).arg(&to).status();
    assert!(copied.expect("cp starts").success());
    let copy = copy.join(stage.cluster.operator_key());

    let of_name = members(&stage.operator(0)).into_iter().filter(|(of, _)| *of == name(2)).count();
    assert_eq!(of_name, 2, "neither excludes the other");
    let (id, key) = stage.issue(0, "n");
    assert_eq!((status(stage.node(2), &key), status(&copy, &key)), (200, 200));
    confirmed_by(4, &stage.operator(2), &id);
    assert_eq!((status(stage.node(2), &key), status(&copy, &key)), (401, 401));
}

#[test]
fn a_second_process_on_the_same_directory_is_refused() {
    let stage = Stage::of_many(1, DEFAULT, super::stage::postgres(), |builder, _| builder);
    let (data, url) = (stage.node(0).data(), stage.postgres.url(DATABASE));
    let arguments = ["serve", "--data", data.to_str().unwrap(), "--database-url", &url];
    let anywhere = ["--gateway", "127.0.0.1:0", "--portal", "127.0.0.1:0", "--control", "127.0.0.1:0"];
    let said = Program::at(crate::PROGRAM).run(&[&arguments[..], &anywhere].concat()).expect(1).err;
    assert!(said.contains("in use by process") && said.contains(&stage.node(0).pid().to_string()), "{said}");
    assert_eq!(members(&stage.operator(0)).len(), 1);
}
