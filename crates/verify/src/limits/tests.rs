//! The limiter as the verifier uses it: keys with limits, what they share, and what happens when that is away.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use claviger_model::{
    Denial, KeyId, Policy, Restrictions, Scopes, Span, Standings,
    restriction::{Per, Quotas, Rates},
};
use parking_lot::Mutex;

use super::{
    Allotment, Grant, Judged, LedgerError, QuotaLedger, SharedLimits, SharedLimitsError, Window,
    local::LocalLimits, memory::MemoryLedger,
};
use crate::{
    Decision, Indeterminate, Verifier,
    fake::{
        FakeClock, FakeSource, LEASE, REQUEST, at_once, first_account, follower, get, plain, profile,
        revoked, secret,
    },
    feed::{Record, SecretRecord, Terms},
};

const DAY: Duration = Duration::from_hours(24);

fn limited(number: u64, rates: &[&str], quotas: &[&str]) -> SecretRecord {
    let rates: Vec<_> = rates.iter().map(|text| text.parse().unwrap()).collect();
    let quotas: Vec<_> = quotas.iter().map(|text| text.parse().unwrap()).collect();
    let restrictions = Restrictions {
        rates: Rates::new(rates).ok(),
        quotas: Quotas::new(quotas).ok(),
        ..Restrictions::default()
    };
    let policy = Policy { scopes: Scopes::All, restrictions };
    SecretRecord { terms: Arc::new(Terms { policy, created_by: "ada".into() }), ..secret(number) }
}

/// Counters that several nodes share: on a clock of their own, and away when told so.
#[derive(Default)]
struct Counters {
    states: LocalLimits,
    away: AtomicBool,
    /// How long an answer takes.
    takes: Mutex<Duration>,
    asked: AtomicU32,
    now: Mutex<u64>,
}

#[async_trait]
impl SharedLimits for Counters {
    async fn judge(&self, key: KeyId, windows: &[Window]) -> Result<Judged, SharedLimitsError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let takes = *self.takes.lock();
        if !takes.is_zero() {
            tokio::time::sleep(takes).await;
        }
        if self.away.load(Ordering::SeqCst) {
            return Err(SharedLimitsError("told to be away".to_owned()));
        }
        let now = *self.now.lock();
        Ok(self.states.judge(key, windows, now))
    }
}

/// A ledger on a disk that outlives nodes: away when told so.
#[derive(Default)]
struct Disk {
    ledger: MemoryLedger,
    away: AtomicBool,
    /// How long an answer takes.
    takes: Mutex<Duration>,
    asked: AtomicU32,
}

#[async_trait]
impl QuotaLedger for Disk {
    async fn reserve(&self, of: &Allotment, amount: u32, limit: u32) -> Result<Grant, LedgerError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if self.away.load(Ordering::SeqCst) {
            return Err(LedgerError("told to be away".to_owned()));
        }
        let takes = *self.takes.lock();
        if !takes.is_zero() {
            tokio::time::sleep(takes).await;
        }
        self.ledger.reserve(of, amount, limit).await
    }

    async fn give_back(&self, of: &Allotment, amount: u32) -> Result<(), LedgerError> {
        self.ledger.give_back(of, amount).await
    }
}

/// A node that may share counters and a disk with others.
struct Limited {
    clock: Arc<FakeClock>,
    verifier: Arc<Verifier>,
    profile: claviger_model::profile::Profile,
}

impl Limited {
    async fn new(secrets: &[SecretRecord], shared: Option<&Arc<Counters>>, disk: Option<&Arc<Disk>>) -> Self {
        let clock = FakeClock::new();
        let records = secrets.iter().cloned().map(Record::Secret);
        let source = FakeSource::new(vec![[first_account()].into_iter().chain(records).collect()]);
        let verifier = Verifier::with_limits(
            Arc::clone(&clock) as _,
            LEASE,
            shared.map(|shared| Arc::clone(shared) as _),
            disk.map(|disk| Arc::clone(disk) as _),
        );
        follower(&verifier, &source).load().await.unwrap();
        Self { clock, verifier, profile: profile("") }
    }

    async fn decide(&self, number: u64) -> Result<Decision, Indeterminate> {
        let key = plain(number);
        self.verifier.verify(&self.profile, Ok(key.as_bytes()), &get("/things"), REQUEST).await
    }

    async fn call(&self, number: u64) -> Result<Standings, Denial> {
        match self.decide(number).await.unwrap() {
            Decision::Allow(permit) => Ok(permit.standings().unwrap().clone()),
            Decision::Deny(denial) => Err(denial),
            Decision::Observe(objection) => panic!("{objection:?}"),
        }
    }

    /// How many of so many calls are allowed.
    async fn allowed(&self, number: u64, calls: u32) -> u32 {
        let mut allowed = 0;
        for _ in 0..calls {
            allowed += u32::from(self.call(number).await.is_ok());
        }
        allowed
    }

    /// Time goes by, and the feed is heard all along.
    fn pass(&self, span: Duration) {
        self.clock.pass(span);
        self.verifier.confirm(claviger_model::Clock::boot(&*self.clock));
    }
}

fn told(standings: &Standings) -> Vec<(&str, u32, u32, u64)> {
    let one = |one: &claviger_model::Standing| (one.limit, one.remaining, one.more_in.as_secs());
    let named = standings.limits.iter().map(|standing| (standing.name.as_str(), one(standing)));
    named.map(|(name, (limit, remaining, more_in))| (name, limit, remaining, more_in)).collect()
}

#[tokio::test]
async fn keys_without_limits_wait_for_nothing_and_are_told_nothing() {
    let (counters, disk) = (Arc::new(Counters::default()), Arc::new(Disk::default()));
    let node = Limited::new(&[secret(1)], Some(&counters), Some(&disk)).await;
    let Ok(Decision::Allow(permit)) = at_once(node.decide(1)) else { panic!("it is allowed") };
    assert!(permit.standings().is_none());
    assert!(at_once(node.decide(2)).is_ok(), "unknown keys neither");
    assert_eq!((counters.asked.load(Ordering::SeqCst), disk.asked.load(Ordering::SeqCst)), (0, 0));
}

#[tokio::test]
async fn a_key_is_told_where_it_stands_and_when_to_come_back() {
    let node = Limited::new(&[limited(1, &["a=2/10s", "b=9/60s"], &["month=500/month"])], None, None).await;
    let first = node.call(1).await.unwrap();
    assert_eq!(told(&first), [("a", 2, 1, 5), ("b", 9, 8, 6), ("month", 500, 499, 31 * 86_400)]);
    assert_eq!((first.limits[2].span, first.local), (Span::Period(Per::Month), false));
    node.call(1).await.unwrap();
    let Err(Denial::Rate(exceeded)) = node.call(1).await else { panic!("it is too much") };
    assert_eq!((exceeded.name.as_str(), exceeded.retry_after), ("a", Duration::from_secs(5)));
    assert_eq!(told(&exceeded.standings), [("a", 2, 0, 5), ("b", 9, 7, 6), ("month", 500, 498, 31 * 86_400)]);
    node.pass(Duration::from_secs(5));
    assert_eq!(node.allowed(1, 3).await, 1);
}

#[tokio::test]
async fn a_denied_call_takes_nothing_of_what_would_have_let_it() {
    let node = Limited::new(&[limited(1, &["a=1/1s"], &["day=3/day", "month=2/month"])], None, None).await;
    assert_eq!(node.allowed(1, 9).await, 1, "a second is used up; the quotas are not");
    node.pass(Duration::from_secs(1));
    assert_eq!(node.allowed(1, 9).await, 1);
    node.pass(Duration::from_secs(1));
    let Err(Denial::Quota(exceeded)) = node.call(1).await else { panic!("the month is used up") };
    assert_eq!(exceeded.name.as_str(), "month");
    assert_eq!(told(&exceeded.standings)[0], ("day", 3, 1, 86_398));
    node.pass(DAY);
    assert!(matches!(node.call(1).await, Err(Denial::Quota(_))), "a day helps the day alone");
    node.pass(31 * DAY);
    assert_eq!(node.allowed(1, 9).await, 1);
}

#[tokio::test]
async fn a_profile_limits_keys_that_have_no_limits() {
    let mut node = Limited::new(&[secret(1), limited(2, &["own=5/1s"], &[])], None, None).await;
    node.profile = profile(
        "[limits]\n[[limits.rates]]\nname = \"a\"\nlimit = 2\nwindow = \"1s\"\n[keys]"
            .trim_end_matches("[keys]"),
    );
    assert_eq!((node.allowed(1, 9).await, node.allowed(2, 9).await), (2, 5));
}

#[tokio::test]
async fn a_key_that_is_revoked_while_it_waits_is_refused() {
    let counters = Arc::new(Counters::default());
    *counters.takes.lock() = Duration::from_millis(20);
    let node = Arc::new(Limited::new(&[limited(1, &["a=9/1s"], &[])], Some(&counters), None).await);
    let waiting = tokio::spawn({
        let node = Arc::clone(&node);
        async move { node.call(1).await }
    });
    while counters.asked.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    node.verifier.take(Record::Secret(revoked(1, crate::fake::NEW_YEAR)));
    assert!(matches!(waiting.await.unwrap(), Err(Denial::Revoked(_))));
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_runs_out_while_a_call_waits_is_no_permit() {
    let counters = Arc::new(Counters::default());
    *counters.takes.lock() = Duration::from_millis(20);
    let node = Arc::new(Limited::new(&[limited(1, &["a=9/1s"], &[])], Some(&counters), None).await);
    let waiting = tokio::spawn({
        let node = Arc::clone(&node);
        async move { node.decide(1).await }
    });
    while counters.asked.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    node.clock.pass(LEASE);
    assert!(matches!(waiting.await.unwrap(), Err(Indeterminate::LeaseLost)));
}

#[tokio::test]
async fn nodes_that_share_counters_use_up_one_limit() {
    let counters = Arc::new(Counters::default());
    let key = [limited(1, &["a=100/60s"], &[])];
    let nodes = [
        Limited::new(&key, Some(&counters), None).await,
        Limited::new(&key, Some(&counters), None).await,
        Limited::new(&key, Some(&counters), None).await,
    ];
    let mut allowed = 0;
    for node in &nodes {
        node.verifier.set_nodes(3);
        allowed += node.allowed(1, 60).await;
    }
    assert_eq!(allowed, 100);
    assert!(nodes.iter().all(|node| !node.verifier.limits_health().degraded));
}

#[tokio::test]
async fn while_the_counters_are_away_each_node_enforces_its_share_and_says_so() {
    let counters = Arc::new(Counters::default());
    let node = Limited::new(&[limited(1, &["a=90/60s"], &[])], Some(&counters), None).await;
    node.verifier.set_nodes(3);
    counters.away.store(true, Ordering::SeqCst);
    let told = node.call(1).await.unwrap();
    assert!(told.local);
    assert_eq!((told.limits[0].limit, told.limits[0].remaining), (90, 29));
    assert_eq!(node.allowed(1, 60).await, 29);
    assert_eq!(counters.asked.load(Ordering::SeqCst), 1, "the breaker opened at the first failure");
    let health = node.verifier.limits_health();
    assert_eq!((health.degraded, health.failures, health.judged_alone), (true, 1, 61));

    counters.away.store(false, Ordering::SeqCst);
    node.pass(Duration::from_secs(2));
    assert!(!node.call(1).await.unwrap().local);
    assert!(!node.verifier.limits_health().degraded);
}

#[tokio::test]
async fn a_share_is_a_share_of_what_is_left() {
    let counters = Arc::new(Counters::default());
    *counters.now.lock() = 1_767_225_600_000_000;
    let key = [limited(1, &["a=90/60s"], &[])];
    let node = Limited::new(&key, Some(&counters), None).await;
    node.verifier.set_nodes(3);
    assert_eq!(node.allowed(1, 60).await, 60);
    counters.away.store(true, Ordering::SeqCst);
    assert_eq!(node.allowed(1, 60).await, 10, "a third of thirty");
    let used_up = Limited::new(&key, Some(&counters), None).await;
    used_up.verifier.set_nodes(3);
    counters.away.store(false, Ordering::SeqCst);
    used_up.allowed(1, 60).await;
    counters.away.store(true, Ordering::SeqCst);
    assert_eq!(used_up.allowed(1, 60).await, 0);
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_slow_counters_longer_than_fifty_milliseconds() {
    let counters = Arc::new(Counters::default());
    *counters.takes.lock() = Duration::from_secs(10);
    let node = Limited::new(&[limited(1, &["a=9/1s"], &[])], Some(&counters), None).await;
    let begin = tokio::time::Instant::now();
    assert!(node.call(1).await.unwrap().local);
    assert_eq!(begin.elapsed(), Duration::from_millis(50));
    assert!(node.call(1).await.unwrap().local);
    assert_eq!(begin.elapsed(), Duration::from_millis(50), "and the next doesn't wait at all");
}

#[tokio::test]
async fn a_node_without_shared_counters_knows_that_it_is_not_alone() {
    let node = Limited::new(&[limited(1, &["a=90/60s"], &[])], None, None).await;
    assert!(!node.call(1).await.unwrap().local);
    node.verifier.set_nodes(2);
    assert!(node.call(1).await.unwrap().local);
    assert!(node.verifier.limits_health().degraded);
}

/// However many nodes there are and whatever becomes of them, the quota is never overspent, and each crash forfeits a
/// lease at most.
#[tokio::test]
async fn crashes_refuse_early_and_never_overspend() {
    let disk = Arc::new(Disk::default());
    let key = [limited(1, &[], &["month=1000/month"])];
    let (mut allowed, mut crashes) = (0, 0);
    for calls in [3, 7, 1, 250, 12, 99, 500, 40] {
        // Not given back: the node before is gone.
        let node = Limited::new(&key, None, Some(&disk)).await;
        let got = node.allowed(1, calls).await;
        allowed += got;
        crashes += 1;
        assert!(got == calls || allowed + crashes * 10 >= 1000, "{allowed} after {crashes} crashes");
        assert!(allowed <= 1000);
    }
    let last = Limited::new(&key, None, Some(&disk)).await;
    allowed += last.allowed(1, 2000).await;
    assert!((1000 - crashes * 10..=1000).contains(&allowed), "{allowed} after {crashes} crashes");
}

#[tokio::test]
async fn an_orderly_end_forfeits_nothing() {
    let disk = Arc::new(Disk::default());
    let key = [limited(1, &[], &["month=1000/month"])];
    let mut allowed = 0;
    for _ in 0..50 {
        let node = Limited::new(&key, None, Some(&disk)).await;
        allowed += node.allowed(1, 3).await;
        node.verifier.give_back_quotas().await;
    }
    let last = Limited::new(&key, None, Some(&disk)).await;
    allowed += last.allowed(1, 2000).await;
    assert_eq!(allowed, 1000);
}

#[tokio::test]
async fn several_nodes_take_from_one_quota() {
    let disk = Arc::new(Disk::default());
    let key = [limited(1, &[], &["day=300/day"])];
    let (one, other) =
        (Limited::new(&key, None, Some(&disk)).await, Limited::new(&key, None, Some(&disk)).await);
    let mut allowed = 0;
    for _ in 0..400 {
        allowed += one.allowed(1, 1).await + other.allowed(1, 1).await;
    }
    assert_eq!(allowed, 300);
}

#[tokio::test]
async fn the_ledger_is_asked_once_a_lease_and_seldom_when_a_quota_is_used_up() {
    let disk = Arc::new(Disk::default());
    let node = Limited::new(&[limited(1, &[], &["month=1000/month"])], None, Some(&disk)).await;
    for _ in 0..1000 {
        assert!(node.call(1).await.is_ok());
        tokio::task::yield_now().await;
    }
    let asked = disk.asked.swap(0, Ordering::SeqCst);
    assert!((100..=220).contains(&asked), "{asked}");
    assert_eq!(node.allowed(1, 100).await, 0);
    assert!(disk.asked.load(Ordering::SeqCst) <= 1);
    node.pass(Duration::from_secs(10));
    assert_eq!(node.allowed(1, 100).await, 0);
    assert!(disk.asked.load(Ordering::SeqCst) <= 2);
}

#[tokio::test]
async fn a_ledger_that_is_away_is_no_used_up_quota() {
    let disk = Arc::new(Disk::default());
    let node = Limited::new(&[limited(1, &[], &["month=1000/month"])], None, Some(&disk)).await;
    node.call(1).await.unwrap();
    disk.away.store(true, Ordering::SeqCst);
    assert_eq!(node.allowed(1, 9).await, 9, "what is in hand is handed out");
    assert!(matches!(node.decide(1).await, Err(Indeterminate::QuotaUnknown)));
    let asked = disk.asked.load(Ordering::SeqCst);
    assert!(matches!(node.decide(1).await, Err(Indeterminate::QuotaUnknown)));
    assert_eq!(disk.asked.load(Ordering::SeqCst), asked, "it isn't asked again at once");
    disk.away.store(false, Ordering::SeqCst);
    node.pass(Duration::from_secs(1));
    assert_eq!(node.allowed(1, 2000).await, 990);
}

#[tokio::test(start_paused = true)]
async fn a_portion_that_is_granted_late_is_not_forfeited() {
    let disk = Arc::new(Disk::default());
    *disk.takes.lock() = Duration::from_secs(3);
    let node = Limited::new(&[limited(1, &[], &["month=1000/month"])], None, Some(&disk)).await;
    let begin = tokio::time::Instant::now();
    let (first, second) = tokio::join!(node.decide(1), node.decide(1));
    for decision in [first, second] {
        assert!(matches!(decision, Err(Indeterminate::QuotaUnknown)));
    }
    assert_eq!(begin.elapsed(), Duration::from_secs(1), "whoever waits in line waits no longer");
    tokio::time::sleep(Duration::from_secs(3)).await;
    *disk.takes.lock() = Duration::ZERO;
    assert_eq!(node.allowed(1, 2000).await, 1000);
}

#[tokio::test]
async fn a_quota_that_is_changed_holds_at_once() {
    let disk = Arc::new(Disk::default());
    let node = Limited::new(&[limited(1, &[], &["month=1000/month"])], None, Some(&disk)).await;
    assert_eq!(node.allowed(1, 25).await, 25);
    node.verifier.take(Record::Secret(limited(1, &[], &["month=40/month"])));
    let more = node.allowed(1, 100).await;
    assert!((5..=15).contains(&more), "{more}: a lease of the old quota may be forfeited");
    node.verifier.take(Record::Secret(limited(1, &[], &["month=1000/month"])));
    assert!(node.call(1).await.is_ok());
}
