//! Counts and denied attempts as they are shown.

use claviger_manage::{DayCount, WouldBeDenied};
use claviger_verify::usage::DeniedAttempt;
use serde::Serialize;
use utoipa::ToSchema;

/// A count of one secret on one day.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DayCount)]
pub(crate) struct CountJson {
    /// The day, in UTC.
    #[schema(example = "2025-01-15")]
    day: String,
    /// `null` for what no key is known of.
    key_id: Option<String>,
    secret: Option<u16>,
    /// `live`, `test`, or `null` where what was presented has none.
    environment: Option<String>,
    /// `allowed`, a denial code, or one behind `observed_`: it passed, and would have been denied were everything enforced.
    outcome: String,
    count: u64,
}

impl From<&DayCount> for CountJson {
    fn from(count: &DayCount) -> Self {
        Self {
            day: date(count.day),
            key_id: count.key.map(|key| key.to_string()),
            secret: count.secret,
            environment: count.environment.map(|environment| environment.to_string()),
            outcome: count.outcome.clone(),
            count: count.count,
        }
    }
}

/// Attempts that passed and would have been denied, were everything enforced.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WouldBeDenied)]
pub(crate) struct WouldBeDeniedJson {
    /// The denial's code.
    code: String,
    /// `null` for what no key is known of.
    key_id: Option<String>,
    count: u64,
    /// The first day of them, in UTC.
    first_day: String,
    /// The last.
    last_day: String,
}

impl From<&WouldBeDenied> for WouldBeDeniedJson {
    fn from(found: &WouldBeDenied) -> Self {
        Self {
            code: found.code.clone(),
            key_id: found.key.map(|key| key.to_string()),
            count: found.count,
            first_day: date(*found.days.start()),
            last_day: date(*found.days.end()),
        }
    }
}

fn date(day: i64) -> String {
    let midnight = claviger_model::Timestamp::from_millis(day * 86_400_000).to_string();
    midnight.split('T').next().unwrap_or_default().to_owned()
}

/// A denied attempt.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Denial)]
pub(crate) struct DenialJson {
    at: String,
    request_id: String,
    api: String,
    key_id: Option<String>,
    code: String,
    detail: String,
    address: Option<String>,
    /// The method and path, without the query.
    endpoint: Option<String>,
}

impl From<&DeniedAttempt> for DenialJson {
    fn from(denied: &DeniedAttempt) -> Self {
        Self {
            at: denied.at.to_string(),
            request_id: denied.request.to_string(),
            api: denied.api.to_string(),
            key_id: denied.key.map(|key| key.to_string()),
            code: denied.code.to_string(),
            detail: denied.detail.to_string(),
            address: denied.address.map(|address| address.to_string()),
            endpoint: denied.endpoint.as_deref().map(ToOwned::to_owned),
        }
    }
}
