//! Instants as arguments: wall time in UTC milliseconds, and the boot clock that leases run on.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An instant in UTC, in whole milliseconds since 1970-01-01T00:00:00Z.
///
/// Written as RFC 3339 in UTC (`2025-01-01T00:00:00Z`); milliseconds appear only when they are not zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// Why a text is not an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be an RFC 3339 date and time with its offset, such as 2025-01-01T00:00:00Z, before 9999-12-30")]
pub struct TimestampError;

impl Timestamp {
    /// The instant `millis` milliseconds after the epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the epoch.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// This instant moved later; saturates at the end of time.
    #[must_use]
    pub fn plus(self, span: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(span.as_millis()).unwrap_or(i64::MAX)))
    }

    /// This instant moved earlier; saturates at the beginning of time.
    #[must_use]
    pub fn minus(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(span.as_millis()).unwrap_or(i64::MAX)))
    }

    /// Days since the epoch, in UTC: the bucket of daily counts.
    pub const fn day(self) -> i64 {
        self.0.div_euclid(86_400_000)
    }

    /// The same instant without its milliseconds, as contracts print it.
    #[must_use]
    pub const fn whole_seconds(self) -> Self {
        Self(self.0.div_euclid(1000) * 1000)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(instant) if self.0 % 1000 == 0 => write!(f, "{instant:.0}"),
            Ok(instant) => write!(f, "{instant:.3}"),
            Err(_) => write!(f, "{}ms", self.0),
        }
    }
}

impl FromStr for Timestamp {
    type Err = TimestampError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let plain = text.len() <= 40
            && text.is_ascii()
            && !text.contains('[')
            && text.as_bytes().get(10) == Some(&b'T');
        if !plain {
            return Err(TimestampError);
        }
        text.parse::<jiff::Timestamp>().map(|instant| Self(instant.as_millisecond())).or(Err(TimestampError))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A reading of the boot clock: counts suspend and stopped processes, never steps, says nothing about the date.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(Duration);

impl Moment {
    /// The moment `since_boot` after the machine started.
    pub const fn since_boot(since_boot: Duration) -> Self {
        Self(since_boot)
    }

    /// Time since the machine started.
    pub const fn as_duration(self) -> Duration {
        self.0
    }

    /// This moment moved later; saturates.
    #[must_use]
    pub fn plus(self, span: Duration) -> Self {
        Self(self.0.saturating_add(span))
    }

    /// Time from `earlier` to this moment, zero if `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

/// The engine's clock: the only way time enters.
pub trait Clock: Send + Sync {
    /// The date and time. It never runs backwards within a process: an expired key stays expired when the
    /// wall clock is stepped back.
    fn now(&self) -> Timestamp;

    /// The boot clock (`CLOCK_BOOTTIME`).
    fn boot(&self) -> Moment;
}

/// Why a text is not a duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a whole number and a unit, s, m, h or d, such as 90d")]
pub struct DurationError;

/// Reads a duration as the command line and the profiles write it: `30s`, `15m`, `24h`, `90d`, or `0`.
///
/// At most 100 years.
pub fn parse_duration(text: &str) -> Result<Duration, DurationError> {
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let unit = match text.as_bytes().last() {
        Some(b's') => 1,
        Some(b'm') => 60,
        Some(b'h') => 3600,
        Some(b'd') => 86_400,
        _ => return Err(DurationError),
    };
    let digits = &text[..text.len() - 1];
    if digits.is_empty() || digits.len() > 10 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(DurationError);
    }
    let count: u64 = digits.parse().or(Err(DurationError))?;
    let seconds = count.saturating_mul(unit);
    if seconds > 36_525 * 86_400 {
        return Err(DurationError);
    }
    Ok(Duration::from_secs(seconds))
}

/// Writes a duration in the largest unit that divides it: the inverse of [`parse_duration`].
pub fn write_duration(span: Duration) -> String {
    let seconds = span.as_secs();
    for (unit, letter) in [(86_400, 'd'), (3600, 'h'), (60, 'm')] {
        if seconds != 0 && seconds.is_multiple_of(unit) {
            return format!("{}{letter}", seconds / unit);
        }
    }
    format!("{seconds}s")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_prints_as_the_contracts_do_and_reads_back() {
        let instant: Timestamp = "2025-01-15T10:30:00Z".parse().unwrap();
        assert_eq!(instant.to_string(), "2025-01-15T10:30:00Z");
        assert_eq!(Timestamp::from_millis(1_736_937_000_123).to_string(), "2025-01-15T10:30:00.123Z");
        assert_eq!("2025-01-15T12:30:00+02:00".parse(), Ok(instant));
        assert_eq!("2038-01-19T03:14:08Z".parse::<Timestamp>().unwrap().as_millis(), 2_147_483_648_000);
    }

    #[test]
    fn what_is_not_an_instant_is_refused() {
        for text in [
            "",
            "now",
            "1736937000",
            "1736937000123",
            "-1",
            "1.5e9",
            "2025-01-15",
            "2025-01-15 10:30:00Z",
            "2025-01-15T10:30:00",
            "2025-13-01T00:00:00Z",
            "10000-01-01T00:00:00Z",
            "2025-01-15T10:30:00Z[UTC]",
        ] {
            assert_eq!(text.parse::<Timestamp>(), Err(TimestampError), "{text}");
        }
    }

    #[test]
    fn durations_read_and_print() {
        for (text, seconds) in [("0", 0), ("30s", 30), ("15m", 900), ("24h", 86_400), ("90d", 7_776_000)] {
            assert_eq!(parse_duration(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "d", "1", "-1d", "1w", "1.5h", "1 d", "99999999999d", "40000d", "+1d"] {
            assert_eq!(parse_duration(text), Err(DurationError), "{text}");
        }
        assert_eq!(write_duration(Duration::from_hours(24)), "1d");
        assert_eq!(write_duration(Duration::from_secs(90)), "90s");
        assert_eq!(write_duration(Duration::ZERO), "0s");
    }
}
