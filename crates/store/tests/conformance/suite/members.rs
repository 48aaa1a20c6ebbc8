//! Members: who they are, and what becomes of them.

use claviger_model::{AccountId, MemberId, Role, RoleSet};
use claviger_store::{
    AuditNote, Authority, Committed, Entrance, MemberChange, MemberFilter, MemberRow, PageRequest,
    PasswordHash, SessionsOf, Store, StoreError,
};
use tokio::task::JoinSet;

use super::Fixture;
use crate::samples::{
    NOW, account, first, invited, member, new_account, new_link, new_session, note, signed_in, trail,
};

pub(super) async fn change(
    store: &Store,
    id: MemberId,
    change: MemberChange,
) -> Result<Committed<MemberRow>, StoreError> {
    store.change_member(id, None, change, true, note("member.change")).await
}

pub(super) fn new_password(keep: Option<claviger_model::SessionId>) -> MemberChange {
    MemberChange::SetPassword { password: PasswordHash::new("$argon2id$v=19$…"), keep }
}

#[tokio::test]
async fn a_member_is_found_as_they_were_made() {
    let Fixture { store, .. } = &Fixture::new().await;
    let owner = account(store).await;
    let new = new_link(owner, "Ada@Example.com ", Role::Developer);
    let made = store.insert_link(new.clone()).await.unwrap().value.member;
    let found = store.find_member(new.member.id).await.unwrap().unwrap();
    assert_eq!(format!("{made:?}"), format!("{found:?}"));
    assert_eq!((found.id, found.account, found.email.as_str()), (new.member.id, owner, "ada@example.com"));
    assert_eq!((found.role, found.has_password, found.removed_at), (Role::Developer, false, None));
    assert_eq!((found.created_at, found.created_by), (NOW, new.member.created_by));
    assert!(store.find_member(MemberId::from_bytes([9; 16])).await.unwrap().is_none());
}

#[tokio::test]
async fn members_are_listed_by_account_in_the_order_they_joined_without_the_removed_ones() {
    let Fixture { store, .. } = &Fixture::new().await;
    let (ours, theirs) = (account(store).await, account(store).await);
    let mut members = Vec::new();
    for email in ["d@example.com", "c@example.com", "b@example.com", "a@example.com"] {
        members.push(member(store, ours, email, Role::Viewer).await);
    }
    member(store, theirs, "a@example.com", Role::Viewer).await;
    change(store, members[1], MemberChange::Remove).await.unwrap();

    let page = store.list_members(MemberFilter::of(ours), first(2)).await.unwrap();
    let ids: Vec<_> = page.items.iter().map(|member| member.id).collect();
    assert_eq!((ids, page.next), (vec![members[0], members[2]], Some(members[2])));
    let page =
        store.list_members(MemberFilter::of(ours), PageRequest { after: page.next, limit: 2 }).await.unwrap();
    assert_eq!((page.items[0].id, page.items.len(), page.next), (members[3], 1, None));
}

#[tokio::test]
async fn members_of_any_account_are_found_by_their_address() {
    let Fixture { store, .. } = &Fixture::new().await;
    let (ours, theirs) = (account(store).await, account(store).await);
    let ada = member(store, ours, "ada@example.com", Role::Viewer).await;
    let namesake = member(store, theirs, "ada@example.com", Role::Administrator).await;
    let gone = member(store, account(store).await, "ada@example.com", Role::Viewer).await;
    member(store, theirs, "ada@example.co", Role::Viewer).await;
    change(store, gone, MemberChange::Remove).await.unwrap();

    let by_address = MemberFilter { account: None, email: Some("Ada@example.com".parse().unwrap()) };
    for (filter, found) in [
        (by_address.clone(), vec![ada, namesake]),
        (MemberFilter { account: Some(theirs), ..by_address }, vec![namesake]),
    ] {
        let page = store.list_members(filter, first(9)).await.unwrap();
        assert_eq!(page.items.iter().map(|member| member.id).collect::<Vec<_>>(), found);
    }
}

#[tokio::test]
async fn one_address_may_be_a_member_of_several_accounts_and_is_a_candidate_for_each() {
    let Fixture { store, .. } = &Fixture::new().await;
    let (first, second) = (account(store).await, account(store).await);
    let elsewhere = store.insert_account(new_account("codat"), note("account.create"), None).await.unwrap();
    let mut members = Vec::new();
    for owner in [first, second, elsewhere.value.0.id] {
        members.push(member(store, owner, "ada@example.com", Role::Developer).await);
    }
    change(store, members[0], new_password(None)).await.unwrap();

    let candidates =
        async |api: &str, email: &str| store.candidates(api.into(), email.parse().unwrap()).await.unwrap();
    let found = candidates("cashcat", "ADA@example.com").await;
    let ids: Vec<_> = found.iter().map(|candidate| candidate.member.id).collect();
    assert_eq!(ids, members[..2]);
    assert_eq!(found[0].account_name, "Acme");
    assert_eq!(found[0].password.as_ref().unwrap().expose(), "$argon2id$v=19$…");
    assert!(found[0].member.has_password && !format!("{:?}", found[0]).contains("argon2id"));
    assert!(found[1].password.is_none() && found[1].subject.is_none());
    assert_eq!(candidates("codat", "ada@example.com").await[0].member.id, members[2]);
    assert!(candidates("cashcat", "bea@example.com").await.is_empty());

    change(store, members[0], MemberChange::Remove).await.unwrap();
    let found = candidates("cashcat", "ada@example.com").await;
    assert_eq!(found.iter().map(|candidate| candidate.member.id).collect::<Vec<_>>(), [members[1]]);
}

/// Whoever plants an address in their own accounts must not push out who has it.
#[tokio::test]
async fn of_many_candidates_those_who_entered_come_first_and_then_those_who_were_invited_last() {
    let Fixture { store, .. } = &Fixture::new().await;
    let mut members = Vec::new();
    for _ in 0..35 {
        members.push(member(store, account(store).await, "ada@example.com", Role::Viewer).await);
    }
    signed_in(store, members[1]).await;
    change(store, members[3], new_password(None)).await.unwrap();
    let known = Entrance::Member { id: members[2], subject: Some(("https://id.example".into(), "7".into())) };
    store.begin_session(known, new_session(), note("session.begin")).await.unwrap();
    let ended = SessionsOf::Member(members[2]);
    store.end_sessions(ended, None, note("session.end")).await.unwrap();

    let named = store.candidates("cashcat".into(), "ada@example.com".parse().unwrap()).await.unwrap();
    let named: Vec<_> = named.iter().map(|found| found.member.id).collect();
    assert_eq!(named[..3], members[1..4]);
    assert_eq!(named[3..], members[6..].iter().rev().copied().collect::<Vec<_>>());
}

#[tokio::test]
async fn no_more_than_thirty_two_are_known_by_one_subject() {
    let Fixture { store, .. } = &Fixture::new().await;
    let mut members = Vec::new();
    for _ in 0..33 {
        members.push(member(store, account(store).await, "ada@example.com", Role::Viewer).await);
        let known = Some(("https://id.example".to_owned(), "7".to_owned()));
        let entrance = Entrance::Member { id: members[members.len() - 1], subject: known };
        store.begin_session(entrance, new_session(), note("session.begin")).await.unwrap();
    }
    let known = store.known_as("cashcat".into(), "https://id.example".to_owned(), "7".to_owned()).await;
    assert_eq!(known.unwrap().iter().map(|found| found.member.id).collect::<Vec<_>>(), members[..32]);
}

#[tokio::test]
async fn a_provider_knows_a_member_by_issuer_and_subject_from_the_first_sign_in() {
    let Fixture { store, .. } = &Fixture::new().await;
    let ada = member(store, account(store).await, "ada@example.com", Role::Viewer).await;
    let pair = |issuer: &str, subject: &str| (issuer.to_owned(), subject.to_owned());
    let begin = async |subject| {
        let entrance = Entrance::Member { id: ada, subject };
        store.begin_session(entrance, new_session(), note("session.begin")).await.unwrap();
    };
    let known = async |api: &str, issuer: &str, subject: &str| {
        let found = store.known_as(api.into(), issuer.to_owned(), subject.to_owned()).await.unwrap();
        found.into_iter().map(|candidate| candidate.subject).collect::<Vec<_>>()
    };
    assert_eq!(known("cashcat", "https://a", "7").await, []);
    begin(Some(pair("https://a", "7"))).await;
    begin(None).await;
    assert_eq!(known("cashcat", "https://a", "7").await, [Some(pair("https://a", "7"))]);
    for (api, issuer, subject) in
        [("cashcat", "https://b", "7"), ("cashcat", "https://a", "8"), ("codat", "https://a", "7")]
    {
        assert_eq!(known(api, issuer, subject).await, [], "{api} {issuer} {subject}");
    }
    begin(Some(pair("https://a", "7"))).await;
    for other in [pair("https://b", "7"), pair("https://a", "8")] {
        let entrance = Entrance::Member { id: ada, subject: Some(other) };
        let refused = store.begin_session(entrance, new_session(), note("session.begin")).await;
        assert!(matches!(refused, Err(StoreError::NotFound)), "{refused:?}");
    }
    assert_eq!(known("cashcat", "https://a", "7").await, [Some(pair("https://a", "7"))]);
    change(store, ada, MemberChange::Remove).await.unwrap();
    assert_eq!(known("cashcat", "https://a", "7").await, []);
}

#[tokio::test]
async fn a_role_changes_once_and_what_is_so_already_is_no_event() {
    let Fixture { store, .. } = &Fixture::new().await;
    let owner = account(store).await;
    let bea = member(store, owner, "bea@example.com", Role::Viewer).await;
    let before = trail(store).await.len();
    for (role, made) in [(Role::Viewer, false), (Role::Developer, true), (Role::Developer, false)] {
        let changed = change(store, bea, MemberChange::SetRole(role)).await.unwrap();
        assert_eq!((changed.value.role, changed.made), (role, made), "{role:?}");
        assert_eq!(store.find_member(bea).await.unwrap().unwrap().role, role);
    }
    let trail = trail(store).await;
    assert_eq!(trail[before..], [("member.change".to_owned(), Some(bea.to_string()))]);
}

/// What was handed out for one role must not act by another.
#[tokio::test]
async fn another_role_ends_every_session_and_every_link_but_the_session_that_asks() {
    let Fixture { store, .. } = &Fixture::new().await;
    let owner = account(store).await;
    let bea = member(store, owner, "bea@example.com", Role::Viewer).await;
    let (_, others) = signed_in(store, bea).await;
    let ada = member(store, owner, "ada@example.com", Role::Developer).await;
    for role in [Role::Viewer, Role::Administrator, Role::Administrator] {
        let (asks, kept) = signed_in(store, ada).await;
        let (_, held) = signed_in(store, ada).await;
        let (before, unused) = invited(store, owner, "ada@example.com", Role::Viewer).await;
        let ends = before.role != role;
        let authority =
            Authority::Session { session: asks.session.id, roles: RoleSet::ALL, while_suspended: false };
        let by = AuditNote { authority, ..note("member.change") };
        store.change_member(ada, None, MemberChange::SetRole(role), false, by).await.unwrap();
        assert!(store.find_session(kept, NOW).await.unwrap().is_some());
        assert_eq!(store.find_session(held, NOW).await.unwrap().is_none(), ends, "{role:?}");
        assert_eq!(store.find_link(unused).await.unwrap().is_none(), ends, "{role:?}");
    }
    let (_, held) = signed_in(store, ada).await;
    member(store, owner, "zoe@example.com", Role::Administrator).await;
    change(store, ada, MemberChange::SetRole(Role::Developer)).await.unwrap();
    assert!(store.find_session(held, NOW).await.unwrap().is_none());
    assert!(store.find_session(others, NOW).await.unwrap().is_some());
}

#[tokio::test]
async fn a_member_of_another_account_or_a_removed_one_is_not_found() {
    let Fixture { store, .. } = &Fixture::new().await;
    let (ours, theirs) = (account(store).await, account(store).await);
    let ada = member(store, theirs, "ada@example.com", Role::Viewer).await;
    let changes = || [MemberChange::SetRole(Role::Viewer), new_password(None), MemberChange::Remove];
    let refuse = async |id, within: Option<AccountId>| {
        for change in changes() {
            let refused = store.change_member(id, within, change, false, note("member.change")).await;
            assert!(matches!(refused, Err(StoreError::NotFound)), "{refused:?}");
        }
    };
    refuse(ada, Some(ours)).await;
    refuse(MemberId::from_bytes([9; 16]), None).await;
    assert!(store.find_member(ada).await.unwrap().unwrap().removed_at.is_none());
    let removal =
        store.change_member(ada, Some(theirs), MemberChange::Remove, true, note("member.remove")).await;
    assert_eq!(removal.unwrap().value.removed_at, Some(NOW));
    refuse(ada, None).await;
}

#[tokio::test]
async fn the_last_administrator_stays_where_one_is_to_be_kept() {
    let Fixture { store, .. } = &Fixture::new().await;
    let (ours, theirs) = (account(store).await, account(store).await);
    member(store, theirs, "zoe@example.com", Role::Administrator).await;
    let ada = member(store, ours, "ada@example.com", Role::Administrator).await;
    let bea = member(store, ours, "bea@example.com", Role::Administrator).await;
    let eve = member(store, ours, "eve@example.com", Role::Developer).await;
    change(store, bea, MemberChange::Remove).await.unwrap();
    let events = trail(store).await.len();
    for refused in [MemberChange::SetRole(Role::Viewer), MemberChange::Remove] {
        let refused = change(store, ada, refused).await;
        assert!(matches!(refused, Err(StoreError::LastAdministrator)), "{refused:?}");
    }
    assert_eq!(store.find_member(ada).await.unwrap().unwrap().role, Role::Administrator);
    assert_eq!(trail(store).await.len(), events);
    change(store, ada, new_password(None)).await.unwrap();
    change(store, ada, MemberChange::SetRole(Role::Administrator)).await.unwrap();
    change(store, eve, MemberChange::SetRole(Role::Viewer)).await.unwrap();
    let removed = store.change_member(ada, None, MemberChange::Remove, false, note("member.remove")).await;
    assert!(removed.unwrap().value.removed_at.is_some(), "an operator may");
    change(store, eve, MemberChange::Remove).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_administrators_who_step_down_together_one_is_refused() {
    let Fixture { store, .. } = &Fixture::new().await;
    for step in [MemberChange::SetRole(Role::Viewer), MemberChange::Remove] {
        let owner = account(store).await;
        let mut calls = JoinSet::new();
        for email in ["ada@example.com", "bea@example.com"] {
            let id = member(store, owner, email, Role::Administrator).await;
            let (store, step) = (store.clone(), step.clone());
            calls.spawn(async move { change(&store, id, step).await });
        }
        let answers = calls.join_all().await;
        assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1, "{answers:?}");
        assert!(answers.iter().any(|answer| matches!(answer, Err(StoreError::LastAdministrator))));
    }
}

#[tokio::test]
async fn a_removed_member_is_out_at_once_and_their_address_free_again() {
    let Fixture { store, .. } = &Fixture::new().await;
    let owner = account(store).await;
    let (ada, link) = invited(store, owner, "ada@example.com", Role::Administrator).await;
    change(store, ada.id, new_password(None)).await.unwrap();
    let (_, unused) = invited(store, owner, "ada@example.com", Role::Administrator).await;
    let (open, session) = signed_in(store, ada.id).await;
    let removed = store.change_member(ada.id, None, MemberChange::Remove, false, note("member.remove")).await;
    let removed = removed.unwrap().value;
    assert_eq!((removed.removed_at, removed.has_password), (Some(NOW), false));
    assert!(store.find_session(session, NOW).await.unwrap().is_none());
    for digest in [link, unused] {
        assert!(store.find_link(digest).await.unwrap().is_none());
    }
    let sessions = store.list_sessions(SessionsOf::One(open.session.id), NOW, first(9)).await.unwrap();
    assert!(sessions.items.is_empty());
    let entrance = Entrance::Member { id: ada.id, subject: None };
    let refused = store.begin_session(entrance, new_session(), note("session.begin")).await;
    assert!(matches!(refused, Err(StoreError::NotFound)), "{refused:?}");

    let again = member(store, owner, "ada@example.com", Role::Viewer).await;
    assert_ne!(again, ada.id);
    assert_eq!(store.list_members(MemberFilter::of(owner), first(9)).await.unwrap().items.len(), 1);
    assert!(store.find_member(ada.id).await.unwrap().is_some(), "the trail can still be read");
}

#[tokio::test]
async fn a_new_password_ends_every_other_session_and_every_link() {
    let Fixture { store, .. } = &Fixture::new().await;
    let owner = account(store).await;
    let (ada, unused) = invited(store, owner, "ada@example.com", Role::Viewer).await;
    let bea = member(store, owner, "bea@example.com", Role::Viewer).await;
    let ((mine, kept), (_, ended), (_, others)) =
        (signed_in(store, ada.id).await, signed_in(store, ada.id).await, signed_in(store, bea).await);
    let changed = change(store, ada.id, new_password(Some(mine.session.id))).await.unwrap().value;
    assert!(changed.has_password);
    for (digest, stays) in [(kept, true), (ended, false), (others, true)] {
        assert_eq!(store.find_session(digest, NOW).await.unwrap().is_some(), stays);
    }
    assert!(store.find_link(unused).await.unwrap().is_none());
    change(store, ada.id, new_password(None)).await.unwrap();
    assert!(store.find_session(kept, NOW).await.unwrap().is_none());
}

#[tokio::test]
async fn whose_password_is_forgotten_has_none_and_is_signed_out() {
    let Fixture { store, .. } = &Fixture::new().await;
    let owner = account(store).await;
    let (ada, _) = invited(store, owner, "ada@example.com", Role::Administrator).await;
    change(store, ada.id, new_password(None)).await.unwrap();
    let bea = member(store, owner, "bea@example.com", Role::Viewer).await;
    change(store, bea, new_password(None)).await.unwrap();
    let ((_, ended), (_, others)) = (signed_in(store, ada.id).await, signed_in(store, bea).await);
    let link = new_link(owner, "ada@example.com", Role::Administrator);
    let unused = store.insert_link(link.clone()).await.map(|_| link.digest).unwrap();
    let changed = change(store, ada.id, MemberChange::ForgetPassword).await.unwrap();
    assert!(changed.made && !changed.value.has_password, "the last administrator stays one");
    let found = store.candidates("cashcat".into(), "ada@example.com".parse().unwrap()).await.unwrap();
    assert!(found.len() == 1 && found[0].password.is_none());
    assert!(store.find_member(bea).await.unwrap().unwrap().has_password);
    assert!(store.find_session(ended, NOW).await.unwrap().is_none());
    assert!(store.find_session(others, NOW).await.unwrap().is_some());
    assert!(store.find_link(unused).await.unwrap().is_none());
    change(store, ada.id, MemberChange::ForgetPassword).await.unwrap();
}

#[tokio::test]
async fn members_leave_the_feed_alone() {
    let Fixture { store, .. } = &Fixture::new().await;
    let owner = account(store).await;
    let head = store.feed().after(claviger_verify::feed::Seq(0)).await.unwrap().position.head;
    let made = store.insert_link(new_link(owner, "ada@example.com", Role::Viewer)).await.unwrap();
    assert_eq!((made.seq, made.made), (head, true));
    signed_in(store, made.value.member.id).await;
    let removed = change(store, made.value.member.id, MemberChange::Remove).await.unwrap();
    assert_eq!(removed.seq, head);
    let changes = store.feed().after(head).await.unwrap();
    assert_eq!((changes.position.head, changes.entries.len()), (head, 0));
}
