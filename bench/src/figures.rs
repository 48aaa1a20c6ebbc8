//! Medians with their spread: one number alone says nothing about itself.

use std::{fmt, time::Duration};

use claviger_model::Clock as _;

use crate::HostClock;

/// What many rounds gave.
#[derive(Clone, Copy, Debug)]
pub struct Figure {
    /// Half of the rounds gave less.
    pub median: f64,
    /// A quarter gave less.
    pub low: f64,
    /// A quarter gave more.
    pub high: f64,
    /// None gave less.
    pub least: f64,
    /// None gave more.
    pub most: f64,
}

impl Figure {
    /// The figure of these rounds.
    ///
    /// # Panics
    /// Without any.
    pub fn of(mut rounds: Vec<f64>) -> Self {
        rounds.sort_by(f64::total_cmp);
        let at = |quarter: usize| rounds[(rounds.len() - 1) * quarter / 4];
        Self { median: at(2), low: at(1), high: at(3), least: at(0), most: at(4) }
    }

    /// As text, with the least and the most that a round gave.
    pub fn whole_range(&self) -> String {
        format!("{:.2} ({:.2}–{:.2})", self.median, self.least, self.most)
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let places = f.precision().unwrap_or(2);
        write!(f, "{:.places$} ({:.places$} to {:.places$})", self.median, self.low, self.high)
    }
}

/// Runs two things in turns, `count` times each a round: nanoseconds of each, and the ratio of the second to the
/// first within a round, so that a busy neighbour slows both.
pub fn measure_pairs(
    rounds: usize,
    count: u32,
    mut first: impl FnMut(),
    mut second: impl FnMut(),
) -> [Figure; 3] {
    let mut measured = [Vec::new(), Vec::new(), Vec::new()];
    for _ in 0..rounds {
        let (one, other) = (nanos_each(count, &mut first), nanos_each(count, &mut second));
        for (place, value) in measured.iter_mut().zip([one, other, other / one]) {
            place.push(value);
        }
    }
    measured.map(Figure::of)
}

fn nanos_each(count: u32, work: &mut impl FnMut()) -> f64 {
    let start = HostClock.boot();
    for _ in 0..count {
        work();
    }
    let taken: Duration = HostClock.boot().since(start);
    taken.as_secs_f64() * 1e9 / f64::from(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_is_in_the_middle_of_its_rounds() {
        let figure = Figure::of(vec![5.0, 1.0, 4.0, 2.0, 3.0]);
        assert_eq!(figure.to_string(), "3.00 (2.00 to 4.00)");
        assert_eq!(figure.whole_range(), "3.00 (1.00–5.00)");
    }
}
