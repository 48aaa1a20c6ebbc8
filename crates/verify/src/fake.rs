//! What the tests of this crate have in common: a clock that is set by hand, a source that is told what to say, and
//! records that are named by a number.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};

use async_trait::async_trait;
use claviger_model::{
    AccountId, AccountState, Attempt, Clock, Denial, Digest, Entropy, Environment, InstallationId, KeyId,
    KeyState, Moment, NodeId, Policy, RequestId, Restrictions, Scope, Scopes, Timestamp, profile::Profile,
};
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::{
    Decision, Follower, Indeterminate, Permit, Verifier,
    feed::{
        AccountRecord, Change, Changes, FeedSource, Intake, Mark, Position, Record, Renewal, SecretRecord,
        Seq, SourceError, Terms,
    },
    nodes::{Leases, NodeCard, NodeRow},
};

/// 2026-01-01T00:00:00Z
pub(crate) const NEW_YEAR: Timestamp = Timestamp::from_millis(1_767_225_600_000);
pub(crate) const LEASE: Duration = Duration::from_secs(100);
pub(crate) const REQUEST: RequestId = RequestId::from_bytes([9; 16]);

type Hook = Box<dyn FnOnce() + Send>;

/// A clock that stands still until it is moved.
pub(crate) struct FakeClock {
    now: AtomicI64,
    boot: AtomicU64,
    /// Runs when the boot clock is read next, after its reading.
    pub(crate) after_boot: Mutex<Option<Hook>>,
}

impl FakeClock {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            now: AtomicI64::new(NEW_YEAR.as_millis()),
            boot: AtomicU64::new(1_000_000),
            after_boot: Mutex::default(),
        })
    }

    /// Time goes by.
    pub(crate) fn pass(&self, span: Duration) {
        let millis = u64::try_from(span.as_millis()).unwrap();
        self.boot.fetch_add(millis, Ordering::SeqCst);
        self.now.fetch_add(i64::try_from(millis).unwrap(), Ordering::SeqCst);
    }

    /// Someone sets the date.
    pub(crate) fn set_date(&self, to: Timestamp) {
        self.now.store(to.as_millis(), Ordering::SeqCst);
    }
}

impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.now.load(Ordering::SeqCst))
    }

    fn boot(&self) -> Moment {
        let read = Moment::since_boot(Duration::from_millis(self.boot.load(Ordering::SeqCst)));
        let hook = self.after_boot.lock().take();
        if let Some(hook) = hook {
            hook();
        }
        read
    }
}

/// A source that holds a log of changes and answers as it is told.
pub(crate) struct FakeSource {
    pub(crate) told: Mutex<Told>,
    pub(crate) woken: Notify,
    pub(crate) asked: Notify,
    /// How long an answer takes, by this clock.
    pub(crate) delay: Mutex<Option<(Arc<FakeClock>, Duration)>>,
}

pub(crate) struct Told {
    pub(crate) history: InstallationId,
    pub(crate) log: Vec<Vec<Record>>,
    /// Most entries of an answer.
    pub(crate) page: usize,
    pub(crate) failing: bool,
    pub(crate) loads: usize,
    pub(crate) forget_before: Option<Timestamp>,
    /// Who is a member, and what they have confirmed.
    pub(crate) members: BTreeMap<NodeId, Option<Seq>>,
    pub(crate) excluded: BTreeSet<NodeId>,
    pub(crate) clock: Option<Timestamp>,
}

impl FakeSource {
    pub(crate) fn new(log: Vec<Vec<Record>>) -> Arc<Self> {
        let history = InstallationId::from_bytes([1; 16]);
        let told = Told {
            history,
            log,
            page: 10_000,
            failing: false,
            loads: 0,
            forget_before: None,
            members: BTreeMap::new(),
            excluded: BTreeSet::new(),
            clock: None,
        };
        Arc::new(Self {
            told: Mutex::new(told),
            woken: Notify::new(),
            asked: Notify::new(),
            delay: Mutex::default(),
        })
    }

    /// Commits one change.
    pub(crate) fn commit(&self, records: Vec<Record>) -> Seq {
        let mut told = self.told.lock();
        told.log.push(records);
        told.head()
    }

    fn take_time(&self) {
        if let Some((clock, span)) = &*self.delay.lock() {
            clock.pass(*span);
        }
    }
}

impl Told {
    pub(crate) fn head(&self) -> Seq {
        Seq(self.log.len() as u64)
    }

    fn position(&self) -> Result<Position, SourceError> {
        if self.failing {
            return Err(SourceError("told to fail".to_owned()));
        }
        Ok(Position { history: self.history, head: self.head(), mark: Mark::default() })
    }

    fn changes(&self, seq: Seq) -> Result<Changes, SourceError> {
        let position = self.position()?;
        let after = usize::try_from(seq.0).unwrap();
        let later = self.log.iter().zip(1..).skip(after).take(self.page);
        let change = |(records, seq): (&Vec<Record>, u64)| Change {
            seq: Seq(seq),
            mark: Mark::default(),
            records: records.clone(),
        };
        Ok(Changes { position, from: None, clock: self.clock, entries: later.map(change).collect() })
    }
}

#[async_trait]
impl FeedSource for FakeSource {
    async fn load(&self, into: Arc<dyn Intake>, forget_before: Timestamp) -> Result<Position, SourceError> {
        let mut told = self.told.lock();
        told.loads += 1;
        told.forget_before = Some(forget_before);
        let position = told.position();
        told.log.iter().flatten().cloned().for_each(|record| into.take(record));
        drop(told);
        self.take_time();
        position
    }

    async fn join(&self, card: &NodeCard) -> Result<bool, SourceError> {
        let mut told = self.told.lock();
        told.position()?;
        if told.excluded.contains(&card.id) {
            return Ok(false);
        }
        told.members.insert(card.id, None);
        Ok(true)
    }

    async fn after(&self, seq: Seq) -> Result<Changes, SourceError> {
        let changes = self.told.lock().changes(seq);
        self.take_time();
        self.asked.notify_one();
        changes
    }

    async fn renew(&self, node: NodeId, applied: Option<Seq>) -> Result<Renewal, SourceError> {
        let renewal = {
            let mut told = self.told.lock();
            let changes = told.changes(applied.unwrap_or_default());
            match (changes, told.members.get_mut(&node)) {
                (Ok(changes), Some(acked)) => {
                    *acked = (*acked).max(applied);
                    Ok(Renewal::Renewed(changes))
                }
                (Ok(_), None) => Ok(Renewal::NoMember),
                (Err(error), _) => Err(error),
            }
        };
        self.take_time();
        self.asked.notify_one();
        renewal
    }

    async fn leave(&self, node: NodeId) -> Result<(), SourceError> {
        self.told.lock().members.remove(&node);
        Ok(())
    }

    async fn woken(&self) {
        self.woken.notified().await;
    }
}

/// An api whose keys are `ex_live_` or `ex_test_` and forty characters, and whose reports need a scope.
pub(crate) fn profile(extra: &str) -> Profile {
    let text = format!(
        r#"
name = "example"
title = "Example"
env_var = "EXAMPLE_API_KEY"
{extra}
[test]
passthrough = true
[keys]
storage = "digest"
display_prefix = 12
formats = [{{ live = "ex_live_", test = "ex_test_", length = 40, alphabet = "base62" }}]
[credentials]
accept = ["bearer"]
[scopes]
"reports:read" = "Read reports"
[[routes]]
methods = ["GET"]
paths = ["/reports/**"]
scope = "reports:read"
[[routes]]
methods = "any"
paths = ["/**"]
open = true
[answers]
shape = '{{"error":"${{message}}"}}'
"#
    );
    Profile::parse("example.toml", &text).unwrap_or_else(|problems| panic!("{problems}"))
}

fn id(kind: u8, number: u64) -> [u8; 16] {
    let spread = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ number;
    let mut bytes = [kind; 16];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    bytes[8..].copy_from_slice(&spread.to_be_bytes());
    bytes
}

pub(crate) fn account_id(number: u64) -> AccountId {
    AccountId::from_bytes(id(1, number))
}

pub(crate) fn key_id(number: u64) -> KeyId {
    KeyId::from_bytes(id(2, number))
}

/// The plain key named `number`, of the live environment.
pub(crate) fn plain(number: u64) -> String {
    format!("ex_live_{number:040}")
}

pub(crate) fn digest(number: u64) -> Digest {
    Digest::of(plain(number).as_bytes())
}

pub(crate) fn account(id: AccountId, api: &str) -> AccountRecord {
    AccountRecord { id, api: api.into(), external_id: None, state: AccountState::Active }
}

pub(crate) fn terms(created_by: &str) -> Arc<Terms> {
    let policy = Policy { scopes: Scopes::All, restrictions: Restrictions::default() };
    Arc::new(Terms { policy, created_by: created_by.into() })
}

/// The first secret of the key `number`, an active live key of the account 1.
pub(crate) fn secret(number: u64) -> SecretRecord {
    SecretRecord {
        digest: digest(number),
        key: key_id(number),
        secret: 1,
        account: account_id(1),
        environment: Environment::Live,
        state: KeyState::Active,
        ends_at: None,
        expires_at: None,
        terms: terms("ada"),
        foreign: None,
    }
}

pub(crate) fn revoked(number: u64, at: Timestamp) -> SecretRecord {
    SecretRecord { state: KeyState::Revoked, ends_at: Some(at), ..secret(number) }
}

pub(crate) fn scoped(number: u64, scopes: &[&str]) -> SecretRecord {
    let scopes: Vec<Scope> = scopes.iter().map(|scope| scope.parse().unwrap()).collect();
    let policy = Policy { scopes: Scopes::listed(scopes).unwrap(), restrictions: Restrictions::default() };
    SecretRecord { terms: Arc::new(Terms { policy, created_by: "ada".into() }), ..secret(number) }
}

/// The account 1 of the api `example`.
pub(crate) fn first_account() -> Record {
    Record::Account(account(account_id(1), "example"))
}

pub(crate) fn get(path: &str) -> Attempt<'_> {
    let address: IpAddr = "192.0.2.1".parse().unwrap();
    Attempt { method: Some("GET"), path: Some(path), address: Some(address), ..Attempt::default() }
}

pub(crate) const fn node_id(number: u8) -> NodeId {
    NodeId::from_bytes([number; 16])
}

/// A member that has confirmed so much.
pub(crate) fn node(number: u8, acked: Option<Seq>) -> NodeRow {
    NodeRow {
        id: node_id(number),
        name: format!("node {number}"),
        acked,
        renewals: 0,
        leases: Leases::of(LEASE),
        profiles: BTreeMap::new(),
        version: String::new(),
        joined_at: NEW_YEAR,
        renewed_at: NEW_YEAR,
    }
}

/// Entropy that counts.
pub(crate) struct Counting(AtomicU64);

impl Entropy for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        let drawn = self.0.fetch_add(1, Ordering::SeqCst).to_le_bytes();
        bytes.iter_mut().zip(drawn.iter().cycle()).for_each(|(byte, drawn)| *byte = *drawn);
    }
}

/// The follower of the node 1.
pub(crate) fn follower(verifier: &Arc<Verifier>, source: &Arc<FakeSource>) -> Follower {
    let card = NodeCard { id: node_id(1), ..NodeCard::alone(LEASE) };
    Follower::new(Arc::clone(verifier), Arc::clone(source) as _, card, Arc::new(Counting(AtomicU64::new(1))))
}

/// What a future is ready with when it is first asked.
pub(crate) fn at_once<T>(future: impl Future<Output = T>) -> T {
    let mut context = Context::from_waker(Waker::noop());
    match pin!(future).poll(&mut context) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("it waits"),
    }
}

/// A verifier with its clock, its source and its follower.
pub(crate) struct Node {
    pub(crate) clock: Arc<FakeClock>,
    pub(crate) source: Arc<FakeSource>,
    pub(crate) verifier: Arc<Verifier>,
    pub(crate) follower: Follower,
    pub(crate) profile: Profile,
}

impl Node {
    /// A node that has loaded what the source tells.
    pub(crate) async fn loaded(log: Vec<Vec<Record>>) -> Self {
        let mut node = Self::new(log);
        node.follower.load().await.unwrap();
        node
    }

    /// The lease is renewed.
    pub(crate) async fn renew(&mut self) {
        let applied = self.verifier.applied();
        self.follower.renew(Some(applied)).await.unwrap();
    }

    pub(crate) fn new(log: Vec<Vec<Record>>) -> Self {
        let (clock, source) = (FakeClock::new(), FakeSource::new(log));
        let verifier = Verifier::new(Arc::clone(&clock) as _, LEASE);
        let follower = follower(&verifier, &source);
        Self { clock, source, verifier, follower, profile: profile("") }
    }

    /// Keys without limits are decided at once.
    pub(crate) fn try_with(&self, presented: Result<&[u8], Denial>) -> Result<Decision, Indeterminate> {
        at_once(self.verifier.verify(&self.profile, presented, &get("/things"), REQUEST))
    }

    /// What the plain key `number` gets.
    pub(crate) fn decide(&self, number: u64) -> Result<Permit, Denial> {
        match self.try_with(Ok(plain(number).as_bytes())) {
            Ok(Decision::Allow(permit)) => Ok(permit),
            Ok(Decision::Deny(denial)) => Err(denial),
            Ok(Decision::Observe(objection)) => panic!("{objection:?}"),
            Err(indeterminate) => panic!("{indeterminate}"),
        }
    }

    pub(crate) fn allows(&self, number: u64) -> bool {
        self.decide(number).is_ok()
    }
}
