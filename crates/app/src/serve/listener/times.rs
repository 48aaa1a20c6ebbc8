//! How long answers take to begin, of one request in so many: for metrics. Whoever isn't one of them pays for a number that
//! is counted down.

use std::{
    cell::Cell,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use tokio::time::Instant;

/// One request in so many of each thread is timed, the first among them.
const EVERY: u32 = 64;

/// The bounds of the buckets, in microseconds; one without end follows.
const BOUNDS: [u64; 16] = [
    50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
    2_500_000, 10_000_000,
];

/// The times of one listener.
#[derive(Debug, Default)]
pub(super) struct Times {
    buckets: [AtomicU64; BOUNDS.len() + 1],
    micros: AtomicU64,
}

/// All of them, as they are told.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Timed {
    /// All times together, in seconds.
    pub(crate) sum: f64,
    /// How many took no longer than so many seconds, and longer than the bound before: the last bound is infinite.
    pub(crate) buckets: Vec<(f64, u64)>,
}

/// When a request begins that is to be timed.
pub(super) fn begin() -> Option<Instant> {
    thread_local!(static LEFT: Cell<u32> = const { Cell::new(0) });
    let left = LEFT.get();
    LEFT.set(left.checked_sub(1).unwrap_or(EVERY - 1));
    (left == 0).then(Instant::now)
}

impl Times {
    /// The answer to one that was timed is there.
    pub(super) fn took(&self, time: Duration) {
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let bucket = BOUNDS.iter().position(|bound| micros <= *bound).unwrap_or(BOUNDS.len());
        self.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        self.micros.fetch_add(micros, Ordering::Relaxed);
    }

    #[expect(clippy::cast_precision_loss, reason = "a bound is small, and a sum is shown")]
    pub(super) fn told(&self) -> Timed {
        let seconds = |micros: u64| micros as f64 / 1e6;
        let bounds = BOUNDS.into_iter().map(seconds).chain([f64::INFINITY]);
        let counts = self.buckets.iter().map(|count| count.load(Ordering::Relaxed));
        Timed { sum: seconds(self.micros.load(Ordering::Relaxed)), buckets: bounds.zip(counts).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_request_of_a_thread_is_timed_and_then_one_in_so_many() {
        let timed = std::thread::spawn(|| (0..=2 * EVERY).filter(|_| begin().is_some()).count());
        assert_eq!(timed.join().unwrap(), 3);
    }

    #[test]
    fn a_time_is_in_the_bucket_of_the_next_bound() {
        let times = Times::default();
        for micros in [0, 50, 51, 10_000_000, 10_000_001] {
            times.took(Duration::from_micros(micros));
        }
        let Timed { sum, buckets } = times.told();
        let filled: Vec<_> = buckets.into_iter().filter(|(_, count)| *count > 0).collect();
        assert_eq!(filled, [(50e-6, 2), (100e-6, 1), (10.0, 1), (f64::INFINITY, 1)]);
        assert!((sum - 20.000_102).abs() < 1e-9, "{sum}");
    }
}
