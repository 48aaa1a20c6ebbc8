//! F25: a standby takes the primary's place without its last commits. The nodes find it by themselves and notice what it
//! lacks, whatever it has done meanwhile; a key that they knew revoked stays revoked, and is revoked there again.

use claviger_testkit::{FaultProxy, Hammer, Postgres, Stopwatch, eventually};

use super::{
    all_until, confirmed_by, hammer, hammer_each, none_allowed_after, only, revoked,
    stage::{DATABASE, Stage, by_way_of, postgres},
    status, stop,
};

/// Three nodes that know both servers, and a standby that stopped to follow before the last commits. The way to it is
/// closed.
struct Lagging {
    stage: Stage,
    standby: Postgres,
    way: FaultProxy,
    good: String,
    /// Revoked where the standby doesn't know it: its id and itself.
    taken: (String, String),
    /// Issued where the standby doesn't know it.
    young: String,
}

fn lagging() -> Lagging {
    let primary = postgres();
    let standby = primary.standby();
    let way = FaultProxy::to(standby.address());
    way.refuse();
    let url = by_way_of(&[primary.address(), way.address()]);
    let stage = Stage::with("10s", primary, |builder, _| builder.database(&url));
    let (good, taken) = (stage.issue(0, "good").1, stage.issue(1, "taken"));
    eventually(|| stage.postgres.is_followed().then_some(()));
    standby.stop_following();
    let young = stage.issue(2, "young").1;
    revoked(&stage.operator(0), &taken.0);
    Lagging { stage, standby, way, good, taken, young }
}

/// Crashes the primary and lets the nodes find the standby after it did `meanwhile`. Returns when it knows the
/// revocation that it had never got.
#[track_caller]
fn fails_over(lagging: &mut Lagging, meanwhile: impl FnOnce(&Postgres)) {
    let Lagging { stage, standby, way, good, taken, .. } = lagging;
    let clock = Stopwatch::start();
    let of_taken: Vec<Hammer> =
        stage.cluster.running().map(|server| hammer(clock, server, &taken.1)).collect();
    all_until(&of_taken, 401, 5);
    let of_good = hammer_each(stage, clock, good);
    let told_at = clock.now();
    stage.postgres.crash();
    standby.promote();
    let state = "SELECT state FROM keys WHERE revoked_at IS NOT NULL";
    assert_eq!(standby.sql(DATABASE, state).as_deref(), Ok(""), "it lacks the revocation");
    meanwhile(standby);
    way.pass();
    eventually(|| (standby.sql(DATABASE, state).as_deref() == Ok("revoked")).then_some(()));
    all_until(&of_taken, 401, 20);
    all_until(&of_good, 200, 20);

    only(&stop(of_good), &[200, 503]);
    let probes = stop(of_taken);
    only(&probes, &[401, 503]);
    none_allowed_after(&probes, told_at);
    let logs = [0, 1, 2].map(|node| stage.node(node).log());
    assert!(logs.iter().all(|log| log.contains("decisions stop: all keys are loaded anew")), "{logs:?}");
    // Whoever loads only when another has made the revocation again misses nothing.
    assert!(logs.iter().any(|log| log.contains("the database lost revocations")), "{logs:?}");
    for node in 0..3 {
        let metrics = stage.node(node).operator().get("/metrics").expect(200);
        assert!(metrics.text().contains("\nclaviger_feed_breaks_total 1\n"), "{}", metrics.text());
    }
    let event = "SELECT detail FROM audit_events WHERE action = 'key.revoke' AND actor LIKE 'system%'";
    let event = standby.sql(DATABASE, event).expect("the trail can be read");
    assert!(event.contains("the database lost it"), "{event}");
}

/// The new primary is like any other afterwards.
#[track_caller]
fn all_is_well(lagging: &Lagging) {
    let Lagging { stage, taken, .. } = lagging;
    let check = stage.operator(0).get("/v1/audit-events/check").expect(200).json();
    assert_eq!(check["whole"], true, "{check}");
    let (id, key) = stage.issue(1, "afterwards");
    assert!((0..3).all(|node| status(stage.node(node), &key) == 200));
    confirmed_by(3, &stage.operator(2), &id);
    assert!((0..3).all(|node| status(stage.node(node), &key) == 401));
    assert!((0..3).all(|node| status(stage.node(node), &taken.1) == 401));
}

#[test]
fn a_standby_without_the_last_commits_revives_no_key() {
    let mut lagging = lagging();
    fails_over(&mut lagging, |_| {});
    all_is_well(&lagging);
    let log = lagging.stage.node(0).log();
    assert!(log.contains("the feed went back"), "{log}");
    // What nobody but the lost primary had is lost, and nothing pretends otherwise.
    assert!((0..3).all(|node| status(lagging.stage.node(node), &lagging.young) == 401));
    lagging.stage.cluster.kill(1);
    lagging.stage.cluster.start_again(1);
    assert_eq!(status(lagging.stage.node(1), &lagging.taken.1), 401, "it stays so for those who never knew");
}

#[test]
fn a_standby_that_counts_as_far_with_other_changes_is_noticed() {
    let mut lagging = lagging();
    let head = "SELECT seq FROM feed_head";
    let reached: u64 = lagging.stage.sql(head).parse().unwrap();
    fails_over(&mut lagging, |standby| {
        let here = || standby.sql(DATABASE, head).unwrap().parse::<u64>().unwrap();
        while here() < reached {
            standby.sql(DATABASE, "UPDATE accounts SET external_id = gen_random_uuid()::text").unwrap();
        }
    });
    all_is_well(&lagging);
    let log = lagging.stage.node(0).log();
    assert!(log.contains("is another one than before"), "{log}");
}

#[test]
fn a_standby_that_counts_further_with_other_changes_is_noticed() {
    let mut lagging = lagging();
    fails_over(&mut lagging, |standby| {
        for _ in 0..10 {
            standby.sql(DATABASE, "UPDATE accounts SET external_id = gen_random_uuid()::text").unwrap();
        }
    });
    all_is_well(&lagging);
    let log = lagging.stage.node(0).log();
    assert!(log.contains("is another one than before"), "{log}");
}
