//! The purses of all keys with quotas.

use std::{collections::HashMap, sync::Arc};

use claviger_model::{KeyId, Timestamp, restriction::LimitName};
use parking_lot::Mutex;

use super::{
    Allotment, QuotaLedger,
    local::shard_of,
    purse::{Draw, Purse},
};

/// Locks, so that threads seldom meet at one.
const SHARDS: usize = 64;
/// Fewer purses than this in a shard are not worth looking through for those whose period is over.
const FEW: usize = 256;

/// A purse for each quota that was used in its period. Those of periods that are over are let go when their number may
/// have doubled.
pub(super) struct Purses(Box<[Mutex<Shard>]>);

#[derive(Default)]
struct Shard {
    purses: HashMap<(KeyId, LimitName), Arc<Purse>>,
    look_at: usize,
}

impl Default for Purses {
    fn default() -> Self {
        Self((0..SHARDS).map(|_| Mutex::default()).collect())
    }
}

impl Purses {
    /// The purse that `draw` takes from.
    pub(super) fn of(&self, draw: &Draw, now: Timestamp) -> Arc<Purse> {
        let mut shard = self.0[shard_of(draw.key, SHARDS)].lock();
        if shard.purses.len() >= shard.look_at.max(FEW) {
            shard.purses.retain(|_, purse| !purse.is_over(now));
            shard.look_at = 2 * shard.purses.len();
        }
        let place = (draw.key, draw.quota.name().clone());
        Arc::clone(shard.purses.entry(place).or_insert_with(|| Arc::new(Purse::new(draw))))
    }

    /// Gives back what is in hand. What can't be given back is forfeited.
    pub(super) async fn give_back(&self, ledger: &dyn QuotaLedger) {
        for shard in &self.0 {
            let purses = std::mem::take(&mut shard.lock().purses);
            for ((key, name), purse) in purses {
                let (period, in_hand) = purse.close().await;
                if in_hand == 0 {
                    continue;
                }
                let of = Allotment { key, name, period };
                if let Err(error) = ledger.give_back(&of, in_hand).await {
                    tracing::warn!(%error, %key, calls = in_hand, "calls of a quota are forfeited");
                }
            }
        }
    }
}
