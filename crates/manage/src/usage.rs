//! What keys were used for, and what was denied.

use claviger_model::{Ability, KeyId, Timestamp};
use claviger_store::{DayCount, UsageFilter};
use claviger_verify::usage::DeniedAttempt;

use crate::{Actor, By, Fault, Manager, Refusal};

/// The longest time one call counts over.
const DAYS_MAX: u32 = 400;

/// Which counts to show.
#[derive(Clone, Debug)]
pub struct UsageQuery {
    /// Of this api only.
    pub api: Option<String>,
    /// Of this key only.
    pub key: Option<KeyId>,
    /// The last so many days, today included.
    pub days: u32,
}

impl Manager {
    /// Counts by day, secret, environment and outcome.
    pub async fn usage(&self, by: &By, query: UsageQuery) -> Result<Vec<DayCount>, Refusal> {
        by.allow(Ability::Read)?;
        self.require_own_key(by, query.key).await?;
        if !(1..=DAYS_MAX).contains(&query.days) {
            return Err(Refusal::Invalid(vec![Fault::new(
                "/days",
                format!("must be between 1 and {DAYS_MAX}"),
            )]));
        }
        let today = self.clock.now().day();
        let filter = UsageFilter {
            api: query.api.map(Into::into),
            key: query.key,
            from_day: today - i64::from(query.days) + 1,
            to_day: today,
        };
        Ok(self.store.usage(filter).await?)
    }

    /// Denied attempts: the last ten of a key, or those of one request.
    pub async fn denials(
        &self,
        by: &By,
        key: Option<KeyId>,
        request: Option<String>,
    ) -> Result<Vec<DeniedAttempt>, Refusal> {
        by.allow(Ability::Read)?;
        self.require_own_key(by, key).await?;
        Ok(self.store.denials(key, request).await?)
    }

    /// Refuses members who don't name a key of their account.
    async fn require_own_key(&self, by: &By, key: Option<KeyId>) -> Result<(), Refusal> {
        if !matches!(by.actor, Actor::Member(_)) {
            return Ok(());
        }
        let key = key.ok_or(Refusal::NotFound("key"))?;
        self.key_and_profile(by, key).await.map(drop)
    }

    /// The instant it is, by the engine's clock.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }
}
