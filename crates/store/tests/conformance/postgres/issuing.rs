//! Tokens that are asked for at once: committed together, and each as if it came alone.

use std::collections::BTreeSet;

use claviger_model::{Digest, KeyId};
use claviger_store::{ChainCheck, Exchanged, StoreError};
use futures_util::future::join_all;

use super::fixture::Fixture;
use crate::{
    app_samples::{
        By, client_of, exchange, granted, granted_in_its_own, held, new_grant, refresh, refreshing,
    },
    samples::{account, trail},
};

#[tokio::test]
async fn tokens_that_are_asked_for_at_once_are_committed_together() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    let owner = account(store).await;
    let client = client_of(store, owner).await;
    let calls = (0..100).map(|_| exchange(store, By::Itself, new_grant(owner, client), 0));
    let ids: BTreeSet<KeyId> = join_all(calls).await.into_iter().map(|made| granted(made).id).collect();
    assert_eq!(ids.len(), 100);
    assert_eq!(fixture.number("SELECT count(*) FROM keys"), 100);
    let commits = fixture.number("SELECT count(DISTINCT xmin::text) FROM keys");
    assert!(commits <= 3, "{commits}");
    let told = trail(store).await;
    assert_eq!(told.iter().filter(|(action, _)| action == "grant.make").count(), 100);
    assert!(matches!(store.check_audit().await.unwrap(), ChainCheck::Whole { .. }));
}

#[tokio::test]
async fn what_is_refused_keeps_none_that_came_with_it_from_being_issued() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    let (owner, elsewhere) = (account(store).await, account(store).await);
    let (client, theirs) = (client_of(store, owner).await, client_of(store, elsewhere).await);
    let guessed = By::Code(Digest::of(b"guessed"));
    let calls = (0..40).map(|turn| match turn % 4 {
        0 => exchange(store, guessed, new_grant(owner, client), 0),
        1 => exchange(store, By::Itself, new_grant(owner, theirs), 0),
        _ => exchange(store, By::Itself, new_grant(owner, client), 0),
    });
    for (turn, answer) in join_all(calls).await.into_iter().enumerate() {
        match turn % 4 {
            0 | 1 => assert!(matches!(answer, Err(StoreError::NotFound)), "{turn}: {answer:?}"),
            _ => drop(granted(answer)),
        }
    }
    assert_eq!(fixture.number("SELECT count(*) FROM keys"), 20);
}

#[tokio::test]
async fn a_refresh_token_that_comes_twice_at_once_is_repeated_and_not_used_twice() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    let client = crate::app_samples::client(store).await;
    let (owner, ada, one) = granted_in_its_own(store, client).await;
    let other = held(store, owner, client, ada).await;
    let calls = [one.refresh, other.refresh, one.refresh, other.refresh, one.refresh]
        .map(|presented| refresh(store, refreshing(presented, 1), 1));
    for answer in join_all(calls).await {
        assert!(matches!(answer.unwrap().value, Exchanged::Granted(_)));
    }
    // Of each grant the pair that was given last is the one that works.
    let working = "SELECT count(*) FROM refresh_tokens WHERE used_at IS NULL AND ended_at IS NULL";
    assert_eq!(fixture.number(working), 2);
}

#[tokio::test]
async fn an_account_that_is_held_up_holds_up_its_own_tokens_alone() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    let held_up = account(store).await;
    let theirs = client_of(store, held_up).await;
    let owner = account(store).await;
    let client = client_of(store, owner).await;
    let (holder, connection) = tokio_postgres::connect(fixture.url(), tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    let lock = format!(
        "BEGIN; SELECT 1 FROM accounts WHERE id = {} FOR UPDATE",
        Fixture::literal(&held_up.to_bytes())
    );
    holder.batch_execute(&lock).await.unwrap();
    let calls = (0..8).map(|turn| {
        let (owner, client) = if turn == 3 { (held_up, theirs) } else { (owner, client) };
        exchange(store, By::Itself, new_grant(owner, client), 0)
    });
    for (turn, answer) in join_all(calls).await.into_iter().enumerate() {
        if turn == 3 {
            assert!(matches!(answer, Err(StoreError::Unavailable(_))), "{answer:?}");
        } else {
            granted(answer);
        }
    }
    holder.batch_execute("ROLLBACK").await.unwrap();
    granted(exchange(store, By::Itself, new_grant(held_up, theirs), 0).await);
}

#[tokio::test]
async fn a_token_whose_caller_went_away_holds_up_nobody() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    let owner = account(store).await;
    let client = client_of(store, owner).await;
    for _ in 0..20 {
        let gone = exchange(store, By::Itself, new_grant(owner, client), 0);
        let stays = exchange(store, By::Itself, new_grant(owner, client), 0);
        tokio::select! {
            biased;
            _ = gone => {}
            () = tokio::task::yield_now() => {}
        }
        granted(stays.await);
    }
    let made = fixture.number("SELECT count(*) FROM keys");
    let told = trail(store).await.iter().filter(|(action, _)| action == "grant.make").count();
    assert!((20..=40).contains(&made), "{made}");
    assert_eq!(i64::try_from(told).unwrap(), made);
}
