//! The first use of a key that is known by another system's hash: which key it is, found once and told to the store.

use std::sync::Arc;

use claviger_model::{Digest, Timestamp, profile::Profile};

use super::Verifier;
use crate::{
    Indeterminate,
    foreign::{Asked, FirstUse, HashCheck},
    replica::Held,
    usage::SecretRef,
};

/// Between a look at the hashes and the next the one that was right may have been replaced, once.
const LOOKS: usize = 2;

impl Verifier {
    /// From here on other systems' hashes are computed by `by`. Before that, it can't be known whose a key is that was
    /// brought by one.
    pub fn compute_hashes_by(&self, by: Arc<dyn HashCheck>) {
        self.checks.compute_by(by);
    }

    /// Returns first uses that the store may not have yet, at most a hundred, when there are any. They are returned again
    /// until they are [`kept`](Self::kept).
    pub async fn first_uses(&self) -> Vec<FirstUse> {
        self.checks.waiting().await
    }

    /// The store has these first uses.
    pub fn kept(&self, first_uses: &[FirstUse]) {
        self.checks.kept(first_uses);
    }

    /// What stands in the digests' places of keys of the api that begin so and are known by other systems' hashes.
    pub fn found_by(&self, profile: &Profile, lookup: &str) -> Vec<Digest> {
        let candidates = self.replica.load().candidates(&profile.name, lookup);
        candidates.iter().map(|candidate| candidate.stand_in).collect()
    }

    /// Whether `presented` begins as a key of the api that is known by another system's hash.
    pub fn may_be_foreign(&self, profile: &Profile, presented: &[u8]) -> bool {
        profile.lookup(presented).is_some_and(|(lookup, _)| !self.found_by(profile, lookup).is_empty())
    }

    /// The secret that `presented` is, if it is a key of the api that isn't known by its digest yet. Nothing is counted.
    pub async fn meet(
        &self,
        profile: &Profile,
        presented: &[u8],
    ) -> Result<Option<SecretRef>, Indeterminate> {
        self.check_lease(self.clock.now(), profile.lease)?;
        let Ok((digest, _)) = profile.recognise(presented) else { return Ok(None) };
        let met = self.first_use(profile, presented, digest).await?;
        Ok(met.map(|(held, _)| SecretRef { key: held.key, secret: held.secret }))
    }

    /// The key that `presented` is, where it isn't known by its digest, and until when that was looked at: it may take
    /// longer than the lease, which has to hold afterwards.
    pub(super) async fn first_use(
        &self,
        profile: &Profile,
        presented: &[u8],
        digest: Digest,
    ) -> Result<Option<(Held, Timestamp)>, Indeterminate> {
        let is_of_api = |held: &Held| held.account.api == profile.name;
        let Some((lookup, secret)) = profile.lookup(presented) else { return Ok(None) };
        for _ in 0..LOOKS {
            let mut found = self.recall(&digest).as_ref().is_some_and(is_of_api);
            if !found {
                let candidates = self.replica.load().candidates(&profile.name, lookup);
                let asked = Asked { api: &profile.name, lookup, secret, digest };
                found = self.checks.find(asked, candidates).await?.is_some();
            }
            let now = self.clock.now();
            self.check_lease(now, profile.lease)?;
            // Its digest may have come from another node meanwhile: that is told before the hash is forgotten.
            let held = self.recall(&digest).or_else(|| self.replica.load().find(&digest)).filter(is_of_api);
            match held {
                Some(held) => return Ok(Some((held, now))),
                None if !found => return Ok(None),
                None => {}
            }
        }
        Err(Indeterminate::FirstUse)
    }

    /// The key with this digest, if its first use was here and isn't kept yet.
    pub(super) fn recall(&self, digest: &Digest) -> Option<Held> {
        let first_use = self.checks.recall(digest)?;
        let held = self.replica.load().find(&first_use.stand_in)?;
        self.checks.keep(first_use);
        Some(Held { digest: *digest, ..held })
    }
}

#[cfg(test)]
mod tests;
