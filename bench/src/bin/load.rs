//! How long a node takes to load its keys from SQLite: `load [KEYS] [DIRECTORY]`, by default 1,000,000 and
//! `target/load`. The directory is filled the first time, key by key as issued ones are, and used again after that.

use std::{error::Error, path::PathBuf, sync::Arc, time::Duration};

use claviger_bench::{Figure, HostClock, KeySet, Seeded, fill, profile, resident_bytes};
use claviger_model::{Clock as _, Restrictions, Scopes};
use claviger_store::Store;
use claviger_verify::{Follower, Verifier, nodes::NodeCard};

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
        let (scopes, restrictions) = (Scopes::All, Restrictions::default());
        let set = KeySet { profile: profile(), keys, scopes, restrictions, expires_at: None };
        fill(&store, &set).await?;
        println!("filled with {keys} keys in {:.1?}", HostClock.boot().since(start));
    }
    let this = std::process::id();
    let before = resident_bytes(this)?;
    let mut seconds = Vec::new();
    for _ in 0..LOADS {
        let start = HostClock.boot();
        let verifier = Verifier::new(Arc::new(HostClock), LEASE);
        let (card, entropy) = (NodeCard::alone(LEASE), Arc::new(Seeded::new(3)));
        Follower::new(Arc::clone(&verifier), store.feed(), card, entropy).load().await?;
        seconds.push(HostClock.boot().since(start).as_secs_f64());
        if seconds.len() == 1 {
            let (size, grown) = (verifier.size(), resident_bytes(this)?.saturating_sub(before));
            println!("{} secrets of {} accounts, {grown} bytes more in memory", size.secrets, size.accounts);
        }
    }
    println!("loaded in {:.2} s", Figure::of(seconds));
    store.close().await;
    Ok(())
}
