//! What members allow applications, and take back.

use claviger_model::{AccountId, ClientId, Digest, KeyState, MemberId, Role, Scopes};
use claviger_store::{
    AuditFilter, ClientChange, ConsentFilter, ConsentRow, KeyChange, MemberChange, NewCode, PageRequest,
    Store, StoreError,
};

use super::Fixture;
use crate::{
    app_samples::{
        By, allowed, change_client, client, consents, exchange, granted, granted_in_its_own, held,
        new_client, new_code, new_grant, record, refresh, refreshing, scopes,
    },
    samples::{NOW, account, after_now, change, first, load, member, new_account, note, note_at, trail},
};

async fn ada(store: &Store, account: AccountId) -> MemberId {
    member(store, account, "ada@example.com", Role::Administrator).await
}

fn nobody() -> MemberId {
    MemberId::from_bytes([9; 16])
}

async fn remove(store: &Store, member: MemberId) -> claviger_store::Committed<claviger_store::MemberRow> {
    let when = note_at("member.remove", after_now(5));
    store.change_member(member, None, MemberChange::Remove, false, when).await.unwrap()
}

#[tokio::test]
async fn a_code_is_found_as_it_was_made() {
    let Fixture { store, .. } = &Fixture::new().await;
    let owner = account(store).await;
    let new = new_code(client(store).await, ada(store, owner).await);
    assert!(store.find_code(new.digest).await.unwrap().is_none());
    store.allow(new.clone(), note("consent.give")).await.unwrap();
    let found = store.find_code(new.digest).await.unwrap().unwrap();
    assert_eq!((found.client, found.member, found.account), (new.client, new.member, owner));
    assert_eq!((found.redirect_uri, found.challenge), (new.redirect_uri, new.challenge));
    assert_eq!((found.scopes, found.expires_at, found.key), (new.scopes, new.expires_at, None));
    assert_eq!(
        trail(store).await.last().unwrap(),
        &("consent.give".to_owned(), Some(new.client.to_string()))
    );
    let of_account = AuditFilter { account: Some(owner), ..AuditFilter::default() };
    let told = store.list_audit(of_account, first(9)).await.unwrap().items;
    assert_eq!(told.last().unwrap().action, "consent.give");
}

#[tokio::test]
async fn what_is_allowed_adds_up_and_a_code_is_for_what_was_asked() {
    let Fixture { store, .. } = &Fixture::new().await;
    let (client, owner) = (client(store).await, account(store).await);
    let ada = ada(store, owner).await;
    assert_eq!(store.find_consent(client, ada).await.unwrap(), None);
    for (asked, seconds, together) in [
        (scopes(&["costs:read"]), 0, scopes(&["costs:read"])),
        (scopes(&["alerts:write"]), 1, scopes(&["alerts:write", "costs:read"])),
        (scopes(&["costs:read"]), 2, scopes(&["alerts:write", "costs:read"])),
        (Scopes::All, 3, Scopes::All),
        (scopes(&["costs:read"]), 4, Scopes::All),
    ] {
        let at = after_now(seconds);
        let code = NewCode { scopes: asked.clone(), created_at: at, ..new_code(client, ada) };
        let digest = code.digest;
        store.allow(code, note_at("consent.give", at)).await.unwrap();
        assert_eq!(store.find_consent(client, ada).await.unwrap().as_ref(), Some(&together));
        assert_eq!(store.find_code(digest).await.unwrap().unwrap().scopes, asked);
        let [consent] = &consents(store, owner).await[..] else { panic!("one") };
        assert_eq!((&consent.scopes, consent.granted_at), (&together, at));
    }
}

/// What is remembered spares a member a question, and no more: the application can ask again for what it loses by this.
#[tokio::test]
async fn where_all_that_was_allowed_is_too_much_the_last_remains() {
    let Fixture { store, .. } = &Fixture::new().await;
    let (client, ada) = (client(store).await, ada(store, account(store).await).await);
    let many = (0..256).map(|number| format!("s{number}").parse().unwrap()).collect();
    let most = NewCode { scopes: Scopes::listed(many).unwrap(), ..new_code(client, ada) };
    store.allow(most.clone(), note("consent.give")).await.unwrap();
    assert_eq!(store.find_consent(client, ada).await.unwrap(), Some(most.scopes));
    allowed(store, client, ada).await;
    assert_eq!(store.find_consent(client, ada).await.unwrap(), Some(scopes(&["costs:read"])));
}

#[tokio::test]
async fn a_consent_stands_or_falls_with_its_code_and_its_event() {
    let Fixture { store, .. } = &Fixture::new().await;
    let (client, ada) = (client(store).await, ada(store, account(store).await).await);
    let code = new_code(client, ada);
    store.allow(code.clone(), note("consent.give")).await.unwrap();
    let events = trail(store).await.len();
    let taken = NewCode { scopes: scopes(&["alerts:write"]), ..code.clone() };
    let refused = store.allow(taken, note("consent.give")).await;
    assert!(matches!(refused, Err(StoreError::Internal(_))), "{refused:?}");
    assert_eq!(store.find_consent(client, ada).await.unwrap(), Some(code.scopes));
    assert_eq!(trail(store).await.len(), events);
}

#[tokio::test]
async fn a_code_is_used_up_with_the_grant_or_not_at_all() {
    let Fixture { store, .. } = &Fixture::new().await;
    let client = client(store).await;
    let (owner, ada, held) = granted_in_its_own(store, client).await;
    let (unused, events) = (allowed(store, client, ada).await, trail(store).await.len());
    let mut taken = new_grant(owner, client);
    taken.key.secret.digest = held.access;
    let id = taken.key.id;
    let refused = exchange(store, By::Code(unused), taken, 0).await;
    assert!(matches!(refused, Err(StoreError::Internal(_))), "{refused:?}");
    assert!(store.find_key(id).await.unwrap().is_none());
    assert_eq!(store.find_code(unused).await.unwrap().unwrap().key, None);
    let mut taken = refreshing(held.refresh, 1);
    taken.refresh.digest = held.refresh;
    let refused = refresh(store, taken, 1).await;
    assert!(matches!(refused, Err(StoreError::Internal(_))), "{refused:?}");
    assert_eq!(store.find_refresh(held.refresh).await.unwrap().unwrap().used_at, None);
    assert_eq!(store.find_key(held.key).await.unwrap().unwrap().secrets.len(), 1);
    assert_eq!(trail(store).await.len(), events);
}

#[tokio::test]
async fn consents_are_listed_by_account_by_member_and_by_application() {
    let Fixture { store, .. } = &Fixture::new().await;
    let (one, other, gone) = (client(store).await, client(store).await, client(store).await);
    let (owner, ada, first_held) = granted_in_its_own(store, one).await;
    let bob = member(store, owner, "bob@example.com", Role::Viewer).await;
    let second_held = held(store, owner, one, ada).await;
    let revoked_held = held(store, owner, one, ada).await;
    change(store, second_held.key, KeyChange::Disable).await.unwrap();
    change(store, revoked_held.key, KeyChange::Revoke).await.unwrap();
    allowed(store, other, ada).await;
    allowed(store, one, bob).await;
    allowed(store, gone, bob).await;
    granted_in_its_own(store, one).await;
    change_client(store, gone, ClientChange::Revoke).await.unwrap();

    let list = async |account, member, client| {
        let filter = ConsentFilter { account, member, client };
        let listed = store.list_consents(filter, first(9)).await.unwrap();
        assert_eq!(listed.next, None);
        let told = |row: &ConsentRow| (row.id.client, row.id.member, row.email.to_string(), row.keys.clone());
        listed.items.iter().map(told).collect::<Vec<_>>()
    };
    let of_ada = [
        (one, ada, "ada@example.com".to_owned(), vec![first_held.key, second_held.key]),
        (other, ada, "ada@example.com".to_owned(), Vec::new()),
    ];
    let of_bob = [(one, bob, "bob@example.com".to_owned(), Vec::new())];
    assert_eq!(list(owner, Some(ada), None).await, of_ada);
    assert_eq!(list(owner, Some(bob), None).await, of_bob);
    assert_eq!(list(owner, Some(ada), Some(other)).await, of_ada[1..]);
    assert!(list(owner, Some(bob), Some(gone)).await.is_empty(), "it was revoked");
    let [ada_one, ada_other] = of_ada;
    let [bob_one] = of_bob;
    assert_eq!(list(owner, None, Some(one)).await, [ada_one.clone(), bob_one.clone()]);
    assert_eq!(list(owner, None, None).await, [ada_one, bob_one, ada_other]);
    let elsewhere = account(store).await;
    assert!(list(elsewhere, None, None).await.is_empty());
    assert!(list(elsewhere, Some(ada), Some(one)).await.is_empty());
    assert!(list(owner, Some(nobody()), None).await.is_empty());
    let row = &consents(store, owner).await[1];
    assert_eq!((&*row.name, row.verified), ("Ledger", false));
    assert_eq!((&row.scopes, row.granted_at), (&scopes(&["costs:read"]), NOW));
}

#[tokio::test]
async fn consents_come_in_pages_and_none_twice() {
    let Fixture { store, .. } = &Fixture::new().await;
    let owner = account(store).await;
    let clients = [client(store).await, client(store).await];
    let mut keys = Vec::new();
    for name in ["ada", "bob", "eve"] {
        let member = member(store, owner, &format!("{name}@example.com"), Role::Administrator).await;
        for client in clients {
            keys.push(held(store, owner, client, member).await.key);
        }
    }
    let all = consents(store, owner).await;
    let told = |row: &ConsentRow| (row.id, row.keys.clone());
    let all: Vec<_> = all.iter().map(told).collect();
    assert_eq!(all.len(), keys.len());
    let filter = ConsentFilter { account: owner, member: None, client: None };
    for limit in 1..=6 {
        let (mut after, mut listed) = (None, Vec::new());
        loop {
            let page = store.list_consents(filter, PageRequest { after, limit }).await.unwrap();
            assert!(page.items.len() <= limit);
            listed.extend(page.items.iter().map(told));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(listed, all, "{limit} a page");
    }
    let id = all[0].0;
    assert_eq!(id.to_string().parse(), Ok(id));
}

#[tokio::test]
async fn nothing_is_allowed_to_or_by_somebody_who_is_not_there() {
    let Fixture { store, .. } = &Fixture::new().await;
    let owner = account(store).await;
    let (there, gone) = (client(store).await, client(store).await);
    let (ada, bob) = (ada(store, owner).await, member(store, owner, "bob@example.com", Role::Viewer).await);
    let elsewhere =
        store.insert_client(new_client("other"), None, note("client.create")).await.unwrap().value.id;
    change_client(store, gone, ClientChange::Revoke).await.unwrap();
    remove(store, bob).await;
    let events = trail(store).await.len();
    for (client, member, why) in [
        (gone, ada, "it was revoked"),
        (ClientId::from_bytes([9; 16]), ada, "it never was"),
        (elsewhere, ada, "it is of another api"),
        (there, bob, "they were removed"),
        (there, nobody(), "they never were"),
    ] {
        let code = new_code(client, member);
        let digest = code.digest;
        let refused = store.allow(code, note("consent.give")).await;
        assert!(matches!(refused, Err(StoreError::NotFound)), "{why}: {refused:?}");
        assert_eq!(store.find_consent(client, member).await.unwrap(), None, "{why}");
        assert!(store.find_code(digest).await.unwrap().is_none(), "{why}");
    }
    assert_eq!(trail(store).await.len(), events);
}

#[tokio::test]
async fn what_is_withdrawn_ends_with_its_grants_and_no_others() {
    let Fixture { store, .. } = &Fixture::new().await;
    let (ours, theirs) = (client(store).await, client(store).await);
    let (owner, ada, one) = granted_in_its_own(store, ours).await;
    let two = held(store, owner, ours, ada).await;
    change(store, two.key, KeyChange::Disable).await.unwrap();
    let bob = member(store, owner, "bob@example.com", Role::Viewer).await;
    let kept = [held(store, owner, theirs, ada).await, held(store, owner, ours, bob).await];
    let spare = allowed(store, ours, ada).await;

    let events = trail(store).await.len();
    let elsewhere = account(store).await;
    for (client, member, within) in
        [(ours, ada, elsewhere), (ClientId::from_bytes([9; 16]), ada, owner), (ours, nobody(), owner)]
    {
        let refused = store.withdraw(client, member, within, note("consent.withdraw")).await;
        assert!(matches!(refused, Err(StoreError::NotFound)), "{refused:?}");
    }
    assert_eq!(trail(store).await.len(), events + 1, "of the account alone");

    let when = note_at("consent.withdraw", after_now(5));
    let withdrawn = store.withdraw(ours, ada, owner, when.clone()).await.unwrap();
    assert_eq!((withdrawn.made, withdrawn.seq), (true, load(store, NOW).await.0.head));
    for held in [one, two] {
        let told = record(store, held.access).await;
        assert_eq!((told.state, told.ends_at), (KeyState::Revoked, Some(after_now(5))));
        assert!(matches!(refresh(store, refreshing(held.refresh, 6), 6).await, Err(StoreError::NotFound)));
    }
    for held in kept {
        assert_eq!(record(store, held.access).await.state, KeyState::Active);
    }
    assert_eq!(store.find_consent(ours, ada).await.unwrap(), None);
    assert!(store.find_consent(ours, bob).await.unwrap().is_some());
    assert_eq!(trail(store).await.last().unwrap(), &("consent.withdraw".to_owned(), Some(ours.to_string())));
    let of_account = AuditFilter { account: Some(owner), ..AuditFilter::default() };
    let told = store.list_audit(of_account, first(99)).await.unwrap().items;
    assert_eq!(told.last().unwrap().action, "consent.withdraw");

    assert!(matches!(code(store, spare, owner, ours).await, Err(StoreError::NotFound)));
    assert!(matches!(store.withdraw(ours, ada, owner, when).await, Err(StoreError::NotFound)));
}

async fn code(
    store: &Store,
    digest: Digest,
    account: AccountId,
    client: ClientId,
) -> Result<claviger_store::Committed<claviger_store::Exchanged>, StoreError> {
    exchange(store, By::Code(digest), new_grant(account, client), 6).await
}

#[tokio::test]
async fn a_new_consent_brings_no_code_back_that_was_withdrawn() {
    let Fixture { store, .. } = &Fixture::new().await;
    let client = client(store).await;
    let (owner, ada, held) = granted_in_its_own(store, client).await;
    let unused = allowed(store, client, ada).await;
    store.withdraw(client, ada, owner, note("consent.withdraw")).await.unwrap();
    let anew = allowed(store, client, ada).await;
    assert!(matches!(code(store, unused, owner, client).await, Err(StoreError::NotFound)));
    // The one that was used is still known for a replay, which ends what was ended.
    let replayed = code(store, held.code, owner, client).await.unwrap();
    assert!(!replayed.made);
    let key = granted(code(store, anew, owner, client).await);
    assert_eq!(store.find_key(key.id).await.unwrap().unwrap().state, KeyState::Active);
}

#[tokio::test]
async fn whoever_is_removed_allows_nothing_any_more() {
    let Fixture { store, .. } = &Fixture::new().await;
    let client = client(store).await;
    let (owner, ada, held_by_ada) = granted_in_its_own(store, client).await;
    let bob = member(store, owner, "bob@example.com", Role::Viewer).await;
    let kept = held(store, owner, client, bob).await;
    let unused = allowed(store, client, ada).await;
    let removed = remove(store, ada).await;
    assert_eq!(removed.seq, load(store, NOW).await.0.head);
    let told = record(store, held_by_ada.access).await;
    assert_eq!((told.state, told.ends_at), (KeyState::Revoked, Some(after_now(5))));
    assert_eq!(record(store, kept.access).await.state, KeyState::Active);
    assert_eq!(store.find_consent(client, ada).await.unwrap(), None);
    assert!(consents(store, owner).await.iter().all(|consent| consent.id.member == bob));
    assert!(matches!(code(store, unused, owner, client).await, Err(StoreError::NotFound)));
    let refreshed = refresh(store, refreshing(held_by_ada.refresh, 6), 6).await;
    assert!(matches!(refreshed, Err(StoreError::NotFound)), "{refreshed:?}");
}

/// Grants are found by who made them, whatever the caller says of that.
#[tokio::test]
async fn a_grant_is_its_member_s_whoever_is_said_to_have_made_it() {
    let Fixture { store, .. } = &Fixture::new().await;
    let client = client(store).await;
    let (owner, ada, held) = granted_in_its_own(store, client).await;
    assert_eq!(store.find_key(held.key).await.unwrap().unwrap().created_by, format!("member:{ada}"));
    assert_eq!(&*record(store, held.access).await.terms.created_by, format!("member:{ada}"));
    assert_eq!(consents(store, owner).await[0].keys, [held.key]);
}

#[tokio::test]
async fn what_ran_out_a_day_ago_is_forgotten_by_the_next_consent() {
    let Fixture { store, .. } = &Fixture::new().await;
    let client = client(store).await;
    let (_, ada, held) = granted_in_its_own(store, client).await;
    let other = ada_of_another(store, client).await;
    let next = async |seconds| {
        let expires_at = after_now(seconds + 60);
        let code = NewCode { created_at: after_now(seconds), expires_at, ..new_code(client, ada) };
        store.allow(code, note_at("consent.give", after_now(seconds))).await.unwrap();
    };
    let day = 86_400;
    next(60 + day).await;
    assert!(store.find_code(held.code).await.unwrap().is_some());
    next(61 + day).await;
    for code in [held.code, other] {
        assert!(store.find_code(code).await.unwrap().is_none());
    }
    assert!(store.find_refresh(held.refresh).await.unwrap().is_some());
    next(2 * day).await;
    assert!(store.find_refresh(held.refresh).await.unwrap().is_some());
    next(2 * day + 1).await;
    assert!(store.find_refresh(held.refresh).await.unwrap().is_none());
    assert!(store.find_key(held.key).await.unwrap().is_some());
}

/// An unused code in an account of its own.
async fn ada_of_another(store: &Store, client: ClientId) -> Digest {
    let new = store.insert_account(new_account("cashcat"), note("account.create"), None).await.unwrap();
    let member = ada(store, new.value.0.id).await;
    allowed(store, client, member).await
}
