//! Digest → what is known of the secret: 80 bytes a secret, and 7 to 14 for finding it.
//!
//! Digests are compared as any bytes are. A comparison that ends early would say how much of a digest is right,
//! which helps nobody: who could choose the next byte of a digest could invert SHA-256.

use std::sync::Arc;

use claviger_model::{Digest, Environment, KeyId, KeyState, Timestamp};
use parking_lot::RwLock;

use super::{index::Index, slab::Slab};
use crate::feed::{SecretRecord, Terms};

/// So many that growing one of them, which moves its index, is over in well under a millisecond.
pub(super) const SHARDS: usize = 1024;

/// Stands for "never": no instant that a profile or a date can name comes near it.
const NEVER: i64 = i64::MAX;

/// Milliseconds: of the thirty days that what ended is remembered, an hour is left for what ran out.
const RAN_OUT_SOONER: i64 = (30 * 24 - 1) * 60 * 60 * 1000;

/// What is known of one secret.
#[derive(Clone)]
pub(super) struct Row {
    pub(super) digest: Digest,
    pub(super) key: KeyId,
    ends_at: i64,
    expires_at: i64,
    pub(super) terms: Arc<Terms>,
    pub(super) account: u32,
    pub(super) secret: u16,
    pub(super) environment: Environment,
    pub(super) state: KeyState,
}

const _: () = assert!(size_of::<Option<Row>>() == 80, "the budget of a secret is counted on this");

impl Row {
    /// The row of `record`, whose account is in slot `account` and whose terms are shared as `terms`.
    pub(super) fn new(record: &SecretRecord, account: u32, terms: Arc<Terms>) -> Self {
        let millis = |at: Option<Timestamp>| at.map_or(NEVER, Timestamp::as_millis);
        Self {
            digest: record.digest,
            key: record.key,
            ends_at: millis(record.ends_at),
            expires_at: millis(record.expires_at),
            terms,
            account,
            secret: record.secret,
            environment: record.environment,
            state: record.state,
        }
    }

    /// The same under another digest.
    pub(super) fn standing_under(&self, digest: Digest) -> Self {
        Self { digest, ..self.clone() }
    }

    /// When the key was revoked, or this secret's overlap ends.
    pub(super) fn ends_at(&self) -> Option<Timestamp> {
        instant(self.ends_at)
    }

    /// When the key expires.
    pub(super) fn expires_at(&self) -> Option<Timestamp> {
        instant(self.expires_at)
    }

    /// Ended for good before `instant`, by revocation or replacement. Expired keys are kept: they say why. What ends by
    /// running out, as access tokens do, says so for [`RAN_OUT_SOONER`] less: there may be many of them, and whoever holds
    /// one was told how long it lasts.
    fn ended_before(&self, instant: Timestamp) -> bool {
        let ran_out = self.ends_at == self.expires_at && self.state != KeyState::Revoked;
        let end = if ran_out { self.ends_at.saturating_sub(RAN_OUT_SOONER) } else { self.ends_at };
        end < instant.as_millis()
    }
}

fn instant(millis: i64) -> Option<Timestamp> {
    (millis != NEVER).then(|| Timestamp::from_millis(millis))
}

/// Every secret that was heard of and not forgotten.
pub(super) struct Secrets(Box<[RwLock<Shard>]>);

#[derive(Default)]
struct Shard {
    rows: Slab<Row>,
    index: Index,
}

/// How far a sweep has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Broom {
    shard: usize,
    chunk: usize,
}

impl Default for Secrets {
    fn default() -> Self {
        Self((0..SHARDS).map(|_| RwLock::default()).collect())
    }
}

impl Secrets {
    /// Takes a secret as it is now.
    pub(super) fn put(&self, row: Row) {
        let (hash, shard) = place_of(&row.digest);
        self.0[shard].write().put(hash, row);
    }

    /// Forgets a secret.
    pub(super) fn remove(&self, digest: &Digest) {
        let (hash, shard) = place_of(digest);
        self.0[shard].write().remove(hash, |row| row.digest == *digest);
    }

    /// The secret with this digest. The lock is held for the copy alone, not for the decision.
    pub(super) fn get(&self, digest: &Digest) -> Option<Row> {
        let (hash, shard) = place_of(digest);
        self.0[shard].read().find(hash, digest).cloned()
    }

    /// Forgets what ended before `instant` in one chunk, and moves `broom` to the next; false at the end.
    pub(super) fn sweep(&self, broom: &mut Broom, instant: Timestamp) -> bool {
        let Some(shard) = self.0.get(broom.shard) else { return false };
        let Some(ended) = shard.read().ended_in(broom.chunk, instant) else {
            *broom = Broom { shard: broom.shard + 1, chunk: 0 };
            return broom.shard < SHARDS;
        };
        broom.chunk += 1;
        if !ended.is_empty() {
            let mut shard = shard.write();
            for digest in ended {
                let (hash, _) = place_of(&digest);
                shard.remove(hash, |row| row.digest == digest && row.ended_before(instant));
            }
        }
        true
    }

    /// Shows every secret of a revoked key.
    pub(super) fn each_revoked(&self, mut show: impl FnMut(&Row)) {
        for shard in &self.0 {
            let shard = shard.read();
            let chunks = (0..).map_while(|number| shard.rows.chunk(number));
            chunks.flatten().filter(|row| row.state == KeyState::Revoked).for_each(&mut show);
        }
    }

    /// Marks the secret of `revoked` as revoked where it isn't; whether it was so.
    pub(super) fn revoke_again(&self, revoked: &Row) -> bool {
        let (hash, shard) = place_of(&revoked.digest);
        let mut shard = self.0[shard].write();
        let found = shard.find(hash, &revoked.digest).filter(|row| row.state != KeyState::Revoked).cloned();
        let Some(row) = found else { return false };
        shard.put(hash, Row { state: KeyState::Revoked, ends_at: revoked.ends_at, ..row });
        true
    }

    /// How many there are, and the bytes they take.
    pub(super) fn size(&self) -> (usize, usize) {
        let own = SHARDS * size_of::<RwLock<Shard>>();
        self.0
            .iter()
            .map(|shard| shard.read().size())
            .fold((0, own), |sum, one| (sum.0 + one.0, sum.1 + one.1))
    }
}

impl Shard {
    fn find(&self, hash: u64, digest: &Digest) -> Option<&Row> {
        let slot = self.index.find(hash, |slot| self.rows.get(slot).digest == *digest)?;
        Some(self.rows.get(slot))
    }

    fn put(&mut self, hash: u64, row: Row) {
        let known = self.index.find(hash, |slot| self.rows.get(slot).digest == row.digest);
        if let Some(slot) = known {
            let held = self.rows.get_mut(slot);
            // A source that lost a revocation may tell of the key again before it has it back.
            let lost = held.state == KeyState::Revoked && row.state != KeyState::Revoked;
            *held = if lost { Row { state: KeyState::Revoked, ends_at: held.ends_at, ..row } } else { row };
            return;
        }
        let slot = self.rows.insert(row);
        let rows = &self.rows;
        self.index.insert(hash, slot, |slot| place_of(&rows.get(slot).digest).0);
    }

    fn remove(&mut self, hash: u64, is_meant: impl Fn(&Row) -> bool) {
        if let Some(slot) = self.index.remove(hash, |slot| is_meant(self.rows.get(slot))) {
            self.rows.remove(slot);
        }
    }

    fn ended_in(&self, chunk: usize, instant: Timestamp) -> Option<Vec<Digest>> {
        let rows = self.rows.chunk(chunk)?;
        Some(rows.filter(|row| row.ended_before(instant)).map(|row| row.digest).collect())
    }

    fn size(&self) -> (usize, usize) {
        (self.index.len(), self.rows.bytes() + self.index.bytes())
    }
}

/// Ten bytes of the digest are the hash and the shard, as they are: a digest is evenly spread already. No seed is
/// mixed in, for nobody can crowd the index: only keys minted here (or imported by an operator) are put into it,
/// and what an attacker presents is only looked for.
fn place_of(digest: &Digest) -> (u64, usize) {
    let (shard, rest) = digest.as_bytes().split_first_chunk().expect("a digest has 32 bytes");
    let (hash, _) = rest.split_first_chunk().expect("a digest has 32 bytes");
    (u64::from_le_bytes(*hash), usize::from(u16::from_le_bytes(*shard)) % SHARDS)
}
