//! Applications to store, and what they are granted.

use claviger_model::{
    AccountId, ClientId, Digest, KeyId, MemberId, Scopes, Timestamp,
    oauth::{Challenge, ClientKind, RedirectUri},
};
use claviger_store::{
    ClientChange, ClientRow, Committed, ConsentFilter, ConsentRow, Exchange, Exchanged, KeyRow, NewClient,
    NewCode, NewGrant, NewKey, NewRefresh, NewSecret, Refreshing, Store, StoreError,
};
use claviger_verify::feed::{Record, SecretRecord};

use crate::samples::{after_now, first, load, new_key, new_secret, next, note, note_at};

/// For how many seconds a call is taken for a repetition.
pub(crate) const REPEATED: i64 = 10;

pub(crate) fn scopes(names: &[&str]) -> Scopes {
    Scopes::listed(names.iter().map(|name| name.parse().unwrap()).collect()).unwrap()
}

/// An application that runs where nobody can read its secret, and acts for no account by itself.
pub(crate) fn new_client(api: &str) -> NewClient {
    NewClient {
        id: ClientId::from_bytes(next()),
        api: api.into(),
        account: None,
        name: "Ledger".to_owned(),
        kind: ClientKind::Confidential,
        redirect_uris: vec![RedirectUri::register("https://ledger.example/callback").unwrap()],
        scopes: scopes(&["costs:read", "alerts:write"]),
        verified: false,
        introspects: false,
        created_at: crate::samples::NOW,
        created_by: "operator:tests".to_owned(),
        secret: Some(new_secret()),
    }
}

/// An application that is there.
pub(crate) async fn client(store: &Store) -> ClientId {
    store.insert_client(new_client("cashcat"), None, note("client.create")).await.unwrap().value.id
}

/// An application that acts for this account by itself.
pub(crate) async fn client_of(store: &Store, account: AccountId) -> ClientId {
    let new = NewClient { account: Some(account), ..new_client("cashcat") };
    store.insert_client(new, None, note("client.create")).await.unwrap().value.id
}

/// Changes an application.
pub(crate) async fn change_client(
    store: &Store,
    id: ClientId,
    change: ClientChange,
) -> Result<Committed<ClientRow>, StoreError> {
    store.change_client(id, change, note("client.change")).await
}

/// A code that works for a minute.
pub(crate) fn new_code(client: ClientId, member: MemberId) -> NewCode {
    NewCode {
        digest: Digest::of(&next()),
        client,
        member,
        redirect_uri: "https://ledger.example/callback".to_owned(),
        challenge: Challenge::from_bytes([5; 32]),
        scopes: scopes(&["costs:read"]),
        created_at: after_now(0),
        expires_at: after_now(60),
    }
}

/// The code for something that a member has allowed.
pub(crate) async fn allowed(store: &Store, client: ClientId, member: MemberId) -> Digest {
    let code = new_code(client, member);
    let digest = code.digest;
    store.allow(code, note("consent.give")).await.unwrap();
    digest
}

/// An access token that works for ten minutes from this second on.
pub(crate) fn new_access(seconds: i64) -> NewSecret {
    NewSecret { expires_at: Some(after_now(seconds + 600)), ..new_secret() }
}

/// A refresh token that works for a day from this second on.
pub(crate) fn new_refresh(seconds: i64) -> NewRefresh {
    NewRefresh { digest: Digest::of(&next()), expires_at: after_now(seconds + 86_400) }
}

pub(crate) fn new_grant(account: AccountId, client: ClientId) -> NewGrant {
    let key = NewKey { scopes: scopes(&["costs:read"]), secret: new_access(0), ..new_key(account) };
    NewGrant { key, client, refresh: Some(new_refresh(0)) }
}

/// By what right a grant is made.
#[derive(Clone, Copy, Debug)]
pub(crate) enum By {
    Code(Digest),
    Itself,
}

/// Exchanges something for a grant at this second.
pub(crate) async fn exchange(
    store: &Store,
    by: By,
    grant: NewGrant,
    seconds: i64,
) -> Result<Committed<Exchanged>, StoreError> {
    let at = after_now(seconds);
    let exchange = match by {
        By::Code(digest) => Exchange::Code { digest, replayed: note_at("grant.replay", at).into() },
        By::Itself => Exchange::Itself,
    };
    store.exchange(exchange, grant, note_at("grant.make", at)).await
}

/// What an application holds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Held {
    pub(crate) key: KeyId,
    pub(crate) code: Digest,
    pub(crate) access: Digest,
    pub(crate) refresh: Digest,
}

/// What an application holds by the consent of a member.
pub(crate) async fn held(store: &Store, account: AccountId, client: ClientId, member: MemberId) -> Held {
    let (code, grant) = (allowed(store, client, member).await, new_grant(account, client));
    let held = Held {
        key: grant.key.id,
        code,
        access: grant.key.secret.digest,
        refresh: grant.refresh.unwrap().digest,
    };
    exchange(store, By::Code(code), grant, 0).await.unwrap();
    held
}

/// What the account's members have allowed.
pub(crate) async fn consents(store: &Store, account: AccountId) -> Vec<ConsentRow> {
    let filter = ConsentFilter { account, member: None, client: None };
    store.list_consents(filter, first(100)).await.unwrap().items
}

/// A call for new tokens at this second.
pub(crate) fn refreshing(presented: Digest, seconds: i64) -> Refreshing {
    Refreshing {
        presented,
        access: new_access(seconds),
        refresh: new_refresh(seconds),
        repeated_since: after_now(seconds - REPEATED),
        stolen: note_at("grant.stolen", after_now(seconds)),
    }
}

/// Asks for new tokens at this second.
pub(crate) async fn refresh(
    store: &Store,
    refreshing: Refreshing,
    seconds: i64,
) -> Result<Committed<Exchanged>, StoreError> {
    store.refresh(refreshing, note_at("grant.refresh", after_now(seconds))).await
}

/// The grant that was given tokens.
pub(crate) fn granted(exchanged: Result<Committed<Exchanged>, StoreError>) -> KeyRow {
    let Exchanged::Granted(key) = exchanged.unwrap().value else { unreachable!("it was replayed") };
    key
}

/// The grant that was ended for a replay.
pub(crate) fn replayed(exchanged: Result<Committed<Exchanged>, StoreError>) -> KeyRow {
    let Exchanged::Replayed(key) = exchanged.unwrap().value else { unreachable!("it was granted") };
    key
}

/// What nodes hear of an access token.
pub(crate) async fn record(store: &Store, access: Digest) -> SecretRecord {
    let (_, records) = load(store, Timestamp::from_millis(i64::MIN)).await;
    let of = |record: &Record| match record {
        Record::Secret(secret) if secret.digest == access => Some(secret.clone()),
        _ => None,
    };
    records.iter().find_map(of).unwrap()
}

/// What was allowed in an account of its own: the account, the member, and what the application holds.
pub(crate) async fn granted_in_its_own(store: &Store, client: ClientId) -> (AccountId, MemberId, Held) {
    let account = crate::samples::account(store).await;
    let email = "ada@example.com";
    let ada = crate::samples::member(store, account, email, claviger_model::Role::Administrator).await;
    (account, ada, held(store, account, client, ada).await)
}
