//! How many keys an account may and must have, at every instant.

use claviger_model::{AccountId, KeyId, RestrictionsPatch};
use claviger_store::{Committed, KeyChange, KeyLimits, KeyRow, NewKey, Store, StoreError};
use tokio::task::JoinSet;

use super::Fixture;
use crate::samples::{NOW, account, after_now, change, key, new_key, note, note_at, rotate};

const TEN: KeyLimits = KeyLimits { max: Some(10), min: 0 };
const ONE_LEFT: KeyLimits = KeyLimits { max: None, min: 1 };

async fn insert(
    store: &Store,
    account: AccountId,
    limits: KeyLimits,
) -> Result<Committed<KeyRow>, StoreError> {
    store.insert_key(new_key(account), limits, None, note("key.issue")).await
}

async fn stop(store: &Store, key: KeyId, change: KeyChange) -> Result<Committed<KeyRow>, StoreError> {
    store.change_key(key, None, change, ONE_LEFT, None, note("key.change")).await
}

fn expire_at(seconds: i64) -> KeyChange {
    KeyChange::Restrict {
        scopes: None,
        restrictions: RestrictionsPatch::default(),
        expires_at: Some(Some(after_now(seconds))),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_at_once_make_ten_keys() {
    let Fixture { store, .. } = &Fixture::new().await;
    let (ours, theirs) = (account(store).await, account(store).await);
    key(store, theirs).await;
    let mut calls = JoinSet::new();
    for _ in 0..64 {
        let store = store.clone();
        calls.spawn(async move { insert(&store, ours, TEN).await });
    }
    let answers = calls.join_all().await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 10);
    let refused = answers.iter().filter(|answer| matches!(answer, Err(StoreError::TooManyKeys { max: 10 })));
    assert_eq!(refused.count(), 54);
}

#[tokio::test(flavor = "multi_thread")]
async fn thirty_two_at_once_leave_one_key() {
    let Fixture { store, .. } = &Fixture::new().await;
    let account = account(store).await;
    let mut calls = JoinSet::new();
    let mut keys = Vec::new();
    for _ in 0..8 {
        keys.push(key(store, account).await);
    }
    for place in 0..32 {
        let (store, key) = (store.clone(), keys[place % keys.len()]);
        let change = [KeyChange::Revoke, KeyChange::Disable, expire_at(0), KeyChange::Revoke]
            [place / keys.len()]
        .clone();
        calls.spawn(async move { stop(&store, key, change).await });
    }
    let answers = calls.join_all().await;
    assert!(answers.iter().any(|answer| matches!(answer, Err(StoreError::LastKey))), "{answers:?}");
    let listed = store
        .list_keys(claviger_store::KeyFilter::default(), crate::samples::first(100))
        .await
        .unwrap()
        .items;
    let works = |key: &&KeyRow| {
        key.state == claviger_model::KeyState::Active && key.expires_at.is_none_or(|at| at > NOW)
    };
    assert_eq!(listed.iter().filter(works).count(), 1);
}

#[tokio::test]
async fn whatever_stops_the_last_key_is_refused() {
    let Fixture { store, .. } = &Fixture::new().await;
    let account = account(store).await;
    let last = key(store, account).await;
    for change_of in [KeyChange::Revoke, KeyChange::Disable, expire_at(0), expire_at(-1), expire_at(1)] {
        let refused = stop(store, last, change_of).await;
        assert!(matches!(refused, Err(StoreError::LastKey)), "{refused:?}");
    }
    for change_of in [rotate(NOW), KeyChange::Rename(None), KeyChange::Enable] {
        stop(store, last, change_of).await.unwrap();
    }
    let kept = key(store, account).await;
    stop(store, last, KeyChange::Revoke).await.unwrap();
    assert!(matches!(stop(store, kept, KeyChange::Revoke).await, Err(StoreError::LastKey)));
    stop(store, last, KeyChange::Revoke).await.unwrap();
}

#[tokio::test]
async fn a_key_that_does_not_work_is_no_last_key() {
    let Fixture { store, .. } = &Fixture::new().await;
    let account = account(store).await;
    let (working, disabled, expired) =
        (key(store, account).await, key(store, account).await, key(store, account).await);
    change(store, disabled, KeyChange::Disable).await.unwrap();
    change(store, expired, expire_at(0)).await.unwrap();
    assert!(matches!(stop(store, working, KeyChange::Revoke).await, Err(StoreError::LastKey)));
    stop(store, disabled, KeyChange::Revoke).await.unwrap();
    stop(store, expired, KeyChange::Revoke).await.unwrap();
}

#[tokio::test]
async fn a_key_that_is_going_to_expire_is_no_remaining_key() {
    let Fixture { store, .. } = &Fixture::new().await;
    let account = account(store).await;
    let (lasting, brief) = (key(store, account).await, key(store, account).await);
    stop(store, brief, expire_at(60)).await.unwrap();
    for change_of in [KeyChange::Revoke, KeyChange::Disable, expire_at(60)] {
        assert!(matches!(stop(store, lasting, change_of).await, Err(StoreError::LastKey)));
    }
    stop(store, brief, expire_at(30)).await.unwrap();
    stop(store, brief, KeyChange::Revoke).await.unwrap();
}

#[tokio::test]
async fn of_keys_that_all_expire_all_but_the_last_can_go() {
    let Fixture { store, .. } = &Fixture::new().await;
    let account = account(store).await;
    let mut keys = Vec::new();
    for seconds in 1..=4 {
        let brief = NewKey { expires_at: Some(after_now(seconds * 60)), ..new_key(account) };
        keys.push(store.insert_key(brief, ONE_LEFT, None, note("key.issue")).await.unwrap().value.id);
    }
    stop(store, keys[0], KeyChange::Revoke).await.unwrap();
    stop(store, keys[1], KeyChange::Disable).await.unwrap();
    stop(store, keys[2], expire_at(0)).await.unwrap();
    for change_of in [KeyChange::Revoke, KeyChange::Disable, expire_at(0)] {
        let refused = stop(store, keys[3], change_of).await;
        assert!(matches!(refused, Err(StoreError::LastKey)), "{refused:?}");
    }
    stop(store, keys[3], expire_at(1)).await.unwrap();
    // What is disabled or expired by now was no working key any more.
    stop(store, keys[1], KeyChange::Revoke).await.unwrap();
    stop(store, keys[2], KeyChange::Revoke).await.unwrap();
}

#[tokio::test]
async fn keys_that_expire_count_among_those_that_must_remain() {
    let Fixture { store, .. } = &Fixture::new().await;
    let account = account(store).await;
    let two_left = KeyLimits { max: None, min: 2 };
    let revoke = async |key| store.change_key(key, None, KeyChange::Revoke, two_left, None, note("k")).await;
    let (first, second) = (key(store, account).await, key(store, account).await);
    let brief = NewKey { expires_at: Some(after_now(60)), ..new_key(account) };
    let brief = store.insert_key(brief, two_left, None, note("key.issue")).await.unwrap().value.id;
    revoke(first).await.unwrap();
    for key in [second, brief] {
        assert!(matches!(revoke(key).await, Err(StoreError::LastKey)));
    }
}

#[tokio::test]
async fn disabled_keys_count_against_the_most_and_revoked_and_expired_ones_do_not() {
    let Fixture { store, .. } = &Fixture::new().await;
    let account = account(store).await;
    let two = KeyLimits { max: Some(2), min: 0 };
    let first = insert(store, account, two).await.unwrap().value.id;
    let second = insert(store, account, two).await.unwrap().value.id;
    change(store, first, KeyChange::Disable).await.unwrap();
    assert!(matches!(insert(store, account, two).await, Err(StoreError::TooManyKeys { max: 2 })));

    change(store, first, KeyChange::Revoke).await.unwrap();
    change(store, second, expire_at(5)).await.unwrap();
    insert(store, account, two).await.unwrap();
    assert!(matches!(insert(store, account, two).await, Err(StoreError::TooManyKeys { max: 2 })));
    let when_expired = note_at("key.issue", after_now(5));
    store.insert_key(new_key(account), two, None, when_expired).await.unwrap();
}

#[tokio::test]
async fn a_later_expiry_brings_no_key_back_beyond_the_most() {
    let Fixture { store, .. } = &Fixture::new().await;
    let account = account(store).await;
    let one = KeyLimits { max: Some(1), min: 0 };
    let expired = NewKey { expires_at: Some(NOW), ..new_key(account) };
    let id = store.insert_key(expired, one, None, note("key.issue")).await.unwrap().value.id;
    insert(store, account, one).await.unwrap();
    let refused = store.change_key(id, None, expire_at(60), one, None, note("key.restrict")).await;
    assert!(matches!(refused, Err(StoreError::TooManyKeys { max: 1 })), "{refused:?}");
}
