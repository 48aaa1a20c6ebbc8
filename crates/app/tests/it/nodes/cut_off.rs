//! F20: a node that the network cuts off from the database, both ways and one way each: it decides for as long as its
//! lease, then says that it can't, nobody waits for it longer than that, and it comes back by itself.

use std::time::Duration;

use claviger_testkit::{FaultProxy, Lost, Namespace, Stopwatch, eventually};

use super::{
    STRICT, STRICT_BOUND, confirmed_by, hammer, is_ready, member, none_allowed_after, only, revoked, span,
    stage::{Stage, by_way_of, name, postgres},
};

const FAR: usize = 2;

#[test]
fn a_node_that_hears_and_says_nothing_decides_for_as_long_as_its_lease_and_comes_back() {
    is_cut_off(Namespace::cut);
}

#[test]
fn a_node_that_the_database_hears_but_doesnt_reach_decides_for_as_long_as_its_lease_and_comes_back() {
    is_cut_off(|namespace| namespace.cut_one_way(Lost::Incoming));
}

#[test]
fn a_node_that_the_database_reaches_but_doesnt_hear_decides_for_as_long_as_its_lease_and_comes_back() {
    is_cut_off(|namespace| namespace.cut_one_way(Lost::Outgoing));
}

#[track_caller]
fn is_cut_off(cut: impl FnOnce(&Namespace)) {
    let (postgres, namespace) = (postgres(), Namespace::new());
    let way = FaultProxy::on(namespace.host_address(), postgres.address());
    let stage = Stage::with(STRICT, postgres, |builder, node| {
        if node == FAR {
            builder.under(&namespace.prefix()).database(&by_way_of(&[way.address()]))
        } else {
            builder
        }
    });
    let (good, (id, taken)) = (stage.issue(0, "good").1, stage.issue(1, "taken"));
    let (later, _) = stage.issue(0, "later");
    let far = stage.node(FAR);
    let before = member(&stage.operator(0), &name(FAR));
    let clock = Stopwatch::start();
    let (of_good, of_taken) = namespace.within(|| (hammer(clock, far, &good), hammer(clock, far, &taken)));
    of_good.until(200, 5);
    of_taken.until(200, 5);

    let cut_at = clock.now();
    cut(&namespace);
    revoked(&stage.operator(0), &id);
    let told_at = clock.now();
    of_good.until(503, 5);
    let healed_at = clock.now();
    namespace.heal();
    of_good.until(200, 5);
    let back_at = clock.now();
    assert!(namespace.within(|| is_ready(far)));
    of_taken.until(401, 5);

    let (good, taken) = (of_good.stop(), of_taken.stop());
    only(&good, &[200, 503]);
    only(&taken, &[200, 401, 503]);
    none_allowed_after(&taken, told_at);
    let (lost_at, _) = span(&good, 503).expect("it lost its lease");
    let decided = lost_at.saturating_sub(cut_at);
    let back_after = back_at.saturating_sub(healed_at);
    assert!(decided < STRICT_BOUND, "{decided:?}");
    assert!(
        decided.as_millis() > 1_200,
        "an answer that is late costs a lease a quarter at most: {decided:?}"
    );
    let after = eventually(|| member(&stage.operator(0), &name(FAR)));
    assert_ne!(before, Some(after), "it was taken for dead and joined as another");
    eventually(|| (stage.operator(1).get("/v1/nodes").json()["items"][FAR]["lag"] == 0).then_some(()));
    confirmed_by(3, &stage.operator(1), &later);
    assert!(back_after < Duration::from_secs(4), "{back_after:?}");
}
