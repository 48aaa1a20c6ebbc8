//! Gathers from all threads what happened since the last flush.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use claviger_model::{Attempt, Denial, Environment, RequestId, Timestamp};
use parking_lot::Mutex;

use super::{
    Bucket, DecidedCount, DeniedAttempt, Outcome, SecretRef, UsageBatch,
    decided::{Decided, Sums},
    denials::Kept,
    endpoint,
    room::Room,
    tally::{BucketRef, Tally},
};
use crate::spread;

/// Locks, so that threads seldom meet at one.
const SHARDS: usize = 64;
/// Most different buckets between two flushes, and so most last uses: each has a bucket.
const BUCKETS: usize = 65_536;
/// Most denied attempts kept between two flushes, and how many of them each shard keeps of those without a key.
const DENIALS: usize = 10_000;
const DENIALS_OF_NOBODY: usize = 16;

/// What happened since the last flush, within bounds.
pub(crate) struct Gatherer {
    shards: Box<[Mutex<Shard>]>,
    buckets: Room,
    uses_dropped: AtomicU64,
    denials: Room,
    refused: AtomicU64,
    waits: AtomicBool,
}

/// What one lock guards.
#[derive(Default)]
struct Shard {
    tally: Tally,
    decided: Decided,
}

/// An attempt that was decided.
#[derive(Clone, Copy)]
pub(crate) struct Seen<'a> {
    pub(crate) api: &'a Arc<str>,
    pub(crate) at: Timestamp,
    pub(crate) attempt: &'a Attempt<'a>,
    pub(crate) request: RequestId,
    /// Whether the api refuses nothing.
    pub(crate) is_observed: bool,
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

/// How it goes with writing what was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UsageWriting {
    /// Whether a batch waits that could not be written.
    pub waits: bool,
    /// How often one could not be written, since the start.
    pub refused: u64,
}

impl Default for Gatherer {
    fn default() -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            buckets: Room::new(BUCKETS),
            uses_dropped: AtomicU64::new(0),
            denials: Room::new(DENIALS - SHARDS * DENIALS_OF_NOBODY),
            refused: AtomicU64::new(0),
            waits: AtomicBool::new(false),
        }
    }
}

impl Gatherer {
    /// An attempt was allowed with this secret.
    pub(crate) fn allowed(&self, seen: &Seen<'_>, secret: SecretRef, environment: Environment) {
        let mut shard = self.shards[shard_of_key(secret)].lock();
        shard.decided.count(seen.api, Some(environment), Outcome::Allowed);
        let noted = shard.tally.allow(seen, secret, environment, 1, &self.buckets);
        drop(shard);
        self.noted(noted);
    }

    fn noted(&self, noted: bool) {
        if !noted {
            self.uses_dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// An attempt was allowed with this secret although it would have been denied, were everything enforced: a use, which
    /// is counted as what it would have been.
    pub(crate) fn observed(
        &self,
        seen: &Seen<'_>,
        secret: SecretRef,
        environment: Environment,
        denial: &Denial,
    ) {
        let seen = &Seen { is_observed: true, ..*seen };
        let noted =
            self.shards[shard_of_key(secret)].lock().tally.allow(seen, secret, environment, 0, &self.buckets);
        self.noted(noted);
        self.denied(seen, Some(secret), Some(environment), denial);
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
        let outcome = if seen.is_observed { Outcome::Observed } else { Outcome::Denied };
        let bucket = seen.bucket(secret, environment, outcome(denial.code()));
        let kept = seen.kept(secret, denial);
        let shard = secret.map_or_else(|| shard_of_request(seen.request), shard_of_key);
        let mut shard = self.shards[shard].lock();
        shard.decided.count(seen.api, environment, bucket.outcome);
        shard.tally.deny(&bucket, &self.buckets);
        match secret {
            Some(secret) => shard.tally.denials.keep_of_key(secret.key, kept, &self.denials),
            None => shard.tally.denials.keep_of_nobody(DENIALS_OF_NOBODY, kept, &self.denials),
        }
    }

    /// What was decided since the start, whatever became of its counts.
    pub(crate) fn decided(&self) -> Vec<DecidedCount> {
        let mut sums = Sums::default();
        self.shards.iter().for_each(|shard| shard.lock().decided.add_to(&mut sums));
        sums.counts()
    }

    /// Takes everything that was gathered. What happens meanwhile is in this batch or the next, never in both.
    pub(crate) fn drain(&self) -> UsageBatch {
        let mut batch = UsageBatch::default();
        for shard in &self.shards {
            let mut tally = std::mem::take(&mut shard.lock().tally);
            self.buckets.give_back(tally.pour(&mut batch));
            let (of_keys, denials) = tally.denials.take();
            self.denials.give_back(of_keys);
            batch.denials.extend(denials.into_iter().map(DeniedAttempt::from));
        }
        let mut counts: HashMap<Bucket, u64> = HashMap::with_capacity(batch.counts.len());
        batch.counts.drain(..).for_each(|(bucket, count)| *counts.entry(bucket).or_default() += count);
        batch.counts.extend(counts);
        batch.denials.sort_by_key(|denied| denied.at);
        batch
    }

    /// A batch that was taken will not be written.
    pub(crate) fn gave_up(&self, batch: &UsageBatch) {
        self.buckets.drop_more(batch.counts.iter().map(|(_, count)| count).sum());
        self.uses_dropped.fetch_add(batch.last_uses.len() as u64, Ordering::Relaxed);
        self.denials.drop_more(batch.denials.len() as u64);
    }

    /// A batch was written, or not.
    pub(crate) fn offered(&self, written: bool) {
        self.waits.store(!written, Ordering::Relaxed);
        self.refused.fetch_add(u64::from(!written), Ordering::Relaxed);
    }

    /// How writing goes.
    pub(crate) fn writing(&self) -> UsageWriting {
        let (waits, refused) = (self.waits.load(Ordering::Relaxed), self.refused.load(Ordering::Relaxed));
        UsageWriting { waits, refused }
    }

    /// What was dropped since the start.
    pub(crate) fn dropped(&self) -> UsageDropped {
        UsageDropped {
            attempts: self.buckets.dropped(),
            last_uses: self.uses_dropped.load(Ordering::Relaxed),
            denials: self.denials.dropped(),
        }
    }
}

impl<'a> Seen<'a> {
    pub(super) fn bucket(
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
            is_observed: self.is_observed,
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

#[cfg(test)]
mod tests {
    use std::{collections::HashSet, thread};

    use claviger_model::DenialCode;

    use super::*;
    use crate::fake::{NEW_YEAR, REQUEST, get, key_id};

    const LIVE: Environment = Environment::Live;

    fn secret(number: u64) -> SecretRef {
        SecretRef { key: key_id(number), secret: 1 }
    }

    fn seen<'a>(api: &'a Arc<str>, attempt: &'a Attempt<'a>, later: i64) -> Seen<'a> {
        Seen {
            api,
            at: Timestamp::from_millis(NEW_YEAR.as_millis() + later),
            attempt,
            request: REQUEST,
            is_observed: false,
        }
    }

    fn of_outcome(batch: &UsageBatch, outcome: Outcome) -> Vec<(Option<Environment>, bool, u64)> {
        let meant = batch.counts.iter().filter(|(bucket, _)| bucket.outcome == outcome);
        meant.map(|(bucket, count)| (bucket.environment, bucket.secret.is_some(), *count)).collect()
    }

    #[test]
    fn attempts_are_counted_by_secret_environment_day_and_outcome() {
        let (gatherer, api, attempt) = (Gatherer::default(), Arc::from("example"), get("/"));
        for later in [0, 1, 86_400_000] {
            gatherer.allowed(&seen(&api, &attempt, later), secret(1), LIVE);
        }
        gatherer.denied(&seen(&api, &attempt, 0), Some(secret(1)), Some(LIVE), &Denial::Network);
        gatherer.denied(&seen(&api, &attempt, 0), None, Some(Environment::Test), &Denial::Unknown);
        gatherer.denied(&seen(&api, &attempt, 0), None, Some(LIVE), &Denial::Unknown);
        gatherer.denied(&seen(&api, &attempt, 0), None, None, &Denial::Missing);
        let batch = gatherer.drain();
        let mut by_day: Vec<_> =
            of_outcome(&batch, Outcome::Allowed).into_iter().map(|(.., count)| count).collect();
        by_day.sort_unstable();
        assert_eq!(by_day, [1, 2]);
        assert_eq!(of_outcome(&batch, Outcome::Denied(DenialCode::Network)), [(Some(LIVE), true, 1)]);
        assert_eq!(of_outcome(&batch, Outcome::Denied(DenialCode::Missing)), [(None, false, 1)]);
        let unknown: HashSet<_> =
            of_outcome(&batch, Outcome::Denied(DenialCode::Unknown)).into_iter().collect();
        assert_eq!(unknown, HashSet::from([(Some(LIVE), false, 1), (Some(Environment::Test), false, 1)]));
        assert_eq!(batch.denials.len(), 4);
        assert!(gatherer.drain().is_empty());
    }

    #[test]
    fn what_was_decided_stays_counted_whatever_is_flushed_or_dropped() {
        let (gatherer, api, attempt) = (Gatherer::default(), Arc::from("example"), get("/"));
        for number in 0..BUCKETS as u64 + 10 {
            gatherer.allowed(&seen(&api, &attempt, 0), secret(number), LIVE);
        }
        gatherer.denied(&seen(&api, &attempt, 0), None, None, &Denial::Missing);
        drop(gatherer.drain());
        gatherer.denied(&seen(&Arc::from("example"), &attempt, 0), None, None, &Denial::Missing);
        let count =
            |environment, outcome, count| DecidedCount { api: Arc::clone(&api), environment, outcome, count };
        let allowed = count(Some(LIVE), Outcome::Allowed, BUCKETS as u64 + 10);
        let missing = count(None, Outcome::Denied(DenialCode::Missing), 2);
        assert_eq!(gatherer.decided(), [allowed, missing]);
    }

    #[test]
    fn every_outcome_has_its_place() {
        for (place, outcome) in Outcome::ALL.into_iter().enumerate() {
            assert_eq!(outcome.index(), place);
        }
    }

    #[test]
    fn the_last_use_is_the_latest_whatever_the_order() {
        let (gatherer, api) = (Gatherer::default(), Arc::from("example"));
        for (later, path) in [(5, "/five"), (9, "/nine?query"), (7, "/seven")] {
            gatherer.allowed(&seen(&api, &get(path), later), secret(1), LIVE);
        }
        let batch = gatherer.drain();
        let [last] = &batch.last_uses[..] else { panic!("{:?}", batch.last_uses) };
        assert_eq!(
            (last.at.as_millis() - NEW_YEAR.as_millis(), last.endpoint.as_deref()),
            (9, Some("GET /nine"))
        );
        assert_eq!(last.address, get("/").address);
    }

    #[test]
    fn the_same_name_from_two_places_is_one_bucket() {
        let (gatherer, attempt) = (Gatherer::default(), get("/"));
        for api in [Arc::from("example"), Arc::from("example")] {
            gatherer.allowed(&seen(&api, &attempt, 0), secret(1), LIVE);
        }
        assert_eq!(of_outcome(&gatherer.drain(), Outcome::Allowed), [(Some(LIVE), true, 2)]);
    }

    #[test]
    fn what_finds_no_room_is_dropped_and_counted() {
        let (gatherer, api, attempt) = (Gatherer::default(), Arc::from("example"), get("/"));
        let more = 1000;
        for number in 0..(BUCKETS + more) as u64 {
            gatherer.allowed(&seen(&api, &attempt, 0), secret(number), LIVE);
        }
        for number in 0..(DENIALS + more) as u64 {
            let request = RequestId::from_bytes(u128::from(number).to_be_bytes());
            let seen = Seen { request, ..seen(&api, &attempt, 0) };
            gatherer.denied(&seen, Some(secret(number)), Some(LIVE), &Denial::Disabled);
            gatherer.denied(&seen, None, None, &Denial::Missing);
        }
        let dropped = gatherer.dropped();
        let batch = gatherer.drain();
        assert_eq!((batch.counts.len(), batch.last_uses.len()), (BUCKETS, BUCKETS));
        assert!(batch.denials.len() <= DENIALS, "{}", batch.denials.len());
        assert_eq!(dropped.last_uses, more as u64);
        let counted: u64 = batch.counts.iter().map(|(_, count)| count).sum();
        assert_eq!(counted + dropped.attempts, (BUCKETS + more + 2 * (DENIALS + more)) as u64);
        assert_eq!(batch.denials.len() as u64 + dropped.denials, 2 * (DENIALS + more) as u64);
        gatherer.allowed(&seen(&api, &attempt, 0), secret(0), LIVE);
        assert_eq!(gatherer.dropped(), dropped, "there is room again");
    }

    #[test]
    fn nothing_is_lost_or_doubled_while_it_is_drained() {
        const EACH: u64 = 20_000;
        let (gatherer, api) = (Arc::new(Gatherer::default()), Arc::<str>::from("example"));
        let caller = || {
            let (gatherer, api) = (Arc::clone(&gatherer), Arc::clone(&api));
            thread::spawn(move || {
                let attempt = get("/");
                (0..EACH).for_each(|number| {
                    gatherer.allowed(&seen(&api, &attempt, 0), secret(number % 100), LIVE);
                });
            })
        };
        let callers = [caller(), caller()];
        let mut counted = 0;
        let mut drain = || counted += gatherer.drain().counts.iter().map(|(_, count)| count).sum::<u64>();
        while !callers.iter().all(thread::JoinHandle::is_finished) {
            drain();
        }
        drain();
        assert_eq!(counted, 2 * EACH);
        assert_eq!(gatherer.dropped(), UsageDropped::default());
    }
}
