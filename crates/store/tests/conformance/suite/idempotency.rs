//! Creating calls that are repeated.

use claviger_store::{Idempotency, KeyChange, KeyFilter, KeyLimits, StoreError};
use tokio::task::JoinSet;

use super::Fixture;
use crate::samples::{NOW, account, after_now, call, first, key, new_account, new_key, note, rotate};

const NO_LIMITS: KeyLimits = KeyLimits { max: None, min: 0 };

#[tokio::test]
async fn a_repeated_call_is_told_what_the_first_one_made() {
    let Fixture { store, .. } = &Fixture::new().await;
    let made =
        store.insert_account(new_account("a"), note("account.create"), Some(call("1", 1))).await.unwrap();
    let again = store.insert_account(new_account("a"), note("account.create"), Some(call("1", 1))).await;
    let account = made.value.0.id;
    assert!(matches!(again, Err(StoreError::AlreadyCreated(id)) if id == account.to_string()));

    let issue = |call| store.insert_key(new_key(account), NO_LIMITS, Some(call), note("key.issue"));
    let key = issue(call("2", 2)).await.unwrap().value.id;
    assert!(
        matches!(issue(call("2", 2)).await, Err(StoreError::AlreadyCreated(id)) if id == key.to_string())
    );

    let turn = || store.change_key(key, None, rotate(NOW), NO_LIMITS, Some(call("3", 3)), note("key.rotate"));
    turn().await.unwrap();
    assert!(matches!(turn().await, Err(StoreError::AlreadyCreated(id)) if id == key.to_string()));
    assert_eq!(store.find_key(key).await.unwrap().unwrap().secrets.len(), 2);
}

#[tokio::test]
async fn the_same_key_for_another_call_is_refused_and_belongs_to_its_principal() {
    let Fixture { store, .. } = &Fixture::new().await;
    let account = account(store).await;
    let issue = |call| store.insert_key(new_key(account), NO_LIMITS, Some(call), note("key.issue"));
    issue(call("1", 1)).await.unwrap();
    assert!(matches!(issue(call("1", 2)).await, Err(StoreError::IdempotencyMismatch)));
    issue(Idempotency { principal: "key:another".to_owned(), ..call("1", 2) }).await.unwrap();
    issue(call("2", 2)).await.unwrap();
}

#[tokio::test]
async fn a_refused_call_leaves_its_key_free() {
    let Fixture { store, .. } = &Fixture::new().await;
    let account = account(store).await;
    let none = KeyLimits { max: Some(0), min: 0 };
    let refused = store.insert_key(new_key(account), none, Some(call("1", 1)), note("key.issue")).await;
    assert!(matches!(refused, Err(StoreError::TooManyKeys { max: 0 })));
    store.insert_key(new_key(account), NO_LIMITS, Some(call("1", 1)), note("key.issue")).await.unwrap();
}

#[tokio::test]
async fn old_calls_are_forgotten() {
    let Fixture { store, .. } = &Fixture::new().await;
    let account = account(store).await;
    let issue = |call| store.insert_key(new_key(account), NO_LIMITS, Some(call), note("key.issue"));
    issue(call("1", 1)).await.unwrap();
    let kept = Idempotency { forget_before: NOW, ..call("1", 1) };
    assert!(matches!(issue(kept).await, Err(StoreError::AlreadyCreated(_))));
    let forgotten = Idempotency { forget_before: after_now(1), ..call("1", 1) };
    issue(forgotten).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn of_parallel_repetitions_exactly_one_creates() {
    let Fixture { store, .. } = &Fixture::new().await;
    let account = account(store).await;
    let mut calls = JoinSet::new();
    for _ in 0..32 {
        let store = store.clone();
        calls.spawn(async move {
            store.insert_key(new_key(account), NO_LIMITS, Some(call("1", 1)), note("key.issue")).await
        });
    }
    let answers = calls.join_all().await;
    let made: Vec<_> = answers.iter().filter_map(|answer| answer.as_ref().ok()).collect();
    let [made] = made[..] else { panic!("one creates: {answers:?}") };
    let id = made.value.id.to_string();
    let told = answers
        .iter()
        .filter(|answer| matches!(answer, Err(StoreError::AlreadyCreated(told)) if *told == id));
    assert_eq!(told.count(), 31);
    assert_eq!(store.list_keys(KeyFilter::default(), first(100)).await.unwrap().items.len(), 1);
}

#[tokio::test]
async fn a_repeated_revocation_needs_no_record() {
    let Fixture { store, .. } = &Fixture::new().await;
    let id = key(store, account(store).await).await;
    for _ in 0..2 {
        store.change_key(id, None, KeyChange::Revoke, NO_LIMITS, None, note("key.revoke")).await.unwrap();
    }
}
