//! Refresh tokens: each is used once, a lost answer is made good, and a thief is found out.

use claviger_model::{Digest, KeyState};
use claviger_store::{Exchanged, KeyChange, KeyLimits, Refreshing, Store, StoreError};
use claviger_verify::feed::Record;
use tokio::task::JoinSet;

use super::Fixture;
use crate::{
    app_samples::{
        Held, REPEATED, client, granted, granted_in_its_own, record, refresh, refreshing, replayed,
    },
    samples::{NOW, after_now, change, load, note_at, trail},
};

/// What an application holds.
async fn held(store: &Store) -> Held {
    granted_in_its_own(store, client(store).await).await.2
}

/// Uses a refresh token at this second; the access and the refresh token that are given.
async fn used(store: &Store, presented: Digest, seconds: i64) -> (Digest, Digest) {
    let asked = refreshing(presented, seconds);
    let given = (asked.access.digest, asked.refresh.digest);
    granted(refresh(store, asked, seconds).await);
    given
}

/// That somebody came with what only a thief could have at this second, and that nothing works any more.
async fn assert_stolen(store: &Store, held: Held, presented: Digest, seconds: i64) {
    let asked = refreshing(presented, seconds);
    let (access, refresh_token) = (asked.access.digest, asked.refresh.digest);
    let before = trail(store).await.len();
    let answer = refresh(store, asked, seconds).await.unwrap();
    assert!(answer.made);
    assert_eq!(answer.seq, load(store, NOW).await.0.head);
    assert_eq!(replayed(Ok(answer)).id, held.key);
    let key = store.find_key(held.key).await.unwrap().unwrap();
    assert_eq!((key.state, key.revoked_at), (KeyState::Revoked, Some(after_now(seconds))));
    assert_eq!(record(store, held.access).await.state, KeyState::Revoked);
    assert_eq!(trail(store).await[before..], [("grant.stolen".to_owned(), Some(held.key.to_string()))]);
    assert!(store.find_secret(access).await.unwrap().is_none());
    assert!(store.find_refresh(refresh_token).await.unwrap().is_none());
    let after = refresh(store, refreshing(presented, seconds), seconds).await;
    assert!(matches!(after, Err(StoreError::NotFound)), "{after:?}");
}

#[tokio::test]
async fn a_refresh_token_is_found_as_it_was_made() {
    let Fixture { store, .. } = &Fixture::new().await;
    let held = held(store).await;
    let found = store.find_refresh(held.refresh).await.unwrap().unwrap();
    assert_eq!((found.key.id, found.expires_at), (held.key, after_now(86_400)));
    assert_eq!((found.used_at, found.ended_at), (None, None));
    assert_eq!(format!("{:?}", found.key), format!("{:?}", store.find_key(held.key).await.unwrap().unwrap()));
    assert!(store.find_refresh(Digest::of(b"guessed")).await.unwrap().is_none());
}

#[tokio::test]
async fn a_refresh_token_is_used_up_by_new_tokens() {
    let Fixture { store, .. } = &Fixture::new().await;
    let held = held(store).await;
    let asked = refreshing(held.refresh, 300);
    let given = (asked.access.digest, asked.refresh.digest);
    let answer = refresh(store, asked, 300).await.unwrap();
    assert_eq!((answer.made, answer.seq), (true, load(store, NOW).await.0.head));
    let key = granted(Ok(answer));
    assert_eq!(format!("{key:?}"), format!("{:?}", store.find_key(held.key).await.unwrap().unwrap()));
    let ends: Vec<_> = key.secrets.iter().map(|secret| (secret.number, secret.ends_at)).collect();
    assert_eq!(ends, [(2, Some(after_now(900))), (1, Some(after_now(600)))], "the old one works to its end");

    assert_eq!(store.find_refresh(held.refresh).await.unwrap().unwrap().used_at, Some(after_now(300)));
    let next = store.find_refresh(given.1).await.unwrap().unwrap();
    assert_eq!((next.key.id, next.expires_at, next.used_at), (held.key, after_now(86_700), None));
    let told = record(store, given.0).await;
    assert_eq!((told.key, told.secret, told.state), (held.key, 2, KeyState::Active));
    assert_eq!((told.ends_at, told.expires_at), (Some(after_now(900)), Some(after_now(900))));
    assert_eq!(trail(store).await.last().unwrap(), &("grant.refresh".to_owned(), Some(held.key.to_string())));
    used(store, given.1, 301).await;
}

/// Each repetition takes back what the one before it was given, be it the second or the third.
#[tokio::test]
async fn a_lost_answer_is_given_again_and_what_was_lost_works_no_more() {
    let Fixture { store, .. } = &Fixture::new().await;
    let held = held(store).await;
    let mut lost = used(store, held.refresh, 300).await;
    for seconds in [305, 300 + REPEATED] {
        let (access, refresh_token) = lost;
        lost = used(store, held.refresh, seconds).await;
        let told = record(store, access).await;
        assert_eq!((told.ends_at, told.state), (Some(after_now(seconds)), KeyState::Active));
        let taken_back = store.find_refresh(refresh_token).await.unwrap().unwrap();
        assert_eq!((taken_back.used_at, taken_back.ended_at), (None, Some(after_now(seconds))));
    }
    assert_eq!(store.find_refresh(held.refresh).await.unwrap().unwrap().used_at, Some(after_now(300)));
    assert_eq!(record(store, held.access).await.ends_at, Some(after_now(600)), "as it was");
    let (access, refresh_token) = lost;
    assert_eq!(record(store, access).await.ends_at, Some(after_now(910)));
    used(store, refresh_token, 311).await;
}

#[tokio::test]
async fn whoever_comes_late_with_what_was_used_is_a_thief() {
    let Fixture { store, .. } = &Fixture::new().await;
    let held = held(store).await;
    used(store, held.refresh, 300).await;
    assert_stolen(store, held, held.refresh, 301 + REPEATED).await;
}

#[tokio::test]
async fn a_repetition_after_its_answer_was_used_is_a_theft() {
    let Fixture { store, .. } = &Fixture::new().await;
    let held = held(store).await;
    let (_, next) = used(store, held.refresh, 300).await;
    used(store, next, 301).await;
    assert_stolen(store, held, held.refresh, 302).await;
}

#[tokio::test]
async fn whoever_has_what_was_taken_back_is_a_thief() {
    let Fixture { store, .. } = &Fixture::new().await;
    let held = held(store).await;
    let (_, lost) = used(store, held.refresh, 300).await;
    used(store, held.refresh, 301).await;
    assert_stolen(store, held, lost, 302).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_at_once_one_is_left_with_a_refresh_token_that_works() {
    let Fixture { store, .. } = &Fixture::new().await;
    let held = held(store).await;
    let mut calls = JoinSet::new();
    for _ in 0..20 {
        let store = store.clone();
        calls.spawn(async move {
            let asked = refreshing(held.refresh, 300);
            let given = (asked.access.digest, asked.refresh.digest);
            granted(refresh(&store, asked, 300).await);
            given
        });
    }
    let mut usable = Vec::new();
    for (access, refresh_token) in calls.join_all().await {
        let found = store.find_refresh(refresh_token).await.unwrap().unwrap();
        let works = record(store, access).await.ends_at.unwrap() > after_now(300);
        assert_eq!(found.ended_at.is_none(), works);
        assert_eq!(found.used_at, None);
        usable.extend(works.then_some(refresh_token));
    }
    assert_eq!(usable.len(), 1);
    used(store, usable[0], 301).await;
}

#[tokio::test]
async fn a_token_that_is_unknown_or_ran_out_or_whose_grant_has_ended_is_not_found() {
    let Fixture { store, .. } = &Fixture::new().await;
    let (expired, revoked) = (held(store).await, held(store).await);
    change(store, revoked.key, KeyChange::Revoke).await.unwrap();
    let events = trail(store).await.len();
    for (presented, seconds, why) in [
        (Digest::of(b"guessed"), 0, "nobody had it"),
        (expired.access, 0, "it is an access token"),
        (expired.refresh, 86_400, "it ran out"),
        (revoked.refresh, 0, "the grant is revoked"),
    ] {
        let refused = refresh(store, refreshing(presented, seconds), seconds).await;
        assert!(matches!(refused, Err(StoreError::NotFound)), "{why}: {refused:?}");
    }
    assert_eq!(trail(store).await.len(), events);
    used(store, expired.refresh, 86_399).await;
}

/// Whoever disables a grant may enable it again, and what its application has goes on as if nothing had been.
#[tokio::test]
async fn nothing_comes_of_a_disabled_grant_s_refresh_token_but_a_thief_who_is_found_out() {
    let Fixture { store, .. } = &Fixture::new().await;
    let (fresh, lost) = (held(store).await, held(store).await);
    let (_, next) = used(store, lost.refresh, 300).await;
    for held in [fresh, lost] {
        change(store, held.key, KeyChange::Disable).await.unwrap();
    }
    let events = trail(store).await.len();
    for presented in [fresh.refresh, lost.refresh, next] {
        let asked = refreshing(presented, 301);
        let given = asked.access.digest;
        let answer = refresh(store, asked, 301).await.unwrap();
        assert!(!answer.made && matches!(answer.value, Exchanged::Disabled), "{answer:?}");
        assert!(store.find_secret(given).await.unwrap().is_none());
    }
    assert_eq!(trail(store).await.len(), events);
    assert_eq!(store.find_refresh(next).await.unwrap().unwrap().ended_at, None, "nothing was taken back");
    change(store, fresh.key, KeyChange::Enable).await.unwrap();
    used(store, fresh.refresh, 302).await;
    assert_stolen(store, lost, lost.refresh, 301 + REPEATED).await;
}

#[tokio::test]
async fn access_tokens_that_ran_out_a_day_ago_are_forgotten_and_their_numbers_are_not_used_again() {
    let Fixture { store, .. } = &Fixture::new().await;
    let held = held(store).await;
    let numbers = async |asked: Refreshing, seconds| {
        let key = granted(refresh(store, asked, seconds).await);
        key.secrets.iter().map(|secret| secret.number).collect::<Vec<_>>()
    };
    let (_, second) = used(store, held.refresh, 10).await;
    let asked = Refreshing {
        refresh: claviger_store::NewRefresh {
            expires_at: after_now(9_999_999),
            ..refreshing(second, 20).refresh
        },
        ..refreshing(second, 20)
    };
    let third = asked.refresh.digest;
    assert_eq!(numbers(asked, 20).await, [3, 2, 1]);
    let before = load(store, NOW).await.0.head;
    assert_eq!(numbers(refreshing(third, 999_999), 999_999).await, [4]);
    let entries = store.feed().after(before).await.unwrap().entries;
    let gone: Vec<_> = entries
        .iter()
        .flat_map(|entry| &entry.records)
        .filter(|record| matches!(record, Record::NoSecret(_)))
        .collect();
    assert_eq!(gone.len(), 3, "nodes forget them too");
    assert!(store.find_secret(held.access).await.unwrap().is_none());
}

#[tokio::test]
async fn a_grant_ends_with_its_last_number() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    let held = held(store).await;
    let digest = Fixture::literal(&[8; 32]);
    fixture
        .raw(&format!(
            "INSERT INTO secrets (key, number, digest, hint, created_at) SELECT id, 65535, {digest}, '', 1 FROM keys"
        ))
        .unwrap();
    let refused = refresh(store, refreshing(held.refresh, 1), 1).await;
    assert!(matches!(refused, Err(StoreError::NotFound)), "{refused:?}");
}

/// A key of a customer never has a refresh token, and one that somebody writes beside it is of no use.
#[tokio::test]
async fn nobody_s_key_is_refreshed() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    let owner = crate::samples::account(store).await;
    let new = crate::samples::new_key(owner);
    let id = Fixture::literal(&new.id.to_bytes());
    store.insert_key(new, KeyLimits::default(), None, note_at("key.issue", NOW)).await.unwrap();
    let (written, digest) = (Digest::of(b"written"), Fixture::literal(Digest::of(b"written").as_bytes()));
    let columns = "digest, key, access, created_at, expires_at";
    let sql = format!("INSERT INTO refresh_tokens ({columns}) VALUES ({digest}, {id}, 1, 1, {})", i64::MAX);
    fixture.raw(&sql).unwrap();
    let refused = refresh(store, refreshing(written, 0), 0).await;
    assert!(matches!(refused, Err(StoreError::NotFound)), "{refused:?}");
}
