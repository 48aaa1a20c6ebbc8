//! One-time links: for whom they are made, and that they work once.

use claviger_model::{AccountId, Digest, Role, Timestamp};
use claviger_store::{
    Entrance, Existing, LinkPurpose, MemberChange, MemberFilter, NewLink, NewSession, OpenSession,
    PasswordHash, Store, StoreError,
};
use tokio::task::JoinSet;

use super::Fixture;
use crate::samples::{
    NOW, account, after_now, first, invited, member, new_link, new_session, note, note_at, signed_in, trail,
};

fn entrance(digest: Digest, purpose: LinkPurpose) -> Entrance {
    Entrance::Link { digest, purpose, password: None }
}

/// Uses a link to sign in.
async fn use_link(store: &Store, digest: Digest, at: Timestamp) -> Result<OpenSession, StoreError> {
    let new = NewSession { created_at: at, ..new_session() };
    store.begin_session(entrance(digest, LinkPurpose::SignIn), new, note_at("session.begin", at)).await
}

fn actions(trail: &[(String, Option<String>)]) -> Vec<&str> {
    trail.iter().map(|(action, _)| action.as_str()).collect()
}

#[tokio::test]
async fn a_link_makes_its_member_and_signs_them_in_once() {
    let Fixture { store, .. } = &Fixture::new().await;
    let owner = account(store).await;
    let return_to = Some("https://app.example/settings".to_owned());
    let new = NewLink { return_to: return_to.clone(), ..new_link(owner, "ada@example.com", Role::Developer) };
    let made = store.insert_link(new.clone()).await.unwrap().value;
    let found = store.find_link(new.digest).await.unwrap().unwrap();
    assert_eq!(format!("{made:?}"), format!("{found:?}"));
    assert_eq!((found.id, found.purpose, found.used_at), (new.id, LinkPurpose::SignIn, None));
    assert_eq!((found.member.id, found.member.role), (new.member.id, Role::Developer));
    assert_eq!((&*found.api, found.account_name.as_str()), ("cashcat", "Acme"));
    assert_eq!((&found.return_to, found.expires_at), (&return_to, after_now(600)));

    let open = use_link(store, new.digest, NOW).await.unwrap();
    assert_eq!((open.member.id, open.session.return_to), (new.member.id, return_to));
    let used = store.find_link(new.digest).await.unwrap().unwrap();
    assert_eq!(used.used_at, Some(NOW));
    for at in [NOW, after_now(9999)] {
        let replayed = use_link(store, new.digest, at).await;
        assert!(matches!(replayed, Err(StoreError::LinkUsed)), "{replayed:?}");
    }
    let member = Some(new.member.id.to_string());
    let told = [
        ("member.join".to_owned(), member.clone()),
        ("link.create".to_owned(), member),
        ("session.begin".to_owned(), Some(open.session.id.to_string())),
    ];
    assert_eq!(trail(store).await[1..], told);
    let of_account = claviger_store::AuditFilter { account: Some(owner), ..Default::default() };
    assert_eq!(store.list_audit(of_account, first(9)).await.unwrap().items.len(), 4);
}

#[tokio::test]
async fn a_link_that_is_unknown_of_another_purpose_or_expired_lets_nobody_in() {
    let Fixture { store, .. } = &Fixture::new().await;
    let (_, digest) = invited(store, account(store).await, "ada@example.com", Role::Viewer).await;
    let events = trail(store).await.len();
    for (digest, purpose, at, refusal) in [
        (Digest::of(b"guessed"), LinkPurpose::SignIn, NOW, "NotFound"),
        (digest, LinkPurpose::Invitation, NOW, "NotFound"),
        (digest, LinkPurpose::Password, NOW, "NotFound"),
        (digest, LinkPurpose::SignIn, after_now(600), "LinkExpired"),
        (digest, LinkPurpose::SignIn, after_now(9999), "LinkExpired"),
    ] {
        let new = NewSession { created_at: at, expires_at: after_now(99_999), ..new_session() };
        let refused = store.begin_session(entrance(digest, purpose), new, note_at("session.begin", at)).await;
        assert_eq!(format!("{:?}", refused.unwrap_err()), refusal);
    }
    assert_eq!(trail(store).await.len(), events);
    use_link(store, digest, after_now(599)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_use_a_link_at_once_one_gets_in() {
    let Fixture { store, .. } = &Fixture::new().await;
    let (ada, digest) = invited(store, account(store).await, "ada@example.com", Role::Viewer).await;
    let mut calls = JoinSet::new();
    for _ in 0..16 {
        let store = store.clone();
        calls.spawn(async move { use_link(&store, digest, NOW).await });
    }
    let answers = calls.join_all().await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    assert_eq!(answers.iter().filter(|answer| matches!(answer, Err(StoreError::LinkUsed))).count(), 15);
    let of_ada = claviger_store::SessionsOf::Member(ada.id);
    assert_eq!(store.list_sessions(of_ada, NOW, first(99)).await.unwrap().items.len(), 1);
}

/// Each row: who is there before, what is to become of whom is there, and what happens.
#[tokio::test]
async fn what_becomes_of_somebody_who_is_a_member_already_is_said_by_the_call() {
    let Fixture { store, .. } = &Fixture::new().await;
    let (joined, changed, linked) = ("member.join", "member.change_role", "link.create");
    for (before, existing, happens) in [
        (None, Existing::Keep, Ok((Role::Developer, vec![joined, linked]))),
        (None, Existing::SetRole, Ok((Role::Developer, vec![joined, linked]))),
        (None, Existing::Refuse, Ok((Role::Developer, vec![joined, linked]))),
        (None, Existing::Require, Err("NotFound")),
        (Some(Role::Viewer), Existing::Keep, Ok((Role::Viewer, vec![linked]))),
        (Some(Role::Viewer), Existing::SetRole, Ok((Role::Developer, vec![changed, linked]))),
        (Some(Role::Developer), Existing::SetRole, Ok((Role::Developer, vec![linked]))),
        (Some(Role::Viewer), Existing::Refuse, Err("MemberExists")),
        (Some(Role::Viewer), Existing::Require, Ok((Role::Viewer, vec![linked]))),
    ] {
        let owner = account(store).await;
        if let Some(role) = before {
            member(store, owner, "ada@example.com", role).await;
        }
        let events = trail(store).await.len();
        let new = NewLink { existing, ..new_link(owner, "ADA@example.com", Role::Developer) };
        let digest = new.digest;
        let answer = store.insert_link(new).await;
        let told = trail(store).await;
        match happens {
            Ok((role, expected)) => {
                let made = answer.unwrap().value.member;
                assert_eq!(
                    (made.role, actions(&told[events..])),
                    (role, expected),
                    "{before:?} {existing:?}"
                );
                assert!(told[events..].iter().all(|(_, subject)| *subject == Some(made.id.to_string())));
                let members = store.list_members(MemberFilter::of(owner), first(9)).await.unwrap().items;
                assert_eq!((members.len(), members[0].id, members[0].role), (1, made.id, role));
            }
            Err(refusal) => {
                assert_eq!(format!("{:?}", answer.unwrap_err()), refusal, "{before:?} {existing:?}");
                assert_eq!(told.len(), events);
                assert!(store.find_link(digest).await.unwrap().is_none());
            }
        }
    }
}

#[tokio::test]
async fn a_link_that_gives_another_role_ends_what_was_there_before_it() {
    let Fixture { store, .. } = &Fixture::new().await;
    let owner = account(store).await;
    let (ada, unused) = invited(store, owner, "ada@example.com", Role::Viewer).await;
    for (role, ends) in [(Role::Viewer, false), (Role::Developer, true)] {
        let (_, held) = signed_in(store, ada.id).await;
        let new = NewLink { existing: Existing::SetRole, ..new_link(owner, "ada@example.com", role) };
        let digest = new.digest;
        store.insert_link(new).await.unwrap();
        assert_eq!(store.find_session(held, NOW).await.unwrap().is_none(), ends, "{role:?}");
        assert_eq!(store.find_link(unused).await.unwrap().is_none(), ends, "{role:?}");
        assert!(store.find_link(digest).await.unwrap().is_some());
    }
}

/// Who made an invitation may still have it when its member came in another way.
#[tokio::test]
async fn signing_in_ends_what_else_could_set_a_password() {
    let Fixture { store, .. } = &Fixture::new().await;
    let owner = account(store).await;
    let (ada, first_link) = invited(store, owner, "ada@example.com", Role::Viewer).await;
    for by_link in [true, false] {
        let mut digests = Vec::new();
        for purpose in [LinkPurpose::SignIn, LinkPurpose::Invitation, LinkPurpose::Password] {
            for email in ["ada@example.com", "bea@example.com"] {
                let new = NewLink { purpose, ..new_link(owner, email, Role::Viewer) };
                digests.push((purpose, email, new.digest));
                store.insert_link(new).await.unwrap();
            }
        }
        if by_link {
            use_link(store, first_link, NOW).await.unwrap();
        } else {
            signed_in(store, ada.id).await;
        }
        for (purpose, email, digest) in digests {
            let stays = email == "bea@example.com" || purpose == LinkPurpose::SignIn;
            assert_eq!(store.find_link(digest).await.unwrap().is_some(), stays, "{purpose:?} {email}");
        }
    }
    assert!(store.find_link(first_link).await.unwrap().unwrap().used_at.is_some(), "it can still be said");
}

#[tokio::test]
async fn a_link_of_a_subject_makes_its_member_known_by_it_and_takes_nobody_elses_place() {
    let Fixture { store, .. } = &Fixture::new().await;
    let owner = account(store).await;
    let pair = |subject: &str| Some(("https://id.example".to_owned(), subject.to_owned()));
    for (subject, enters) in [("7", true), ("7", true), ("8", false)] {
        let new = NewLink { subject: pair(subject), ..new_link(owner, "ada@example.com", Role::Viewer) };
        let made = store.insert_link(new.clone()).await.unwrap().value;
        assert_eq!(made.subject, pair(subject));
        let entered = use_link(store, new.digest, NOW).await;
        assert_eq!(entered.is_ok(), enters, "{subject}: {entered:?}");
        assert!(enters || matches!(entered, Err(StoreError::NotFound)), "{entered:?}");
        let known = store.known_as("cashcat".into(), "https://id.example".to_owned(), subject.to_owned());
        assert_eq!(known.await.unwrap().len(), usize::from(enters), "{subject}");
    }
}

#[tokio::test]
async fn a_link_of_no_account_is_refused() {
    let Fixture { store, .. } = &Fixture::new().await;
    let nobody = AccountId::from_bytes([9; 16]);
    for existing in [Existing::Keep, Existing::SetRole, Existing::Refuse, Existing::Require] {
        let new = NewLink { existing, ..new_link(nobody, "ada@example.com", Role::Viewer) };
        assert!(matches!(store.insert_link(new).await, Err(StoreError::NotFound)));
    }
    assert!(trail(store).await.is_empty());
}

#[tokio::test]
async fn a_link_that_cannot_be_made_makes_no_member_either() {
    let Fixture { store, .. } = &Fixture::new().await;
    let owner = account(store).await;
    member(store, owner, "ada@example.com", Role::Viewer).await;
    let (_, digest) = invited(store, account(store).await, "ada@example.com", Role::Viewer).await;
    let events = trail(store).await.len();
    for (email, existing) in [("bea@example.com", Existing::Keep), ("ada@example.com", Existing::SetRole)] {
        let new = NewLink { digest, existing, ..new_link(owner, email, Role::Administrator) };
        let refused = store.insert_link(new).await;
        assert!(matches!(refused, Err(StoreError::Internal(_))), "{refused:?}");
    }
    let members = store.list_members(MemberFilter::of(owner), first(9)).await.unwrap().items;
    assert_eq!((members.len(), members[0].role), (1, Role::Viewer));
    assert_eq!(trail(store).await.len(), events);
}

#[tokio::test]
async fn a_password_set_by_a_link_ends_what_was_there_before_it() {
    let Fixture { store, .. } = &Fixture::new().await;
    let owner = account(store).await;
    let (ada, used) = invited(store, owner, "ada@example.com", Role::Viewer).await;
    let bea = member(store, owner, "bea@example.com", Role::Viewer).await;
    let (_, others) = signed_in(store, bea).await;
    let earlier = new_session();
    let earlier_digest = earlier.digest;
    store.begin_session(entrance(used, LinkPurpose::SignIn), earlier, note("session.begin")).await.unwrap();
    let (_, unused) = invited(store, owner, "ada@example.com", Role::Viewer).await;
    for purpose in [LinkPurpose::Invitation, LinkPurpose::Password] {
        let new = NewLink { purpose, ..new_link(owner, "ada@example.com", Role::Viewer) };
        let digest = new.digest;
        store.insert_link(new).await.unwrap();
        let password = Some(PasswordHash::new(purpose.as_str()));
        let by = Entrance::Link { digest, purpose, password };
        let open = store.begin_session(by, new_session(), note("session.begin")).await.unwrap();
        assert!(open.member.id == ada.id && open.member.has_password);
        let candidates = store.candidates("cashcat".into(), ada.email.clone()).await.unwrap();
        assert_eq!(candidates[0].password.as_ref().unwrap().expose(), purpose.as_str());
        let sessions = claviger_store::SessionsOf::Member(ada.id);
        let sessions = store.list_sessions(sessions, NOW, first(9)).await.unwrap().items;
        assert_eq!(sessions.iter().map(|session| session.id).collect::<Vec<_>>(), [open.session.id]);
        assert!(store.find_link(digest).await.unwrap().unwrap().used_at.is_some());
    }
    assert!(store.find_session(earlier_digest, NOW).await.unwrap().is_none());
    assert!(store.find_link(unused).await.unwrap().is_none());
    assert!(matches!(use_link(store, used, NOW).await, Err(StoreError::LinkUsed)), "it can still be said");
    assert!(store.find_session(others, NOW).await.unwrap().is_some());
}

#[tokio::test]
async fn a_session_that_cannot_begin_leaves_the_link_unused_and_the_password_as_it_was() {
    let Fixture { store, .. } = &Fixture::new().await;
    let owner = account(store).await;
    let (ada, unused) = invited(store, owner, "ada@example.com", Role::Viewer).await;
    let (_, taken) = signed_in(store, ada.id).await;
    let bea = member(store, owner, "bea@example.com", Role::Viewer).await;
    let new = NewLink { purpose: LinkPurpose::Password, ..new_link(owner, "bea@example.com", Role::Viewer) };
    let digest = new.digest;
    store.insert_link(new).await.unwrap();
    let events = trail(store).await.len();

    let password = Some(PasswordHash::new("$argon2id$"));
    let by = Entrance::Link { digest, purpose: LinkPurpose::Password, password };
    let doomed = NewSession { digest: taken, ..new_session() };
    let refused = store.begin_session(by, doomed, note("session.begin")).await;
    assert!(matches!(refused, Err(StoreError::Internal(_))), "{refused:?}");
    assert_eq!(store.find_link(digest).await.unwrap().unwrap().used_at, None);
    assert!(!store.find_member(bea).await.unwrap().unwrap().has_password);
    assert_eq!(store.find_session(taken, NOW).await.unwrap().unwrap().member.id, ada.id);
    assert!(store.find_link(unused).await.unwrap().is_some());
    assert_eq!(trail(store).await.len(), events);
}

#[tokio::test]
async fn a_removed_members_link_is_gone() {
    let Fixture { store, .. } = &Fixture::new().await;
    let (ada, digest) = invited(store, account(store).await, "ada@example.com", Role::Viewer).await;
    store.change_member(ada.id, None, MemberChange::Remove, false, note("member.remove")).await.unwrap();
    assert!(matches!(use_link(store, digest, NOW).await, Err(StoreError::NotFound)));
}

#[tokio::test]
async fn a_link_is_forgotten_seven_days_after_it_ran_out() {
    const WEEK: i64 = 7 * 86_400;
    let Fixture { store, .. } = &Fixture::new().await;
    let owner = account(store).await;
    let (_, old) = invited(store, owner, "ada@example.com", Role::Viewer).await;
    let bea = member(store, owner, "bea@example.com", Role::Viewer).await;
    for (seconds, kept) in [(600 + WEEK, true), (601 + WEEK, false)] {
        let at = after_now(seconds);
        let new = NewSession { created_at: at, expires_at: after_now(seconds + 60), ..new_session() };
        let by = Entrance::Member { id: bea, subject: None };
        store.begin_session(by, new, note_at("session.begin", at)).await.unwrap();
        assert_eq!(store.find_link(old).await.unwrap().is_some(), kept, "{seconds}");
    }
}
