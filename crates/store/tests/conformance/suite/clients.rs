//! OAuth clients: registered, changed and revoked.

use claviger_model::{ClientId, KeyState, oauth::ClientKind, oauth::RedirectUri};
use claviger_store::{
    AuditFilter, Authority, ClientChange, ClientFilter, Exchange, NewClient, PageRequest, Store, StoreError,
};

use super::Fixture;
use crate::{
    app_samples::{
        By, allowed, change_client, client, client_of, consents, exchange, granted_in_its_own, new_client,
        new_code, new_grant, record, refresh, refreshing, scopes,
    },
    samples::{
        NOW, account, after_now, call, change, first, new_account, new_operator, new_secret, note, trail,
    },
};

const NOTHING: ClientChange = ClientChange::Describe {
    name: None,
    redirect_uris: None,
    scopes: None,
    verified: None,
    introspects: None,
};

async fn insert(store: &Store, new: NewClient) -> Result<ClientId, StoreError> {
    store.insert_client(new, None, note("client.create")).await.map(|made| made.value.id)
}

#[tokio::test]
async fn a_client_is_found_as_it_was_made() {
    let Fixture { store, .. } = &Fixture::new().await;
    let account = account(store).await;
    let confidential =
        NewClient { account: Some(account), verified: true, introspects: true, ..new_client("cashcat") };
    let public =
        NewClient { kind: ClientKind::Public, secret: None, redirect_uris: Vec::new(), ..new_client("b") };
    for new in [confidential, public] {
        let made = store.insert_client(new.clone(), None, note("client.create")).await.unwrap();
        let found = store.find_client(new.id).await.unwrap().unwrap();
        assert_eq!((format!("{:?}", made.value), made.made), (format!("{found:?}"), true));
        assert_eq!((found.id, &found.api, found.account), (new.id, &new.api, new.account));
        assert_eq!((&found.name, found.kind), (&new.name, new.kind));
        assert_eq!((found.redirect_uris, found.scopes), (new.redirect_uris, new.scopes));
        assert_eq!((found.verified, found.introspects), (new.verified, new.introspects));
        assert_eq!((found.created_at, found.created_by, found.revoked_at), (NOW, new.created_by, None));
        let secrets: Vec<_> = found.secrets.iter().map(|one| (one.number, one.digest, &one.hint)).collect();
        let expected: Vec<_> = new.secret.iter().map(|secret| (1, secret.digest, &secret.hint)).collect();
        assert_eq!(secrets, expected);
        assert!(found.secrets.iter().all(|secret| secret.created_at == NOW && secret.ends_at.is_none()));
        assert_eq!(
            trail(store).await.last().unwrap(),
            &("client.create".to_owned(), Some(new.id.to_string()))
        );
    }
    assert!(store.find_client(ClientId::from_bytes([9; 16])).await.unwrap().is_none());
    let of_account = AuditFilter { account: Some(account), ..AuditFilter::default() };
    assert_eq!(store.list_audit(of_account, first(9)).await.unwrap().items.len(), 2);
}

#[tokio::test]
async fn clients_are_listed_by_api_in_pages_without_the_revoked_ones() {
    let Fixture { store, .. } = &Fixture::new().await;
    let mut all = Vec::new();
    for name in ["a", "b", "a", "a", "b"] {
        all.push(insert(store, new_client(name)).await.unwrap());
    }
    change_client(store, all[2], ClientChange::Revoke).await.unwrap();
    let list = async |filter: ClientFilter, after, limit| {
        let page = store.list_clients(filter, PageRequest { after, limit }).await.unwrap();
        (page.items.iter().map(|client| client.id).collect::<Vec<_>>(), page.next)
    };
    let every = || ClientFilter { include_revoked: true, ..ClientFilter::default() };
    assert_eq!(list(ClientFilter::default(), None, 9).await, (vec![all[0], all[1], all[3], all[4]], None));
    assert_eq!(list(every(), None, 5).await, (all.clone(), None));
    assert_eq!(list(every(), None, 2).await, (all[..2].to_vec(), Some(all[1])));
    assert_eq!(list(every(), Some(all[1]), 2).await, (all[2..4].to_vec(), Some(all[3])));
    assert_eq!(list(every(), Some(all[3]), 2).await, (vec![all[4]], None));
    let of = |name: &str| ClientFilter { api: Some(name.into()), ..ClientFilter::default() };
    assert_eq!(list(of("a"), None, 9).await.0, [all[0], all[3]]);
    assert_eq!(
        list(ClientFilter { include_revoked: true, ..of("a") }, None, 9).await.0,
        [all[0], all[2], all[3]]
    );
    assert_eq!(list(of("c"), None, 9).await, (Vec::new(), None));
    let listed = store.list_clients(of("b"), first(1)).await.unwrap().items;
    assert_eq!(format!("{listed:?}"), format!("{:?}", [store.find_client(all[1]).await.unwrap().unwrap()]));
}

#[tokio::test]
async fn a_client_acts_for_an_account_of_its_own_api_alone() {
    let Fixture { store, .. } = &Fixture::new().await;
    let other = store.insert_account(new_account("other"), note("account.create"), None).await.unwrap();
    for account in [other.value.0.id, claviger_model::AccountId::from_bytes([9; 16])] {
        let new = NewClient { account: Some(account), ..new_client("cashcat") };
        let id = new.id;
        assert!(matches!(insert(store, new).await, Err(StoreError::NotFound)));
        assert!(store.find_client(id).await.unwrap().is_none());
    }
    assert_eq!(trail(store).await.len(), 1);
}

#[tokio::test]
async fn a_client_comes_with_its_secret_or_not_at_all() {
    let Fixture { store, .. } = &Fixture::new().await;
    let there = client(store).await;
    let secret = new_secret();
    let first = NewClient { secret: Some(secret.clone()), ..new_client("cashcat") };
    insert(store, first).await.unwrap();
    let (again, events) =
        (NewClient { secret: Some(secret.clone()), ..new_client("cashcat") }, trail(store).await.len());
    let id = again.id;
    assert!(matches!(insert(store, again).await, Err(StoreError::Internal(_))));
    assert!(store.find_client(id).await.unwrap().is_none());
    let rotated = ClientChange::Rotate { secret, others_end_at: NOW, call: None };
    assert!(matches!(change_client(store, there, rotated).await, Err(StoreError::Internal(_))));
    let [kept] = &store.find_client(there).await.unwrap().unwrap().secrets[..] else { panic!("one secret") };
    assert_eq!(kept.ends_at, None);
    assert_eq!(trail(store).await.len(), events);
}

#[tokio::test]
async fn a_repeated_registration_is_told_what_the_first_one_made() {
    let Fixture { store, .. } = &Fixture::new().await;
    let register = |call| store.insert_client(new_client("cashcat"), Some(call), note("client.create"));
    let missing = Some(claviger_model::AccountId::from_bytes([9; 16]));
    let refused = NewClient { account: missing, ..new_client("cashcat") };
    let refused = store.insert_client(refused, Some(call("1", 1)), note("client.create")).await;
    assert!(matches!(refused, Err(StoreError::NotFound)), "{refused:?}");
    let made = register(call("1", 1)).await.unwrap().value.id;
    let again = register(call("1", 1)).await;
    assert!(matches!(&again, Err(StoreError::AlreadyCreated(id)) if *id == made.to_string()), "{again:?}");
    assert!(matches!(register(call("1", 2)).await, Err(StoreError::IdempotencyMismatch)));
    assert_eq!(store.list_clients(ClientFilter::default(), first(9)).await.unwrap().items.len(), 1);
    assert_eq!(trail(store).await.len(), 1);
}

#[tokio::test]
async fn a_client_is_described() {
    let Fixture { store, .. } = &Fixture::new().await;
    let id = client(store).await;
    let before = store.find_client(id).await.unwrap().unwrap();
    let same = change_client(store, id, NOTHING).await.unwrap().value;
    assert_eq!(format!("{same:?}"), format!("{before:?}"));

    let redirect_uris = vec![RedirectUri::register("com.example.ledger:/cb").unwrap()];
    let described = ClientChange::Describe {
        name: Some("Ledger 2".to_owned()),
        redirect_uris: Some(redirect_uris.clone()),
        scopes: Some(scopes(&["a"])),
        verified: Some(true),
        introspects: Some(true),
    };
    let changed = change_client(store, id, described).await.unwrap();
    let found = store.find_client(id).await.unwrap().unwrap();
    assert_eq!((format!("{:?}", changed.value), changed.made), (format!("{found:?}"), true));
    assert_eq!(
        (found.name.as_str(), found.redirect_uris, found.scopes),
        ("Ledger 2", redirect_uris, scopes(&["a"]))
    );
    assert_eq!((found.verified, found.introspects, found.secrets.len()), (true, true, 1));
    let back = ClientChange::Describe {
        name: None,
        redirect_uris: Some(Vec::new()),
        scopes: None,
        verified: Some(false),
        introspects: None,
    };
    let found = change_client(store, id, back).await.unwrap().value;
    assert_eq!((found.redirect_uris.len(), found.verified, found.introspects), (0, false, true));
    let told = ("client.change".to_owned(), Some(id.to_string()));
    assert_eq!(trail(store).await[1..], [told.clone(), told.clone(), told]);
}

#[tokio::test]
async fn a_secret_is_rotated_and_the_older_ones_end_no_later_than_before() {
    let Fixture { store, .. } = &Fixture::new().await;
    let id = client(store).await;
    let turn = async |seconds, others_end_at| {
        let secret = new_secret();
        let change = ClientChange::Rotate { secret: secret.clone(), others_end_at, call: None };
        let note = crate::samples::note_at("client.rotate", after_now(seconds));
        let changed = store.change_client(id, change, note).await.unwrap().value;
        let newest = &changed.secrets[0];
        assert_eq!((newest.digest, newest.created_at), (secret.digest, after_now(seconds)));
        changed.secrets.iter().map(|secret| (secret.number, secret.ends_at)).collect::<Vec<_>>()
    };
    assert_eq!(turn(1, after_now(60)).await, [(2, None), (1, Some(after_now(60)))]);
    assert_eq!(turn(2, after_now(90)).await, [(3, None), (2, Some(after_now(90))), (1, Some(after_now(60)))]);
    let ended = Some(after_now(3));
    assert_eq!(turn(3, after_now(3)).await, [(4, None), (3, ended), (2, ended), (1, ended)]);
    assert_eq!(trail(store).await.len(), 4);
    // A public client gains a secret no less than others, where somebody gives it one.
    let public = NewClient { kind: ClientKind::Public, secret: None, ..new_client("cashcat") };
    let public = insert(store, public).await.unwrap();
    let rotated = ClientChange::Rotate { secret: new_secret(), others_end_at: NOW, call: None };
    assert_eq!(change_client(store, public, rotated).await.unwrap().value.secrets[0].number, 1);
}

#[tokio::test]
async fn a_revoked_client_takes_all_its_grants_along() {
    let Fixture { store, .. } = &Fixture::new().await;
    let (ours, theirs) = (client(store).await, client(store).await);
    let (_, ada, one) = granted_in_its_own(store, ours).await;
    let (account, _, other) = granted_in_its_own(store, ours).await;
    let (_, _, kept) = granted_in_its_own(store, theirs).await;
    change(store, other.key, claviger_store::KeyChange::Disable).await.unwrap();
    let spare = allowed(store, ours, ada).await;

    let when = crate::samples::note_at("client.revoke", after_now(5));
    let revoked = store.change_client(ours, ClientChange::Revoke, when).await.unwrap();
    assert_eq!((revoked.made, revoked.value.revoked_at), (true, Some(after_now(5))));
    for held in [one, other] {
        let key = store.find_key(held.key).await.unwrap().unwrap();
        assert_eq!((key.state, key.revoked_at), (KeyState::Revoked, Some(after_now(5))));
        let told = record(store, held.access).await;
        assert_eq!((told.state, told.ends_at), (KeyState::Revoked, Some(after_now(5))));
        assert!(matches!(refresh(store, refreshing(held.refresh, 6), 6).await, Err(StoreError::NotFound)));
    }
    let head = crate::samples::load(store, NOW).await.0.head;
    assert_eq!(revoked.seq, head);
    assert_eq!(trail(store).await.last().unwrap(), &("client.revoke".to_owned(), Some(ours.to_string())));
    assert_eq!(store.find_key(kept.key).await.unwrap().unwrap().state, KeyState::Active);

    let events = trail(store).await.len();
    let rotated = ClientChange::Rotate { secret: new_secret(), others_end_at: NOW, call: None };
    for refused in [NOTHING, rotated] {
        assert!(matches!(change_client(store, ours, refused).await, Err(StoreError::Revoked)));
    }
    let again = change_client(store, ours, ClientChange::Revoke).await.unwrap();
    assert_eq!((again.made, again.seq, again.value.revoked_at), (false, head, Some(after_now(5))));
    let grant = || new_grant(account, ours);
    assert!(matches!(exchange(store, By::Code(spare), grant(), 6).await, Err(StoreError::NotFound)));
    let refused = store.allow(new_code(ours, ada), note("consent.give")).await;
    assert!(matches!(refused, Err(StoreError::NotFound)), "{refused:?}");
    assert!(consents(store, account).await.is_empty());
    assert_eq!(trail(store).await.len(), events);
}

#[tokio::test]
async fn a_repeated_rotation_is_told_whose_secret_the_first_one_made() {
    let Fixture { store, .. } = &Fixture::new().await;
    let id = client(store).await;
    let turn = |body| {
        let (secret, call) = (new_secret(), Some(call("1", body)));
        change_client(store, id, ClientChange::Rotate { secret, others_end_at: after_now(60), call })
    };
    turn(1).await.unwrap();
    let events = trail(store).await.len();
    assert!(matches!(turn(1).await, Err(StoreError::AlreadyCreated(made)) if made == id.to_string()));
    assert!(matches!(turn(2).await, Err(StoreError::IdempotencyMismatch)));
    assert_eq!(store.find_client(id).await.unwrap().unwrap().secrets.len(), 2);
    assert_eq!(trail(store).await.len(), events);
    change_client(store, id, ClientChange::Revoke).await.unwrap();
    assert!(matches!(turn(1).await, Err(StoreError::AlreadyCreated(_))), "it was made all the same");
}

#[tokio::test]
async fn a_client_that_is_not_there_is_not_found() {
    let Fixture { store, .. } = &Fixture::new().await;
    for wanted in [
        NOTHING,
        ClientChange::Rotate { secret: new_secret(), others_end_at: NOW, call: None },
        ClientChange::Revoke,
    ] {
        let refused = change_client(store, ClientId::from_bytes([9; 16]), wanted).await;
        assert!(matches!(refused, Err(StoreError::NotFound)), "{refused:?}");
    }
    assert_eq!(trail(store).await.len(), 0);
}

/// Whoever was revoked since their call was judged changes nothing.
#[tokio::test]
async fn nobody_without_the_right_changes_anything_about_applications() {
    let Fixture { store, .. } = &Fixture::new().await;
    let (gone, _) = (new_operator("all"), store.initialise(new_operator("all"), note("init")).await.unwrap());
    store.insert_operator(gone.clone(), None, note("operator.issue")).await.unwrap();
    store.revoke_operator(gone.id, note("operator.revoke")).await.unwrap();
    let client = client(store).await;
    let (account, ada, held) = granted_in_its_own(store, client).await;
    let own = client_of(store, account).await;
    let events = trail(store).await.len();

    let lost = || claviger_store::AuditNote { authority: Authority::Operator(gone.id), ..note("x") };
    let refusals = [
        store.insert_client(new_client("cashcat"), None, lost()).await.map(drop),
        store.change_client(client, ClientChange::Revoke, lost()).await.map(drop),
        store.allow(new_code(client, ada), lost()).await,
        store.withdraw(client, ada, account, lost()).await.map(drop),
        store.exchange(Exchange::Itself, new_grant(account, own), lost()).await.map(drop),
        store.refresh(refreshing(held.refresh, 0), lost()).await.map(drop),
    ];
    for refused in refusals {
        assert!(matches!(refused, Err(StoreError::AuthorityLost)), "{refused:?}");
    }
    assert_eq!(trail(store).await.len(), events);
    assert_eq!(store.find_refresh(held.refresh).await.unwrap().unwrap().used_at, None);
}
