//! F26: an old primary that one node still reaches while the others go on with its standby. It can be read and, since it
//! lacks the standby it must wait for, commits nothing: its node loses the lease.

use claviger_testkit::{FaultProxy, Stopwatch, eventually};

use super::{
    STRICT, confirmed_by, hammer, none_allowed_after, only, revoked,
    stage::{Stage, by_way_of, postgres},
    status,
};

const LEFT_BEHIND: usize = 2;

#[test]
fn a_node_that_is_left_behind_with_the_old_primary_decides_no_longer_than_its_lease() {
    let old = postgres();
    let (to_old, replication) = (FaultProxy::to(old.address()), FaultProxy::to(old.address()));
    let new = old.standby_by_way_of(replication.address());
    old.sql("postgres", "ALTER SYSTEM SET synchronous_standby_names = 'standby'").unwrap();
    old.sql("postgres", "SELECT pg_reload_conf()").unwrap();
    let (most, left_behind) = (by_way_of(&[to_old.address(), new.address()]), by_way_of(&[old.address()]));
    let stage = Stage::with(STRICT, old, |builder, node| {
        builder.database(if node == LEFT_BEHIND { &left_behind } else { &most })
    });
    let (good, (id, taken)) = (stage.issue(0, "good").1, stage.issue(0, "taken"));
    let (other, _) = stage.issue(0, "other");
    let clock = Stopwatch::start();
    let (of_good, of_taken, elsewhere) = (
        hammer(clock, stage.node(LEFT_BEHIND), &good),
        hammer(clock, stage.node(LEFT_BEHIND), &taken),
        hammer(clock, stage.node(0), &good),
    );
    for hammer in [&of_good, &of_taken, &elsewhere] {
        hammer.until(200, 5);
    }

    replication.refuse();
    replication.close_all();
    to_old.refuse();
    to_old.close_all();
    new.promote();
    // Whoever asks the new one is answered by it.
    eventually(|| {
        let answer = stage.operator(0).post(&format!("/v1/keys/{id}/revoke"), &serde_json::Value::Null);
        (answer.status == 200 && answer.json()["receipt"]["complete"] == true).then_some(())
    });
    let told_at = clock.now();
    of_good.until(503, 20);
    of_taken.until(503, 20);
    assert_eq!(
        stage.sql("SELECT count(*) FROM keys WHERE state = 'revoked'"),
        "0",
        "the old one never heard of it"
    );
    revoked(&stage.operator(1), &other);
    elsewhere.until(200, 5);

    let taken_there = of_taken.stop();
    only(&taken_there, &[200, 503]);
    none_allowed_after(&taken_there, told_at);
    only(&of_good.stop(), &[200, 503]);
    only(&elsewhere.stop(), &[200, 503]);
    let (id, key) = stage.issue(0, "afterwards");
    confirmed_by(2, &stage.operator(1), &id);
    assert_eq!(status(stage.node(0), &key), 401);
}
