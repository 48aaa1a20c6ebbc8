//! What the measurements put into a database, and how they read all of it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use claviger_model::{
    Account, AccountId, AccountState, Digest, Entropy, Environment, EventId, KeyId, Restrictions, Scopes,
    Timestamp,
};
use claviger_store::{AuditNote, Authority, KeyLimits, NewAccount, NewKey, NewSecret, Store};
use claviger_verify::feed::{Intake, Record};

pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_736_937_000_000);
pub(crate) const KEYS: u64 = 1_000_000;

static NEXT: AtomicU64 = AtomicU64::new(1);

pub(crate) fn next() -> [u8; 16] {
    let mut bytes = [0xff; 16];
    bytes[8..].copy_from_slice(&NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes());
    bytes
}

pub(crate) struct Counted;

impl Entropy for Counted {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(1);
    }
}

fn note(action: &'static str) -> AuditNote {
    let detail = serde_json::json!({ "name": "Production" });
    AuditNote {
        id: EventId::from_bytes(next()),
        at: NOW,
        actor: "operator:x".to_owned(),
        authority: Authority::System,
        action,
        request: None,
        detail,
    }
}

fn new_key(account: AccountId) -> NewKey {
    NewKey {
        id: KeyId::from_bytes(next()),
        account,
        name: Some("Production".to_owned()),
        environment: Environment::Live,
        scopes: Scopes::All,
        restrictions: Restrictions::default(),
        expires_at: None,
        created_at: NOW,
        created_by: "operator:x".to_owned(),
        external_id: None,
        metadata: serde_json::json!({}),
        secret: NewSecret {
            digest: Digest::of(&next()),
            hint: "cc_live_AbCdEfG".to_owned(),
            sealed: None,
            expires_at: None,
            foreign: None,
        },
    }
}

pub(crate) async fn new_account(store: &Store) -> AccountId {
    let account = Account {
        id: AccountId::from_bytes(next()),
        api: "cashcat".into(),
        name: "Acme".to_owned(),
        external_id: None,
        metadata: serde_json::json!({}),
        state: AccountState::Active,
        created_at: NOW,
    };
    let made =
        store.insert_account(NewAccount { account, first_key: None }, note("account.create"), None).await;
    made.expect("there is room").value.0.id
}

pub(crate) async fn create(store: Store, account: AccountId, count: u64) {
    for _ in 0..count {
        let made = store.insert_key(new_key(account), KeyLimits::default(), None, note("key.issue")).await;
        made.expect("there is room");
    }
}

/// Counts what arrives.
#[derive(Default)]
struct Counter(AtomicU64);

impl Intake for Counter {
    fn take(&self, record: Record) {
        self.0.fetch_add(u64::from(matches!(record, Record::Secret(_))), Ordering::Relaxed);
    }
}

pub(crate) async fn loads(store: &Store) {
    for _ in 0..2 {
        let counter = Arc::new(Counter::default());
        let begin = Instant::now();
        store.feed().load(Arc::<Counter>::clone(&counter), NOW).await.expect("the database is sound");
        let count = counter.0.load(Ordering::Relaxed);
        println!("loading {count} keys: {:.2} s", begin.elapsed().as_secs_f64());
    }
}
