use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use claviger_model::{
    Clock as _, Denial, Digest, KeyState,
    foreign::{ForeignSecret, Pbkdf2, Scheme},
    key::Lookup,
    profile::Profile,
};
use parking_lot::{Condvar, Mutex};

use crate::{
    Decision, Indeterminate, Permit, Verifier,
    fake::{
        LEASE, NEW_YEAR, Node, REQUEST, account, account_id, digest, first_account, get, key_id, plain,
        profile, secret,
    },
    feed::{Intake as _, Record, SecretRecord},
    foreign::{FirstUse, HashCheck},
    replica::{Broom, Replica},
    usage::SecretRef,
};

/// A key that begins as others of its number do.
fn key(number: u64, rest: u64) -> String {
    format!("ex_live_{number:08}{rest:032}")
}

/// What the other system kept of the key `number`: what it calls PBKDF2 is SHA-256 here, and takes as long as a test wants.
fn slow(number: u64) -> ForeignSecret {
    let output = STANDARD.encode(Digest::of(key(number, 0).as_bytes()).as_bytes());
    foreign(number, &format!("pbkdf2_sha256$1000$salt${output}"))
}

fn fast(number: u64) -> ForeignSecret {
    foreign(number, &format!("sha512-256${}", Digest::of(key(number, 0).as_bytes()).to_hex()))
}

fn foreign(number: u64, hash: &str) -> ForeignSecret {
    ForeignSecret { lookup: key(number, 0)[..16].into(), hash: hash.parse().unwrap() }
}

fn brought(number: u64, of: ForeignSecret) -> SecretRecord {
    SecretRecord { digest: of.stand_in("example"), foreign: Some(Arc::new(of)), ..secret(number) }
}

/// The same secret once its digest is known.
fn kept(number: u64) -> Vec<Record> {
    let digest = Digest::of(key(number, 0).as_bytes());
    vec![
        Record::Secret(SecretRecord { digest, ..secret(number) }),
        Record::NoSecret(slow(number).stand_in("example")),
    ]
}

/// Computes as many as it is let, and counts.
#[derive(Default)]
struct Gate {
    let_through: Mutex<usize>,
    changed: Condvar,
    computed: AtomicUsize,
    now: AtomicUsize,
    most: AtomicUsize,
    of: Mutex<HashMap<Vec<u8>, usize>>,
}

impl Gate {
    fn open(&self, more: usize) {
        *self.let_through.lock() += more;
        self.changed.notify_all();
    }

    fn computed(&self) -> usize {
        self.computed.load(Ordering::SeqCst)
    }
}

impl HashCheck for Gate {
    fn is_of(&self, api: &str, hash: &Scheme, secret: &[u8]) -> Option<bool> {
        assert_eq!(api, "example");
        let digest = Digest::of(secret);
        match hash {
            Scheme::Sha2 { output, .. } => Some(digest.as_bytes() == output.as_slice()),
            Scheme::Pbkdf2(Pbkdf2 { output, .. }) => {
                let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
                self.most.fetch_max(now, Ordering::SeqCst);
                let mut left = self.let_through.lock();
                while *left == 0 {
                    self.changed.wait(&mut left);
                }
                *left -= 1;
                drop(left);
                *self.of.lock().entry(secret.to_vec()).or_default() += 1;
                self.computed.fetch_add(1, Ordering::SeqCst);
                self.now.fetch_sub(1, Ordering::SeqCst);
                Some(digest.as_bytes() == output.as_slice())
            }
            _ => None,
        }
    }
}

fn with_lookup() -> Profile {
    let mut profile = profile("");
    let by_hash = profile.keys.formats[0].clone().finding_by(Lookup { characters: 16, hash_skips: 0 });
    profile.keys.formats[0] = by_hash.unwrap();
    profile
}

/// A node that knows these keys by hashes, and the key 1000 by its digest; as many hashes as `open` are computed at once.
async fn node(brought: Vec<SecretRecord>, open: usize) -> (Node, Arc<Gate>) {
    let records = brought.into_iter().map(Record::Secret);
    let known = [first_account(), Record::Secret(secret(1000))];
    let mut node = Node::loaded(vec![known.into_iter().chain(records).collect()]).await;
    node.profile = with_lookup();
    let gate = Arc::new(Gate::default());
    gate.open(open);
    node.verifier.compute_hashes_by(Arc::clone(&gate) as _);
    (node, gate)
}

async fn ask(
    verifier: &Verifier,
    profile: &Profile,
    key: &str,
) -> Result<Result<Permit, Denial>, Indeterminate> {
    match verifier.verify(profile, Ok(key.as_bytes()), &get("/things"), REQUEST).await? {
        Decision::Allow(permit) => Ok(Ok(permit)),
        Decision::Deny(denial) => Ok(Err(denial)),
        Decision::Observe(objection) => panic!("{objection:?}"),
    }
}

impl Node {
    async fn asks(&self, key: &str) -> Result<Result<Permit, Denial>, Indeterminate> {
        ask(&self.verifier, &self.profile, key).await
    }

    fn takes(&self, records: Vec<Record>) {
        for record in records {
            self.verifier.take(record);
        }
    }

    /// Somebody asks meanwhile.
    fn begins(&self, key: String) -> tokio::task::JoinHandle<Result<Result<Permit, Denial>, Indeterminate>> {
        let verifier = Arc::clone(&self.verifier);
        tokio::spawn(async move { ask(&verifier, &with_lookup(), &key).await })
    }
}

/// Lets others run until it is so.
async fn until(is_so: impl Fn() -> bool) {
    while !is_so() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

const MUCH: usize = usize::MAX / 2;

#[tokio::test]
async fn a_key_is_known_at_its_first_use_and_told_to_the_store() {
    for of in [slow(1), fast(1)] {
        let stand_in = of.stand_in("example");
        let (node, gate) = node(vec![brought(1, of)], MUCH).await;
        let permit = node.asks(&key(1, 0)).await.unwrap().unwrap();
        let digest = Digest::of(key(1, 0).as_bytes());
        assert_eq!((permit.key(), permit.secret(), permit.digest()), (key_id(1), 1, &digest));
        let computed = gate.computed();
        assert_eq!(node.asks(&key(1, 0)).await.unwrap().unwrap().key(), key_id(1));
        assert_eq!(gate.computed(), computed, "once is enough");
        let first_use = FirstUse { key: key_id(1), secret: 1, stand_in, digest };
        assert_eq!(node.verifier.first_uses().await, [first_use]);
        assert_eq!(node.verifier.still_holds(&node.profile, &permit, &get("/things")), Ok(Ok(())));

        node.takes(kept(1));
        node.verifier.take(Record::NoSecret(stand_in));
        node.verifier.kept(&[first_use]);
        assert_eq!(node.asks(&key(1, 0)).await.unwrap().unwrap().key(), key_id(1));
        assert_eq!(node.verifier.still_holds(&node.profile, &permit, &get("/things")), Ok(Ok(())));
        let nothing = tokio::time::timeout(Duration::from_millis(20), node.verifier.first_uses()).await;
        assert!(nothing.is_err(), "it is kept: {nothing:?}");
    }
}

#[tokio::test]
async fn a_wrong_key_is_unknown_and_checked_once() {
    let (node, gate) = node(vec![brought(1, slow(1)), brought(2, fast(2))], MUCH).await;
    for _ in 0..5 {
        assert_eq!(node.asks(&key(1, 7)).await.unwrap().unwrap_err(), Denial::Unknown);
        assert_eq!(node.asks(&key(2, 7)).await.unwrap().unwrap_err(), Denial::Unknown);
        assert_eq!(node.asks(&key(3, 7)).await.unwrap().unwrap_err(), Denial::Unknown);
    }
    assert_eq!(gate.computed(), 1);
    assert!(node.asks(&key(1, 0)).await.unwrap().is_ok(), "the right one is found afterwards");
    let stand_in = slow(1).stand_in("example");
    assert_eq!(node.asks("ex_live_").await.unwrap().unwrap_err().code().as_str(), "malformed");
    assert_eq!(node.verifier.first_uses().await[0].stand_in, stand_in);
}

#[tokio::test]
async fn a_hash_that_comes_later_is_not_taken_for_one_that_was_wrong() {
    let (node, gate) = node(vec![brought(1, slow(1))], MUCH).await;
    let other = ForeignSecret { lookup: slow(1).lookup, ..slow(2) };
    assert_eq!(node.asks(&key(1, 5)).await.unwrap().unwrap_err(), Denial::Unknown);
    let output = STANDARD.encode(Digest::of(key(1, 5).as_bytes()).as_bytes());
    let right = foreign(1, &format!("pbkdf2_sha256$1000$other${output}"));
    node.verifier.take(Record::Secret(brought(3, other)));
    node.verifier.take(Record::Secret(brought(4, right)));
    assert_eq!(node.asks(&key(1, 5)).await.unwrap().unwrap().key(), key_id(4));
    assert_eq!(gate.computed(), 3, "what was wrong wasn't looked at again");
}

#[tokio::test]
async fn what_ended_stays_ended_however_it_is_known() {
    for (change, denial) in [
        (
            SecretRecord { ends_at: Some(NEW_YEAR), state: KeyState::Revoked, ..brought(1, slow(1)) },
            Denial::Revoked(NEW_YEAR),
        ),
        (SecretRecord { state: KeyState::Disabled, ..brought(1, slow(1)) }, Denial::Disabled),
        (SecretRecord { expires_at: Some(NEW_YEAR), ..brought(1, slow(1)) }, Denial::Expired(NEW_YEAR)),
    ] {
        let (node, _) = node(vec![change.clone()], MUCH).await;
        assert_eq!(node.asks(&key(1, 0)).await.unwrap().unwrap_err(), denial, "at its first use");
        let (node, _) = self::node(vec![brought(1, slow(1))], MUCH).await;
        let permit = node.asks(&key(1, 0)).await.unwrap().unwrap();
        node.verifier.take(Record::Secret(change));
        assert_eq!(node.asks(&key(1, 0)).await.unwrap().unwrap_err(), denial, "before it is kept");
        assert_eq!(node.verifier.still_holds(&node.profile, &permit, &get("/things")), Ok(Err(denial)));
    }
}

#[tokio::test]
async fn a_revocation_that_the_source_lost_with_the_first_use_holds() {
    let (node, _) = node(vec![brought(1, slow(1))], MUCH).await;
    let ended = SecretRecord {
        digest: Digest::of(key(1, 0).as_bytes()),
        state: KeyState::Revoked,
        ends_at: Some(NEW_YEAR),
        ..secret(1)
    };
    node.takes(kept(1));
    node.takes(vec![Record::Secret(ended)]);
    assert_eq!(node.asks(&key(1, 0)).await.unwrap().unwrap_err(), Denial::Revoked(NEW_YEAR));
    let earlier = Arc::new(Replica::default());
    for record in [first_account(), Record::Secret(brought(1, slow(1))), Record::Secret(brought(2, slow(2)))]
    {
        earlier.take(record);
    }
    node.verifier.replace(earlier);
    assert_eq!(node.asks(&key(1, 0)).await.unwrap().unwrap_err(), Denial::Revoked(NEW_YEAR));
    assert!(node.asks(&key(2, 0)).await.unwrap().is_ok());
    assert_eq!(node.verifier.revived().await, [key_id(1)]);
}

#[tokio::test]
async fn another_api_s_key_is_unknown_here() {
    let (node, gate) = node(Vec::new(), MUCH).await;
    node.verifier.take(Record::Account(account(account_id(2), "another")));
    node.verifier.take(Record::Secret(SecretRecord { account: account_id(2), ..brought(1, slow(1)) }));
    assert_eq!(node.asks(&key(1, 0)).await.unwrap().unwrap_err(), Denial::Unknown);
    assert_eq!(gate.computed(), 0);
}

#[tokio::test]
async fn what_takes_longer_than_the_lease_is_not_believed() {
    let (node, gate) = node(vec![brought(1, slow(1)), brought(2, slow(2))], 0).await;
    let asked = node.begins(key(1, 0));
    until(|| gate.now.load(Ordering::SeqCst) == 1).await;
    node.clock.pass(LEASE);
    gate.open(1);
    assert_eq!(asked.await.unwrap().unwrap_err(), Indeterminate::LeaseLost);
    node.verifier.confirm(node.clock.boot());
    assert!(node.asks(&key(1, 0)).await.unwrap().is_ok(), "what was found out stays so");
    assert_eq!(gate.computed(), 1);

    // Revoked while it is looked at.
    let asked = node.begins(key(2, 0));
    until(|| gate.now.load(Ordering::SeqCst) == 1).await;
    let ended = SecretRecord { state: KeyState::Revoked, ends_at: Some(NEW_YEAR), ..brought(2, slow(2)) };
    node.verifier.take(Record::Secret(ended));
    gate.open(1);
    assert_eq!(asked.await.unwrap().unwrap().unwrap_err(), Denial::Revoked(NEW_YEAR));
}

#[tokio::test]
async fn who_asks_the_same_at_once_waits_for_one_check_and_whoever_leaves_ends_none() {
    let (node, gate) = node(vec![brought(1, slow(1))], 0).await;
    let first = node.begins(key(1, 0));
    until(|| gate.now.load(Ordering::SeqCst) == 1).await;
    let others: Vec<_> = (0..50).map(|_| node.begins(key(1, 0))).collect();
    tokio::task::yield_now().await;
    first.abort();
    gate.open(1);
    for other in others {
        assert_eq!(other.await.unwrap().unwrap().unwrap().key(), key_id(1));
    }
    assert_eq!(gate.computed(), 1);
}

#[tokio::test]
async fn a_digest_that_another_node_brought_meanwhile_is_found() {
    let (node, gate) = node(vec![brought(1, slow(1))], 0).await;
    let asked = node.begins(key(1, 0));
    until(|| gate.now.load(Ordering::SeqCst) == 1).await;
    node.takes(kept(1));
    gate.open(1);
    assert_eq!(asked.await.unwrap().unwrap().unwrap().key(), key_id(1));
}

#[tokio::test]
async fn a_flood_of_guesses_at_one_key_costs_little_and_keeps_no_other_waiting() {
    let (node, gate) = node((1..=20).map(|number| brought(number, slow(number))).collect(), MUCH).await;
    assert_eq!(node.asks(&key(1, 999)).await.unwrap().unwrap_err(), Denial::Unknown);
    *gate.let_through.lock() = 0;
    let flood: Vec<_> = (1..=500).map(|rest| node.begins(key(1, rest))).collect();
    until(|| gate.now.load(Ordering::SeqCst) == 1).await;
    // Those that are known are decided at once while the flood goes on.
    assert!(node.decide(1000).is_ok());
    assert_eq!(node.decide(7).unwrap_err(), Denial::Unknown);
    gate.open(MUCH);
    for number in 2..=20 {
        let asked = node.asks(&key(number, 0)).await;
        assert_eq!(asked.unwrap().unwrap().key(), key_id(number), "{number}");
    }
    let mut refused = 0;
    for asked in flood {
        match asked.await.unwrap() {
            Ok(Err(Denial::Unknown)) => refused += 1,
            Err(Indeterminate::FirstUse) => {}
            other => panic!("{other:?}"),
        }
    }
    assert!((1..=4).contains(&refused), "{refused} guesses were looked at");
    assert!(gate.most.load(Ordering::SeqCst) <= 4);
    assert!(gate.of.lock().values().all(|times| *times == 1), "none twice");
}

#[tokio::test]
async fn where_nothing_can_be_computed_it_is_not_known_and_never_refused() {
    let known =
        vec![first_account(), Record::Secret(brought(1, slow(1))), Record::Secret(brought(2, fast(2)))];
    let mut node = Node::loaded(vec![known]).await;
    node.profile = with_lookup();
    for presented in [key(1, 0), key(1, 5), key(2, 0)] {
        assert_eq!(node.asks(&presented).await.unwrap_err(), Indeterminate::FirstUse);
    }
    assert_eq!(node.asks(&key(3, 0)).await.unwrap().unwrap_err(), Denial::Unknown);
    let hmac = foreign(4, &format!("hmac-sha256${}", digest(4).to_hex()));
    node.verifier.take(Record::Secret(brought(4, hmac)));
    node.verifier.compute_hashes_by(Arc::new(Gate::default()));
    assert_eq!(node.asks(&key(4, 0)).await.unwrap_err(), Indeterminate::FirstUse, "its pepper isn't there");
    let gate = Gate::default();
    gate.open(MUCH);
    node.verifier.compute_hashes_by(Arc::new(gate));
    assert!(node.asks(&key(1, 0)).await.unwrap().is_ok());
}

#[tokio::test]
async fn a_key_that_is_asked_about_is_known_without_being_used() {
    let (node, _) = node(vec![brought(1, slow(1)), brought(2, fast(2))], MUCH).await;
    let inspected = node.verifier.inspect(&node.profile, key(1, 0).as_bytes()).await.unwrap();
    assert_eq!(inspected.unwrap().key, key_id(1));
    assert!(node.verifier.inspect(&node.profile, key(1, 7).as_bytes()).await.unwrap().is_none());
    assert!(node.verifier.inspect(&node.profile, plain(7).as_bytes()).await.unwrap().is_none());
    let met = node.verifier.meet(&node.profile, key(2, 0).as_bytes()).await.unwrap();
    assert_eq!(met, Some(SecretRef { key: key_id(2), secret: 1 }));
    assert_eq!(node.verifier.meet(&node.profile, plain(7).as_bytes()).await.unwrap(), None);
    assert!(node.verifier.may_be_foreign(&node.profile, key(2, 7).as_bytes()));
    assert!(!node.verifier.may_be_foreign(&node.profile, key(3, 0).as_bytes()));
    assert!(node.verifier.pending_usage().is_empty());
}

#[tokio::test]
async fn what_is_known_by_its_hash_is_forgotten_with_the_key() {
    let (node, gate) = node(vec![brought(1, slow(1))], MUCH).await;
    let ended = SecretRecord { state: KeyState::Revoked, ends_at: Some(NEW_YEAR), ..brought(1, slow(1)) };
    node.verifier.take(Record::Secret(ended));
    for _ in 0..2 {
        let mut broom = Broom::default();
        while node.verifier.sweep(&mut broom, NEW_YEAR.plus(Duration::from_hours(1))) {}
    }
    assert_eq!(node.asks(&key(1, 0)).await.unwrap().unwrap_err(), Denial::Unknown);
    assert!(!node.verifier.may_be_foreign(&node.profile, key(1, 0).as_bytes()));
    assert_eq!(gate.computed(), 0);
}
