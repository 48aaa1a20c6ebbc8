//! Fills a database of the product with a set of keys, key by key as issued ones are.

use std::sync::Arc;

use claviger_model::{Account, AccountState, Clock as _, Environment, EventId};
use claviger_store::{AuditNote, Authority, KeyLimits, NewAccount, NewKey, NewSecret, Store, StoreError};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use crate::{HostClock, ISSUED_AT, KeySet, Seeded};

/// So many wait for one commit.
const TOGETHER: usize = 512;

/// Writes all accounts and keys of `set`.
///
/// # Errors
/// What the database says.
pub async fn fill(store: &Store, set: &KeySet) -> Result<(), StoreError> {
    let entropy = Seeded::new(2);
    let made = set.firsts().map(|first| {
        let account = Account {
            id: first.account,
            api: Arc::clone(&set.profile.name),
            name: format!("Customer {}", first.external_id),
            external_id: Some(first.external_id),
            metadata: serde_json::json!({}),
            state: AccountState::Active,
            created_at: ISSUED_AT,
        };
        store.insert_account(NewAccount { account, first_key: None }, note(&entropy, "account.create"), None)
    });
    stream::iter(made).buffer_unordered(TOGETHER).try_for_each(|_| async { Ok(()) }).await?;
    let issued = set.all().map(|issued| {
        let key = NewKey {
            id: issued.key,
            account: issued.account,
            name: Some("Production".to_owned()),
            environment: Environment::Live,
            scopes: set.scopes.clone(),
            restrictions: set.restrictions.clone(),
            expires_at: set.expires_at,
            created_at: ISSUED_AT,
            created_by: "operator".to_owned(),
            external_id: None,
            metadata: serde_json::json!({}),
            secret: NewSecret {
                digest: issued.digest,
                hint: "my_live_AbCdEfG".to_owned(),
                sealed: None,
                expires_at: None,
                foreign: None,
            },
        };
        store.insert_key(key, KeyLimits::default(), None, note(&entropy, "key.issue"))
    });
    stream::iter(issued).buffer_unordered(TOGETHER).try_for_each(|_| async { Ok(()) }).await
}

fn note(entropy: &Seeded, action: &'static str) -> AuditNote {
    AuditNote {
        id: EventId::mint(HostClock.now(), entropy),
        at: HostClock.now(),
        actor: "operator".to_owned(),
        authority: Authority::System,
        action,
        request: None,
        detail: serde_json::json!({}),
    }
}
