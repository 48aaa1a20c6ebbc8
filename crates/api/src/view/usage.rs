//! Counts and denied attempts as they are shown.

use claviger_manage::DayCount;
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
    /// `allowed`, or a denial code.
    outcome: String,
    count: u64,
}

impl From<&DayCount> for CountJson {
    fn from(count: &DayCount) -> Self {
        let midnight = claviger_model::Timestamp::from_millis(count.day * 86_400_000).to_string();
        Self {
            day: midnight.split('T').next().unwrap_or_default().to_owned(),
            key_id: count.key.map(|key| key.to_string()),
            secret: count.secret,
            environment: count.environment.map(|environment| environment.to_string()),
            outcome: count.outcome.clone(),
            count: count.count,
        }
    }
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
