//! Grants that ran out: forgotten with all that refers to them, a day later and a few at a time.

use claviger_model::{AccountId, ClientId, DenialCode, Environment, KeyId, RequestId};
use claviger_store::{ChainCheck, KeyChange, KeyLimits, NewGrant, NewKey, Store, StoreError, UsageFilter};
use claviger_verify::{
    feed::Record,
    usage::{BatchId, Bucket, DeniedAttempt, LastUse, Outcome, SecretRef, UsageBatch},
};
use tokio::task::JoinSet;

use super::Fixture;
use crate::{
    app_samples::{By, allowed, client_of, exchange, granted, new_grant},
    samples::{NOW, account, after_now, change, load, member, new_key, note, trail},
};

const DAY: i64 = 86_400;

/// A grant that runs out at this second.
fn ending(account: AccountId, client: ClientId, seconds: i64) -> NewGrant {
    let grant = new_grant(account, client);
    let key = NewKey { expires_at: Some(after_now(seconds)), ..grant.key };
    NewGrant { key, ..grant }
}

/// One for the application's own account.
async fn of_its_own(store: &Store, account: AccountId, client: ClientId, seconds: i64) -> KeyId {
    let grant = NewGrant { refresh: None, ..ending(account, client, seconds) };
    granted(exchange(store, By::Itself, grant, 0).await).id
}

/// That a token of the key worked, and that another attempt didn't.
async fn used(store: &Store, key: KeyId) {
    let secret = SecretRef { key, secret: 1 };
    let live = Some(Environment::Live);
    let (api, outcome): (std::sync::Arc<str>, _) = ("cashcat".into(), Outcome::Allowed);
    let counts =
        vec![(Bucket { api: api.clone(), secret: Some(secret), environment: live, day: 10, outcome }, 3)];
    let last_uses = vec![LastUse { secret, at: NOW, address: None, endpoint: None }];
    let denied = DeniedAttempt {
        api,
        key: Some(key),
        at: NOW,
        request: RequestId::from_bytes([5; 16]),
        code: DenialCode::Expired,
        detail: "The key has expired.".into(),
        address: None,
        endpoint: None,
    };
    let batch = UsageBatch { counts, last_uses, denials: vec![denied] };
    let id = BatchId { incarnation: key.to_bytes(), number: 1 };
    store.usage_sink().add(id, &batch).await.unwrap();
}

#[tokio::test]
async fn a_grant_that_ran_out_is_forgotten_a_day_later_with_all_that_refers_to_it() {
    let Fixture { store, .. } = &Fixture::new().await;
    let owner = account(store).await;
    let client = client_of(store, owner).await;
    let ada = member(store, owner, "ada@example.com", claviger_model::Role::Administrator).await;
    let code = allowed(store, client, ada).await;
    let grant = ending(owner, client, 600);
    let (access, refresh) = (grant.key.secret.digest, grant.refresh.unwrap().digest);
    let by_consent = granted(exchange(store, By::Code(code), grant, 0).await).id;
    let mut old = vec![by_consent];
    for wanted in [None, Some(KeyChange::Disable), Some(KeyChange::Revoke)] {
        let key = of_its_own(store, owner, client, 600).await;
        if let Some(wanted) = wanted {
            change(store, key, wanted).await.unwrap();
        }
        old.push(key);
    }
    let later = of_its_own(store, owner, client, 601).await;
    let customer_s = NewKey { expires_at: Some(after_now(600)), ..new_key(owner) };
    let customer_s =
        store.insert_key(customer_s, KeyLimits::default(), None, note("key.issue")).await.unwrap().value.id;
    used(store, by_consent).await;
    used(store, later).await;
    let (events, head) = (trail(store).await, load(store, NOW).await.0.head);

    assert!(!store.forget_grants(after_now(600 + DAY)).await.unwrap());
    assert_eq!(load(store, NOW).await.0.head, head, "a day, and no sooner");
    assert!(!store.forget_grants(after_now(601 + DAY)).await.unwrap());
    for key in old {
        assert!(store.find_key(key).await.unwrap().is_none());
        let refused = change(store, key, KeyChange::Enable).await;
        assert!(matches!(refused, Err(StoreError::NotFound)), "{refused:?}");
    }
    for key in [later, customer_s] {
        assert_eq!(store.find_key(key).await.unwrap().unwrap().secrets.len(), 1);
    }
    assert!(store.find_secret(access).await.unwrap().is_none());
    assert!(store.find_refresh(refresh).await.unwrap().is_none());
    assert!(store.find_code(code).await.unwrap().is_none());
    assert!(store.find_consent(client, ada).await.unwrap().is_some(), "what was allowed isn't taken back");

    // Nodes hear of it, and whoever loads doesn't.
    let told = store.feed().after(head).await.unwrap().entries;
    let gone = |record: &Record| matches!(record, Record::NoSecret(_));
    let told: Vec<_> = told.iter().flat_map(|entry| &entry.records).collect();
    assert_eq!((told.len(), told.iter().all(|record| gone(record))), (4, true), "{told:?}");
    let (_, records) = load(store, NOW).await;
    assert!(!records.iter().any(|record| matches!(record, Record::Secret(one) if one.digest == access)));

    // Of its use the counts stay, and the trail whole.
    let uses = store.last_uses(vec![by_consent, later]).await.unwrap();
    assert_eq!(uses.iter().map(|last| last.secret.key).collect::<Vec<_>>(), [later]);
    assert!(store.denials(Some(by_consent), None).await.unwrap().is_empty());
    assert_eq!(store.denials(Some(later), None).await.unwrap().len(), 1);
    let days = UsageFilter { api: None, key: Some(by_consent), from_day: 0, to_day: 20 };
    assert_eq!(store.usage(days).await.unwrap()[0].count, 3);
    assert_eq!(trail(store).await, events);
    assert!(matches!(store.check_audit().await.unwrap(), ChainCheck::Whole { .. }));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_that_ran_out_some_are_forgotten_at_a_time_whoever_else_does_so() {
    let Fixture { store, .. } = &Fixture::new().await;
    let owner = account(store).await;
    let client = client_of(store, owner).await;
    let mut old = Vec::new();
    for second in 0..150 {
        old.push(of_its_own(store, owner, client, second).await);
    }
    assert!(store.forget_grants(after_now(DAY + 150)).await.unwrap(), "there are more");
    let left = async |keys: &[KeyId]| {
        let mut left = Vec::new();
        for key in keys {
            left.extend(store.find_key(*key).await.unwrap().map(|key| key.id));
        }
        left
    };
    assert_eq!(left(&old).await, old[64..], "the oldest go first");
    let mut calls = JoinSet::new();
    for _ in 0..4 {
        let store = store.clone();
        calls.spawn(async move { while store.forget_grants(after_now(DAY + 150)).await.unwrap() {} });
    }
    let _ = calls.join_all().await;
    while store.forget_grants(after_now(DAY + 150)).await.unwrap() {}
    assert!(left(&old).await.is_empty());
}
