//! Thirty days of a key's requests: a chart, a sentence, and the numbers.

use std::collections::BTreeMap;

use claviger_manage::DayCount;

use crate::{
    chart::{Chart, Count},
    words::grouped,
};

/// How far back it goes.
pub(crate) const DAYS: u32 = 30;
/// The outcome of a request that a permit was given for.
pub(crate) const ALLOWED: &str = "allowed";

/// The usage of a key.
#[derive(Debug)]
pub(crate) struct Usage {
    pub(crate) chart: Chart,
    /// How requests ended, and how many did so, the most first.
    pub(crate) outcomes: Vec<(String, String)>,
    pub(crate) total: String,
    pub(crate) allowed: String,
    pub(crate) denied: String,
}

impl Usage {
    /// The sums of `counts`, with `name` for each outcome.
    pub(crate) fn of(counts: &[DayCount], today: i64, name: impl Fn(&str) -> String) -> Self {
        let mut sums = BTreeMap::<&str, u64>::new();
        for count in counts {
            let sum = sums.entry(&count.outcome).or_default();
            *sum = sum.saturating_add(count.count);
        }
        let mut outcomes: Vec<_> = sums.into_iter().collect();
        outcomes.sort_by_key(|(_, sum)| std::cmp::Reverse(*sum));
        let count = |count: &DayCount| Count {
            day: count.day,
            is_allowed: count.outcome == ALLOWED,
            requests: count.count,
        };
        let chart = Chart::of(&counts.iter().map(count).collect::<Vec<_>>(), today, DAYS);
        Self {
            outcomes: outcomes.into_iter().map(|(outcome, sum)| (name(outcome), grouped(sum))).collect(),
            total: grouped(chart.total()),
            allowed: grouped(chart.allowed),
            denied: grouped(chart.denied),
            chart,
        }
    }
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
        let counts = [count(9, 1, "allowed", 2), count(10, 2, "allowed", 3), count(10, 1, "network", 9000)];
        let usage = Usage::of(&counts, 10, str::to_uppercase);
        let pair = |outcome: &str, sum: &str| (outcome.to_owned(), sum.to_owned());
        assert_eq!(usage.outcomes, [pair("NETWORK", "9,000"), pair("ALLOWED", "5")]);
        assert_eq!((&*usage.total, usage.chart.allowed, usage.chart.denied), ("9,005", 5, 9000));
    }
}
