//! How long addresses and counts are kept, and who may have them erased before.

use std::{pin::pin, time::Duration};

use claviger_model::{Ability, AccountId};
use claviger_store::Old;
use serde_json::json;

use crate::{By, Manager, Refusal};

/// Between two looks at what is old.
const EVERY: Duration = Duration::from_hours(1);
/// Between two batches of one look, so that others come to write.
const PAUSE: Duration = Duration::from_millis(20);
const DAY_MILLIS: i64 = 86_400_000;

/// How long what costs privacy or room is kept.
#[derive(Clone, Copy, Debug)]
pub struct Retention {
    /// Addresses from which keys were used, denied attempts, and sessions that ran out.
    pub addresses: Duration,
    /// Counts.
    pub counts: Duration,
}

impl Manager {
    /// Forgets from where the keys of an account were used, and from where and by what its members are signed in;
    /// returns how many rows told of that.
    pub async fn erase_addresses(&self, by: &By, account: AccountId) -> Result<u64, Refusal> {
        by.require(Ability::Manage)?;
        let note = self.note(by, "account.erase_addresses", json!({}));
        self.store.erase_addresses(account, note).await.map_err(|error| match Refusal::from(error) {
            Refusal::NotFound(_) => Refusal::NotFound("account"),
            other => other,
        })
    }

    /// Forgets what is old, until `shutdown` is done.
    pub async fn forget_what_is_old(&self, retention: Retention, shutdown: impl Future<Output = ()>) {
        let forgetting = async {
            loop {
                if let Err(refusal) = self.look_at_what_is_old(retention).await {
                    tracing::warn!(%refusal, "what is old can't be forgotten yet");
                }
                tokio::time::sleep(EVERY).await;
            }
        };
        tokio::select! {
            () = pin!(shutdown) => {}
            () = forgetting => {}
        }
    }

    async fn look_at_what_is_old(&self, retention: Retention) -> Result<(), Refusal> {
        let now = self.clock.now();
        let counts_before = now.minus(retention.counts).as_millis().div_euclid(DAY_MILLIS);
        let old = Old { before: now.minus(retention.addresses), counts_before };
        let mut after = None;
        while let Some(reached) = self.store.forget(old, after).await? {
            after = Some(reached);
            tokio::time::sleep(PAUSE).await;
        }
        Ok(())
    }
}
