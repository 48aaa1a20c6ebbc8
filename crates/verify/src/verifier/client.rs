//! Whether an application is who it says, by its secret.

use std::sync::Arc;

use claviger_model::{ClientId, Digest, profile::Profile};

use super::Verifier;
use crate::{Indeterminate, feed::ClientRecord};

impl Verifier {
    /// The application of this api that has the id `id` and the secret `presented`, if both belong together and work now.
    pub fn client(
        &self,
        profile: &Profile,
        id: ClientId,
        presented: &[u8],
    ) -> Result<Option<Arc<ClientRecord>>, Indeterminate> {
        let now = self.clock.now();
        self.check_lease(now, profile.lease)?;
        let held = self.replica.load().find_client_secret(&Digest::of(presented));
        let is_meant = |client: &ClientRecord| client.id == id && client.api == profile.name;
        let Some(held) = held.filter(|held| is_meant(&held.client) && !held.revoked) else { return Ok(None) };
        if self.doubt.lies_between(held.ends_at, now) {
            return Err(Indeterminate::Clock);
        }
        Ok(held.ends_at.is_none_or(|at| now < at).then_some(held.client))
    }
}
