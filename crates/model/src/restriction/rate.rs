//! How often a key may be used, window by window.

use std::{str::FromStr, time::Duration};

use serde::{Deserialize, Deserializer, Serialize};

use super::limit::{LIMIT_MAX, LimitError, LimitName, Named, listed};
use crate::{parse_duration, write_duration};

/// The shortest and the longest window.
const WINDOW_MIN: Duration = Duration::from_secs(1);
const WINDOW_MAX: Duration = Duration::from_hours(31 * 24);

/// The windows of a key, each with a name of its own. A call needs room in all of them.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Rates(Box<[Rate]>);

/// So many calls in a window that slides, and so many at once.
///
/// Room for one call comes back every `window / limit`, up to `burst` calls. Whoever always asks for more gets `limit`
/// calls a window, and `burst` once.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Rate {
    name: LimitName,
    limit: u32,
    window: Duration,
    burst: Option<u32>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RateText<'a> {
    name: LimitName,
    limit: u64,
    window: std::borrow::Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    burst: Option<u64>,
}

impl Rates {
    /// These windows, if their number and their names fit.
    pub fn new(rates: Vec<Rate>) -> Result<Self, LimitError> {
        listed(rates).map(Self)
    }

    /// The windows in the order they were given.
    pub fn iter(&self) -> impl Iterator<Item = &Rate> {
        self.0.iter()
    }
}

impl Rate {
    /// `limit` calls in `window`, at most `burst` at once; where that is `None`, all of them.
    pub fn new(
        name: LimitName,
        limit: u64,
        window: Duration,
        burst: Option<u64>,
    ) -> Result<Self, LimitError> {
        if !(WINDOW_MIN..=WINDOW_MAX).contains(&window) || window.subsec_nanos() != 0 {
            return Err(LimitError::Window);
        }
        let bounded = |number: u64| {
            u32::try_from(number)
                .ok()
                .filter(|number| (1..=LIMIT_MAX).contains(number))
                .ok_or(LimitError::Limit)
        };
        let limit = bounded(limit)?;
        let burst = burst.map(bounded).transpose()?;
        if burst.is_some_and(|burst| burst > limit) {
            return Err(LimitError::Burst);
        }
        Ok(Self { name, limit, window, burst: burst.filter(|burst| *burst != limit) })
    }

    /// Its name.
    pub fn name(&self) -> &LimitName {
        &self.name
    }

    /// Calls in a window: from 1 to 10⁹.
    pub fn limit(&self) -> u32 {
        self.limit
    }

    /// The window: whole seconds, from one to 31 days.
    pub fn window(&self) -> Duration {
        self.window
    }

    /// Calls at once: from 1 to the limit.
    pub fn burst(&self) -> u32 {
        self.burst.unwrap_or(self.limit)
    }
}

impl Named for Rate {
    fn name(&self) -> &LimitName {
        &self.name
    }
}

/// `100/60s`, which is named after its window, or `name=100/60s`.
impl FromStr for Rate {
    type Err = LimitError;

    fn from_str(text: &str) -> Result<Self, LimitError> {
        let (name, amount) = text.split_once('=').unzip();
        let (limit, window) = amount.unwrap_or(text).split_once('/').ok_or(LimitError::RateText)?;
        let limit = limit.parse().or(Err(LimitError::RateText))?;
        Self::new(
            name.unwrap_or(window).parse()?,
            limit,
            parse_duration(window).or(Err(LimitError::Window))?,
            None,
        )
    }
}

impl Serialize for Rate {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = RateText {
            name: self.name.clone(),
            limit: self.limit.into(),
            window: write_duration(self.window).into(),
            burst: self.burst.map(u64::from),
        };
        text.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = RateText::deserialize(deserializer)?;
        let window = parse_duration(&text.window).or(Err(LimitError::Window));
        window
            .and_then(|window| Self::new(text.name, text.limit, window, text.burst))
            .map_err(serde::de::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Rates {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(Vec::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Rates, String> {
        serde_json::from_str(json).map_err(|error| error.to_string())
    }

    #[test]
    fn a_window_prints_as_it_reads() {
        for json in [
            r#"[{"name":"burst","limit":100,"window":"1m"}]"#,
            r#"[{"name":"a","limit":1000000000,"window":"31d"},{"name":"b","limit":1,"window":"1s"}]"#,
            r#"[{"name":"smooth","limit":100,"window":"1m","burst":5}]"#,
        ] {
            assert_eq!(serde_json::to_string(&read(json).unwrap()).unwrap(), json);
        }
        let whole = read(r#"[{"name":"a","limit":9,"window":"60s","burst":9}]"#).unwrap();
        assert_eq!(whole, read(r#"[{"name":"a","limit":9,"window":"1m"}]"#).unwrap());
    }

    #[test]
    fn what_is_no_window_says_why() {
        let one = |rest: &str| format!(r#"[{{"name":"a","limit":1,"window":"1s"}},{{{rest}}}]"#);
        for (json, why) in [
            ("[]".to_owned(), "an empty list"),
            (one(r#""name":"a","limit":1,"window":"1s""#), "is there twice"),
            (one(r#""name":"A","limit":1,"window":"1s""#), "1 to 32 lower-case"),
            (one(r#""name":"","limit":1,"window":"1s""#), "1 to 32 lower-case"),
            (one(r#""name":"b","limit":0,"window":"1s""#), "from 1 to 1000000000"),
            (one(r#""name":"b","limit":1000000001,"window":"1s""#), "from 1 to 1000000000"),
            (one(r#""name":"b","limit":-1,"window":"1s""#), "invalid value"),
            (one(r#""name":"b","limit":1.5,"window":"1s""#), "invalid type"),
            (one(r#""name":"b","limit":1,"window":"0""#), "from 1s to 31d"),
            (one(r#""name":"b","limit":1,"window":"32d""#), "from 1s to 31d"),
            (one(r#""name":"b","limit":1,"window":60"#), "invalid type"),
            (one(r#""name":"b","limit":5,"window":"1s","burst":6"#), "more than the limit"),
            (one(r#""name":"b","limit":5,"window":"1s","burst":0"#), "from 1 to 1000000000"),
            (one(r#""name":"b","limit":5,"window":"1s","per":"day""#), "unknown field"),
        ] {
            let fault = read(&json).unwrap_err();
            assert!(fault.contains(why), "{json}: {fault}");
        }
        let nine: Vec<_> = (0..9).map(|n| format!("{n}=1/1s").parse::<Rate>().unwrap()).collect();
        assert_eq!(Rates::new(nine), Err(LimitError::TooMany));
    }

    #[test]
    fn the_command_line_has_a_short_form() {
        let rate: Rate = "100/60s".parse().unwrap();
        assert_eq!((rate.name().as_str(), rate.limit(), rate.window().as_secs()), ("60s", 100, 60));
        let rate: Rate = "burst=100/1m".parse().unwrap();
        assert_eq!((rate.name().as_str(), rate.burst()), ("burst", 100));
        for text in ["", "100", "100/", "/60s", "burst=", "=100/60s", "burst=x/60s", "100/60s/5", "-1/60s"] {
            assert!(text.parse::<Rate>().is_err(), "{text}");
        }
    }
}
