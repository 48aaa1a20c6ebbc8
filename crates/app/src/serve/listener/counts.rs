//! What a listener answered and how many are connected to it: for metrics.

use std::{
    cell::Cell,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use http::StatusCode;
use tokio::{sync::Semaphore, time::Instant};

use super::times::{self, Timed, Times};

/// The classes of status codes (RFC 9110 §15), in their order.
pub(crate) const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];
/// Places for threads to count at, so that they seldom meet at one.
const SHARDS: usize = 16;

/// The counts of one listener.
pub(crate) struct Counts {
    pub(crate) listener: &'static str,
    answered: [Shard; SHARDS],
    times: Times,
    turned_away: AtomicU64,
    places: OnceLock<(Arc<Semaphore>, usize)>,
}

/// Two lines of the processor's cache, which it fetches together.
#[derive(Default)]
#[repr(align(128))]
struct Shard([AtomicU64; CLASSES.len()]);

impl Counts {
    /// Of the listener with this name.
    pub(super) fn new(listener: &'static str) -> Self {
        let answered = std::array::from_fn(|_| Shard::default());
        let (times, turned_away, places) = (Times::default(), AtomicU64::new(0), OnceLock::new());
        Self { listener, answered, times, turned_away, places }
    }

    /// The listener has so many places for connections.
    pub(super) fn has_places(&self, places: &Arc<Semaphore>, most: usize) {
        self.places.get_or_init(|| (Arc::clone(places), most));
    }

    /// When a request begins, if it is to be timed.
    pub(super) fn begin() -> Option<Instant> {
        times::begin()
    }

    /// A request was answered that has `begun` then.
    pub(super) fn answered(&self, status: StatusCode, begun: Option<Instant>) {
        if let Some(begun) = begun {
            self.times.took(begun.elapsed());
        }
        let class = usize::from(status.as_u16() / 100).clamp(1, CLASSES.len()) - 1;
        self.answered[shard()].0[class].fetch_add(1, Ordering::Relaxed);
    }

    /// A connection was turned away.
    pub(super) fn turned_away(&self) {
        self.turned_away.fetch_add(1, Ordering::Relaxed);
    }

    /// How many requests were answered since the start, by [class](CLASSES).
    pub(crate) fn requests(&self) -> [u64; CLASSES.len()] {
        std::array::from_fn(|class| {
            self.answered.iter().map(|shard| shard.0[class].load(Ordering::Relaxed)).sum()
        })
    }

    /// How long answers took to begin, of the requests that were timed.
    pub(crate) fn times(&self) -> Timed {
        self.times.told()
    }

    /// How many connections were turned away since the start.
    pub(crate) fn refused(&self) -> u64 {
        self.turned_away.load(Ordering::Relaxed)
    }

    /// How many connections are open, and how many may be. One place is the next connection's.
    pub(crate) fn connections(&self) -> (usize, usize) {
        self.places.get().map_or((0, 0), |(places, most)| {
            (most.saturating_sub(places.available_permits()).saturating_sub(1), *most)
        })
    }
}

/// Where this thread counts.
fn shard() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local!(static MINE: Cell<Option<usize>> = const { Cell::new(None) });
    MINE.with(|mine| {
        mine.get().unwrap_or_else(|| {
            let shard = NEXT.fetch_add(1, Ordering::Relaxed) % SHARDS;
            mine.set(Some(shard));
            shard
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_counted_by_the_class_of_their_status() {
        let counts = Counts::new("gateway");
        for status in [101, 200, 204, 404, 503, 599, 999] {
            counts.answered(StatusCode::from_u16(status).unwrap(), None);
        }
        assert_eq!(counts.requests(), [1, 2, 0, 1, 3]);
    }

    #[test]
    fn no_thread_counts_twice() {
        let counts = Counts::new("gateway");
        std::thread::scope(|scope| {
            for _ in 0..40 {
                scope.spawn(|| counts.answered(StatusCode::OK, None));
            }
        });
        assert_eq!(counts.requests(), [0, 40, 0, 0, 0]);
    }
}
