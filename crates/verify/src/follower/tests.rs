use std::{sync::Arc, time::Duration};

use claviger_model::{Denial, InstallationId, KeyState, Moment};
use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::{Advance, Led, Pulse, apply};
use crate::{
    Indeterminate, Readiness, Verifier,
    fake::{LEASE, NEW_YEAR, Node, first_account, follower, node_id, revoked, scoped, secret},
    feed::{Change, Mark, Record, SecretRecord, Seq},
    protocol::Protocol,
};

const SECOND: Duration = Duration::from_secs(1);

fn start(key: u64) -> Vec<Vec<Record>> {
    vec![vec![first_account()], vec![Record::Secret(secret(key))]]
}

/// A node whose follower runs until the sender is used or dropped.
struct Running {
    node: Node,
    pulse: Pulse,
    stop: oneshot::Sender<()>,
    task: tokio::task::JoinHandle<()>,
}

async fn running(log: Vec<Vec<Record>>) -> Running {
    let mut node = Node::loaded(log).await;
    let (stop, stopped) = oneshot::channel::<()>();
    let spare = follower(&node.verifier, &node.source);
    let follower = std::mem::replace(&mut node.follower, spare);
    let pulse = follower.pulse();
    let task = tokio::spawn(follower.run(async { _ = stopped.await }));
    Running { node, pulse, stop, task }
}

/// As long as a follower may stand still before it is taken for hung, and a look more.
const HANGS: Duration = Duration::from_secs(36);

#[tokio::test(start_paused = true)]
async fn a_follower_has_a_pulse_while_it_has_nothing_to_do_and_while_nobody_answers() {
    let Running { node, pulse, stop, task } = running(start(1)).await;
    assert!(tokio::time::timeout(10 * HANGS, pulse.stopped()).await.is_err());
    node.source.told.lock().failing = true;
    assert!(tokio::time::timeout(10 * HANGS, pulse.stopped()).await.is_err());
    drop(stop);
    task.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_follower_that_stands_still_is_noticed_and_its_lease_runs_out() {
    let Running { node, pulse, stop: _stop, task } = running(start(1)).await;
    task.abort();
    assert!(tokio::time::timeout(HANGS, pulse.stopped()).await.is_ok());
    node.clock.pass(LEASE);
    assert_eq!(node.verifier.readiness(), Readiness::LeaseLost);
}

async fn applied(verifier: &Verifier, seq: Seq) {
    assert!(verifier.wait_applied(seq, Duration::from_mins(10)).await, "{seq} was not applied");
}

/// The source was asked once more.
async fn asked(node: &Node) {
    tokio::time::timeout(Duration::from_mins(10), node.source.asked.notified()).await.unwrap();
}

#[derive(Default)]
struct Recording(Mutex<Vec<&'static str>>);

impl Led for Recording {
    fn take(&self, _: Record) {
        self.0.lock().push("take");
    }

    fn reached(&self, _: Seq) {
        self.0.lock().push("reached");
    }

    fn confirm(&self, _: Moment) {
        self.0.lock().push("confirm");
    }
}

#[test]
fn everything_is_applied_before_anything_is_published() {
    let led = Recording::default();
    let entries = vec![
        Change { seq: Seq(1), mark: Mark::default(), records: vec![first_account()] },
        Change {
            seq: Seq(2),
            mark: Mark::default(),
            records: vec![Record::Secret(secret(1)), Record::Secret(secret(2))],
        },
    ];
    let moment = Moment::since_boot(SECOND);
    apply(Protocol::default(), &led, entries, Advance { reached: Seq(2), confirmed: Some(moment) });
    assert_eq!(*led.0.lock(), ["take", "take", "take", "reached", "confirm"]);
}

#[test]
fn what_does_not_reach_the_head_confirms_nothing() {
    let led = Recording::default();
    apply(Protocol::default(), &led, Vec::new(), Advance { reached: Seq(2), confirmed: None });
    assert_eq!(*led.0.lock(), ["reached"]);
}

#[tokio::test]
async fn loading_takes_everything_and_what_changed_meanwhile() {
    let node = Node::loaded(start(1)).await;
    assert!(node.allows(1));
    assert_eq!((node.verifier.applied(), node.verifier.readiness()), (Seq(2), Readiness::Ready));
    let month = Duration::from_hours(30 * 24);
    assert_eq!(node.source.told.lock().forget_before, Some(NEW_YEAR.minus(month)));
}

#[tokio::test]
async fn the_lease_counts_from_before_the_question() {
    let mut node = Node::new(start(1));
    *node.source.delay.lock() = Some((Arc::clone(&node.clock), Duration::from_secs(30)));
    node.follower.load().await.unwrap();
    node.clock.pass(Duration::from_secs(67));
    assert_eq!(node.verifier.readiness(), Readiness::Ready);
    node.clock.pass(SECOND);
    assert_eq!(node.verifier.readiness(), Readiness::LeaseLost);
}

#[tokio::test]
async fn a_load_that_fails_decides_nothing_and_can_be_tried_again() {
    let mut node = Node::new(start(1));
    node.source.told.lock().failing = true;
    assert!(node.follower.load().await.is_err());
    assert_eq!(node.verifier.readiness(), Readiness::Loading);
    node.source.told.lock().failing = false;
    node.follower.load().await.unwrap();
    assert!(node.allows(1));
}

#[tokio::test(start_paused = true)]
async fn a_change_is_applied_when_woken_and_without() {
    let Running { node, stop, task, .. } = running(start(1)).await;
    let seq = node.source.commit(vec![Record::Secret(revoked(1, NEW_YEAR))]);
    node.source.woken.notify_one();
    applied(&node.verifier, seq).await;
    assert_eq!(node.decide(1).unwrap_err(), Denial::Revoked(NEW_YEAR));
    let seq = node.source.commit(vec![Record::Secret(secret(2))]);
    applied(&node.verifier, seq).await;
    assert!(node.allows(2));
    stop.send(()).unwrap();
    task.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn many_changes_arrive_page_by_page() {
    let Running { node, stop: _running, .. } = running(start(1)).await;
    node.source.told.lock().page = 7;
    let mut seq = Seq(0);
    for number in 2..100 {
        seq = node.source.commit(vec![Record::Secret(secret(number))]);
    }
    applied(&node.verifier, seq).await;
    assert!((1..100).all(|number| node.allows(number)));
}

#[tokio::test(start_paused = true)]
async fn a_source_that_fails_lets_the_lease_run_out_and_is_followed_again() {
    let Running { node, stop: _running, .. } = running(start(1)).await;
    node.source.told.lock().failing = true;
    let seq = node.source.commit(vec![Record::Secret(revoked(1, NEW_YEAR))]);
    node.clock.pass(Duration::from_secs(50));
    asked(&node).await;
    asked(&node).await;
    assert!(node.allows(1), "the change can't be known and the lease holds");
    node.clock.pass(Duration::from_secs(50));
    assert_eq!(node.verifier.readiness(), Readiness::LeaseLost);
    node.source.told.lock().failing = false;
    applied(&node.verifier, seq).await;
    assert_eq!(node.decide(1).unwrap_err(), Denial::Revoked(NEW_YEAR));
}

#[tokio::test(start_paused = true)]
async fn a_follower_that_dies_lets_the_lease_run_out() {
    let Running { node, task, stop, .. } = running(start(1)).await;
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    drop(stop);
    assert!(node.allows(1));
    node.clock.pass(LEASE);
    assert_eq!(node.verifier.readiness(), Readiness::LeaseLost);
}

#[tokio::test(start_paused = true)]
async fn another_history_is_loaded_anew_and_nothing_of_the_old_one_stays() {
    let Running { node, stop: _running, .. } = running(start(1)).await;
    {
        let mut told = node.source.told.lock();
        told.history = InstallationId::from_bytes([2; 16]);
        told.log = [start(2), vec![Vec::new(); 8]].concat();
    }
    applied(&node.verifier, Seq(10)).await;
    assert_eq!(node.source.told.lock().loads, 2);
    assert_eq!(node.decide(1).unwrap_err(), Denial::Unknown);
    assert!(node.allows(2));
}

#[tokio::test(start_paused = true)]
async fn a_head_that_went_back_stops_decisions_until_everything_is_loaded_anew() {
    let Running { node, stop: _running, .. } = running([start(1), start(2)].concat()).await;
    node.source.told.lock().log.truncate(2);
    while node.source.told.lock().loads < 2 {
        asked(&node).await;
    }
    applied(&node.verifier, Seq(2)).await;
    assert_eq!(node.verifier.applied(), Seq(2));
    assert_eq!(node.decide(2).unwrap_err(), Denial::Unknown);
    assert!(node.allows(1));
}

#[tokio::test]
async fn a_break_stops_decisions_at_once() {
    let mut node = Node::loaded(start(1)).await;
    node.source.told.lock().history = InstallationId::from_bytes([2; 16]);
    node.follower.look(Seq(2)).await.unwrap();
    assert_eq!((node.verifier.readiness(), node.verifier.applied()), (Readiness::Loading, Seq(0)));
}

#[tokio::test(start_paused = true)]
async fn shutting_down_ends_decisions() {
    let Running { node, stop, task, .. } = running(start(1)).await;
    stop.send(()).unwrap();
    task.await.unwrap();
    assert_eq!(node.verifier.readiness(), Readiness::Loading);
}

#[tokio::test]
async fn what_ended_long_ago_is_swept_out_once_an_hour() {
    let month = Duration::from_hours(30 * 24);
    let disabled = SecretRecord { state: KeyState::Disabled, ..secret(3) };
    let mut node = Node::loaded(vec![vec![
        first_account(),
        Record::Secret(revoked(1, NEW_YEAR.minus(month))),
        Record::Secret(revoked(2, NEW_YEAR)),
        Record::Secret(disabled),
    ]])
    .await;
    assert!(matches!(swept(&mut node).await[..], [Denial::Revoked(_), Denial::Revoked(_), Denial::Disabled]));
    node.clock.pass(Duration::from_mins(61));
    node.follower.renew(Some(Seq(1))).await.unwrap();
    assert!(matches!(swept(&mut node).await[..], [Denial::Unknown, Denial::Revoked(_), Denial::Disabled]));
}

#[tokio::test]
async fn what_ran_out_by_itself_is_forgotten_within_two_hours() {
    let hour = Duration::from_hours(1);
    let ran_out = |number, at| {
        let record = SecretRecord { ends_at: Some(at), expires_at: Some(at), ..secret(number) };
        Record::Secret(record)
    };
    let (long_ago, lately) = (NEW_YEAR.minus(hour * 2), NEW_YEAR.minus(hour / 2));
    let taken_away = SecretRecord { ends_at: Some(long_ago), ..secret(3) };
    let records = vec![first_account(), ran_out(1, long_ago), ran_out(2, lately), Record::Secret(taken_away)];
    let mut node = Node::loaded(vec![records]).await;
    assert!(matches!(
        swept(&mut node).await[..],
        [Denial::Expired(_), Denial::Expired(_), Denial::Revoked(_)]
    ));
    node.clock.pass(Duration::from_mins(61));
    node.follower.renew(Some(Seq(1))).await.unwrap();
    assert!(matches!(swept(&mut node).await[..], [Denial::Unknown, Denial::Unknown, Denial::Revoked(_)]));
}

/// What the keys 1 to 3 get when more rounds have passed than a sweep takes.
async fn swept(node: &mut Node) -> Vec<Denial> {
    for _ in 0..20 {
        let reached = node.follower.course.reached();
        node.follower.look(reached).await.unwrap();
        node.follower.sweep_a_little();
    }
    (1..=3).map(|number| node.decide(number).unwrap_err()).collect()
}

#[tokio::test]
async fn a_node_is_a_member_before_it_loads_and_confirms_what_it_loaded() {
    let node = Node::loaded(start(1)).await;
    let told = node.source.told.lock();
    assert_eq!(told.members.get(&node_id(1)), Some(&Some(Seq(2))));
    assert_eq!(node.verifier.node(), Some(node_id(1)));
}

#[tokio::test(start_paused = true)]
async fn a_node_that_was_excluded_decides_nothing_until_it_has_joined_again_under_another_id() {
    let Running { node, stop, task, .. } = running(start(1)).await;
    {
        let mut told = node.source.told.lock();
        told.members.clear();
        told.excluded.insert(node_id(1));
    }
    let seq = node.source.commit(vec![Record::Secret(revoked(1, NEW_YEAR))]);
    node.clock.pass(LEASE / 2);
    while node.verifier.node() == Some(node_id(1)) {
        asked(&node).await;
    }
    applied(&node.verifier, seq).await;
    assert_eq!(node.decide(1).unwrap_err(), Denial::Revoked(NEW_YEAR));
    assert_eq!(node.source.told.lock().loads, 1, "what it holds is gone on from");
    stop.send(()).unwrap();
    task.await.unwrap();
    assert!(node.source.told.lock().members.is_empty(), "who ends leaves");
}

#[tokio::test]
async fn an_exclusion_ends_decisions_at_once() {
    let mut node = Node::loaded(start(1)).await;
    node.source.told.lock().members.clear();
    node.follower.renew(Some(Seq(2))).await.unwrap();
    assert_eq!(node.try_with(Ok(b"x")).unwrap_err(), Indeterminate::NotReady);
}

#[tokio::test]
async fn revocations_that_the_source_lost_hold_and_are_told() {
    let mut node = Node::loaded([start(1), vec![vec![Record::Secret(revoked(1, NEW_YEAR))]]].concat()).await;
    node.source.told.lock().log.truncate(2);
    node.follower.look(Seq(3)).await.unwrap();
    node.follower.load().await.unwrap();
    assert_eq!(node.decide(1).unwrap_err(), Denial::Revoked(NEW_YEAR));
    assert_eq!(node.verifier.revived().await, [secret(1).key]);
}

#[tokio::test]
async fn a_lost_revocation_holds_even_if_the_source_tells_of_the_key_again() {
    let mut node = Node::loaded([start(1), vec![vec![Record::Secret(revoked(1, NEW_YEAR))]]].concat()).await;
    node.source.told.lock().log.truncate(2);
    node.follower.look(Seq(3)).await.unwrap();
    node.follower.load().await.unwrap();
    node.source.commit(vec![Record::Secret(scoped(1, &["reports:read"]))]);
    node.follower.look(Seq(2)).await.unwrap();
    assert_eq!(node.decide(1).unwrap_err(), Denial::Revoked(NEW_YEAR));
}

#[tokio::test]
async fn who_confirmed_a_change_that_was_lost_becomes_another_member() {
    let mut node = Node::loaded([start(1), vec![vec![Record::Secret(revoked(1, NEW_YEAR))]]].concat()).await;
    node.source.told.lock().log.truncate(2);
    node.follower.renew(Some(Seq(3))).await.unwrap();
    assert_eq!(node.source.told.lock().members[&node_id(1)], Some(Seq(3)), "another third change is to come");
    node.follower.load().await.unwrap();
    let now = node.verifier.node().unwrap();
    assert_ne!(now, node_id(1));
    assert_eq!(node.source.told.lock().members[&now], Some(Seq(2)));
}

#[tokio::test]
async fn a_key_that_ends_between_the_two_clocks_is_neither_allowed_nor_denied() {
    let brief = SecretRecord { expires_at: Some(NEW_YEAR.plus(30 * SECOND)), ..secret(1) };
    let mut node =
        Node::loaded(vec![vec![first_account()], vec![Record::Secret(brief), Record::Secret(secret(2))]])
            .await;
    assert!(node.allows(1));
    node.source.told.lock().clock = Some(NEW_YEAR.plus(60 * SECOND));
    node.follower.look(Seq(2)).await.unwrap();
    let presented = crate::fake::plain(1);
    assert_eq!(node.try_with(Ok(presented.as_bytes())).unwrap_err(), Indeterminate::Clock);
    assert!(node.allows(2));
}

#[tokio::test]
async fn a_boot_clock_that_stood_still_ends_the_lease_until_it_is_renewed() {
    let mut node = Node::loaded(start(1)).await;
    node.source.told.lock().clock = Some(NEW_YEAR);
    node.follower.renew(Some(Seq(2))).await.unwrap();
    node.clock.set_date(NEW_YEAR.plus(2 * SECOND));
    assert_eq!(node.try_with(Ok(b"x")).unwrap_err(), Indeterminate::NotReady);
    node.verifier.doubted().await;
    node.follower.renew(Some(Seq(2))).await.unwrap();
    assert!(node.allows(1));
}

#[tokio::test]
async fn an_answer_from_before_the_boot_clock_stood_still_renews_nothing() {
    let mut node = Node::loaded(start(1)).await;
    node.source.told.lock().clock = Some(NEW_YEAR);
    node.follower.renew(Some(Seq(2))).await.unwrap();
    let clock = Arc::clone(&node.clock);
    let freeze = move || clock.set_date(NEW_YEAR.plus(LEASE));
    *node.clock.after_boot.lock() = Some(Box::new(freeze));
    node.follower.renew(Some(Seq(2))).await.unwrap();
    assert_eq!(node.try_with(Ok(b"x")).unwrap_err(), Indeterminate::NotReady);
    node.follower.renew(Some(Seq(2))).await.unwrap();
    assert!(node.allows(1));
}

#[tokio::test(start_paused = true)]
async fn who_doubts_its_boot_clock_renews_before_it_would_have() {
    let Running { node, stop, task, .. } = running(start(1)).await;
    node.source.told.lock().clock = Some(NEW_YEAR);
    for _ in 0..3 {
        node.source.woken.notify_one();
        asked(&node).await;
    }
    node.clock.set_date(NEW_YEAR.plus(2 * SECOND));
    assert_eq!(node.try_with(Ok(b"x")).unwrap_err(), Indeterminate::NotReady);
    asked(&node).await;
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert!(node.allows(1), "a look would not have been enough");
    stop.send(()).unwrap();
    task.await.unwrap();
}
