//! Counts and last uses of some of the keys: what one lock guards.

use std::{net::IpAddr, sync::Arc};

use claviger_model::{Environment, Timestamp};
use hashbrown::HashTable;

use super::{
    Bucket, LastUse, Outcome, SecretRef, UsageBatch, denials::Denials, endpoint, gather::Seen, room::Room,
};
use crate::spread;

/// Golden ratio of 2⁶⁴, odd: spreads small numbers over all bits.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

/// What was counted of the keys of one shard.
#[derive(Default)]
pub(super) struct Tally {
    uses: HashTable<Use>,
    counts: Counts,
    pub(super) denials: Denials,
}

/// The uses of one secret on one day, and the last of all. One place for both, since nearly every attempt is allowed
/// and finding its place is what counting costs.
struct Use {
    secret: SecretRef,
    api: Arc<str>,
    environment: Environment,
    day: i64,
    count: u64,
    at: Timestamp,
    address: Option<IpAddr>,
    endpoint: String,
    has_endpoint: bool,
}

/// Everything else that is counted.
#[derive(Default)]
struct Counts(HashTable<(Bucket, u64)>);

impl Tally {
    /// Notes an allowed attempt as the last use, over the one before, and counts it unless it is counted elsewhere (`count`
    /// is 1 or 0). Of a secret that wasn't used since
    /// the last flush `room` is asked; false if there is none.
    pub(super) fn allow(
        &mut self,
        seen: &Seen<'_>,
        secret: SecretRef,
        environment: Environment,
        count: u64,
        room: &Room,
    ) -> bool {
        let hash = hash_of(secret);
        let Some(last) = self.uses.find_mut(hash, |last| last.secret == secret) else {
            let fits = room.take();
            if fits {
                let first = Use::first(seen, secret, environment, count);
                self.uses.insert_unique(hash, first, |last| hash_of(last.secret));
            }
            return fits;
        };
        if seen.at.day() == last.day {
            last.count += count;
        } else if count > 0 {
            self.counts.add(&seen.bucket(Some(secret), Some(environment), Outcome::Allowed), room);
        }
        if seen.at >= last.at {
            last.note(seen);
        }
        true
    }

    /// Counts a denied attempt; `room` is asked if it is the first of its bucket.
    pub(super) fn deny(&mut self, bucket: &BucketRef<'_>, room: &Room) {
        self.counts.add(bucket, room);
    }

    /// Puts what was counted into `batch`, where one bucket may come several times; how much room it took.
    pub(super) fn pour(&mut self, batch: &mut UsageBatch) -> usize {
        let (uses, counts) = (std::mem::take(&mut self.uses), std::mem::take(&mut self.counts.0));
        let room = uses.len() + counts.len();
        batch.counts.extend(counts);
        for last in uses {
            batch.counts.push(last.bucket());
            batch.last_uses.push(last.into());
        }
        room
    }
}

impl Use {
    fn first(seen: &Seen<'_>, secret: SecretRef, environment: Environment, count: u64) -> Self {
        let mut last = Self {
            secret,
            api: Arc::clone(seen.api),
            environment,
            day: seen.at.day(),
            count,
            at: seen.at,
            address: None,
            endpoint: String::new(),
            has_endpoint: false,
        };
        last.note(seen);
        last
    }

    fn note(&mut self, seen: &Seen<'_>) {
        self.at = seen.at;
        self.address = seen.attempt.address;
        self.has_endpoint = endpoint::write(&mut self.endpoint, seen.attempt);
    }

    fn bucket(&self) -> (Bucket, u64) {
        let bucket = Bucket {
            api: Arc::clone(&self.api),
            secret: Some(self.secret),
            environment: Some(self.environment),
            day: self.day,
            outcome: Outcome::Allowed,
        };
        (bucket, self.count)
    }
}

impl From<Use> for LastUse {
    fn from(last: Use) -> Self {
        let Use { secret, at, address, endpoint, has_endpoint, .. } = last;
        Self { secret, at, address, endpoint: has_endpoint.then(|| endpoint.into()) }
    }
}

impl Counts {
    fn add(&mut self, bucket: &BucketRef<'_>, room: &Room) {
        let hash = bucket.hash();
        if let Some((_, count)) = self.0.find_mut(hash, |(known, _)| bucket.is(known)) {
            *count += 1;
        } else if room.take() {
            let hash_again = |(known, _): &(Bucket, u64)| BucketRef::from(known).hash();
            self.0.insert_unique(hash, (bucket.owned(), 1), hash_again);
        }
    }
}

/// A [`Bucket`] that borrows the api's name: it becomes one only where there is none yet.
#[derive(Clone, Copy)]
pub(super) struct BucketRef<'a> {
    pub(super) api: &'a Arc<str>,
    pub(super) secret: Option<SecretRef>,
    pub(super) environment: Option<Environment>,
    pub(super) day: i64,
    pub(super) outcome: Outcome,
}

impl BucketRef<'_> {
    /// Names are compared by their place: an api's profile lends the same one each time, and where it doesn't the
    /// counts are added up when they are taken.
    fn is(&self, bucket: &Bucket) -> bool {
        Arc::ptr_eq(self.api, &bucket.api)
            && self.secret == bucket.secret
            && self.environment == bucket.environment
            && self.day == bucket.day
            && self.outcome == bucket.outcome
    }

    fn hash(&self) -> u64 {
        let whose = match self.secret {
            Some(secret) => hash_of(secret),
            None => Arc::as_ptr(self.api).addr() as u64,
        };
        whose.wrapping_add(self.outcome.index() as u64).wrapping_mul(SPREAD)
    }

    fn owned(self) -> Bucket {
        let Self { api, secret, environment, day, outcome } = self;
        Bucket { api: Arc::clone(api), secret, environment, day, outcome }
    }
}

impl<'a> From<&'a Bucket> for BucketRef<'a> {
    fn from(bucket: &'a Bucket) -> Self {
        let Bucket { api, secret, environment, day, outcome } = bucket;
        Self { api, secret: *secret, environment: *environment, day: *day, outcome: *outcome }
    }
}

fn hash_of(secret: SecretRef) -> u64 {
    spread::of_id(secret.key.to_bytes()).0 ^ u64::from(secret.secret)
}
