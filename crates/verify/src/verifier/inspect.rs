//! What a credential is, for those who may ask and have no attempt to be judged (RFC 7662).

use std::sync::Arc;

use claviger_model::{Environment, KeyId, Restrictions, Timestamp, lives, profile::Profile};

use super::{Stranger, Verifier};
use crate::{
    Indeterminate,
    feed::{AccountRecord, Terms},
};

/// A credential that works, and what it is.
#[derive(Clone, Debug)]
pub struct Inspected {
    /// The key, or the grant.
    pub key: KeyId,
    /// Whose it is.
    pub account: Arc<AccountRecord>,
    /// Its environment.
    pub environment: Environment,
    /// When it ends, as far as is known.
    pub ends_at: Option<Timestamp>,
    /// What it may do, and who made it.
    pub terms: Arc<Terms>,
}

impl Verifier {
    /// What `presented` is, if it is a credential of this api that works now, for whatever and from wherever it is used: one
    /// that is restricted in that doesn't, because nothing says whether it may. Nothing is counted.
    pub async fn inspect(
        &self,
        profile: &Profile,
        presented: &[u8],
    ) -> Result<Option<Inspected>, Indeterminate> {
        let now = self.clock.now();
        self.check_lease(now, profile.lease)?;
        let known = match self.recognise(profile, Ok(presented)) {
            Ok(held) => Some((held, now)),
            Err(Stranger { unmet: Some((presented, digest)), .. }) => {
                Box::pin(self.first_use(profile, presented, digest)).await?
            }
            Err(_) => None,
        };
        let Some((held, now)) = known else { return Ok(None) };
        if self.is_in_doubt(&held, now) {
            return Err(Indeterminate::Clock);
        }
        let Restrictions { networks, referrers, endpoints, observed, .. } = &held.terms.policy.restrictions;
        let is_narrowed = (networks.is_some() && !observed.networks)
            || (referrers.is_some() && !observed.referrers)
            || (endpoints.is_some() && !observed.endpoints);
        let refused_here = held.environment == Environment::Test && !profile.keys.accepts_test;
        if is_narrowed || refused_here || lives(&held.facts(), now).is_err() {
            return Ok(None);
        }
        Ok(Some(Inspected {
            key: held.key,
            environment: held.environment,
            ends_at: [held.ends_at, held.expires_at].into_iter().flatten().min(),
            account: held.account,
            terms: held.terms,
        }))
    }
}
