//! Keys.

use claviger_model::{KeyId, KeyState, Restrictions, RestrictionsPatch, Scopes};
use claviger_store::{KeyChange, KeyFilter, KeyLimits, NewKey, NewSecret, PageRequest, StoreError};

use super::Fixture;
use crate::samples::{
    NOW, account, after_now, change, first, key, new_key, new_secret, note, note_at, rotate,
};

#[tokio::test]
async fn a_key_is_found_as_it_was_made() {
    let Fixture { store, .. } = &Fixture::new().await;
    let account = account(store).await;
    let new = NewKey {
        scopes: serde_json::from_str(r#"["costs:read","alerts:write"]"#).unwrap(),
        restrictions: serde_json::from_str(
            r#"{"networks":["203.0.113.0/24"],"endpoints":["GET /v1/users/**"]}"#,
        )
        .unwrap(),
        environment: claviger_model::Environment::Test,
        expires_at: Some(after_now(90)),
        external_id: Some("their-key".to_owned()),
        metadata: serde_json::json!({ "z": 1, "a": [2] }),
        name: None,
        ..new_key(account)
    };
    let made =
        store.insert_key(new.clone(), KeyLimits::default(), None, note("key.issue")).await.unwrap().value;

    let found = store.find_key(new.id).await.unwrap().unwrap();
    assert_eq!(format!("{made:?}"), format!("{found:?}"));
    assert_eq!((found.id, found.account, &*found.api), (new.id, account, "cashcat"));
    assert_eq!((found.name, found.environment), (None, new.environment));
    assert_eq!((found.scopes, found.restrictions), (new.scopes, new.restrictions));
    assert_eq!((found.state, found.revoked_at), (KeyState::Active, None));
    assert_eq!((found.created_at, found.created_by), (NOW, new.created_by));
    assert_eq!((found.expires_at, found.external_id), (new.expires_at, new.external_id));
    assert_eq!(found.metadata.to_string(), r#"{"z":1,"a":[2]}"#);
    let [secret] = &found.secrets[..] else { panic!("one secret: {:?}", found.secrets) };
    assert_eq!(
        (secret.number, &secret.hint, secret.created_at, secret.ends_at),
        (1, &new.secret.hint, NOW, None)
    );
    assert!(store.find_key(KeyId::from_bytes([9; 16])).await.unwrap().is_none());
}

#[tokio::test]
async fn a_secret_belongs_to_one_key_or_operator() {
    let Fixture { store, .. } = &Fixture::new().await;
    let account = account(store).await;
    let new = new_key(account);
    store.insert_key(new.clone(), KeyLimits::default(), None, note("key.issue")).await.unwrap();

    let again = NewKey { secret: new.secret.clone(), ..new_key(account) };
    let id = again.id;
    let refused = store.insert_key(again, KeyLimits::default(), None, note("key.issue")).await;
    assert!(matches!(refused, Err(StoreError::Internal(_))), "{refused:?}");
    assert!(store.find_key(id).await.unwrap().is_none());

    let operator =
        claviger_store::NewOperator { digest: new.secret.digest, ..crate::samples::new_operator("all") };
    let refused = store.insert_operator(operator, None, note("operator.issue")).await;
    assert!(matches!(refused, Err(StoreError::Internal(_))), "{refused:?}");
}

#[tokio::test]
async fn a_key_is_renamed_restricted_and_described() {
    let Fixture { store, .. } = &Fixture::new().await;
    let id = key(store, account(store).await).await;
    let scopes: Scopes = serde_json::from_str(r#"["a"]"#).unwrap();
    let restrictions: Restrictions = serde_json::from_str(r#"{"networks":["10.0.0.0/8"]}"#).unwrap();
    let narrowed = KeyChange::Restrict {
        scopes: Some(scopes.clone()),
        restrictions: RestrictionsPatch {
            networks: Some(restrictions.networks.clone()),
            ..RestrictionsPatch::default()
        },
        expires_at: Some(Some(after_now(60))),
    };
    let metadata = serde_json::json!({ "b": 2 });
    let described =
        KeyChange::Describe { external_id: Some(Some("e".to_owned())), metadata: Some(metadata.clone()) };
    for change_of in [KeyChange::Rename(None), narrowed, described] {
        change(store, id, change_of).await.unwrap();
    }
    let found = store.find_key(id).await.unwrap().unwrap();
    assert_eq!((found.name, found.scopes, found.restrictions), (None, scopes.clone(), restrictions.clone()));
    assert_eq!(
        (found.expires_at, found.external_id, found.metadata),
        (Some(after_now(60)), Some("e".to_owned()), metadata.clone())
    );

    let nothing =
        KeyChange::Restrict { scopes: None, restrictions: RestrictionsPatch::default(), expires_at: None };
    let unchanged = change(store, id, nothing).await.unwrap().value;
    assert_eq!(
        (unchanged.scopes, unchanged.restrictions, unchanged.expires_at),
        (scopes, restrictions, Some(after_now(60)))
    );
    let cleared = KeyChange::Restrict {
        scopes: None,
        restrictions: RestrictionsPatch::default(),
        expires_at: Some(None),
    };
    assert_eq!(change(store, id, cleared).await.unwrap().value.expires_at, None);
    let cleared = KeyChange::Describe { external_id: Some(None), metadata: None };
    let cleared = change(store, id, cleared).await.unwrap().value;
    assert_eq!((cleared.external_id, cleared.metadata), (None, metadata));
}

#[tokio::test]
async fn an_external_id_is_one_key_of_an_account() {
    let Fixture { store, .. } = &Fixture::new().await;
    let (ours, theirs) = (account(store).await, account(store).await);
    let named = |account| NewKey { external_id: Some("e".to_owned()), ..new_key(account) };
    let first =
        store.insert_key(named(ours), KeyLimits::default(), None, note("key.issue")).await.unwrap().value;
    store.insert_key(named(theirs), KeyLimits::default(), None, note("key.issue")).await.unwrap();
    let refused = store.insert_key(named(ours), KeyLimits::default(), None, note("key.issue")).await;
    assert!(matches!(refused, Err(StoreError::ExternalIdTaken)));

    let other = key(store, ours).await;
    let claim = || KeyChange::Describe { external_id: Some(Some("e".to_owned())), metadata: None };
    assert!(matches!(change(store, other, claim()).await, Err(StoreError::ExternalIdTaken)));
    change(store, first.id, claim()).await.unwrap();
}

#[tokio::test]
async fn a_key_of_another_account_is_not_found() {
    let Fixture { store, .. } = &Fixture::new().await;
    let (ours, theirs) = (account(store).await, account(store).await);
    let id = key(store, theirs).await;
    let revoke = |within| {
        store.change_key(id, within, KeyChange::Revoke, KeyLimits::default(), None, note("key.revoke"))
    };
    assert!(matches!(revoke(Some(ours)).await, Err(StoreError::NotFound)));
    assert_eq!(store.find_key(id).await.unwrap().unwrap().state, KeyState::Active);
    revoke(Some(theirs)).await.unwrap();
    let nobody = KeyId::from_bytes([9; 16]);
    assert!(matches!(change(store, nobody, KeyChange::Revoke).await, Err(StoreError::NotFound)));
}

#[tokio::test]
async fn a_disabled_key_can_be_enabled_again() {
    let Fixture { store, .. } = &Fixture::new().await;
    let id = key(store, account(store).await).await;
    for (change_of, state) in [
        (KeyChange::Disable, KeyState::Disabled),
        (KeyChange::Disable, KeyState::Disabled),
        (KeyChange::Enable, KeyState::Active),
    ] {
        assert_eq!(change(store, id, change_of).await.unwrap().value.state, state);
    }
}

#[tokio::test]
async fn rotating_adds_a_secret_and_ends_the_others_no_later_than_they_would() {
    let Fixture { store, .. } = &Fixture::new().await;
    let id = key(store, account(store).await).await;
    change(store, id, rotate(after_now(3600))).await.unwrap();
    change(store, id, rotate(after_now(7200))).await.unwrap();
    let rotated = change(store, id, rotate(after_now(1800))).await.unwrap().value;
    let ends: Vec<_> = rotated.secrets.iter().map(|secret| (secret.number, secret.ends_at)).collect();
    let half = Some(after_now(1800));
    assert_eq!(ends, [(4, None), (3, half), (2, half), (1, half)]);

    let late = note_at("key.rotate", after_now(10));
    let rotated =
        store.change_key(id, None, rotate(after_now(9999)), KeyLimits::default(), None, late).await.unwrap();
    let ends: Vec<_> = rotated.value.secrets.iter().map(|secret| secret.ends_at).collect();
    assert_eq!(ends, [None, Some(after_now(9999)), half, half, half]);
    assert_eq!(rotated.value.secrets[0].created_at, after_now(10));
}

#[tokio::test]
async fn revoking_is_final_and_saying_it_twice_changes_nothing() {
    let Fixture { store, .. } = &Fixture::new().await;
    let id = key(store, account(store).await).await;
    let revoked = change(store, id, KeyChange::Revoke).await.unwrap();
    assert_eq!((revoked.value.state, revoked.value.revoked_at), (KeyState::Revoked, Some(NOW)));
    let events =
        store.list_audit(claviger_store::AuditFilter::default(), first(100)).await.unwrap().items.len();

    let later = note_at("key.revoke", after_now(60));
    let again =
        store.change_key(id, None, KeyChange::Revoke, KeyLimits::default(), None, later).await.unwrap();
    assert_eq!((again.value.revoked_at, again.seq), (Some(NOW), revoked.seq));
    for change_of in [
        KeyChange::Rename(None),
        KeyChange::Restrict {
            scopes: Some(Scopes::All),
            restrictions: RestrictionsPatch::default(),
            expires_at: None,
        },
        KeyChange::Describe { external_id: None, metadata: None },
        rotate(NOW),
        KeyChange::Disable,
        KeyChange::Enable,
    ] {
        let refused = change(store, id, change_of).await;
        assert!(matches!(refused, Err(StoreError::Revoked)), "{refused:?}");
    }
    let found = store.find_key(id).await.unwrap().unwrap();
    assert_eq!((found.state, found.secrets.len()), (KeyState::Revoked, 1));
    let now = store.list_audit(claviger_store::AuditFilter::default(), first(100)).await.unwrap().items.len();
    assert_eq!(now, events);
}

#[tokio::test]
async fn keys_are_listed_by_account_and_state_page_by_page() {
    let Fixture { store, .. } = &Fixture::new().await;
    let (ours, theirs) = (account(store).await, account(store).await);
    let mut keys = Vec::new();
    for place in 0..5 {
        let new = NewKey { created_at: after_now(place), ..new_key(ours) };
        keys.push(new.id);
        store.insert_key(new, KeyLimits::default(), None, note("key.issue")).await.unwrap();
    }
    let foreign = key(store, theirs).await;
    change(store, keys[1], KeyChange::Revoke).await.unwrap();
    change(store, keys[2], KeyChange::Disable).await.unwrap();
    let late = note_at("key.rotate", after_now(100));
    store.change_key(keys[0], None, rotate(NOW), KeyLimits::default(), None, late).await.unwrap();

    let list = async |filter: KeyFilter| {
        let listed = store.list_keys(filter, first(100)).await.unwrap();
        listed.items.iter().map(|key| key.id).collect::<Vec<_>>()
    };
    let of_ours = KeyFilter { account: Some(ours), ..KeyFilter::default() };
    assert_eq!(list(of_ours.clone()).await, [keys[0], keys[2], keys[3], keys[4]]);
    assert_eq!(list(KeyFilter { include_revoked: true, ..of_ours.clone() }).await, keys);
    assert_eq!(list(KeyFilter::default()).await, [keys[0], keys[2], keys[3], keys[4], foreign]);

    let page =
        store.list_keys(of_ours.clone(), PageRequest { after: Some(keys[0]), limit: 2 }).await.unwrap();
    let ids: Vec<_> = page.items.iter().map(|key| key.id).collect();
    assert_eq!((ids, page.next), (vec![keys[2], keys[3]], Some(keys[3])));
    let page = store.list_keys(of_ours, PageRequest { after: page.next, limit: 1 }).await.unwrap();
    assert_eq!((page.items[0].id, page.next), (keys[4], None));
}

fn with_hint(hint: &str) -> NewSecret {
    NewSecret { hint: hint.to_owned(), ..new_secret() }
}

#[tokio::test]
async fn keys_are_found_by_the_beginning_of_a_hint_and_by_external_id() {
    let Fixture { store, .. } = &Fixture::new().await;
    let (ours, theirs) = (account(store).await, account(store).await);
    let mut keys = Vec::new();
    for (owner, hint, external_id) in [
        (ours, "cc_live_AbC", Some("e1")),
        (ours, "cc_live_Ab", None),
        (theirs, "cc_live_AbD", Some("e1")),
        (ours, "cc_test_x", Some("E1")),
    ] {
        let external_id = external_id.map(str::to_owned);
        let new = NewKey { secret: with_hint(hint), external_id, ..new_key(owner) };
        keys.push(new.id);
        store.insert_key(new, KeyLimits::default(), None, note("key.issue")).await.unwrap();
    }
    let rotated = KeyChange::Rotate { secret: with_hint("cc_live_zZ"), others_end_at: NOW };
    change(store, keys[1], rotated).await.unwrap();

    let list = async |filter: KeyFilter| {
        let listed = store.list_keys(filter, first(100)).await.unwrap();
        listed.items.iter().map(|key| key.id).collect::<Vec<_>>()
    };
    for (hint, found) in [
        ("cc_live_Ab", vec![keys[0], keys[1], keys[2]]),
        ("cc_live_AbC", vec![keys[0]]),
        ("cc_live_zZ", vec![keys[1]]),
        ("cc_live_AbCd", vec![]),
        ("cc_live_ab", vec![]),
        ("live", vec![]),
        ("cc_%", vec![]),
        ("cc_live?Ab", vec![]),
        ("cc_*", vec![]),
        ("", keys.clone()),
    ] {
        let filter = KeyFilter { hint: Some(hint.to_owned()), ..KeyFilter::default() };
        assert_eq!(list(filter).await, found, "{hint:?}");
    }
    let named = KeyFilter { external_id: Some("e1".to_owned()), ..KeyFilter::default() };
    assert_eq!(list(named.clone()).await, [keys[0], keys[2]]);
    let both = KeyFilter { account: Some(theirs), hint: Some("cc_live_Ab".to_owned()), ..named.clone() };
    assert_eq!(list(both.clone()).await, [keys[2]]);
    change(store, keys[2], KeyChange::Revoke).await.unwrap();
    assert_eq!(list(both.clone()).await, []);
    assert_eq!(list(KeyFilter { include_revoked: true, ..both }).await, [keys[2]]);

    let filter = KeyFilter { hint: Some("cc_live_Ab".to_owned()), ..KeyFilter::default() };
    let page = store.list_keys(filter, PageRequest { after: Some(keys[0]), limit: 1 }).await.unwrap();
    assert_eq!((page.items[0].id, page.next), (keys[1], None));
}

#[tokio::test]
async fn a_digest_leads_to_its_key_in_any_state_and_says_which_secret_it_is() {
    let Fixture { store, .. } = &Fixture::new().await;
    let new = new_key(account(store).await);
    let (id, earlier, later) = (new.id, new.secret.digest, new_secret());
    store.insert_key(new, KeyLimits::default(), None, note("key.issue")).await.unwrap();
    let latest = later.digest;
    change(store, id, KeyChange::Rotate { secret: later, others_end_at: NOW }).await.unwrap();
    for state in [KeyState::Active, KeyState::Revoked] {
        for (digest, number) in [(earlier, 1), (latest, 2)] {
            let found = store.find_secret(digest).await.unwrap().unwrap();
            assert_eq!((found.key.id, found.key.state, found.number), (id, state, number));
        }
        change(store, id, KeyChange::Revoke).await.unwrap();
    }
    assert!(store.find_secret(new_secret().digest).await.unwrap().is_none());
}

#[tokio::test]
async fn of_two_who_saw_the_same_key_one_changes_it() {
    let Fixture { store, .. } = &Fixture::new().await;
    let owner = account(store).await;
    let key = key(store, owner).await;
    let seen = store.find_key(key).await.unwrap();
    let rename = |name: &str| {
        let change = KeyChange::Rename(Some(name.to_owned()));
        store.patch_key(key, seen.clone(), vec![(change, note("key.rename"))], KeyLimits::default())
    };
    let (first, second) = tokio::join!(rename("first"), rename("second"));
    let answers = [first, second];
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1, "{answers:?}");
    let refused = answers.iter().filter(|answer| matches!(answer, Err(StoreError::ChangedMeanwhile)));
    assert_eq!(refused.count(), 1, "{answers:?}");
}

#[tokio::test]
async fn whoever_looks_for_a_text_with_nul_finds_nothing() {
    let Fixture { store, .. } = &Fixture::new().await;
    key(store, account(store).await).await;
    let text = || Some("A\0".to_owned());
    let keys = KeyFilter { hint: text(), ..KeyFilter::default() };
    assert_eq!(store.list_keys(keys, first(9)).await.unwrap().items.len(), 0);
    let accounts = claviger_store::AccountFilter { name: text(), ..Default::default() };
    assert_eq!(store.list_accounts(accounts, first(9)).await.unwrap().items.len(), 0);
    let events = claviger_store::AuditFilter { subject: text(), ..Default::default() };
    assert_eq!(store.list_audit(events, first(9)).await.unwrap().items.len(), 0);
    assert_eq!(store.denials(None, text()).await.unwrap().len(), 0);
}
