//! What keys were used for, and what was denied.

use std::{cmp::Reverse, collections::BTreeMap, ops::RangeInclusive};

use claviger_model::{Ability, KeyId, Timestamp};
use claviger_store::{DayCount, UsageFilter};
use claviger_verify::usage::{DeniedAttempt, Outcome};

use crate::{Actor, By, Fault, Manager, Refusal};

/// The longest time one call counts over.
const DAYS_MAX: u32 = 400;

/// Attempts that would have been denied with one key, or with none that is known, for one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WouldBeDenied {
    /// The denial's code.
    pub code: String,
    /// The key, if what was presented is known.
    pub key: Option<KeyId>,
    /// How many there were.
    pub count: u64,
    /// The first and the last day of them, since 1970-01-01, UTC.
    pub days: RangeInclusive<i64>,
}

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

    /// What would have been denied by what is only observed, by reason and key, the most frequent first.
    pub async fn would_be_denied(&self, by: &By, query: UsageQuery) -> Result<Vec<WouldBeDenied>, Refusal> {
        let counts = self.usage(by, query).await?;
        let mut found: BTreeMap<(&str, Option<KeyId>), WouldBeDenied> = BTreeMap::new();
        for counted in &counts {
            let Some(code) = Outcome::observed_code(&counted.outcome) else { continue };
            let entry = found.entry((code, counted.key)).or_insert_with(|| WouldBeDenied {
                code: code.to_owned(),
                key: counted.key,
                count: 0,
                days: counted.day..=counted.day,
            });
            entry.count += counted.count;
            let (first, last) = (*entry.days.start(), *entry.days.end());
            entry.days = first.min(counted.day)..=last.max(counted.day);
        }
        let mut found: Vec<_> = found.into_values().collect();
        found.sort_by_key(|entry| Reverse(entry.count));
        Ok(found)
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
