//! Limits as they are shown, and where a key stands with them.

use claviger_model::{
    Restrictions, Span, Standing, Standings,
    restriction::{Quota, Quotas, Rate, Rates},
    seconds_up, write_duration,
};
use serde::Serialize;
use utoipa::ToSchema;

/// So many calls in a window that slides.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Rate)]
pub(crate) struct RateJson {
    /// 1 to 32 lower-case letters, digits, `_` and `-`; unique within the key.
    #[schema(example = "burst")]
    name: String,
    /// From 1 to 1000000000.
    limit: u32,
    /// From `1s` to `31d`.
    #[schema(example = "60s")]
    window: String,
    /// How many of them at once: all where left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    burst: Option<u32>,
}

/// So many calls in a day or a month of the calendar, in UTC.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Quota)]
pub(crate) struct QuotaJson {
    /// 1 to 32 lower-case letters, digits, `_` and `-`; unique within the key.
    #[schema(example = "monthly")]
    name: String,
    /// From 1 to 1000000000.
    limit: u32,
    /// `day` or `month`.
    #[schema(example = "month")]
    per: &'static str,
}

/// Where a key stands with one limit.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Standing)]
pub(crate) struct LimitJson {
    name: String,
    limit: u32,
    /// Calls there is room for now.
    remaining: u32,
    /// Seconds until there is room for one more; 0 where there is room for all.
    more_in: u64,
    /// A rate's window.
    #[serde(skip_serializing_if = "Option::is_none")]
    window: Option<String>,
    /// A quota's period: `day` or `month`.
    #[serde(skip_serializing_if = "Option::is_none")]
    per: Option<&'static str>,
}

/// The rates of a key.
pub(crate) fn rates_json(restrictions: &Restrictions) -> Option<Vec<RateJson>> {
    let shown = |rate: &Rate| RateJson {
        name: rate.name().to_string(),
        limit: rate.limit(),
        window: write_duration(rate.window()),
        burst: Some(rate.burst()).filter(|burst| *burst != rate.limit()),
    };
    restrictions.rates.as_ref().map(Rates::iter).map(|rates| rates.map(shown).collect())
}

/// The quotas of a key.
pub(crate) fn quotas_json(restrictions: &Restrictions) -> Option<Vec<QuotaJson>> {
    let shown = |quota: &Quota| QuotaJson {
        name: quota.name().to_string(),
        limit: quota.limit(),
        per: quota.per().as_str(),
    };
    restrictions.quotas.as_ref().map(Quotas::iter).map(|quotas| quotas.map(shown).collect())
}

/// Where a key stands; nothing where it has no limits.
pub(crate) fn limits_json(standings: Option<&Standings>) -> Vec<LimitJson> {
    let shown = |standing: &Standing| {
        let (window, per) = match standing.span {
            Span::Window(window) => (Some(write_duration(window)), None),
            Span::Period(per) => (None, Some(per.as_str())),
        };
        LimitJson {
            name: standing.name.to_string(),
            limit: standing.limit,
            remaining: standing.remaining,
            more_in: seconds_up(standing.more_in),
            window,
            per,
        }
    };
    standings.map(|standings| standings.limits.iter().map(shown).collect()).unwrap_or_default()
}
