//! How long a node takes to load its keys from SQLite: `load [KEYS] [DIRECTORY]`, by default 1,000,000 and
//! `target/load`. The directory is filled the first time, key by key as issued ones are, and used again after that.

use std::{error::Error, path::PathBuf, sync::Arc, time::Duration};

use claviger_bench::{Figure, HostClock, Seeded, plain_key, profile, resident_bytes};
use claviger_model::{
    Account, AccountId, AccountState, Clock as _, Digest, Environment, EventId, KeyId, Restrictions, Scopes,
};
use claviger_store::{AuditNote, Authority, KeyLimits, NewAccount, NewKey, NewSecret, Store};
use claviger_verify::{Follower, Verifier, nodes::NodeCard};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

const KEYS_PER_ACCOUNT: u64 = 10;
/// So many wait for one commit.
const TOGETHER: usize = 512;
const LOADS: usize = 7;
const LEASE: Duration = Duration::from_mins(2);

/// The allocator the product ships with.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let keys: u64 = arguments.next().map_or(Ok(1_000_000), |text| text.parse())?;
    let directory = PathBuf::from(arguments.next().unwrap_or_else(|| "target/load".to_owned()));
    let is_new = !directory.exists();
    let store = Store::open_embedded(&directory, HostClock.now(), &Seeded::new(1)).await?;
    if is_new {
        let start = HostClock.boot();
        fill(&store, keys).await?;
        println!("filled with {keys} keys in {:.1?}", HostClock.boot().since(start));
    }
    let before = resident_bytes();
    let mut seconds = Vec::new();
    for _ in 0..LOADS {
        let start = HostClock.boot();
        let verifier = Verifier::new(Arc::new(HostClock), LEASE);
        let (card, entropy) = (NodeCard::alone(LEASE), Arc::new(Seeded::new(3)));
        Follower::new(Arc::clone(&verifier), store.feed(), card, entropy).load().await?;
        seconds.push(HostClock.boot().since(start).as_secs_f64());
        if seconds.len() == 1 {
            let (size, grown) = (verifier.size(), resident_bytes().saturating_sub(before));
            println!("{} secrets of {} accounts, {grown} bytes more in memory", size.secrets, size.accounts);
        }
    }
    println!("loaded in {:.2} s", Figure::of(seconds));
    store.close().await;
    Ok(())
}

async fn fill(store: &Store, keys: u64) -> Result<(), Box<dyn Error>> {
    let (entropy, profile) = (Seeded::new(2), profile());
    let mut accounts = Vec::new();
    for number in 0..keys.div_ceil(KEYS_PER_ACCOUNT) {
        let account = Account {
            id: AccountId::mint(HostClock.now(), &entropy),
            api: Arc::clone(&profile.name),
            name: format!("Customer {number}"),
            external_id: Some(format!("cus_{number:012}")),
            metadata: serde_json::json!({}),
            state: AccountState::Active,
            created_at: HostClock.now(),
        };
        accounts.push(account);
    }
    let ids: Vec<AccountId> = accounts.iter().map(|account| account.id).collect();
    let made = accounts.into_iter().map(|account| {
        store.insert_account(NewAccount { account, first_key: None }, note(&entropy, "account.create"), None)
    });
    stream::iter(made).buffer_unordered(TOGETHER).try_for_each(|_| async { Ok(()) }).await?;
    let issued = (0..keys).zip(ids.iter().cycle()).map(|(number, account)| {
        let key = NewKey {
            id: KeyId::mint(HostClock.now(), &entropy),
            account: *account,
            name: Some("Production".to_owned()),
            environment: Environment::Live,
            scopes: Scopes::All,
            restrictions: Restrictions::default(),
            expires_at: None,
            created_at: HostClock.now(),
            created_by: "operator".to_owned(),
            external_id: None,
            metadata: serde_json::json!({}),
            secret: NewSecret {
                digest: Digest::of(&plain_key(&profile, number)),
                hint: "my_live_AbCdEfG".to_owned(),
                sealed: None,
            },
        };
        store.insert_key(key, KeyLimits::default(), None, note(&entropy, "key.issue"))
    });
    stream::iter(issued).buffer_unordered(TOGETHER).try_for_each(|_| async { Ok(()) }).await?;
    Ok(())
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
