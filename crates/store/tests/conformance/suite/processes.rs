//! What must hold whoever asks at the same time: where several processes may have one database open, two do.

use std::{collections::BTreeSet, future::Future};

use claviger_model::{AccountId, KeyId, Role};
use claviger_store::{
    AuditFilter, AuditNote, Authority, ChainCheck, Entrance, KeyChange, KeyLimits, LinkPurpose, MemberChange,
    NewAccount, Store, StoreError,
};
use tokio::task::JoinSet;

use super::Fixture;
use crate::samples::{
    account, call, first, invited, key, member, new_account, new_key, new_operator, new_session, note, rotate,
};

/// Makes sixty-four calls at once, half of them by each process.
async fn at_once<T, C>(stores: [&Store; 2], make: impl Fn(Store, usize) -> C) -> Vec<T>
where
    T: Send + 'static,
    C: Future<Output = T> + Send + 'static,
{
    let mut calls = JoinSet::new();
    for place in 0..64 {
        calls.spawn(make(stores[place % 2].clone(), place));
    }
    calls.join_all().await
}

fn count<T>(answers: &[Result<T, StoreError>], is_meant: impl Fn(&StoreError) -> bool) -> (usize, usize) {
    let made = answers.iter().filter(|answer| answer.is_ok()).count();
    let refused = answers.iter().filter(|answer| answer.as_ref().is_err_and(&is_meant)).count();
    (made, refused)
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_keys_are_ten_keys() {
    let fixture = Fixture::new().await;
    let (one, other) = (&fixture.store, &fixture.another().await);
    let owner = account(one).await;
    let limits = KeyLimits { max: Some(10), min: 0 };
    let answers = at_once([one, other], |store, _| async move {
        store.insert_key(new_key(owner), limits, None, note("key.issue")).await
    });
    let refused = |error: &StoreError| matches!(error, StoreError::TooManyKeys { max: 10 });
    assert_eq!(count(&answers.await, refused), (10, 54));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_key_stays() {
    let fixture = Fixture::new().await;
    let (one, other) = (&fixture.store, &fixture.another().await);
    let owner = account(one).await;
    let mut keys = Vec::new();
    for _ in 0..8 {
        keys.push(key(one, owner).await);
    }
    let limits = KeyLimits { max: None, min: 1 };
    let answers = at_once([one, other], |store, place| {
        let key = keys[place % keys.len()];
        let stop = if place % 3 == 0 { KeyChange::Disable } else { KeyChange::Revoke };
        async move { store.change_key(key, None, stop, limits, None, note("key.stop")).await }
    });
    let expected = |error: &StoreError| matches!(error, StoreError::LastKey | StoreError::Revoked);
    let (made, refused) = count(&answers.await, expected);
    assert_eq!(made + refused, 64);
    assert_eq!(fixture.number("SELECT count(*) FROM keys WHERE state = 'active'"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_external_id_is_one_account_and_one_key() {
    let fixture = Fixture::new().await;
    let (one, other) = (&fixture.store, &fixture.another().await);
    let taken = |error: &StoreError| matches!(error, StoreError::ExternalIdTaken);
    let answers = at_once([one, other], |store, _| async move {
        let mut new = new_account("cashcat");
        new.account.external_id = Some("customer-7".to_owned());
        store.insert_account(new, note("account.create"), None).await.map(|made| made.value.0.id)
    });
    let answers = answers.await;
    assert_eq!(count(&answers, taken), (1, 63));
    let owner = answers.into_iter().find_map(Result::ok).unwrap();
    let answers = at_once([one, other], |store, _| async move {
        let new = claviger_store::NewKey { external_id: Some("k".to_owned()), ..new_key(owner) };
        store.insert_key(new, KeyLimits::default(), None, note("key.issue")).await
    });
    assert_eq!(count(&answers.await, taken), (1, 63));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_call_creates_once() {
    let fixture = Fixture::new().await;
    let (one, other) = (&fixture.store, &fixture.another().await);
    let owner = account(one).await;
    let answers = at_once([one, other], |store, place| async move {
        let call = call("again", u8::from(place == 63));
        store.insert_key(new_key(owner), KeyLimits::default(), Some(call), note("key.issue")).await
    });
    let answers = answers.await;
    let known =
        |error: &StoreError| matches!(error, StoreError::AlreadyCreated(_) | StoreError::IdempotencyMismatch);
    assert_eq!(count(&answers, known), (1, 63));
    let made = answers.iter().find_map(|answer| Some(answer.as_ref().ok()?.value.id.to_string()));
    let told: BTreeSet<_> = answers
        .iter()
        .filter_map(|answer| match answer {
            Err(StoreError::AlreadyCreated(subject)) => Some(subject.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(told, BTreeSet::from_iter(made));
    assert_eq!(fixture.number("SELECT count(*) FROM keys"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn there_is_one_first_operator_and_a_last_one() {
    let fixture = Fixture::new().await;
    let (one, other) = (&fixture.store, &fixture.another().await);
    let answers = at_once([one, other], |store, _| async move {
        store.initialise(new_operator("all"), note("init")).await.unwrap().value
    });
    assert_eq!(answers.await.into_iter().filter(|made| *made).count(), 1);

    for _ in 0..3 {
        one.insert_operator(new_operator("all"), None, note("operator.issue")).await.unwrap();
    }
    let all: Vec<_> =
        one.list_operators(first(9)).await.unwrap().items.into_iter().map(|row| row.id).collect();
    let answers = at_once([one, other], |store, place| {
        let id = all[place % all.len()];
        // Half of them are asked for by an operator who is being revoked too.
        let authority =
            if place % 4 < 2 { Authority::System } else { Authority::Operator(all[(place + 1) % all.len()]) };
        let note = AuditNote { authority, ..note("operator.revoke") };
        async move { store.revoke_operator(id, note).await }
    });
    let expected = |error: &StoreError| matches!(error, StoreError::LastKey | StoreError::AuthorityLost);
    let (made, refused) = count(&answers.await, expected);
    assert_eq!(made + refused, 64);
    assert_eq!(fixture.number("SELECT count(*) FROM operators WHERE revoked_at IS NULL"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_keeps_an_administrator() {
    let fixture = Fixture::new().await;
    let (one, other) = (&fixture.store, &fixture.another().await);
    let owner = account(one).await;
    let mut members = Vec::new();
    for name in ["ada", "bea", "eve", "zoe"] {
        members.push(member(one, owner, &format!("{name}@example.com"), Role::Administrator).await);
    }
    let answers = at_once([one, other], |store, place| {
        let id = members[place % members.len()];
        let change =
            if place % 3 == 0 { MemberChange::Remove } else { MemberChange::SetRole(Role::Developer) };
        async move { store.change_member(id, None, change, true, note("member.change")).await }
    });
    let expected = |error: &StoreError| matches!(error, StoreError::LastAdministrator | StoreError::NotFound);
    let (made, refused) = count(&answers.await, expected);
    assert_eq!(made + refused, 64);
    let left = "SELECT count(*) FROM members WHERE role = 'administrator' AND removed_at IS NULL";
    assert_eq!(fixture.number(left), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_lets_one_browser_in() {
    let fixture = Fixture::new().await;
    let (one, other) = (&fixture.store, &fixture.another().await);
    let (_, digest) = invited(one, account(one).await, "ada@example.com", Role::Viewer).await;
    let answers = at_once([one, other], |store, _| async move {
        let entrance = Entrance::Link { digest, purpose: LinkPurpose::SignIn, password: None };
        store.begin_session(entrance, new_session(), note("session.begin")).await
    });
    assert_eq!(count(&answers.await, |error| matches!(error, StoreError::LinkUsed)), (1, 63));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_setting_has_one_first_value() {
    let fixture = Fixture::new().await;
    let (one, other) = (&fixture.store, &fixture.another().await);
    let answers = at_once([one, other], |store, place| async move {
        store.put_setting_if_absent("check", vec![u8::try_from(place).unwrap()]).await.unwrap()
    });
    let values: BTreeSet<_> = answers.await.into_iter().collect();
    assert_eq!(values.len(), 1);
}

/// What somebody asks for comes before their revocation or not at all: nothing of theirs follows it in the trail.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_done_by_a_right_that_was_revoked() {
    let fixture = Fixture::new().await;
    let (one, other) = (&fixture.store, &fixture.another().await);
    let owner = account(one).await;
    for _ in 0..2 {
        one.insert_operator(new_operator("all"), None, note("operator.issue")).await.unwrap();
    }
    let operator = one.list_operators(first(1)).await.unwrap().items[0].id;
    let manager = key(one, owner).await;
    let by_operator = Authority::Operator(operator);
    let by_key = Authority::Secret { key: manager, number: 1, unrestricted: false };
    let answers = at_once([one, other], |store, place| async move {
        match place {
            20 => store.revoke_operator(operator, note("operator.revoke")).await.map(drop),
            40 => {
                let limits = KeyLimits::default();
                let revoked = store
                    .change_key(manager, None, KeyChange::Revoke, limits, None, note("key.revoke"))
                    .await;
                revoked.map(drop)
            }
            _ => {
                let (authority, action) =
                    if place % 4 < 2 { (by_operator, "by.operator") } else { (by_key, "by.key") };
                let note = AuditNote { authority, ..note(action) };
                store.insert_key(new_key(owner), KeyLimits::default(), None, note).await.map(drop)
            }
        }
    });
    let (made, refused) = count(&answers.await, |error| matches!(error, StoreError::AuthorityLost));
    assert_eq!(made + refused, 64);
    let events = one.list_audit(AuditFilter::default(), first(1000)).await.unwrap().items;
    for (end, by) in [("operator.revoke", "by.operator"), ("key.revoke", "by.key")] {
        let mut after = events.iter().skip_while(|event| event.action != end);
        assert!(after.next().is_some());
        assert!(after.all(|event| event.action != by), "{by}");
    }
}

/// Whatever is changed at the same time, nobody is turned away because of the others, and the trail stays whole.
#[tokio::test(flavor = "multi_thread")]
async fn changes_of_many_things_do_not_stand_in_each_others_way() {
    let fixture = Fixture::new().await;
    let (one, other) = (&fixture.store, &fixture.another().await);
    let mut things: Vec<(AccountId, KeyId)> = Vec::new();
    for _ in 0..4 {
        let owner = account(one).await;
        things.push((owner, key(one, owner).await));
    }
    let answers = at_once([one, other], |store, place| {
        let (owner, key) = things[place % things.len()];
        async move {
            let done = match place / 4 % 4 {
                0 => {
                    let change = rotate(crate::samples::after_now(60));
                    store.change_key(key, None, change, KeyLimits::default(), None, note("a")).await.map(drop)
                }
                1 => {
                    let new = new_account("other");
                    let first = Some((new_key(new.account.id), note("b")));
                    store
                        .insert_account(NewAccount { first_key: first, ..new }, note("c"), None)
                        .await
                        .map(drop)
                }
                2 => {
                    let rename = claviger_store::AccountChange::Rename("x".to_owned());
                    store.patch_account(owner, vec![(rename, note("d"))]).await.map(drop)
                }
                _ => store.sealed_secrets(vec![key], note("e"), None).await.map(drop),
            };
            done.unwrap();
        }
    });
    answers.await;
    assert!(matches!(one.check_audit().await.unwrap(), ChainCheck::Whole { .. }));
    let changes = one.feed().after(claviger_verify::feed::Seq(0)).await.unwrap();
    let seqs: Vec<_> = changes.entries.iter().map(|entry| entry.seq.0).collect();
    assert_eq!(seqs, (1..=changes.position.head.0).collect::<Vec<_>>());
}
