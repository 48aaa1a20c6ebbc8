//! Grants: made for a code or for an application itself, and keys like others only where that is meant.

use claviger_model::{
    AccountId, ClientId, Digest, KeyState, Restrictions, RestrictionsPatch, Role, Timestamp,
};
use claviger_store::{
    ClientChange, Exchanged, KeyChange, KeyFilter, KeyLimits, MemberChange, NewCode, NewGrant, NewKey, Store,
    StoreError,
};
use claviger_verify::feed::Record;
use tokio::task::JoinSet;

use super::Fixture;
use crate::{
    app_samples::{
        By, allowed, change_client, client, client_of, exchange, granted, granted_in_its_own, held, new_code,
        new_grant, record, refresh, refreshing, replayed, scopes,
    },
    samples::{
        NOW, account, after_now, change, first, key, load, member, new_key, note, note_at, rotate, trail,
    },
};

/// A code in an account of its own, and who asked for it.
async fn with_code(store: &Store) -> (AccountId, ClientId, Digest) {
    let (owner, client) = (account(store).await, client(store).await);
    let ada = member(store, owner, "ada@example.com", Role::Viewer).await;
    (owner, client, allowed(store, client, ada).await)
}

async fn assert_not_found(store: &Store, by: By, grant: NewGrant, seconds: i64, why: &str) {
    let (id, events) = (grant.key.id, trail(store).await.len());
    let refused = exchange(store, by, grant, seconds).await;
    assert!(matches!(refused, Err(StoreError::NotFound)), "{why}: {refused:?}");
    assert!(store.find_key(id).await.unwrap().is_none(), "{why}");
    assert_eq!(trail(store).await.len(), events, "{why}");
}

#[tokio::test]
async fn a_code_is_exchanged_for_a_grant() {
    let Fixture { store, .. } = &Fixture::new().await;
    let (owner, client, code) = with_code(store).await;
    let new = new_grant(owner, client);
    let (key, access, refresh_token) = (new.key.id, new.key.secret.digest, new.refresh.unwrap());
    let made = exchange(store, By::Code(code), new, 59).await.unwrap();
    assert_eq!((made.made, made.seq), (true, load(store, NOW).await.0.head));
    let row = granted(Ok(made));
    assert_eq!((row.id, row.account, row.client), (key, owner, Some(client)));
    assert_eq!((&row.scopes, row.state), (&scopes(&["costs:read"]), KeyState::Active));
    let shown = format!("{row:?}");
    assert_eq!(shown, format!("{:?}", store.find_key(key).await.unwrap().unwrap()));
    let found = store.find_secret(access).await.unwrap().unwrap();
    assert_eq!((found.number, format!("{:?}", found.key)), (1, shown));
    assert_eq!(store.find_code(code).await.unwrap().unwrap().key, Some(key));
    let refresh_row = store.find_refresh(refresh_token.digest).await.unwrap().unwrap();
    assert_eq!((refresh_row.key.id, refresh_row.expires_at), (key, refresh_token.expires_at));
    assert_eq!(trail(store).await.last().unwrap(), &("grant.make".to_owned(), Some(key.to_string())));
}

#[tokio::test]
async fn a_grant_without_a_refresh_token_has_none() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    let (owner, client, code) = with_code(store).await;
    let new = NewGrant { refresh: None, ..new_grant(owner, client) };
    granted(exchange(store, By::Code(code), new, 0).await);
    assert_eq!(fixture.number("SELECT count(*) FROM refresh_tokens"), 0);
}

#[tokio::test]
async fn a_code_that_is_exchanged_twice_ends_its_grant() {
    let Fixture { store, .. } = &Fixture::new().await;
    let client = client(store).await;
    let (owner, _, held) = granted_in_its_own(store, client).await;
    let again = new_grant(owner, client);
    let (id, events) = (again.key.id, trail(store).await.len());
    let answer = exchange(store, By::Code(held.code), again, 5).await.unwrap();
    assert_eq!((answer.made, answer.seq), (true, load(store, NOW).await.0.head));
    assert_eq!(replayed(Ok(answer)).id, held.key);
    assert!(store.find_key(id).await.unwrap().is_none());
    let told = record(store, held.access).await;
    assert_eq!((told.state, told.ends_at), (KeyState::Revoked, Some(after_now(5))));
    assert_eq!(trail(store).await[events..], [("grant.replay".to_owned(), Some(held.key.to_string()))]);
    assert!(matches!(refresh(store, refreshing(held.refresh, 6), 6).await, Err(StoreError::NotFound)));

    // Also where it ran out since; there is nothing left to end then.
    let third = exchange(store, By::Code(held.code), new_grant(owner, client), 9999).await.unwrap();
    assert!(!third.made);
    assert_eq!(replayed(Ok(third)).id, held.key);
    assert_eq!(trail(store).await.len(), events + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_exchange_a_code_at_once_one_is_granted_and_all_are_found_out() {
    let Fixture { store, .. } = &Fixture::new().await;
    let (owner, client, code) = with_code(store).await;
    let mut calls = JoinSet::new();
    for _ in 0..50 {
        let store = store.clone();
        calls.spawn(async move { exchange(&store, By::Code(code), new_grant(owner, client), 0).await });
    }
    let (mut granted, mut replayed) = (Vec::new(), Vec::new());
    for answer in calls.join_all().await {
        match answer.unwrap().value {
            Exchanged::Granted(key) => granted.push(key.id),
            Exchanged::Replayed(key) => replayed.push(key.id),
            Exchanged::Disabled => unreachable!("a code has nothing to disable"),
        }
    }
    assert_eq!((granted.len(), replayed.len()), (1, 49));
    assert!(replayed.iter().all(|id| *id == granted[0]));
    assert_eq!(store.find_key(granted[0]).await.unwrap().unwrap().state, KeyState::Revoked);
    let told = trail(store).await;
    assert_eq!(told.iter().filter(|(action, _)| action == "grant.make").count(), 1);
    assert_eq!(told.iter().filter(|(action, _)| action == "grant.replay").count(), 1);
}

#[tokio::test]
async fn a_code_is_exchanged_by_its_client_in_time_for_its_account_alone() {
    let Fixture { store, .. } = &Fixture::new().await;
    let (owner, ours, code) = with_code(store).await;
    let (theirs, elsewhere) = (client(store).await, account(store).await);
    let by = By::Code(code);
    assert_not_found(store, by, new_grant(owner, theirs), 0, "another client's").await;
    assert_not_found(store, by, new_grant(elsewhere, ours), 0, "another account's").await;
    assert_not_found(store, by, new_grant(owner, ours), 60, "it ran out").await;
    let guessed = By::Code(Digest::of(b"guessed"));
    assert_not_found(store, guessed, new_grant(owner, ours), 0, "it never was").await;
    granted(exchange(store, by, new_grant(owner, ours), 59).await);
    // Nor is it replayed by anybody else.
    assert_not_found(store, by, new_grant(owner, theirs), 59, "another client's").await;
    assert_not_found(store, by, new_grant(elsewhere, ours), 59, "another account's").await;
}

#[tokio::test]
async fn a_code_is_worth_no_more_than_what_stands_behind_it() {
    let Fixture { store, .. } = &Fixture::new().await;
    for (place, why) in ["the consent was withdrawn", "the client was revoked", "the member was removed"]
        .into_iter()
        .enumerate()
    {
        let (owner, client, code) = with_code(store).await;
        let member = store.find_code(code).await.unwrap().unwrap().member;
        match place {
            0 => drop(store.withdraw(client, member, owner, note("consent.withdraw")).await.unwrap()),
            1 => drop(change_client(store, client, ClientChange::Revoke).await.unwrap()),
            _ => {
                let removal =
                    store.change_member(member, None, MemberChange::Remove, false, note("member.remove"));
                removal.await.unwrap();
            }
        }
        assert_not_found(store, By::Code(code), new_grant(owner, client), 0, why).await;
    }
}

/// One that was written by somebody else, without a consent.
#[tokio::test]
async fn a_code_without_a_consent_is_not_found() {
    let fixture = Fixture::new().await;
    let (owner, client, code) = with_code(&fixture.store).await;
    fixture.raw("DELETE FROM consents").unwrap();
    assert_not_found(&fixture.store, By::Code(code), new_grant(owner, client), 0, "no consent").await;
}

#[tokio::test]
async fn an_application_acts_by_itself_for_its_own_account_alone() {
    let Fixture { store, .. } = &Fixture::new().await;
    let (owner, other) = (account(store).await, account(store).await);
    let (own, none, gone) =
        (client_of(store, owner).await, client(store).await, client_of(store, owner).await);
    change_client(store, gone, ClientChange::Revoke).await.unwrap();
    let by = By::Itself;
    assert_not_found(store, by, new_grant(other, own), 0, "another account").await;
    assert_not_found(store, by, new_grant(owner, none), 0, "it acts for nobody").await;
    assert_not_found(store, by, new_grant(owner, gone), 0, "it was revoked").await;
    assert_not_found(store, by, new_grant(owner, ClientId::from_bytes([9; 16])), 0, "it never was").await;
    let new = NewGrant { refresh: None, ..new_grant(owner, own) };
    let created_by = new.key.created_by.clone();
    let row = granted(exchange(store, by, new, 0).await);
    assert_eq!((row.account, row.client, &row.created_by), (owner, Some(own), &created_by));
    assert_eq!(trail(store).await.last().unwrap(), &("grant.make".to_owned(), Some(row.id.to_string())));
    change_client(store, own, ClientChange::Revoke).await.unwrap();
    assert_eq!(store.find_key(row.id).await.unwrap().unwrap().state, KeyState::Revoked);
}

#[tokio::test]
async fn grants_are_not_among_an_account_s_keys() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    let (owner, _, held) = granted_in_its_own(store, client(store).await).await;
    let id = Fixture::literal(&held.key.to_bytes());
    fixture.raw(&format!("UPDATE keys SET external_id = 'e' WHERE id = {id}")).unwrap();
    let list = async |filter| store.list_keys(filter, first(9)).await.unwrap().items;
    let any = KeyFilter { include_revoked: true, ..KeyFilter::default() };
    for filter in [
        any.clone(),
        KeyFilter { account: Some(owner), ..any.clone() },
        KeyFilter { hint: Some("cc_live_".to_owned()), ..any.clone() },
        KeyFilter { external_id: Some("e".to_owned()), ..any.clone() },
    ] {
        assert!(list(filter).await.is_empty());
    }
    let ours = key(store, owner).await;
    assert_eq!(list(any).await.iter().map(|key| key.id).collect::<Vec<_>>(), [ours]);
}

#[tokio::test]
async fn grants_count_neither_against_the_most_nor_towards_the_fewest_keys() {
    let Fixture { store, .. } = &Fixture::new().await;
    let client = client(store).await;
    let (owner, ada, one) = granted_in_its_own(store, client).await;
    let two = held(store, owner, client, ada).await;
    let limits = KeyLimits { max: Some(1), min: 1 };
    let insert = || store.insert_key(new_key(owner), limits, None, note("key.issue"));
    let last = insert().await.unwrap().value.id;
    assert!(matches!(insert().await, Err(StoreError::TooManyKeys { max: 1 })));
    held(store, owner, client, ada).await;

    let stop =
        async |key, wanted| store.change_key(key, None, wanted, limits, None, note("key.change")).await;
    let end = KeyChange::Restrict {
        scopes: None,
        restrictions: RestrictionsPatch::default(),
        expires_at: Some(Some(after_now(60))),
    };
    for wanted in [KeyChange::Revoke, KeyChange::Disable, end] {
        assert!(matches!(stop(last, wanted).await, Err(StoreError::LastKey)));
    }
    stop(one.key, KeyChange::Disable).await.unwrap();
    stop(one.key, KeyChange::Enable).await.unwrap();
    for held in [one, two] {
        stop(held.key, KeyChange::Revoke).await.unwrap();
    }
}

#[tokio::test]
async fn a_grant_can_be_switched_off_and_on_and_revoked_and_nothing_else() {
    let Fixture { store, .. } = &Fixture::new().await;
    let held = granted_in_its_own(store, client(store).await).await.2;
    let restrict = KeyChange::Restrict {
        scopes: Some(scopes(&["a"])),
        restrictions: RestrictionsPatch::default(),
        expires_at: None,
    };
    let describe = KeyChange::Describe { external_id: Some(Some("e".to_owned())), metadata: None };
    let before = format!("{:?}", store.find_key(held.key).await.unwrap());
    let events = trail(store).await.len();
    for wanted in [KeyChange::Rename(None), restrict, describe, rotate(NOW)] {
        let refused = change(store, held.key, wanted.clone()).await;
        assert!(matches!(refused, Err(StoreError::IsGrant)), "{refused:?}");
        let changes = vec![(KeyChange::Disable, note("key.disable")), (wanted, note("key.change"))];
        let refused = store.patch_key(held.key, None, changes, KeyLimits::default()).await;
        assert!(matches!(refused, Err(StoreError::IsGrant)), "{refused:?}");
    }
    assert_eq!(format!("{:?}", store.find_key(held.key).await.unwrap()), before);
    assert_eq!(trail(store).await.len(), events);
    for (wanted, state) in [
        (KeyChange::Disable, KeyState::Disabled),
        (KeyChange::Enable, KeyState::Active),
        (KeyChange::Revoke, KeyState::Revoked),
    ] {
        let changed = change(store, held.key, wanted).await.unwrap();
        assert_eq!(changed.seq, load(store, NOW).await.0.head);
        assert_eq!((changed.value.state, record(store, held.access).await.state), (state, state));
    }
    assert!(matches!(change(store, held.key, KeyChange::Rename(None)).await, Err(StoreError::Revoked)));
}

/// A token ends by itself, or with its key where that ends earlier.
#[tokio::test]
async fn nodes_hear_when_an_access_token_runs_out() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    let held = granted_in_its_own(store, client(store).await).await.2;
    let ends = async || {
        let told = record(store, held.access).await;
        (told.expires_at, told.ends_at)
    };
    let its_own = Some(after_now(600));
    assert_eq!(ends().await, (its_own, its_own));
    for (key, token) in [("NULL".to_owned(), its_own), (after_now(601).as_millis().to_string(), its_own)] {
        fixture.raw(&format!("UPDATE keys SET expires_at = {key}")).unwrap();
        assert_eq!(ends().await, (token, its_own));
    }
    fixture.raw(&format!("UPDATE keys SET expires_at = {}", after_now(599).as_millis())).unwrap();
    assert_eq!(ends().await, (Some(after_now(599)), its_own));
    let (_, kept) = load(store, after_now(600)).await;
    assert!(kept.iter().any(|record| matches!(record, Record::Secret(_))));
    let (_, forgotten) = load(store, after_now(601)).await;
    assert!(!forgotten.iter().any(|record| matches!(record, Record::Secret(_))));

    let revoke = note_at("key.revoke", after_now(7));
    let limits = KeyLimits::default();
    store.change_key(held.key, None, KeyChange::Revoke, limits, None, revoke).await.unwrap();
    assert_eq!(ends().await, (Some(after_now(599)), Some(after_now(7))));
}

#[tokio::test]
async fn raw_sql_on_grants_is_told_where_it_decides() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    let client = client(store).await;
    let (_, ada, _) = granted_in_its_own(store, client).await;
    let head = async || load(store, Timestamp::from_millis(i64::MIN)).await.0.head;
    for statement in [
        "UPDATE keys SET state = 'disabled' WHERE client IS NOT NULL",
        "UPDATE keys SET state = 'revoked', revoked_at = 1 WHERE client IS NOT NULL",
        "UPDATE keys SET expires_at = 1 WHERE client IS NOT NULL",
        "UPDATE secrets SET ends_at = 1",
        "DELETE FROM secrets",
    ] {
        let before = head().await;
        fixture.raw(statement).unwrap();
        assert!(!store.feed().after(before).await.unwrap().entries.is_empty(), "{statement}");
    }
    let (before, events) = (head().await, trail(store).await.len());
    store.allow(NewCode { ..new_code(client, ada) }, note("consent.give")).await.unwrap();
    fixture
        .raw("UPDATE clients SET redirect_uris = '[]', verified = 1; UPDATE refresh_tokens SET used_at = 1; DELETE FROM codes; DELETE FROM consents")
        .unwrap();
    assert_eq!((head().await, trail(store).await.len()), (before, events + 1), "none of it decides");
}

/// Accounts' rows are locked before an application's, by all of these.
#[tokio::test(flavor = "multi_thread")]
async fn whatever_comes_at_once_no_grant_outlives_what_it_stands_on() {
    let Fixture { store, .. } = &Fixture::new().await;
    let client = client(store).await;
    let mut calls = JoinSet::new();
    for _ in 0..4 {
        let (owner, ada, held_by_ada) = granted_in_its_own(store, client).await;
        let bob = member(store, owner, "bob@example.com", Role::Viewer).await;
        for member in [ada, ada, bob] {
            let (store, code) = (store.clone(), allowed(store, client, member).await);
            calls.spawn(async move {
                exchange(&store, By::Code(code), new_grant(owner, client), 0).await.map(drop)
            });
        }
        let (one, two, three, four) = (store.clone(), store.clone(), store.clone(), store.clone());
        calls.spawn(async move { refresh(&one, refreshing(held_by_ada.refresh, 1), 1).await.map(drop) });
        calls
            .spawn(async move { two.withdraw(client, ada, owner, note("consent.withdraw")).await.map(drop) });
        calls.spawn(async move { three.allow(new_code(client, bob), note("consent.give")).await });
        calls.spawn(async move {
            let removal = four.change_member(bob, None, MemberChange::Remove, false, note("member.remove"));
            removal.await.map(drop)
        });
    }
    let revoking = store.clone();
    calls.spawn(async move { change_client(&revoking, client, ClientChange::Revoke).await.map(drop) });
    for answer in calls.join_all().await {
        assert!(matches!(answer, Ok(()) | Err(StoreError::NotFound)), "{answer:?}");
    }
    let (_, records) = load(store, Timestamp::from_millis(i64::MIN)).await;
    let lives = |record: &&Record| matches!(record, Record::Secret(one) if one.state != KeyState::Revoked);
    assert_eq!(records.iter().filter(lives).count(), 0);
    assert!(matches!(store.check_audit().await.unwrap(), claviger_store::ChainCheck::Whole { .. }));
}

/// What a grant may is said by whoever makes it.
#[tokio::test]
async fn a_grant_keeps_the_terms_it_is_made_with() {
    let Fixture { store, .. } = &Fixture::new().await;
    let (owner, client, code) = with_code(store).await;
    let restrictions: Restrictions = serde_json::from_str(r#"{"networks":["10.0.0.0/8"]}"#).unwrap();
    let new = new_grant(owner, client);
    let access = new.key.secret.digest;
    let key = NewKey { restrictions: restrictions.clone(), ..new.key };
    granted(exchange(store, By::Code(code), NewGrant { key, ..new }, 0).await);
    let told = record(store, access).await;
    assert_eq!(
        (&told.terms.policy.scopes, &told.terms.policy.restrictions),
        (&scopes(&["costs:read"]), &restrictions)
    );
}
