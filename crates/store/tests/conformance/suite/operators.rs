//! Operators.

use claviger_store::{AuditFilter, PageRequest, StoreError};
use tokio::task::JoinSet;

use super::Fixture;
use crate::samples::{NOW, first, new_operator, note};

#[tokio::test(flavor = "multi_thread")]
async fn of_many_first_operators_one_is_made() {
    let Fixture { store, .. } = &Fixture::new().await;
    assert!(!store.is_initialised().await.unwrap());
    let mut calls = JoinSet::new();
    for _ in 0..16 {
        let store = store.clone();
        calls.spawn(async move { store.initialise(new_operator("all"), note("init")).await.unwrap().value });
    }
    assert_eq!(calls.join_all().await.into_iter().filter(|made| *made).count(), 1);
    assert!(store.is_initialised().await.unwrap());
    assert_eq!(store.list_operators(first(100)).await.unwrap().items.len(), 1);
    assert_eq!(store.list_audit(AuditFilter::default(), first(100)).await.unwrap().items.len(), 1);
}

#[tokio::test]
async fn operators_are_listed_as_they_were_made() {
    let Fixture { store, .. } = &Fixture::new().await;
    let mut made = Vec::new();
    for abilities in ["all", "verify", "read,reveal"] {
        let new = new_operator(abilities);
        let row = store.insert_operator(new.clone(), None, note("operator.issue")).await.unwrap().value;
        assert_eq!((row.id, row.abilities, row.revoked_at), (new.id, new.abilities, None));
        made.push(row.id);
    }
    let page = store.list_operators(PageRequest { after: Some(made[0]), limit: 1 }).await.unwrap();
    assert_eq!(
        (page.items[0].id, page.items[0].abilities.names(), page.next),
        (made[1], vec!["verify"], Some(made[1]))
    );
    let page = store.list_operators(first(3)).await.unwrap();
    assert_eq!(page.items.iter().map(|row| row.id).collect::<Vec<_>>(), made);
    assert_eq!((page.items[2].name.as_str(), page.next), ("Ada", None));
}

#[tokio::test]
async fn the_last_one_that_may_do_everything_stays() {
    let Fixture { store, .. } = &Fixture::new().await;
    let mut made = Vec::new();
    for abilities in ["all", "verify,read,manage", "all"] {
        let new = new_operator(abilities);
        made.push(store.insert_operator(new, None, note("operator.issue")).await.unwrap().value.id);
    }
    let revoke = |place: usize| store.revoke_operator(made[place], note("operator.revoke"));
    let revoked = revoke(0).await.unwrap();
    assert_eq!(revoked.value.revoked_at, Some(NOW));
    assert!(matches!(revoke(2).await, Err(StoreError::LastKey)));
    assert_eq!(revoke(0).await.unwrap().seq, revoked.seq);
    revoke(1).await.unwrap();

    let nobody = claviger_model::OperatorId::from_bytes([9; 16]);
    let refused = store.revoke_operator(nobody, note("operator.revoke")).await;
    assert!(matches!(refused, Err(StoreError::NotFound)));
}
