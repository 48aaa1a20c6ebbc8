//! Sealed copies.

use claviger_model::KeyId;
use claviger_store::{AuditFilter, ChainCheck, KeyChange, KeyLimits, NewKey, NewSecret, PageRequest, Store};

use super::Fixture;
use crate::samples::{NOW, account, change, first, key, new_key, new_secret, note};

fn sealed(copy: &[u8]) -> NewSecret {
    NewSecret { sealed: Some(copy.to_vec()), ..new_secret() }
}

#[tokio::test]
async fn the_newest_copy_of_each_key_is_revealed_after_one_event_that_is_found_by_each() {
    let Fixture { store, .. } = &Fixture::new().await;
    let account = account(store).await;
    let mut keys = Vec::new();
    for copy in [b"one", b"two"] {
        let new = NewKey { secret: sealed(copy), ..new_key(account) };
        keys.push(
            store.insert_key(new, KeyLimits::default(), None, note("key.issue")).await.unwrap().value.id,
        );
    }
    keys.push(key(store, account).await);
    let rotated = KeyChange::Rotate { secret: sealed(b"three"), others_end_at: NOW };
    change(store, keys[0], rotated).await.unwrap();

    let revealed = store.sealed_secrets(keys.clone(), note("key.reveal"), Some(account)).await.unwrap();
    assert_eq!(revealed, [(keys[0], b"three".to_vec()), (keys[1], b"two".to_vec())]);
    let events = store.list_audit(AuditFilter::default(), first(100)).await.unwrap().items;
    let last = events.last().unwrap();
    assert_eq!((last.action.as_str(), last.account, &last.subject), ("key.reveal", Some(account), &None));
    assert_eq!(last.detail, serde_json::json!({ "keys": keys[..2] }), "those that were revealed");
    assert_eq!(events.iter().filter(|event| event.action == "key.reveal").count(), 1);

    store.sealed_secrets(vec![keys[1], keys[2]], note("key.reveal"), None).await.unwrap();
    for (key, actions) in [
        (keys[0], &["key.issue", "key.change", "key.reveal"][..]),
        (keys[1], &["key.issue", "key.reveal", "key.reveal"]),
        (keys[2], &["key.issue"]),
    ] {
        assert_eq!(actions_on(store, key).await, actions);
    }
    let page = PageRequest { after: Some(last.number), limit: 9 };
    let of_key = AuditFilter { subject: Some(keys[1].to_string()), account: None, request: None };
    let later = store.list_audit(of_key.clone(), page).await.unwrap().items;
    assert_eq!(later.iter().map(|event| event.number).collect::<Vec<_>>(), [last.number + 1]);
    let of_account = AuditFilter { account: Some(account), ..of_key };
    assert_eq!(store.list_audit(of_account, first(9)).await.unwrap().items.len(), 2, "one named no account");
    assert!(matches!(store.check_audit().await.unwrap(), ChainCheck::Whole { .. }));
}

async fn actions_on(store: &Store, key: KeyId) -> Vec<String> {
    let of_key = AuditFilter { subject: Some(key.to_string()), ..AuditFilter::default() };
    let events = store.list_audit(of_key, first(100)).await.unwrap().items;
    events.into_iter().map(|event| event.action).collect()
}

#[tokio::test]
async fn where_nothing_is_revealed_no_event_says_so() {
    let Fixture { store, .. } = &Fixture::new().await;
    let unsealed = key(store, account(store).await).await;
    for keys in [vec![unsealed], vec![unsealed, KeyId::from_bytes([9; 16])], Vec::new()] {
        assert_eq!(store.sealed_secrets(keys, note("key.reveal"), None).await.unwrap(), []);
    }
    let events = store.list_audit(AuditFilter::default(), first(100)).await.unwrap().items;
    assert!(events.iter().all(|event| event.action != "key.reveal"), "{events:?}");
}

#[tokio::test]
async fn another_accounts_copy_is_not_revealed() {
    let Fixture { store, .. } = &Fixture::new().await;
    let (ours, theirs) = (account(store).await, account(store).await);
    let new = NewKey { secret: sealed(b"theirs"), ..new_key(theirs) };
    let id = store.insert_key(new, KeyLimits::default(), None, note("key.issue")).await.unwrap().value.id;
    assert_eq!(store.sealed_secrets(vec![id], note("key.reveal"), Some(ours)).await.unwrap(), []);
    assert_eq!(store.sealed_secrets(vec![id], note("key.reveal"), Some(theirs)).await.unwrap().len(), 1);
}

#[tokio::test]
async fn no_copy_outlives_its_use() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    let account = account(store).await;
    let new = NewKey { secret: sealed(b"one"), ..new_key(account) };
    let id = store.insert_key(new, KeyLimits::default(), None, note("key.issue")).await.unwrap().value.id;

    let copies = || fixture.number("SELECT count(*) FROM secrets WHERE sealed IS NOT NULL");
    change(store, id, KeyChange::Rotate { secret: sealed(b"two"), others_end_at: NOW }).await.unwrap();
    assert_eq!(copies(), 1);
    change(store, id, KeyChange::Revoke).await.unwrap();
    assert_eq!(copies(), 0);
    assert_eq!(store.sealed_secrets(vec![id], note("key.reveal"), None).await.unwrap(), []);
}
