//! Counts and last uses of some of the keys: what one lock guards.

use std::{net::IpAddr, sync::Arc};

use claviger_model::{Attempt, Environment, Timestamp};
use hashbrown::{HashTable, hash_table::Entry};

use super::{Bucket, LastUse, Outcome, SecretRef, denials::Denials, endpoint, room::Room};
use crate::spread;

/// Golden ratio of 2⁶⁴, odd: spreads small numbers over all bits.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

/// What was counted of the keys of one shard.
#[derive(Default)]
pub(super) struct Tally {
    counts: HashTable<(Bucket, u64)>,
    uses: HashTable<Use>,
    pub(super) denials: Denials,
}

/// A last use that may still be written over.
struct Use {
    secret: SecretRef,
    at: Timestamp,
    address: Option<IpAddr>,
    endpoint: String,
    has_endpoint: bool,
}

impl Tally {
    /// Counts one attempt; `room` is asked if it is the first of its bucket.
    pub(super) fn count(&mut self, bucket: &BucketRef<'_>, room: &Room) {
        let hash = bucket.hash();
        if let Some((_, count)) = self.counts.find_mut(hash, |(known, _)| bucket.is(known)) {
            *count += 1;
        } else if room.take() {
            let hash_again = |(known, _): &(Bucket, u64)| BucketRef::from(known).hash();
            self.counts.insert_unique(hash, (bucket.owned(), 1), hash_again);
        }
    }

    /// Notes the last use of a secret over the one before; `room` is asked if there was none.
    pub(super) fn note_use(&mut self, secret: SecretRef, at: Timestamp, attempt: &Attempt<'_>, room: &Room) {
        let entry =
            self.uses.entry(hash_of(secret), |last| last.secret == secret, |last| hash_of(last.secret));
        let last = match entry {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) if room.take() => {
                let endpoint = String::new();
                new.insert(Use { secret, at, address: None, endpoint, has_endpoint: false }).into_mut()
            }
            Entry::Vacant(_) => return,
        };
        if at >= last.at {
            last.at = at;
            last.address = attempt.address;
            last.has_endpoint = endpoint::write(&mut last.endpoint, attempt);
        }
    }

    /// The counts, once for each bucket.
    pub(super) fn take_counts(&mut self) -> impl ExactSizeIterator<Item = (Bucket, u64)> + use<> {
        std::mem::take(&mut self.counts).into_iter()
    }

    /// The last uses, once for each secret.
    pub(super) fn take_uses(&mut self) -> impl ExactSizeIterator<Item = LastUse> + use<> {
        std::mem::take(&mut self.uses).into_iter().map(|last| LastUse {
            secret: last.secret,
            at: last.at,
            address: last.address,
            endpoint: last.has_endpoint.then(|| last.endpoint.into()),
        })
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
        let outcome = match self.outcome {
            Outcome::Allowed => 0,
            Outcome::Denied(code) => 1 + code as u64,
        };
        let whose = match self.secret {
            Some(secret) => hash_of(secret),
            None => Arc::as_ptr(self.api).addr() as u64,
        };
        whose.wrapping_add(outcome).wrapping_mul(SPREAD)
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
