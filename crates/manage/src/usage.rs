//! What keys were used for, and what was denied.

use claviger_model::{Ability, KeyId, Timestamp};
use claviger_store::{DayCount, UsageFilter};
use claviger_verify::usage::DeniedAttempt;

use crate::{By, Fault, Manager, Refusal};

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
        by.require(Ability::Read)?;
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
        by.require(Ability::Read)?;
        Ok(self.store.denials(key, request).await?)
    }

    /// The instant it is, by the engine's clock.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }
}
