//! Thirty days of a key: a chart, a sentence, and the numbers.

use std::collections::BTreeMap;

use claviger_manage::{DayCount, UsageQuery};
use claviger_model::{DenialCode, KeyId};

use super::denied;
use crate::{
    answer::Stop,
    chart::{Chart, Count},
    site::Site,
    visit::Visitor,
    words::grouped,
};

/// How far back the chart goes.
const DAYS: u32 = 30;
/// The outcome of a request that a permit was given for.
const ALLOWED: &str = "allowed";

/// The usage of a key.
#[derive(Debug)]
pub(super) struct Usage {
    pub(super) chart: Chart,
    /// How requests ended, and how many did so, the most first.
    pub(super) outcomes: Vec<(String, String)>,
    pub(super) total: String,
    pub(super) allowed: String,
    pub(super) denied: String,
}

/// The usage of the key over the last thirty days.
pub(super) async fn of(site: &Site, visitor: &Visitor, key: KeyId) -> Result<Usage, Stop> {
    let query = UsageQuery { api: None, key: Some(key), days: DAYS };
    let counts = site.manager().usage(&visitor.by(), query).await?;
    Ok(counted(&counts, site.now().day()))
}

fn counted(counts: &[DayCount], today: i64) -> Usage {
    let count = |count: &DayCount| Count {
        day: count.day,
        is_allowed: count.outcome == ALLOWED,
        requests: count.count,
    };
    let mut sums = BTreeMap::<&str, u64>::new();
    for count in counts {
        let sum = sums.entry(&count.outcome).or_default();
        *sum = sum.saturating_add(count.count);
    }
    let mut outcomes: Vec<_> = sums.into_iter().collect();
    outcomes.sort_by_key(|(_, sum)| std::cmp::Reverse(*sum));
    let counts: Vec<_> = counts.iter().map(count).collect();
    let chart = Chart::of(&counts, today, DAYS);
    Usage {
        outcomes: outcomes.into_iter().map(|(outcome, sum)| (in_words(outcome), grouped(sum))).collect(),
        total: grouped(chart.total()),
        allowed: grouped(chart.allowed),
        denied: grouped(chart.denied),
        chart,
    }
}

fn in_words(outcome: &str) -> String {
    if outcome == ALLOWED {
        return "Allowed".to_owned();
    }
    let code = DenialCode::ALL.into_iter().find(|code| code.as_str() == outcome);
    code.map_or_else(|| outcome.to_owned(), |code| format!("Denied: {}", denied::reason(code).to_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_are_summed_over_days_and_secrets() {
        let count = |day: i64, secret: u16, outcome: &str, count: u64| DayCount {
            day,
            key: None,
            secret: Some(secret),
            environment: None,
            outcome: outcome.to_owned(),
            count,
        };
        let usage = counted(
            &[count(9, 1, "allowed", 2), count(10, 2, "allowed", 3), count(10, 1, "network", 9000)],
            10,
        );
        let network = "Denied: the address is not allowed".to_owned();
        assert_eq!(usage.outcomes, [(network, "9,000".to_owned()), ("Allowed".to_owned(), "5".to_owned())]);
        assert_eq!((usage.chart.allowed, usage.chart.denied), (5, 9000));
    }
}
