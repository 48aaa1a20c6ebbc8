//! Who may change something is looked at once more in the transaction that changes it.

use claviger_model::{AccountState, OperatorId, Role, RoleSet};
use claviger_store::{AccountChange, AuditNote, Authority, MemberChange, NewLink, SessionsOf, StoreError};

use super::{
    Fixture,
    members::{change, new_password},
};
use crate::samples::{
    NOW, account, after_now, member, new_link, new_operator, note, note_at, signed_in, trail,
};

/// Who was judged by the head of a request may be nobody by the time its body has come.
#[tokio::test]
async fn whoever_lost_their_session_or_role_meanwhile_changes_nothing() {
    let Fixture { store, .. } = &Fixture::new().await;
    let owner = account(store).await;
    member(store, owner, "zoe@example.com", Role::Administrator).await;
    let eve = member(store, owner, "eve@example.com", Role::Viewer).await;
    let (theirs, _) = signed_in(store, eve).await;
    let administrators = RoleSet::from_iter([Role::Administrator]);
    for (case, holds) in [
        ("stays", true),
        ("downgraded", false),
        ("signed out", false),
        ("ran out", false),
        ("removed", false),
    ] {
        let ada =
            member(store, owner, &format!("{}@example.com", case.replace(' ', "")), Role::Administrator)
                .await;
        let (open, _) = signed_in(store, ada).await;
        let mut at = NOW;
        match case {
            "downgraded" => {
                change(store, ada, MemberChange::SetRole(Role::Developer)).await.unwrap();
            }
            "signed out" => {
                let ended = SessionsOf::One(open.session.id);
                assert_eq!(store.end_sessions(ended, None, note("session.end")).await.unwrap(), 1);
            }
            "ran out" => at = after_now(3600),
            "removed" => {
                change(store, ada, MemberChange::Remove).await.unwrap();
            }
            _ => {}
        }
        let authority =
            Authority::Session { session: open.session.id, roles: administrators, while_suspended: false };
        let by = |action| AuditNote { authority, ..note_at(action, at) };
        let linked = by("link.create");
        let link = NewLink { linked, ..new_link(owner, "new@example.com", Role::Viewer) };
        let events = trail(store).await.len();
        let answers = [
            store.insert_link(link).await.map(drop),
            store
                .change_member(
                    eve,
                    Some(owner),
                    new_password(Some(theirs.session.id)),
                    true,
                    by("member.change"),
                )
                .await
                .map(drop),
            store.end_sessions(SessionsOf::Member(ada), Some(owner), by("session.end")).await.map(drop),
        ];
        for answer in answers {
            assert_eq!(answer.is_ok(), holds, "{case}: {answer:?}");
            assert!(holds || matches!(answer, Err(StoreError::AuthorityLost)), "{case}: {answer:?}");
        }
        assert_eq!(trail(store).await.len() > events, holds, "{case}");
    }
}

#[tokio::test]
async fn a_role_that_is_not_among_those_that_may_is_refused_and_so_is_a_revoked_operator() {
    let Fixture { store, .. } = &Fixture::new().await;
    let owner = account(store).await;
    store.initialise(new_operator("all"), note("init")).await.unwrap();
    for role in Role::ALL {
        let id = member(store, owner, &format!("{}@example.com", role.as_str()), role).await;
        let (open, _) = signed_in(store, id).await;
        for roles in [RoleSet::ALL, RoleSet::from_iter([Role::Developer]), RoleSet::from_iter([])] {
            let session = open.session.id;
            let authority = Authority::Session { session, roles, while_suspended: false };
            let by = AuditNote { authority, ..note("member.change") };
            let changed = store.change_member(id, None, new_password(Some(open.session.id)), true, by).await;
            assert_eq!(changed.is_ok(), roles.include(role), "{role:?} among {roles:?}");
        }
    }
    let nobody = Authority::Operator(OperatorId::from_bytes([9; 16]));
    let linked = AuditNote { authority: nobody, ..note("link.create") };
    let link = NewLink { linked, ..new_link(owner, "new@example.com", Role::Viewer) };
    assert!(matches!(store.insert_link(link).await, Err(StoreError::AuthorityLost)));
}

#[tokio::test]
async fn a_suspended_accounts_member_does_only_what_is_allowed_then() {
    let Fixture { store, .. } = &Fixture::new().await;
    let owner = account(store).await;
    let ada = member(store, owner, "ada@example.com", Role::Administrator).await;
    let (open, _) = signed_in(store, ada).await;
    let suspend = (AccountChange::SetState(AccountState::Suspended), note("account.suspend"));
    store.patch_account(owner, vec![suspend]).await.unwrap();
    for while_suspended in [false, true] {
        let session = open.session.id;
        let authority = Authority::Session { session, roles: RoleSet::ALL, while_suspended };
        let by = AuditNote { authority, ..note("member.password") };
        let changed = store.change_member(ada, None, new_password(Some(session)), true, by).await;
        assert_eq!(changed.is_ok(), while_suspended, "{changed:?}");
    }
}
