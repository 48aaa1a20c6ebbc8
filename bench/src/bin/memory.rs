//! How much memory a key takes, all in: `memory [KEYS] [KEYS_PER_ACCOUNT]`, by default 10,000,000 and 10.

use std::{error::Error, sync::Arc};

use claviger_bench::{HostClock, MadeUp, resident_bytes};
use claviger_model::Clock as _;

/// The allocator the product ships with: its slack is part of what a key takes.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut argument = |default: u64| arguments.next().map_or(Ok(default), |text| text.parse());
    let (keys, keys_per_account) = (argument(10_000_000)?, argument(10)?);
    let this = std::process::id();
    let (before, start) = (resident_bytes(this)?, HostClock.boot());
    let verifier = MadeUp { keys, keys_per_account }.loaded(Arc::new(HostClock)).await;
    let (after, taken) = (resident_bytes(this)?, HostClock.boot().since(start));
    let size = verifier.size();
    println!("{} secrets of {} accounts, minted and taken in {taken:.1?}", size.secrets, size.accounts);
    println!("bytes a secret, by resident memory: {:.1}", per(after - before, size.secrets));
    println!("bytes a secret, by own account:     {:.1}", per(size.bytes, size.secrets));
    drop(Arc::clone(&verifier));
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "a figure to look at")]
fn per(bytes: usize, count: usize) -> f64 {
    bytes as f64 / count as f64
}
