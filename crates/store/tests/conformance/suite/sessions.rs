//! Sessions: how they begin, last and end.

use std::net::IpAddr;

use claviger_model::{AccountState, MemberId, Role, SessionId};
use claviger_store::{AccountChange, Entrance, NewSession, PageRequest, SessionsOf, SignInMethod, Store};
use tokio::task::JoinSet;

use super::Fixture;
use crate::samples::{
    NOW, account, after_now, first, invited, member, new_session, note, note_at, signed_in, trail,
};

async fn ids(store: &Store, of: SessionsOf) -> Vec<SessionId> {
    let listed = store.list_sessions(of, NOW, first(100)).await.unwrap();
    listed.items.into_iter().map(|session| session.id).collect()
}

#[tokio::test]
async fn a_session_is_found_as_it_began_with_all_a_request_needs_to_know() {
    let Fixture { store, .. } = &Fixture::new().await;
    let owner = account(store).await;
    for (email, method) in [
        ("a@example.com", SignInMethod::Link),
        ("b@example.com", SignInMethod::Password),
        ("c@example.com", SignInMethod::Oidc),
    ] {
        let id = member(store, owner, email, Role::Developer).await;
        let new = NewSession { method, ..new_session() };
        let by = Entrance::Member { id, subject: None };
        let begun = store.begin_session(by, new.clone(), note("session.begin")).await.unwrap();
        let found = store.find_session(new.digest, NOW).await.unwrap().unwrap();
        assert_eq!(format!("{begun:?}"), format!("{found:?}"));
        let session = found.session;
        assert_eq!((session.id, session.member, session.method), (new.id, id, method));
        assert_eq!((session.address, session.agent, session.return_to), (new.address, new.agent, None));
        assert_eq!((session.created_at, session.seen_at, session.expires_at), (NOW, NOW, new.expires_at));
        assert_eq!((found.member.id, found.member.role, found.member.account), (id, Role::Developer, owner));
        assert_eq!((&*found.api, found.account_name.as_str()), ("cashcat", "Acme"));
        assert_eq!(found.account_state, AccountState::Active);
    }
    let suspend = (AccountChange::SetState(AccountState::Suspended), note("account.suspend"));
    store.patch_account(owner, vec![suspend]).await.unwrap();
    let id = member(store, owner, "a@example.com", Role::Developer).await;
    assert_eq!(signed_in(store, id).await.0.account_state, AccountState::Suspended);
}

#[tokio::test]
async fn a_session_ends_when_it_was_to_end() {
    let Fixture { store, .. } = &Fixture::new().await;
    let id = member(store, account(store).await, "ada@example.com", Role::Viewer).await;
    let (open, digest) = signed_in(store, id).await;
    for (seconds, lasts) in [(0, true), (3599, true), (3600, false), (9999, false)] {
        let now = after_now(seconds);
        assert_eq!(store.find_session(digest, now).await.unwrap().is_some(), lasts, "{seconds}");
        let of = SessionsOf::One(open.session.id);
        assert_eq!(store.list_sessions(of, now, first(9)).await.unwrap().items.len(), usize::from(lasts));
    }
    assert!(store.find_session(claviger_model::Digest::of(b"guessed"), NOW).await.unwrap().is_none());
}

#[tokio::test]
async fn a_session_notes_when_and_from_where_it_was_last_used_and_no_event_tells_of_it() {
    let Fixture { store, .. } = &Fixture::new().await;
    let id = member(store, account(store).await, "ada@example.com", Role::Viewer).await;
    let (open, digest) = signed_in(store, id).await;
    let events = trail(store).await.len();
    let elsewhere: IpAddr = "2001:db8::7".parse().unwrap();
    for (seconds, address, seen, from) in [
        (60, Some(elsewhere), 60, Some(elsewhere)),
        (120, None, 120, Some(elsewhere)),
        (90, open.session.address, 120, Some(elsewhere)),
    ] {
        store.touch_session(open.session.id, after_now(seconds), address).await.unwrap();
        let session = store.find_session(digest, NOW).await.unwrap().unwrap().session;
        assert_eq!((session.seen_at, session.address), (after_now(seen), from), "{seconds}");
    }
    store.touch_session(SessionId::from_bytes([9; 16]), NOW, None).await.unwrap();
    assert_eq!(trail(store).await.len(), events);
}

#[tokio::test]
async fn a_member_keeps_their_twenty_newest_sessions() {
    let Fixture { store, .. } = &Fixture::new().await;
    let owner = account(store).await;
    let (ada, bea) = (
        member(store, owner, "ada@example.com", Role::Viewer).await,
        member(store, owner, "bea@example.com", Role::Viewer).await,
    );
    let (others, _) = signed_in(store, bea).await;
    let mut begun = Vec::new();
    for seconds in 0..22 {
        let new = NewSession { created_at: after_now(seconds), ..new_session() };
        begun.push(new.id);
        let by = Entrance::Member { id: ada, subject: None };
        store.begin_session(by, new, note("session.begin")).await.unwrap();
    }
    assert_eq!(ids(store, SessionsOf::Member(ada)).await, begun[2..]);
    assert_eq!(ids(store, SessionsOf::Member(bea)).await, [others.session.id]);

    // One whose clock was behind, and whose id is the least of all, begins all the same.
    let new = NewSession {
        id: SessionId::from_bytes([0; 16]),
        created_at: after_now(-60),
        expires_at: after_now(60),
        ..new_session()
    };
    let by = Entrance::Member { id: ada, subject: None };
    let late = store.begin_session(by, new, note("session.begin")).await.unwrap();
    let kept = ids(store, SessionsOf::Member(ada)).await;
    assert_eq!((kept[0], &kept[1..]), (late.session.id, &begun[3..]));
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_that_begin_together_are_bounded_too() {
    let Fixture { store, .. } = &Fixture::new().await;
    let ada = member(store, account(store).await, "ada@example.com", Role::Viewer).await;
    let mut calls = JoinSet::new();
    for _ in 0..40 {
        let store = store.clone();
        calls.spawn(async move { signed_in(&store, ada).await.0.session.id });
    }
    assert_eq!(calls.join_all().await.len(), 40);
    assert_eq!(ids(store, SessionsOf::Member(ada)).await.len(), 20);
}

#[tokio::test]
async fn what_ran_out_is_forgotten_when_the_next_session_begins() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    let owner = account(store).await;
    let (ada, bea) = (
        member(store, owner, "ada@example.com", Role::Viewer).await,
        member(store, owner, "bea@example.com", Role::Viewer).await,
    );
    signed_in(store, ada).await;
    let at = after_now(3600);
    let new = NewSession { created_at: at, expires_at: after_now(7200), ..new_session() };
    let by = Entrance::Member { id: bea, subject: None };
    store.begin_session(by, new, note_at("session.begin", at)).await.unwrap();
    assert_eq!(fixture.number("SELECT count(*) FROM sessions"), 1);
}

#[tokio::test]
async fn sessions_are_listed_by_account_and_member_page_by_page() {
    let Fixture { store, .. } = &Fixture::new().await;
    let (ours, theirs) = (account(store).await, account(store).await);
    let (ada, bea, eve) = (
        member(store, ours, "ada@example.com", Role::Viewer).await,
        member(store, ours, "bea@example.com", Role::Viewer).await,
        member(store, theirs, "eve@example.com", Role::Viewer).await,
    );
    let mut begun = Vec::new();
    for id in [ada, bea, ada, eve] {
        begun.push(signed_in(store, id).await.0.session.id);
    }
    for (of, expected) in [
        (SessionsOf::Account(ours), vec![begun[0], begun[1], begun[2]]),
        (SessionsOf::Account(theirs), vec![begun[3]]),
        (SessionsOf::Member(ada), vec![begun[0], begun[2]]),
        (SessionsOf::Member(MemberId::from_bytes([9; 16])), vec![]),
        (SessionsOf::One(begun[1]), vec![begun[1]]),
    ] {
        assert_eq!(ids(store, of).await, expected, "{of:?}");
    }
    let page = PageRequest { after: Some(begun[0]), limit: 1 };
    let page = store.list_sessions(SessionsOf::Account(ours), NOW, page).await.unwrap();
    assert_eq!((page.items[0].id, page.items.len(), page.next), (begun[1], 1, Some(begun[1])));
}

#[tokio::test]
async fn sessions_are_listed_from_the_newest_down_without_those_unused_for_long() {
    let Fixture { store, .. } = &Fixture::new().await;
    let (ours, theirs) = (account(store).await, account(store).await);
    let (ada, bea, eve) = (
        member(store, ours, "ada@example.com", Role::Viewer).await,
        member(store, ours, "bea@example.com", Role::Viewer).await,
        member(store, theirs, "eve@example.com", Role::Viewer).await,
    );
    let mut begun = Vec::new();
    for id in [ada, bea, ada, eve, bea] {
        begun.push(signed_in(store, id).await.0.session.id);
    }
    for used in [begun[0], begun[2], begun[3]] {
        store.touch_session(used, after_now(60), None).await.unwrap();
    }
    let of_ours = SessionsOf::Account(ours);
    for (of, seen_after, now, expected) in [
        (of_ours, -1, 60, vec![begun[4], begun[2], begun[1], begun[0]]),
        (of_ours, 0, 60, vec![begun[2], begun[0]]),
        (of_ours, 60, 60, vec![]),
        (of_ours, -1, 3600, vec![]),
        (SessionsOf::Member(bea), -1, 60, vec![begun[4], begun[1]]),
        (SessionsOf::Account(theirs), 0, 60, vec![begun[3]]),
    ] {
        let (mut listed, mut after) = (Vec::new(), None);
        loop {
            let (now, seen_after) = (after_now(now), after_now(seen_after));
            let page = PageRequest { after, limit: 2 };
            let page = store.list_sessions_newest_first(of, now, seen_after, page).await.unwrap();
            assert!(page.items.len() <= 2);
            listed.extend(page.items.into_iter().map(|session| session.id));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(listed, expected, "{of:?} {seen_after} {now}");
    }
}

/// Each row: which sessions are to end, within which account, how many do, and of what the event is.
#[tokio::test]
async fn sessions_end_by_one_event_or_none() {
    let Fixture { store, .. } = &Fixture::new().await;
    let (ours, theirs) = (account(store).await, account(store).await);
    let (ada, _) = invited(store, ours, "ada@example.com", Role::Viewer).await;
    let bea = member(store, ours, "bea@example.com", Role::Viewer).await;
    let eve = member(store, theirs, "eve@example.com", Role::Viewer).await;
    let mut begun = Vec::new();
    for id in [ada.id, ada.id, bea, eve, ada.id] {
        begun.push(signed_in(store, id).await.0.session.id);
    }
    for (of, within, ended, subject) in [
        (SessionsOf::One(begun[0]), Some(theirs), 0, String::new()),
        (SessionsOf::Member(ada.id), Some(theirs), 0, String::new()),
        (SessionsOf::Account(ours), Some(theirs), 0, String::new()),
        (SessionsOf::One(SessionId::from_bytes([9; 16])), None, 0, String::new()),
        (SessionsOf::Member(MemberId::from_bytes([9; 16])), None, 0, String::new()),
        (SessionsOf::One(begun[0]), Some(ours), 1, begun[0].to_string()),
        (SessionsOf::One(begun[0]), Some(ours), 0, String::new()),
        (SessionsOf::Member(ada.id), Some(ours), 2, ada.id.to_string()),
        (SessionsOf::Account(ours), None, 1, ours.to_string()),
        (SessionsOf::Account(ours), None, 0, String::new()),
    ] {
        let events = trail(store).await.len();
        assert_eq!(store.end_sessions(of, within, note("session.end")).await.unwrap(), ended, "{of:?}");
        let told = trail(store).await;
        let expected = if ended > 0 { vec![("session.end".to_owned(), Some(subject))] } else { Vec::new() };
        assert_eq!(told[events..], expected, "{of:?}");
    }
    assert_eq!(ids(store, SessionsOf::Account(theirs)).await, [begun[3]]);
}

#[tokio::test]
async fn what_ran_out_is_not_counted_among_those_that_end() {
    let Fixture { store, .. } = &Fixture::new().await;
    let ada = member(store, account(store).await, "ada@example.com", Role::Viewer).await;
    signed_in(store, ada).await;
    let late = note_at("session.end", after_now(3600));
    assert_eq!(store.end_sessions(SessionsOf::Member(ada), None, late).await.unwrap(), 0);
}
