//! Gathers from all threads what happened since the last flush.

use std::{collections::HashMap, sync::Arc};

use claviger_model::{Attempt, Denial, Environment, RequestId, Timestamp};
use parking_lot::Mutex;

use super::{
    Bucket, DeniedAttempt, Outcome, SecretRef, UsageBatch,
    denials::Kept,
    endpoint,
    room::Room,
    tally::{BucketRef, Tally},
};
use crate::spread;

/// Locks, so that threads seldom meet at one.
const SHARDS: usize = 64;
/// Most different buckets between two flushes.
const BUCKETS: usize = 65_536;
/// Most secrets whose last use is noted between two flushes.
const USES: usize = 65_536;
/// Most denied attempts kept between two flushes, and how many of them each shard keeps of those without a key.
const DENIALS: usize = 10_000;
const DENIALS_OF_NOBODY: usize = 16;

/// What happened since the last flush, within bounds.
pub(crate) struct Gatherer {
    shards: Box<[Mutex<Tally>]>,
    buckets: Room,
    uses: Room,
    denials: Room,
}

/// An attempt that was decided.
#[derive(Clone, Copy)]
pub(crate) struct Seen<'a> {
    pub(crate) api: &'a Arc<str>,
    pub(crate) at: Timestamp,
    pub(crate) attempt: &'a Attempt<'a>,
    pub(crate) request: RequestId,
}

/// What was not counted since the start, for want of room or because it could not be written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UsageDropped {
    /// Attempts missing from the counts.
    pub attempts: u64,
    /// Last uses not noted.
    pub last_uses: u64,
    /// Denied attempts that nobody will be shown.
    pub denials: u64,
}

impl Default for Gatherer {
    fn default() -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            buckets: Room::new(BUCKETS),
            uses: Room::new(USES),
            denials: Room::new(DENIALS - SHARDS * DENIALS_OF_NOBODY),
        }
    }
}

impl Gatherer {
    /// An attempt was allowed with this secret.
    pub(crate) fn allowed(&self, seen: &Seen<'_>, secret: SecretRef, environment: Environment) {
        let bucket = seen.bucket(Some(secret), Some(environment), Outcome::Allowed);
        let mut tally = self.shards[shard_of_key(secret)].lock();
        tally.count(&bucket, &self.buckets);
        tally.note_use(secret, seen.at, seen.attempt, &self.uses);
    }

    /// An attempt was denied: with this secret of the api, or with none that is known, of an environment if what was
    /// presented has the form of a key.
    pub(crate) fn denied(
        &self,
        seen: &Seen<'_>,
        secret: Option<SecretRef>,
        environment: Option<Environment>,
        denial: &Denial,
    ) {
        let bucket = seen.bucket(secret, environment, Outcome::Denied(denial.code()));
        let kept = seen.kept(secret, denial);
        if let Some(secret) = secret {
            let mut tally = self.shards[shard_of_key(secret)].lock();
            tally.count(&bucket, &self.buckets);
            tally.denials.keep_of_key(secret.key, kept, &self.denials);
        } else {
            let mut tally = self.shards[shard_of_request(seen.request)].lock();
            tally.count(&bucket, &self.buckets);
            tally.denials.keep_of_nobody(DENIALS_OF_NOBODY, kept, &self.denials);
        }
    }

    /// Takes everything that was gathered. What happens meanwhile is in this batch or the next, never in both.
    pub(crate) fn drain(&self) -> UsageBatch {
        let mut counts: HashMap<Bucket, u64> = HashMap::new();
        let mut batch = UsageBatch::default();
        for shard in &self.shards {
            let mut tally = std::mem::take(&mut *shard.lock());
            let buckets = tally.take_counts();
            self.buckets.give_back(buckets.len());
            buckets.for_each(|(bucket, count)| *counts.entry(bucket).or_default() += count);
            let uses = tally.take_uses();
            self.uses.give_back(uses.len());
            batch.last_uses.extend(uses);
            let (of_keys, denials) = tally.denials.take();
            self.denials.give_back(of_keys);
            batch.denials.extend(denials.into_iter().map(DeniedAttempt::from));
        }
        batch.counts.extend(counts);
        batch.denials.sort_by_key(|denied| denied.at);
        batch
    }

    /// A batch that was taken will not be written.
    pub(crate) fn gave_up(&self, batch: &UsageBatch) {
        self.buckets.drop_more(batch.counts.iter().map(|(_, count)| count).sum());
        self.uses.drop_more(batch.last_uses.len() as u64);
        self.denials.drop_more(batch.denials.len() as u64);
    }

    /// What was dropped since the start.
    pub(crate) fn dropped(&self) -> UsageDropped {
        UsageDropped {
            attempts: self.buckets.dropped(),
            last_uses: self.uses.dropped(),
            denials: self.denials.dropped(),
        }
    }
}

impl<'a> Seen<'a> {
    fn bucket(
        &self,
        secret: Option<SecretRef>,
        environment: Option<Environment>,
        outcome: Outcome,
    ) -> BucketRef<'a> {
        BucketRef { api: self.api, secret, environment, day: self.at.day(), outcome }
    }

    fn kept(&self, secret: Option<SecretRef>, denial: &Denial) -> Kept {
        Kept {
            api: Arc::clone(self.api),
            key: secret.map(|secret| secret.key),
            at: self.at,
            request: self.request,
            denial: denial.clone(),
            address: self.attempt.address,
            endpoint: endpoint::of(self.attempt),
        }
    }
}

fn shard_of_key(secret: SecretRef) -> usize {
    spread::of_id(secret.key.to_bytes()).1 % SHARDS
}

/// What has no key is spread by its request, or a flood of it would meet at one lock.
fn shard_of_request(request: RequestId) -> usize {
    spread::of_id(request.to_bytes()).1 % SHARDS
}
