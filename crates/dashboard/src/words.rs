//! Times, numbers and plurals as people read them. Times are UTC; the script shows them in the reader's zone.

use std::time::Duration;

use claviger_model::Timestamp;

/// An instant as a page shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Time {
    /// RFC 3339, for machines.
    pub(crate) rfc3339: String,
    /// The whole instant, in words.
    pub(crate) exact: String,
    /// What is shown.
    pub(crate) text: String,
}

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

impl Time {
    /// `12 minutes ago`, `in 3 days`, or the date where it is more than thirty days away.
    pub(crate) fn ago(at: Timestamp, now: Timestamp) -> Self {
        let seconds = (now.as_millis() - at.as_millis()) / 1000;
        let (away, is_past) = (seconds.abs(), seconds >= 0);
        let text = match (away, is_past) {
            (..MINUTE, true) => "just now".to_owned(),
            (..MINUTE, false) => "in a moment".to_owned(),
            (..HOUR, _) => away_in(away, MINUTE, "minute", is_past),
            (..DAY, _) => away_in(away, HOUR, "hour", is_past),
            (away, _) if away < 30 * DAY => away_in(away, DAY, "day", is_past),
            _ => date(at),
        };
        Self { text, ..Self::exact(at) }
    }

    /// `3 Mar 2026`.
    pub(crate) fn date(at: Timestamp) -> Self {
        Self { text: date(at), ..Self::exact(at) }
    }

    /// `3 Mar 2026, 14:05 UTC`.
    pub(crate) fn exact(at: Timestamp) -> Self {
        let moment = civil(at);
        let exact = format!("{}, {:02}:{:02} UTC", date(at), moment.hour(), moment.minute());
        Self { rfc3339: at.whole_seconds().to_string(), text: exact.clone(), exact }
    }
}

/// What is past is told by the whole units gone by, what is to come by the nearest: a key that was given seven days
/// has them a second later too.
fn away_in(seconds: i64, unit: i64, name: &str, is_past: bool) -> String {
    let whole = if is_past { seconds / unit } else { (seconds + unit / 2) / unit };
    let counted = plural(whole, name);
    if is_past { format!("{counted} ago") } else { format!("in {counted}") }
}

fn civil(at: Timestamp) -> jiff::civil::DateTime {
    let instant = jiff::Timestamp::from_millisecond(at.as_millis()).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    jiff::tz::Offset::UTC.to_datetime(instant)
}

/// `3 Mar 2026`.
pub(crate) fn date(at: Timestamp) -> String {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let day = civil(at);
    let month = usize::try_from(day.month() - 1).map_or("", |month| MONTHS[month]);
    format!("{} {month} {}", day.day(), day.year())
}

/// How long to wait: `40 seconds`, `2 minutes`.
pub(crate) fn wait(seconds: u64) -> String {
    let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
    if seconds <= MINUTE { plural(seconds, "second") } else { plural((seconds - 1) / MINUTE + 1, "minute") }
}

/// How long something lasts, in the largest unit that tells it whole: `30 days`, `36 hours`, `90 minutes`.
pub(crate) fn span(span: Duration) -> String {
    let seconds = i64::try_from(span.as_secs()).unwrap_or(i64::MAX);
    let units = [(DAY, "day"), (HOUR, "hour"), (MINUTE, "minute"), (1, "second")];
    let fitting = units.into_iter().find(|(unit, _)| seconds % unit == 0);
    fitting.map_or_else(String::new, |(unit, name)| plural(seconds / unit, name))
}

/// `1 key`, `2 keys`.
pub(crate) fn plural(count: i64, one: &str) -> String {
    let s = if count == 1 { "" } else { "s" };
    format!("{} {one}{s}", grouped(count.unsigned_abs()))
}

/// `12,408`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_told_as_people_do() {
        let now = Timestamp::from_millis(1_772_546_700_000);
        let at = |seconds: i64| Time::ago(Timestamp::from_millis(now.as_millis() - seconds * 1000), now).text;
        for (seconds, text) in [
            (0, "just now"),
            (59, "just now"),
            (60, "1 minute ago"),
            (3599, "59 minutes ago"),
            (3600, "1 hour ago"),
            (2 * DAY, "2 days ago"),
            (30 * DAY, "1 Feb 2026"),
            (-5, "in a moment"),
            (-90, "in 2 minutes"),
            (-80, "in 1 minute"),
            (5 - 7 * DAY, "in 7 days"),
            (-3 * DAY, "in 3 days"),
        ] {
            assert_eq!(at(seconds), text, "{seconds}");
        }
        assert_eq!(Time::exact(now).text, "3 Mar 2026, 14:05 UTC");
    }

    #[test]
    fn a_wait_is_never_told_shorter_than_it_is() {
        for (seconds, text) in [(1, "1 second"), (60, "60 seconds"), (61, "2 minutes"), (120, "2 minutes")] {
            assert_eq!(wait(seconds), text);
        }
    }

    #[test]
    fn a_span_is_told_in_whole_units() {
        for (seconds, text) in [
            (30 * 86_400, "30 days"),
            (86_400, "1 day"),
            (36 * 3600, "36 hours"),
            (5400, "90 minutes"),
            (61, "61 seconds"),
        ] {
            assert_eq!(span(Duration::from_secs(seconds)), text);
        }
    }

    #[test]
    fn numbers_are_grouped_and_counted() {
        for (number, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), text);
        }
        assert_eq!(
            (plural(1, "key"), plural(0, "key"), plural(2000, "key")),
            ("1 key".into(), "0 keys".into(), "2,000 keys".into())
        );
    }
}
