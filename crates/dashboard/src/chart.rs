//! Counts by day as the geometry of a bar chart: allowed requests below, denied ones on top.
//!
//! Pure: the page draws it, and says in words what it shows.

use std::fmt;

use claviger_model::Timestamp;

use crate::words;

/// Units of the drawing's width that a day takes, its gap included.
const STEP: u64 = 10;
/// How wide a bar is.
const WIDTH: u64 = 8;
/// How high the highest bar is, in hundredths of a unit.
const HIGHEST: u64 = 100 * 100;
/// How high a bar is at least, where there is anything to show.
const LOWEST: u64 = 100;
const DAY_MS: i64 = 86_400_000;

/// So many requests of one kind on one day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Count {
    /// Days since 1970-01-01, UTC.
    pub(crate) day: i64,
    pub(crate) is_allowed: bool,
    pub(crate) requests: u64,
}

/// A chart of some days in a row.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Chart {
    pub(crate) bars: Vec<Bar>,
    pub(crate) allowed: u64,
    pub(crate) denied: u64,
}

/// One day of it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Bar {
    /// `3 Mar 2026`.
    pub(crate) day: String,
    pub(crate) allowed: u64,
    pub(crate) denied: u64,
    /// What it shows, in words.
    pub(crate) title: String,
    pub(crate) allowed_box: Rectangle,
    pub(crate) denied_box: Rectangle,
}

/// Where a part of a bar is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rectangle {
    pub(crate) x: u64,
    pub(crate) y: Hundredths,
    pub(crate) width: u64,
    pub(crate) height: Hundredths,
}

/// A length in hundredths of a unit, written as a decimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hundredths(u64);

impl fmt::Display for Hundredths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:02}", self.0 / 100, self.0 % 100)
    }
}

impl Chart {
    /// The chart of `days` days up to and including `last`; days without a count are empty, counts of others are left
    /// out.
    pub(crate) fn of(counts: &[Count], last: i64, days: u32) -> Self {
        let first = last - i64::from(days) + 1;
        let sums: Vec<_> =
            (first..=last).map(|day| (day, sum(counts, day, true), sum(counts, day, false))).collect();
        let top = sums.iter().map(|(_, allowed, denied)| u128::from(*allowed) + u128::from(*denied)).max();
        let top = top.unwrap_or(0);
        let bars = sums
            .iter()
            .zip(0..)
            .map(|((day, allowed, denied), place)| bar(*day, (*allowed, *denied), place, top));
        Self {
            bars: bars.collect(),
            allowed: sums.iter().fold(0, |all, (_, allowed, _)| all.saturating_add(*allowed)),
            denied: sums.iter().fold(0, |all, (_, _, denied)| all.saturating_add(*denied)),
        }
    }

    /// All requests it shows.
    pub(crate) fn total(&self) -> u64 {
        self.allowed.saturating_add(self.denied)
    }

    /// How wide the drawing is.
    pub(crate) fn width(&self) -> u64 {
        self.bars.len() as u64 * STEP
    }

    /// Its first day; empty where there is none.
    pub(crate) fn first_day(&self) -> &str {
        self.bars.first().map_or("", |bar| &bar.day)
    }

    /// Its last day; empty where there is none.
    pub(crate) fn last_day(&self) -> &str {
        self.bars.last().map_or("", |bar| &bar.day)
    }

    /// What it shows, in a sentence.
    pub(crate) fn sentence(&self) -> String {
        let days = words::plural(i64::try_from(self.bars.len()).unwrap_or(i64::MAX), "day");
        match (self.total(), self.denied) {
            (0, _) => format!("No requests in the last {days}."),
            (total, 0) => format!("{} in the last {days}, all of them allowed.", requests(total)),
            (total, denied) => {
                format!("{} in the last {days}, {} of them denied.", requests(total), words::grouped(denied))
            }
        }
    }
}

/// `1 request`, `2 requests`.
pub(crate) fn requests(count: u64) -> String {
    let s = if count == 1 { "" } else { "s" };
    format!("{} request{s}", words::grouped(count))
}

fn sum(counts: &[Count], day: i64, is_allowed: bool) -> u64 {
    let those = counts.iter().filter(|count| count.day == day && count.is_allowed == is_allowed);
    those.fold(0, |all, count| all.saturating_add(count.requests))
}

fn bar(day: i64, (allowed, denied): (u64, u64), place: u64, top: u128) -> Bar {
    let denied_height = height(denied, top);
    let allowed_height = height(allowed, top).min(HIGHEST - denied_height);
    let x = place * STEP + (STEP - WIDTH) / 2;
    let rectangle = |from: u64, height: u64| Rectangle {
        x,
        y: Hundredths(HIGHEST - from - height),
        width: WIDTH,
        height: Hundredths(height),
    };
    let day = words::date(Timestamp::from_millis(day.saturating_mul(DAY_MS)));
    Bar {
        title: format!("{day}: {} allowed, {} denied", words::grouped(allowed), words::grouped(denied)),
        day,
        allowed,
        denied,
        allowed_box: rectangle(0, allowed_height),
        denied_box: rectangle(allowed_height, denied_height),
    }
}

/// As high as `count` is to `top`; what is there at all can be seen, and leaves room for what stands on it.
fn height(count: u64, top: u128) -> u64 {
    if count == 0 || top == 0 {
        return 0;
    }
    let share = u128::from(count) * u128::from(HIGHEST) / top;
    let share = u64::try_from(share).unwrap_or(HIGHEST);
    if u128::from(count) == top { HIGHEST } else { share.clamp(LOWEST, HIGHEST - LOWEST) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAST: i64 = 20_515;

    fn count(day: i64, is_allowed: bool, requests: u64) -> Count {
        Count { day, is_allowed, requests }
    }

    fn drawn(bar: &Bar) -> String {
        let Rectangle { x, y, width, height } = bar.allowed_box;
        let denied = bar.denied_box;
        format!("{x},{y} {width}x{height} / {},{} {}x{}", denied.x, denied.y, denied.width, denied.height)
    }

    #[test]
    fn nothing_is_thirty_empty_days() {
        let chart = Chart::of(&[], LAST, 30);
        assert_eq!((chart.bars.len(), chart.width(), chart.total()), (30, 300, 0));
        assert!(chart.bars.iter().all(|bar| bar.allowed_box.height == Hundredths(0)));
        assert_eq!(chart.sentence(), "No requests in the last 30 days.");
        assert_eq!(Chart::of(&[], LAST, 0).width(), 0);
    }

    #[test]
    fn one_day_fills_its_column() {
        let chart = Chart::of(&[count(LAST, true, 3), count(LAST, false, 1)], LAST, 1);
        assert_eq!(drawn(&chart.bars[0]), "1,25.00 8x75.00 / 1,0.00 8x25.00");
        assert_eq!(chart.bars[0].title, "3 Mar 2026: 3 allowed, 1 denied");
        assert_eq!(chart.sentence(), "4 requests in the last 1 day, 1 of them denied.");
    }

    #[test]
    fn days_that_are_missing_are_empty_and_others_are_left_out() {
        let counts = [
            count(LAST - 2, true, 10),
            count(LAST, true, 5),
            count(LAST - 3, true, 99),
            count(LAST + 1, true, 99),
        ];
        let chart = Chart::of(&counts, LAST, 3);
        let drawn: Vec<_> = chart.bars.iter().map(drawn).collect();
        assert_eq!(
            drawn,
            [
                "1,0.00 8x100.00 / 1,0.00 8x0.00",
                "11,100.00 8x0.00 / 11,100.00 8x0.00",
                "21,50.00 8x50.00 / 21,50.00 8x0.00"
            ]
        );
        assert_eq!(chart.sentence(), "15 requests in the last 3 days, all of them allowed.");
    }

    #[test]
    fn huge_numbers_fit_and_tiny_ones_are_seen() {
        let counts = [
            count(LAST, true, u64::MAX),
            count(LAST, true, u64::MAX),
            count(LAST, false, 1),
            count(LAST - 1, false, u64::MAX),
            count(LAST - 1, true, u64::MAX),
        ];
        let chart = Chart::of(&counts, LAST, 2);
        assert_eq!(chart.total(), u64::MAX);
        for bar in &chart.bars {
            let (allowed, denied) = (bar.allowed_box, bar.denied_box);
            assert!(allowed.height.0 + denied.height.0 <= HIGHEST, "{bar:?}");
            assert_eq!(denied.y.0 + denied.height.0, allowed.y.0, "{bar:?}");
            assert!(denied.height.0 >= LOWEST, "{bar:?}");
        }
    }
}
