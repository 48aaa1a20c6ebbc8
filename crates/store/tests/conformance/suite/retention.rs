//! What is forgotten because it is old or because somebody asked, a few rows at a time; and what isn't.

use claviger_model::{AccountId, DenialCode, Environment, KeyId, RequestId, Timestamp};
use claviger_store::{ChainCheck, Old, Store, StoreError, UsageFilter};
use claviger_verify::usage::{BatchId, Bucket, DeniedAttempt, LastUse, Outcome, SecretRef, UsageBatch};

use super::Fixture;
use crate::samples::{NOW, account, after_now, key, note, trail};

const ALL: UsageFilter = UsageFilter { api: None, key: None, from_day: 0, to_day: 99 };

/// That a key was allowed and denied at this instant, and on this day.
async fn used(store: &Store, key: KeyId, at: Timestamp, day: i64) {
    let id = BatchId { incarnation: key.to_bytes(), number: 1 };
    store.usage_sink().add(id, &use_of(key, at, day)).await.unwrap();
}

fn use_of(key: KeyId, at: Timestamp, day: i64) -> UsageBatch {
    let secret = SecretRef { key, secret: 1 };
    let bucket = Bucket {
        api: "a".into(),
        secret: Some(secret),
        environment: Some(Environment::Live),
        day,
        outcome: Outcome::Allowed,
    };
    let address = Some("192.0.2.1".parse().unwrap());
    let denied = DeniedAttempt {
        api: "a".into(),
        key: Some(key),
        at,
        request: RequestId::from_bytes([5; 16]),
        code: DenialCode::Expired,
        detail: "The key has expired.".into(),
        address,
        endpoint: None,
    };
    let last_uses = vec![LastUse { secret, at, address, endpoint: None }];
    UsageBatch { counts: vec![(bucket, 1)], last_uses, denials: vec![denied] }
}

async fn forget_all(store: &Store, old: Old) {
    let mut after = None;
    loop {
        after = store.forget(old, after).await.unwrap();
        if after.is_none() {
            return;
        }
    }
}

/// How many of these keys' last uses have an address, their denials, and the days that are counted.
async fn kept(store: &Store, keys: &[KeyId]) -> (usize, usize, Vec<i64>) {
    let uses = store.last_uses(keys.to_vec()).await.unwrap();
    assert_eq!(uses.len(), keys.len(), "that it was used stays");
    let mut denials = 0;
    for key in keys {
        denials += store.denials(Some(*key), None).await.unwrap().len();
    }
    let mut days: Vec<_> = store.usage(ALL).await.unwrap().iter().map(|count| count.day).collect();
    days.dedup();
    (uses.iter().filter(|last| last.address.is_some()).count(), denials, days)
}

#[tokio::test]
async fn what_is_older_is_forgotten_and_what_is_not_stays() {
    let Fixture { store, .. } = &Fixture::new().await;
    let owner = account(store).await;
    let (old, new) = (key(store, owner).await, key(store, owner).await);
    used(store, old, NOW, 10).await;
    used(store, new, after_now(1), 11).await;
    forget_all(store, Old { before: NOW, counts_before: 10 }).await;
    assert_eq!(kept(store, &[old, new]).await, (2, 2, vec![11, 10]));
    forget_all(store, Old { before: after_now(1), counts_before: 11 }).await;
    assert_eq!(kept(store, &[old, new]).await, (1, 1, vec![11]));
    assert_eq!(store.denials(Some(old), None).await.unwrap().len(), 0);
}

#[tokio::test]
async fn more_than_a_batch_is_forgotten_batch_by_batch() {
    let Fixture { store, .. } = &Fixture::new().await;
    let mut all = UsageBatch::default();
    for number in 1..=2500_u64 {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&number.to_be_bytes());
        let UsageBatch { counts, last_uses, denials } = use_of(KeyId::from_bytes(id), NOW, 10);
        all.counts.extend(counts);
        all.last_uses.extend(last_uses);
        all.denials.extend(denials);
    }
    store.usage_sink().add(BatchId { incarnation: [1; 16], number: 1 }, &all).await.unwrap();
    let old = Old { before: after_now(1), counts_before: 11 };
    let mut after = store.forget(old, None).await.unwrap();
    let left = store.usage(ALL).await.unwrap().len();
    assert!((1..2500).contains(&left), "{left}");
    let mut calls = 1;
    while let Some(reached) = after {
        after = store.forget(old, Some(reached)).await.unwrap();
        calls += 1;
    }
    assert!((3..=5).contains(&calls), "{calls}");
    assert_eq!(store.usage(ALL).await.unwrap(), []);
}

#[tokio::test]
async fn an_accounts_addresses_are_erased_and_the_trail_says_so() {
    let Fixture { store, .. } = &Fixture::new().await;
    let (one, other) = (account(store).await, account(store).await);
    let (erased, kept_one) = (key(store, one).await, key(store, other).await);
    used(store, erased, NOW, 10).await;
    used(store, kept_one, NOW, 10).await;
    let known = trail(store).await.len();
    let note = || note("account.erase_addresses");
    assert_eq!(store.erase_addresses(one, note()).await.unwrap(), 2);
    assert_eq!(store.erase_addresses(one, note()).await.unwrap(), 0);
    let uses = store.last_uses(vec![erased, kept_one]).await.unwrap();
    assert_eq!(uses.iter().map(|last| last.address.is_some()).collect::<Vec<_>>(), [false, true]);
    assert!(store.denials(Some(erased), None).await.unwrap()[0].address.is_none());
    assert!(store.denials(Some(kept_one), None).await.unwrap()[0].address.is_some());
    let events = trail(store).await;
    let event = ("account.erase_addresses".to_owned(), Some(one.to_string()));
    assert_eq!(events[known..], [event.clone(), event]);
    let nobody = store.erase_addresses(AccountId::from_bytes([9; 16]), note()).await;
    assert!(matches!(nobody, Err(StoreError::NotFound)), "{nobody:?}");
    assert!(matches!(store.check_audit().await.unwrap(), ChainCheck::Whole { .. }));
    assert_eq!(trail(store).await.len(), known + 2);
}
