use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use claviger_model::{
    Abilities, Ability, AccountState, Attempt, Clock as _, Denial, Digest, Environment, KeyState,
    Malformation, OperatorId,
    restriction::{Networks, ObservedKinds},
};

use crate::{
    Decision, Indeterminate, Objection, Readiness,
    fake::{
        LEASE, NEW_YEAR, Node, REQUEST, account, account_id, at_once, first_account, get, key_id, plain,
        profile, revoked, scoped, secret, terms,
    },
    feed::{AccountRecord, OperatorRecord, Record, SecretRecord, Seq, Terms},
};

const HOUR: Duration = Duration::from_hours(1);

async fn node(secrets: Vec<SecretRecord>) -> Node {
    let records = secrets.into_iter().map(Record::Secret);
    Node::loaded(vec![[first_account()].into_iter().chain(records).collect()]).await
}

fn operator(plain: &str, revoked: bool) -> OperatorRecord {
    OperatorRecord {
        digest: Digest::of(plain.as_bytes()),
        id: OperatorId::from_bytes([3; 16]),
        name: "ci".into(),
        abilities: "verify".parse::<Abilities>().unwrap(),
        revoked,
    }
}

#[tokio::test]
async fn an_active_key_gets_a_permit_that_says_whose_it_is() {
    let expires_at = Some(NEW_YEAR.plus(HOUR));
    let node = Node::loaded(vec![vec![
        Record::Account(AccountRecord {
            external_id: Some("cus_1".into()),
            ..account(account_id(1), "example")
        }),
        Record::Secret(SecretRecord { secret: 3, expires_at, ..scoped(1, &["reports:read"]) }),
    ]])
    .await;
    let permit = node.decide(1).unwrap();
    assert_eq!((permit.key(), permit.secret(), permit.account()), (key_id(1), 3, account_id(1)));
    assert_eq!((&**permit.api(), permit.external_id()), ("example", Some("cus_1")));
    assert_eq!((permit.environment(), permit.expires_at()), (Environment::Live, expires_at));
    assert_eq!(permit.created_by(), "ada");
    assert!(permit.scopes().include(&"reports:read".parse().unwrap()));
    assert!(permit.restrictions().is_empty());
}

#[tokio::test]
async fn what_is_no_key_of_the_api_is_refused_by_form_before_it_is_looked_up() {
    let node = node(vec![secret(1)]).await;
    let deny = |presented: Result<&[u8], Denial>| match node.try_with(presented) {
        Ok(Decision::Deny(denial)) => denial,
        other => panic!("{other:?}"),
    };
    assert_eq!(deny(Err(Denial::Missing)), Denial::Missing);
    assert_eq!(deny(Ok(b"")), Denial::Malformed(Malformation::Prefix));
    assert_eq!(deny(Ok(&plain(1).as_bytes()[..47])), Denial::Malformed(Malformation::Length));
    assert_eq!(deny(Ok(plain(2).as_bytes())), Denial::Unknown);
}

#[tokio::test]
async fn a_key_that_ended_says_how() {
    let past = NEW_YEAR.minus(HOUR);
    let node = node(vec![
        revoked(1, past),
        SecretRecord { ends_at: Some(past), ..secret(2) },
        SecretRecord { expires_at: Some(NEW_YEAR), ..secret(3) },
        SecretRecord { state: KeyState::Disabled, ..secret(4) },
        scoped(5, &["reports:write"]),
    ])
    .await;
    assert_eq!(node.decide(1).unwrap_err(), Denial::Revoked(past));
    assert_eq!(node.decide(2).unwrap_err(), Denial::Revoked(past));
    assert_eq!(node.decide(3).unwrap_err(), Denial::Expired(NEW_YEAR));
    assert_eq!(node.decide(4).unwrap_err(), Denial::Disabled);
    let attempt = get("/reports/1");
    let decision =
        at_once(node.verifier.verify(&node.profile, Ok(plain(5).as_bytes()), &attempt, REQUEST)).unwrap();
    let Decision::Deny(denial) = decision else { panic!("{decision:?}") };
    assert_eq!(denial, Denial::Scope("reports:read".parse().unwrap()));
}

#[tokio::test]
async fn a_key_of_another_api_is_unknown() {
    let elsewhere = SecretRecord { account: account_id(2), ..secret(2) };
    let mut records = vec![first_account(), Record::Account(account(account_id(2), "other"))];
    records.extend([secret(1), elsewhere].map(Record::Secret));
    let node = Node::loaded(vec![records]).await;
    assert!(node.allows(1));
    assert_eq!(node.decide(2).unwrap_err(), Denial::Unknown);
    assert_eq!(node.verifier.api_of(plain(2).as_bytes()).unwrap().as_deref(), Some("other"));
    assert_eq!(node.verifier.api_of(plain(1).as_bytes()).unwrap().as_deref(), Some("example"));
    assert_eq!(node.verifier.api_of(b"anything").unwrap(), None);
}

#[tokio::test]
async fn a_key_whose_account_never_came_is_unknown_until_it_comes() {
    let node = Node::loaded(vec![vec![Record::Secret(secret(1))]]).await;
    assert_eq!(node.decide(1).unwrap_err(), Denial::Unknown);
    assert_eq!(node.verifier.api_of(plain(1).as_bytes()), Ok(None));
    node.verifier.take(first_account());
    assert!(node.allows(1));
}

#[tokio::test]
async fn suspending_an_account_stops_its_keys_and_no_others() {
    let other = SecretRecord { account: account_id(2), ..secret(2) };
    let node = node(vec![secret(1), other]).await;
    node.verifier.take(Record::Account(account(account_id(2), "example")));
    let suspended = AccountRecord { state: AccountState::Suspended, ..account(account_id(1), "example") };
    node.verifier.take(Record::Account(suspended));
    assert_eq!(node.decide(1).unwrap_err(), Denial::Disabled);
    assert!(node.allows(2));
    node.verifier.take(first_account());
    assert!(node.allows(1));
}

#[tokio::test]
async fn an_operator_key_is_no_key_and_a_key_is_no_operator_key() {
    let entropy = Counting::default();
    let minted = claviger_model::operator_key_format().mint(Environment::Live, &entropy).unwrap();
    let plain_operator = minted.expose().to_owned();
    let node = Node::loaded(vec![vec![
        first_account(),
        Record::Secret(secret(1)),
        Record::Operator(operator(&plain_operator, false)),
    ]])
    .await;
    let permit = node.verifier.operator(plain_operator.as_bytes()).unwrap().unwrap();
    assert_eq!((permit.id(), permit.name()), (OperatorId::from_bytes([3; 16]), "ci"));
    assert!(permit.can(Ability::Verify) && !permit.can(Ability::Manage));
    assert_eq!(permit.abilities().names(), ["verify"]);
    assert!(node.verifier.operator(plain(1).as_bytes()).unwrap().is_none());
    assert!(matches!(node.try_with(Ok(plain_operator.as_bytes())), Ok(Decision::Deny(Denial::Malformed(_)))));
    node.verifier.take(Record::Operator(operator(&plain_operator, true)));
    assert!(node.verifier.operator(plain_operator.as_bytes()).unwrap().is_none());
}

#[tokio::test]
async fn an_operator_is_known_by_the_digest_for_as_long_as_the_key_is_good() {
    let digest = Digest::of(b"an operator key");
    let mut node =
        Node::loaded(vec![vec![first_account(), Record::Operator(operator("an operator key", false))]]).await;
    assert!(node.verifier.lease_left().is_some_and(|left| left <= LEASE));
    let by_digest = |node: &Node| node.verifier.operator_by_digest(&digest);
    assert_eq!(by_digest(&node).unwrap().unwrap().name(), "ci");
    assert!(node.verifier.operator_by_digest(&Digest::of(plain(1).as_bytes())).unwrap().is_none());
    node.clock.pass(LEASE);
    assert!(matches!(by_digest(&node), Err(Indeterminate::LeaseLost)));
    assert_eq!(node.verifier.lease_left(), Some(Duration::ZERO));
    node.renew().await;
    assert!(by_digest(&node).unwrap().is_some());
    node.verifier.take(Record::Operator(operator("an operator key", true)));
    assert!(by_digest(&node).unwrap().is_none());
}

/// Bytes that differ, for a key that must only be well formed.
#[derive(Default)]
struct Counting(std::sync::atomic::AtomicU8);

impl claviger_model::Entropy for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        for byte in bytes {
            *byte = self.0.fetch_add(7, Ordering::Relaxed);
        }
    }
}

#[tokio::test]
async fn nothing_is_decided_before_the_keys_are_loaded() {
    let node = Node::new(vec![vec![first_account(), Record::Secret(secret(1))]]);
    assert_eq!(node.verifier.readiness(), Readiness::Loading);
    assert!(matches!(node.try_with(Ok(plain(1).as_bytes())), Err(Indeterminate::NotReady)));
    assert!(matches!(node.try_with(Err(Denial::Missing)), Err(Indeterminate::NotReady)));
    assert!(matches!(node.verifier.operator(b"x"), Err(Indeterminate::NotReady)));
    assert!(matches!(node.verifier.api_of(b"x"), Err(Indeterminate::NotReady)));
}

#[tokio::test]
async fn a_lost_lease_is_never_a_denial() {
    let mut node = node(vec![secret(1), revoked(2, NEW_YEAR)]).await;
    node.clock.pass(LEASE);
    assert_eq!(node.verifier.readiness(), Readiness::LeaseLost);
    for presented in [Ok(plain(1)), Ok(plain(2)), Ok(plain(3)), Ok(String::new()), Err(Denial::Missing)] {
        let presented = presented.as_ref().map(String::as_bytes).map_err(Clone::clone);
        assert!(matches!(node.try_with(presented), Err(Indeterminate::LeaseLost)));
    }
    assert!(matches!(node.verifier.operator(b"x"), Err(Indeterminate::LeaseLost)));
    assert!(matches!(node.verifier.api_of(b"x"), Err(Indeterminate::LeaseLost)));
    node.renew().await;
    assert!(node.allows(1));
}

#[tokio::test]
async fn a_profile_with_a_stricter_lease_loses_it_alone() {
    let node = node(vec![secret(1)]).await;
    let strict = profile("lease = \"2s\"");
    node.clock.pass(Duration::from_secs(2));
    let attempt = Attempt::default();
    let decided =
        |profile| at_once(node.verifier.verify(profile, Ok(plain(1).as_bytes()), &attempt, REQUEST));
    assert!(matches!(decided(&strict), Err(Indeterminate::LeaseLost)));
    assert!(matches!(decided(&node.profile), Ok(Decision::Allow(_))));
    assert_eq!(node.verifier.readiness(), Readiness::Ready);
}

#[tokio::test]
async fn setting_the_date_moves_expiry_and_not_the_lease() {
    let node =
        node(vec![SecretRecord { expires_at: Some(NEW_YEAR.plus(HOUR)), ..secret(1) }, secret(2)]).await;
    node.clock.set_date(NEW_YEAR.plus(HOUR));
    assert_eq!(node.decide(1).unwrap_err(), Denial::Expired(NEW_YEAR.plus(HOUR)));
    assert!(node.allows(2));
    node.clock.set_date(NEW_YEAR.minus(100 * HOUR));
    assert!(node.allows(2));
    assert_eq!(node.verifier.readiness(), Readiness::Ready);
}

/// With the look-up first this allows: the lease would be checked on what was confirmed after the look-up.
#[tokio::test]
async fn the_lease_is_checked_before_the_look_up() {
    let node = node(vec![secret(1)]).await;
    let verifier = Arc::clone(&node.verifier);
    *node.clock.after_boot.lock() =
        Some(Box::new(move || verifier.take(Record::Secret(revoked(1, NEW_YEAR)))));
    assert_eq!(node.decide(1).unwrap_err(), Denial::Revoked(NEW_YEAR));
}

#[tokio::test]
async fn a_receipt_waits_for_its_change_and_no_longer_than_it_may() {
    let node = node(vec![secret(1)]).await;
    assert_eq!(node.verifier.applied(), Seq(1));
    assert!(node.verifier.wait_applied(Seq(1), Duration::ZERO).await);
    assert!(!node.verifier.wait_applied(Seq(2), Duration::from_millis(1)).await);
    let verifier = Arc::clone(&node.verifier);
    let waiting = tokio::spawn(async move { verifier.wait_applied(Seq(2), HOUR).await });
    node.verifier.reached(Seq(2));
    assert!(waiting.await.unwrap());
}

#[tokio::test]
async fn stopping_ends_decisions_and_keeps_what_is_held_for_those_in_the_middle_of_one() {
    let node = node(vec![secret(1)]).await;
    node.verifier.stop();
    assert!(matches!(node.try_with(Ok(plain(1).as_bytes())), Err(Indeterminate::NotReady)));
    assert_eq!((node.verifier.applied(), node.verifier.size().secrets), (Seq(0), 1));
    node.verifier.confirm(node.clock.boot());
    assert!(node.allows(1));
}

/// Readers hammer while keys come and go: what was revoked before a reader asked is refused when it asks, and what
/// was issued before is allowed.
#[tokio::test]
async fn a_change_is_seen_by_the_very_next_attempt() {
    const KEYS: u64 = 3000;
    let node = Arc::new(node(Vec::new()).await);
    let done = Arc::new(AtomicBool::new(false));
    let (issued, ended) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let reader = || {
        let (node, done, issued, ended) =
            (Arc::clone(&node), Arc::clone(&done), Arc::clone(&issued), Arc::clone(&ended));
        thread::spawn(move || {
            let mut asked = 0;
            while !done.load(Ordering::SeqCst) {
                let (ended, issued) = (ended.load(Ordering::SeqCst), issued.load(Ordering::SeqCst));
                if ended > 0 {
                    assert!(matches!(node.decide(ended), Err(Denial::Revoked(_))), "{ended} was revoked");
                }
                if issued > 0 {
                    assert_ne!(node.decide(issued).err(), Some(Denial::Unknown), "{issued} was issued");
                }
                asked += 1;
            }
            asked
        })
    };
    let readers = [reader(), reader()];
    for number in 1..=KEYS {
        node.verifier.take(Record::Secret(secret(number)));
        issued.store(number, Ordering::SeqCst);
        node.verifier.take(Record::Secret(revoked(number, NEW_YEAR)));
        ended.store(number, Ordering::SeqCst);
    }
    done.store(true, Ordering::SeqCst);
    for reader in readers {
        assert!(reader.join().unwrap() > 0);
    }
    assert_eq!(node.verifier.size().secrets, usize::try_from(KEYS).unwrap());
}

/// On real threads. A machine that keeps the order of writes, as x86 does, hides most mistakes of this kind; the order
/// of the steps themselves is the model's to check.
#[tokio::test]
async fn who_finds_the_lease_good_finds_what_was_applied_before_it() {
    const ROUNDS: u64 = 2_000;
    let keys = (1..=ROUNDS).map(|key| Record::Secret(secret(key))).collect();
    let node = Node::loaded(vec![vec![first_account()], keys]).await;
    let (verifier, round) = (&node.verifier, AtomicU64::new(0));
    let decides = || {
        let mut decided = 0_u32;
        loop {
            let key = round.load(Ordering::SeqCst);
            if key > ROUNDS {
                return decided;
            }
            if key > 0
                && node.try_with(Ok(plain(key).as_bytes())).is_ok_and(|decision| {
                    assert!(matches!(decision, Decision::Deny(_)), "{key} was allowed");
                    true
                })
            {
                decided += 1;
            }
        }
    };
    let counts = std::thread::scope(|scope| {
        let readers = [scope.spawn(decides), scope.spawn(decides)];
        for key in 1..=ROUNDS {
            verifier.stop();
            round.store(key, Ordering::SeqCst);
            verifier.take(Record::Secret(revoked(key, NEW_YEAR)));
            verifier.confirm(node.clock.boot());
        }
        round.store(ROUNDS + 1, Ordering::SeqCst);
        readers.map(|reader| reader.join().unwrap())
    });
    eprintln!("{counts:?} decisions in {ROUNDS} rounds");
}

#[tokio::test]
async fn an_api_that_observes_lets_everything_through_and_proves_nothing() {
    let node = node(vec![secret(1), revoked(2, NEW_YEAR)]).await;
    let observing = profile("mode = \"observe\"");
    let decided = |presented: Result<&[u8], Denial>| {
        at_once(node.verifier.verify(&observing, presented, &get("/things"), REQUEST)).unwrap()
    };
    assert!(matches!(decided(Ok(plain(1).as_bytes())), Decision::Allow(_)), "a good key is one as ever");
    for (presented, denial) in [
        (Err(Denial::Missing), Denial::Missing),
        (Ok(&b""[..]), Denial::Malformed(Malformation::Prefix)),
        (Ok(plain(2).as_bytes()), Denial::Revoked(NEW_YEAR)),
        (Ok(plain(3).as_bytes()), Denial::Unknown),
    ] {
        match decided(presented) {
            Decision::Observe(objection) => assert_eq!(objection, Objection::Denied(denial)),
            other => panic!("{other:?}"),
        }
    }
    let usage = node.verifier.pending_usage();
    let outcomes: std::collections::BTreeSet<_> =
        usage.counts.iter().map(|(bucket, _)| bucket.outcome.as_str()).collect();
    let expected =
        ["allowed", "observed_malformed", "observed_missing", "observed_revoked", "observed_unknown"];
    assert_eq!(outcomes, expected.into());
    assert!(usage.denials.iter().all(|denied| denied.detail.starts_with("Let through")));
    node.clock.pass(LEASE);
    match decided(Ok(plain(1).as_bytes())) {
        Decision::Observe(objection) => assert_eq!(objection.code(), "unavailable"),
        other => panic!("{other:?}"),
    }
    assert!(matches!(node.try_with(Ok(plain(1).as_bytes())), Err(Indeterminate::LeaseLost)));
}

#[tokio::test]
async fn a_restriction_that_is_observed_is_a_use_and_counted_once_as_what_it_would_have_been() {
    let terms = (*terms("ada")).clone();
    let mut policy = terms.policy.clone();
    policy.restrictions.networks = Some(Networks::parse(&["203.0.113.0/24"]).unwrap());
    policy.restrictions.observed = ObservedKinds::parse(&["networks"]).unwrap();
    let record = SecretRecord { terms: Arc::new(Terms { policy, ..terms }), ..secret(1) };
    let node = node(vec![record]).await;
    for _ in 0..3 {
        assert_eq!(node.decide(1).unwrap().observed(), Some(&Denial::Network));
    }
    let usage = node.verifier.pending_usage();
    let counts: Vec<_> = usage.counts.iter().filter(|(_, count)| *count > 0).collect();
    assert_eq!(counts.len(), 1);
    assert_eq!((counts[0].0.outcome.as_str(), counts[0].1), ("observed_network", 3));
    assert_eq!((usage.last_uses.len(), usage.denials.len()), (1, 3));
}
