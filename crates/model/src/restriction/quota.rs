//! How many calls a key has in a day or a month of the calendar, in UTC.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize};

use super::limit::{LIMIT_MAX, LimitError, LimitName, Named, listed};
use crate::Timestamp;

/// The quotas of a key, each with a name of its own. A call is taken from all of them.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Quotas(Box<[Quota]>);

/// So many calls in each period.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Quota {
    name: LimitName,
    limit: u32,
    per: Per,
}

/// What a quota is counted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Per {
    /// From midnight to midnight.
    Day,
    /// From the first of a month to the first of the next.
    Month,
}

/// One day or month.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Period {
    /// Its first day, in days since 1970-01-01.
    pub begins: i64,
    /// The first day that isn't in it any more.
    pub ends: i64,
}

impl Period {
    /// When it ends.
    pub const fn ends_at(self) -> Timestamp {
        Timestamp::from_millis(self.ends * 86_400_000)
    }

    /// Whether `now` is in it.
    pub fn contains(self, now: Timestamp) -> bool {
        (self.begins..self.ends).contains(&now.day())
    }
}

impl Per {
    /// The period that `now` is in.
    pub fn period(self, now: Timestamp) -> Period {
        let day = now.day();
        match self {
            Self::Day => Period { begins: day, ends: day + 1 },
            Self::Month => month_of(day),
        }
    }

    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Month => "month",
        }
    }
}

/// The month of a day since 1970-01-01. Days that no date can name have a month of one day.
fn month_of(day: i64) -> Period {
    let epoch = jiff::civil::date(1970, 1, 1);
    let number = |date: jiff::civil::Date| {
        let millis = date.at(0, 0, 0, 0).to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_millisecond();
        Some(Timestamp::from_millis(millis).day())
    };
    let span = jiff::Span::new().try_days(day).ok();
    let date = span.and_then(|span| epoch.checked_add(span).ok());
    let bounds = date.and_then(|date| {
        let next = date.last_of_month().tomorrow().ok()?;
        Some(Period { begins: number(date.first_of_month())?, ends: number(next)? })
    });
    bounds.unwrap_or(Period { begins: day, ends: day + 1 })
}

impl fmt::Display for Per {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Quotas {
    /// These quotas, if their number and their names fit.
    pub fn new(quotas: Vec<Quota>) -> Result<Self, LimitError> {
        listed(quotas).map(Self)
    }

    /// The quotas in the order they were given.
    pub fn iter(&self) -> impl Iterator<Item = &Quota> {
        self.0.iter()
    }
}

impl Quota {
    /// `limit` calls in each period.
    pub fn new(name: LimitName, limit: u64, per: Per) -> Result<Self, LimitError> {
        let limit = u32::try_from(limit).ok().filter(|limit| (1..=LIMIT_MAX).contains(limit));
        Ok(Self { name, limit: limit.ok_or(LimitError::Limit)?, per })
    }

    /// Its name.
    pub fn name(&self) -> &LimitName {
        &self.name
    }

    /// Calls in a period: from 1 to 10⁹.
    pub fn limit(&self) -> u32 {
        self.limit
    }

    /// What it is counted by.
    pub fn per(&self) -> Per {
        self.per
    }
}

impl Named for Quota {
    fn name(&self) -> &LimitName {
        &self.name
    }
}

/// `10000/month`, which is named after its period, or `name=10000/month`.
impl FromStr for Quota {
    type Err = LimitError;

    fn from_str(text: &str) -> Result<Self, LimitError> {
        let (name, amount) = text.split_once('=').unzip();
        let (limit, per) = amount.unwrap_or(text).split_once('/').ok_or(LimitError::QuotaText)?;
        let limit = limit.parse().or(Err(LimitError::QuotaText))?;
        let per = match per {
            "day" => Per::Day,
            "month" => Per::Month,
            _ => return Err(LimitError::QuotaText),
        };
        Self::new(name.unwrap_or(per.as_str()).parse()?, limit, per)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct QuotaText {
    name: LimitName,
    limit: u64,
    per: Per,
}

impl<'de> Deserialize<'de> for Quota {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let QuotaText { name, limit, per } = QuotaText::deserialize(deserializer)?;
        Self::new(name, limit, per).map_err(serde::de::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Quotas {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(Vec::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn periods_are_those_of_the_calendar_in_utc() {
        for (per, now, begins, ends) in [
            (Per::Day, "2026-03-05T23:59:59.999Z", "2026-03-05T00:00:00Z", "2026-03-06T00:00:00Z"),
            (Per::Day, "2026-03-06T00:00:00Z", "2026-03-06T00:00:00Z", "2026-03-07T00:00:00Z"),
            (Per::Month, "2026-03-05T12:00:00Z", "2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z"),
            (Per::Month, "2028-02-29T23:59:59Z", "2028-02-01T00:00:00Z", "2028-03-01T00:00:00Z"),
            (Per::Month, "2026-12-31T23:59:59Z", "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"),
            (Per::Month, "1969-12-31T23:59:59Z", "1969-12-01T00:00:00Z", "1970-01-01T00:00:00Z"),
        ] {
            let period = per.period(at(now));
            assert_eq!((period.begins, period.ends_at()), (at(begins).day(), at(ends)), "{now}");
        }
    }

    proptest! {
        #[test]
        fn now_is_in_its_period_and_the_next_begins_where_it_ends(millis in -1_000_000_000_000i64..253_000_000_000_000) {
            let now = Timestamp::from_millis(millis);
            for per in [Per::Day, Per::Month] {
                let period = per.period(now);
                prop_assert!(period.contains(now));
                prop_assert_eq!(per.period(period.ends_at()).begins, period.ends);
                prop_assert!(!period.contains(period.ends_at()));
            }
        }

        #[test]
        fn any_instant_has_a_period(millis: i64) {
            let now = Timestamp::from_millis(millis);
            prop_assert!(Per::Month.period(now).contains(now));
        }
    }

    #[test]
    fn a_quota_prints_as_it_reads() {
        let json =
            r#"[{"name":"monthly","limit":10000,"per":"month"},{"name":"daily","limit":1,"per":"day"}]"#;
        let quotas: Quotas = serde_json::from_str(json).unwrap();
        assert_eq!(serde_json::to_string(&quotas).unwrap(), json);
        for json in [
            "[]",
            r#"[{"name":"a","limit":0,"per":"day"}]"#,
            r#"[{"name":"a","limit":1,"per":"week"}]"#,
            r#"[{"name":"a","limit":1,"per":"day","window":"1s"}]"#,
            r#"[{"name":"a","limit":1,"per":"day"},{"name":"a","limit":1,"per":"month"}]"#,
        ] {
            assert!(serde_json::from_str::<Quotas>(json).is_err(), "{json}");
        }
    }

    #[test]
    fn the_command_line_has_a_short_form() {
        let quota: Quota = "10000/month".parse().unwrap();
        assert_eq!((quota.name().as_str(), quota.limit(), quota.per()), ("month", 10_000, Per::Month));
        assert_eq!("plan=5/day".parse::<Quota>().unwrap().name().as_str(), "plan");
        for text in ["", "5", "5/week", "5/", "=5/day", "x/day", "5/day/day"] {
            assert!(text.parse::<Quota>().is_err(), "{text}");
        }
    }
}
