//! Counting a call against the limits of its key, and what there is to know of limits.

use claviger_model::{Attempt, Denial, Standings, profile::Profile};

use super::Verifier;
use crate::{
    Indeterminate,
    limits::{Call, LimitsHealth},
    replica::Held,
    usage::Seen,
};

/// Whether calls of this key are counted against anything.
pub(super) fn has_limits(profile: &Profile, held: &Held) -> bool {
    let defaults = profile.limits.defaults(held.environment);
    held.terms.policy.restrictions.limit_use() || defaults.rates.is_some() || defaults.quotas.is_some()
}

impl Verifier {
    /// Counts an attempt that was decided to be allowed. It is decided again afterwards: what was waited for may have
    /// taken longer than the lease, and a revocation that is complete meanwhile holds for this attempt too.
    pub(super) async fn count(
        &self,
        profile: &Profile,
        held: &Held,
        attempt: &Attempt<'_>,
        seen: &Seen<'_>,
    ) -> Result<Result<Option<Box<Standings>>, Denial>, Indeterminate> {
        let own = &held.terms.policy.restrictions;
        let defaults = profile.limits.defaults(held.environment);
        let [.., high, low] = seen.request.to_bytes();
        let call = Call {
            key: held.key,
            rates: own.rates.as_ref().or(defaults.rates.as_ref()),
            quotas: own.quotas.as_ref().or(defaults.quotas.as_ref()),
            now: seen.at,
            boot: self.clock.boot(),
            chance: u16::from_be_bytes([high, low]),
        };
        let standings = match self.limits.judge(call).await? {
            Ok(standings) => standings,
            Err(denial) => return Ok(Err(denial)),
        };
        let at = self.clock.now();
        self.check_lease(at, profile.lease)?;
        let decided = self.decide_again(profile, &held.digest, attempt, at)?;
        Ok(decided.map(|()| Some(Box::new(standings))))
    }

    /// How many nodes there are, this one included: while what they share is away, each enforces its share of rates.
    /// One, until it is told.
    pub fn set_nodes(&self, nodes: u32) {
        self.limits.set_nodes(nodes);
    }

    /// How limits are enforced, for metrics.
    pub fn limits_health(&self) -> LimitsHealth {
        self.limits.health()
    }

    /// Gives back the calls of quotas that are reserved and not used. For the end, once nothing is asked any more: what
    /// isn't given back is forfeited.
    pub async fn give_back_quotas(&self) {
        self.limits.give_back().await;
    }
}
