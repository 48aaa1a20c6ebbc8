//! Accounts.

use claviger_model::{AccountId, AccountState};
use claviger_store::{AccountChange, AccountFilter, KeyLimits, NewAccount, PageRequest, StoreError};

use super::Fixture;
use crate::samples::{account, first, new_account, new_key, note};

fn with_external_id(api: &str, external_id: &str) -> NewAccount {
    let mut new = new_account(api);
    new.account.external_id = Some(external_id.to_owned());
    new
}

#[tokio::test]
async fn an_account_is_found_as_it_was_made() {
    let Fixture { store, .. } = &Fixture::new().await;
    let new = with_external_id("cashcat", "customer-7");
    let made = store.insert_account(new.clone(), note("account.create"), None).await.unwrap();
    assert_eq!(made.value.0, new.account);
    assert!(made.value.1.is_none());
    assert_eq!(store.find_account(new.account.id).await.unwrap(), Some(new.account));
    assert_eq!(store.find_account(AccountId::from_bytes([9; 16])).await.unwrap(), None);
}

#[tokio::test]
async fn a_first_key_comes_with_its_account_or_neither_does() {
    let Fixture { store, .. } = &Fixture::new().await;
    let mut new = new_account("codat");
    let key = new_key(new.account.id);
    new.first_key = Some((key.clone(), note("key.issue")));
    let made = store.insert_account(new, note("account.create"), None).await.unwrap();
    assert_eq!(made.value.1.unwrap().id, key.id);

    let mut second = new_account("codat");
    let same_secret = claviger_store::NewKey { secret: key.secret, ..new_key(second.account.id) };
    second.first_key = Some((same_secret, note("key.issue")));
    let id = second.account.id;
    let refused = store.insert_account(second, note("account.create"), None).await;
    assert!(matches!(refused, Err(StoreError::Internal(_))), "{refused:?}");
    assert_eq!(store.find_account(id).await.unwrap(), None);

    let mut astray = new_account("codat");
    astray.first_key = Some((new_key(made.value.0.id), note("key.issue")));
    let refused = store.insert_account(astray, note("account.create"), None).await;
    assert!(matches!(refused, Err(StoreError::Internal(_))), "{refused:?}");
}

#[tokio::test]
async fn an_api_is_in_use_as_long_as_it_has_accounts() {
    let Fixture { store, .. } = &Fixture::new().await;
    assert!(store.apis_in_use().await.unwrap().is_empty());
    for api in ["codat", "cashcat", "codat"] {
        store.insert_account(new_account(api), note("account.create"), None).await.unwrap();
    }
    let apis = store.apis_in_use().await.unwrap();
    assert_eq!(apis.iter().map(|api| &**api).collect::<Vec<_>>(), ["cashcat", "codat"]);
}

#[tokio::test]
async fn an_external_id_is_one_account_of_an_api() {
    let Fixture { store, .. } = &Fixture::new().await;
    for (api, external_id, taken) in
        [("a", "x", false), ("b", "x", false), ("a", "y", false), ("a", "x", true)]
    {
        let made =
            store.insert_account(with_external_id(api, external_id), note("account.create"), None).await;
        assert_eq!(matches!(made, Err(StoreError::ExternalIdTaken)), taken, "{api} {external_id}");
    }
    for _ in 0..2 {
        store.insert_account(new_account("a"), note("account.create"), None).await.unwrap();
    }
}

#[tokio::test]
async fn an_account_is_renamed_suspended_and_described() {
    let Fixture { store, .. } = &Fixture::new().await;
    let id = account(store).await;
    let metadata = serde_json::json!({ "tier": 2, "a": null });
    for change in [
        AccountChange::Rename("Umbrella".to_owned()),
        AccountChange::SetState(AccountState::Suspended),
        AccountChange::SetMetadata(metadata.clone()),
    ] {
        let changed = store.patch_account(id, vec![(change, note("account.change"))]).await.unwrap();
        assert_eq!(store.find_account(id).await.unwrap(), Some(changed.value));
    }
    let found = store.find_account(id).await.unwrap().unwrap();
    assert_eq!(
        (found.name.as_str(), found.state, found.metadata),
        ("Umbrella", AccountState::Suspended, metadata)
    );

    let nobody = AccountId::from_bytes([9; 16]);
    let refused = store
        .patch_account(nobody, vec![(AccountChange::Rename("x".to_owned()), note("account.change"))])
        .await;
    assert!(matches!(refused, Err(StoreError::NotFound)));
}

#[tokio::test]
async fn accounts_are_listed_in_the_order_of_creation_page_by_page() {
    let Fixture { store, .. } = &Fixture::new().await;
    let mut made = Vec::new();
    for place in 0..7 {
        let new = with_external_id(if place == 3 { "b" } else { "a" }, &format!("x{place}"));
        made.push(new.account.id);
        store.insert_account(new, note("account.create"), None).await.unwrap();
    }
    let (mut seen, mut after, mut pages) = (Vec::new(), None, 0);
    loop {
        let page =
            store.list_accounts(AccountFilter::default(), PageRequest { after, limit: 3 }).await.unwrap();
        assert!(page.items.len() <= 3);
        seen.extend(page.items.iter().map(|account| account.id));
        pages += 1;
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!((seen, pages), (made.clone(), 3));

    let of_b = AccountFilter { api: Some("b".into()), ..AccountFilter::default() };
    let listed = store.list_accounts(of_b, first(10)).await.unwrap();
    assert_eq!(listed.items.iter().map(|account| account.id).collect::<Vec<_>>(), [made[3]]);
    let by_external_id = AccountFilter {
        api: Some("a".into()),
        external_id: Some("x5".to_owned()),
        ..AccountFilter::default()
    };
    let listed = store.list_accounts(by_external_id, first(1)).await.unwrap();
    assert_eq!((listed.items[0].id, listed.next), (made[5], None));
}

#[tokio::test]
async fn accounts_are_found_by_the_beginning_of_a_name_or_an_external_id() {
    let Fixture { store, .. } = &Fixture::new().await;
    let named =
        [("Acme", "z1"), ("ACME & Sons", "z2"), ("Beta", "acme-7"), ("Not Acme", "z3"), ("Über", "50%_a")];
    let mut made = Vec::new();
    for (name, external_id) in named {
        let mut new = with_external_id("a", external_id);
        new.account.name = name.to_owned();
        made.push(new.account.id);
        store.insert_account(new, note("account.create"), None).await.unwrap();
    }
    for (begins, found) in [
        ("acme", vec![made[0], made[1], made[2]]),
        ("Acme ", vec![made[1]]),
        ("z", vec![made[0], made[1], made[3]]),
        ("Z", vec![]),
        ("Üb", vec![made[4]]),
        ("50%_", vec![made[4]]),
        ("%", vec![]),
        ("cme", vec![]),
    ] {
        let filter = AccountFilter { name: Some(begins.to_owned()), ..AccountFilter::default() };
        let page = store.list_accounts(filter.clone(), first(9)).await.unwrap();
        assert_eq!(page.items.iter().map(|account| account.id).collect::<Vec<_>>(), found, "{begins}");
        let elsewhere = AccountFilter { api: Some("b".into()), ..filter };
        assert!(store.list_accounts(elsewhere, first(9)).await.unwrap().items.is_empty());
    }
    let filter = AccountFilter { name: Some("acme".to_owned()), ..AccountFilter::default() };
    let page = store.list_accounts(filter.clone(), first(2)).await.unwrap();
    assert_eq!((page.items.len(), page.next), (2, Some(made[1])));
    let rest = store.list_accounts(filter, PageRequest { after: page.next, limit: 2 }).await.unwrap();
    assert_eq!((rest.items[0].id, rest.next), (made[2], None));
}

#[tokio::test]
async fn a_key_of_no_account_is_refused() {
    let Fixture { store, .. } = &Fixture::new().await;
    let orphan = new_key(AccountId::from_bytes([9; 16]));
    let refused = store.insert_key(orphan, KeyLimits::default(), None, note("key.issue")).await;
    assert!(matches!(refused, Err(StoreError::NotFound)));
}
