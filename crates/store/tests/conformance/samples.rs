//! Things to store, each different from all others.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use claviger_model::{
    Abilities, Account, AccountId, AccountState, Digest, Entropy, Environment, EventId, KeyId, LinkId,
    MemberId, NodeId, OperatorId, Restrictions, Role, Scopes, SessionId, Timestamp,
};
use claviger_store::{
    AuditFilter, AuditNote, Authority, Entrance, Existing, Idempotency, KeyChange, LinkPurpose, MemberRow,
    NewAccount, NewKey, NewLink, NewMember, NewOperator, NewSecret, NewSession, OpenSession, PageRequest,
    SignInMethod, Store, StoreError,
};
use claviger_verify::{
    feed::{Intake, Record},
    nodes::{Leases, NodeCard},
};

/// When everything happens that has no time of its own.
pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_736_937_000_000);

static NEXT: AtomicU64 = AtomicU64::new(1);

/// Sixteen bytes that come after all those handed out before.
pub(crate) fn next() -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes());
    bytes
}

/// The instant this many seconds after [`NOW`].
pub(crate) const fn after_now(seconds: i64) -> Timestamp {
    Timestamp::from_millis(NOW.as_millis() + seconds * 1000)
}

/// Entropy that repeats itself in every process: names are all it makes here.
pub(crate) struct Counted;

impl Entropy for Counted {
    fn fill(&self, bytes: &mut [u8]) {
        for (byte, drawn) in bytes.iter_mut().zip(next()[4..].iter().cycle()) {
            *byte = *drawn;
        }
    }
}

pub(crate) fn note(action: &'static str) -> AuditNote {
    AuditNote {
        id: EventId::from_bytes(next()),
        at: NOW,
        actor: "operator:tests".to_owned(),
        authority: Authority::System,
        action,
        request: None,
        detail: serde_json::json!({ "because": "of a test" }),
    }
}

pub(crate) fn note_at(action: &'static str, at: Timestamp) -> AuditNote {
    AuditNote { at, ..note(action) }
}

pub(crate) fn new_account(api: &str) -> NewAccount {
    let account = Account {
        id: AccountId::from_bytes(next()),
        api: api.into(),
        name: "Acme".to_owned(),
        external_id: None,
        metadata: serde_json::json!({ "plan": "pro" }),
        state: AccountState::Active,
        created_at: NOW,
    };
    NewAccount { account, first_key: None }
}

pub(crate) fn new_key(account: AccountId) -> NewKey {
    NewKey {
        id: KeyId::from_bytes(next()),
        account,
        name: Some("Production".to_owned()),
        environment: Environment::Live,
        scopes: Scopes::All,
        restrictions: Restrictions::default(),
        expires_at: None,
        created_at: NOW,
        created_by: "operator:tests".to_owned(),
        external_id: None,
        metadata: serde_json::json!({}),
        secret: new_secret(),
    }
}

pub(crate) fn new_secret() -> NewSecret {
    NewSecret {
        digest: Digest::of(&next()),
        hint: "cc_live_AbCdEfG".to_owned(),
        sealed: None,
        expires_at: None,
        foreign: None,
    }
}

pub(crate) fn new_operator(abilities: &str) -> NewOperator {
    NewOperator {
        id: OperatorId::from_bytes(next()),
        name: "Ada".to_owned(),
        abilities: abilities.parse::<Abilities>().unwrap(),
        digest: Digest::of(&next()),
        hint: "clv_op_AbC".to_owned(),
        created_at: NOW,
    }
}

pub(crate) fn new_member(account: AccountId, email: &str, role: Role) -> NewMember {
    NewMember {
        id: MemberId::from_bytes(next()),
        account,
        email: email.parse().unwrap(),
        role,
        created_at: NOW,
        created_by: "operator:tests".to_owned(),
    }
}

pub(crate) fn node_id() -> NodeId {
    NodeId::from_bytes(next())
}

/// What a node says of itself; all of these stand at one place.
pub(crate) fn card(id: NodeId) -> NodeCard {
    let mut leases = Leases::of(Duration::from_mins(2));
    leases.stricter.insert("strict".into(), Duration::from_secs(2));
    NodeCard {
        id,
        name: "a node".into(),
        place: [7; 32],
        leases,
        profiles: BTreeMap::from([("cashcat".into(), "00ff".to_owned())]),
        version: "1.2.3",
    }
}

/// A link to sign in by, which works for ten minutes.
pub(crate) fn new_link(account: AccountId, email: &str, role: Role) -> NewLink {
    NewLink {
        id: LinkId::from_bytes(next()),
        digest: Digest::of(&next()),
        purpose: LinkPurpose::SignIn,
        member: new_member(account, email, role),
        existing: Existing::Keep,
        return_to: None,
        subject: None,
        created_at: NOW,
        expires_at: after_now(600),
        joined: note("member.join"),
        role_changed: note("member.change_role"),
        linked: note("link.create"),
    }
}

/// A session that begins now and lasts for an hour.
pub(crate) fn new_session() -> NewSession {
    NewSession {
        id: SessionId::from_bytes(next()),
        digest: Digest::of(&next()),
        method: SignInMethod::Link,
        address: Some("203.0.113.7".parse().unwrap()),
        agent: Some("Firefox".to_owned()),
        created_at: NOW,
        expires_at: after_now(3600),
    }
}

pub(crate) fn call(key: &str, fingerprint: u8) -> Idempotency {
    Idempotency {
        principal: "operator:tests".to_owned(),
        key: key.to_owned(),
        fingerprint: [fingerprint; 32],
        forget_before: after_now(-86_400),
    }
}

pub(crate) fn rotate(others_end_at: Timestamp) -> KeyChange {
    KeyChange::Rotate { secret: new_secret(), others_end_at }
}

/// The whole list, if it isn't longer than this.
pub(crate) const fn first<Id>(limit: usize) -> PageRequest<Id> {
    PageRequest { after: None, limit }
}

/// An account that is there.
pub(crate) async fn account(store: &Store) -> AccountId {
    let made = store.insert_account(new_account("cashcat"), note("account.create"), None).await.unwrap();
    made.value.0.id
}

/// A key that is there.
pub(crate) async fn key(store: &Store, account: AccountId) -> KeyId {
    let made = store
        .insert_key(new_key(account), claviger_store::KeyLimits::default(), None, note("key.issue"))
        .await;
    made.unwrap().value.id
}

/// A member who is there, and the digest of a link they haven't used.
pub(crate) async fn invited(
    store: &Store,
    account: AccountId,
    email: &str,
    role: Role,
) -> (MemberRow, Digest) {
    let new = new_link(account, email, role);
    let digest = new.digest;
    (store.insert_link(new).await.unwrap().value.member, digest)
}

/// A member who is there.
pub(crate) async fn member(store: &Store, account: AccountId, email: &str, role: Role) -> MemberId {
    invited(store, account, email, role).await.0.id
}

/// A session that has begun, and the digest it is found by.
pub(crate) async fn signed_in(store: &Store, member: MemberId) -> (OpenSession, Digest) {
    let new = new_session();
    let digest = new.digest;
    let entrance = Entrance::Member { id: member, subject: None };
    (store.begin_session(entrance, new, note("session.begin")).await.unwrap(), digest)
}

/// What the trail says, from its beginning: action and subject.
pub(crate) async fn trail(store: &Store) -> Vec<(String, Option<String>)> {
    let events = store.list_audit(AuditFilter::default(), first(1000)).await.unwrap().items;
    events.into_iter().map(|event| (event.action, event.subject)).collect()
}

/// Changes a key that no limit binds.
pub(crate) async fn change(
    store: &Store,
    key: KeyId,
    change: KeyChange,
) -> Result<claviger_store::Committed<claviger_store::KeyRow>, StoreError> {
    store.change_key(key, None, change, claviger_store::KeyLimits::default(), None, note("key.change")).await
}

/// Keeps the records it is handed, in order.
#[derive(Default)]
pub(crate) struct Kept(Mutex<Vec<Record>>);

impl Kept {
    pub(crate) fn records(&self) -> Vec<Record> {
        self.0.lock().unwrap().clone()
    }
}

impl Intake for Kept {
    fn take(&self, record: Record) {
        self.0.lock().unwrap().push(record);
    }
}

/// Everything a source has.
pub(crate) async fn load(
    store: &Store,
    forget_before: Timestamp,
) -> (claviger_verify::feed::Position, Vec<Record>) {
    let kept = Arc::new(Kept::default());
    let position = store.feed().load(Arc::<Kept>::clone(&kept), forget_before).await.unwrap();
    (position, kept.records())
}
