//! The system's clock and randomness: the only place where time and chance enter the program.

use std::{
    cell::RefCell,
    sync::atomic::{AtomicI64, Ordering},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use claviger_model::{Clock, Entropy, Moment, Timestamp};
use rustix::time::{ClockId, clock_gettime};

/// The wall clock and the boot clock.
///
/// The wall clock is held at its highest reading: stepping it back revives no expired key.
#[derive(Debug)]
pub(crate) struct SystemClock {
    highest: AtomicI64,
}

impl SystemClock {
    pub(crate) const fn new() -> Self {
        Self { highest: AtomicI64::new(i64::MIN) }
    }

    fn not_before_the_highest(&self, millis: i64) -> Timestamp {
        let before = self.highest.load(Ordering::Acquire);
        if millis <= before {
            // As most readings within one millisecond are: nothing is written that other threads read.
            return Timestamp::from_millis(before);
        }
        let before = self.highest.fetch_max(millis, Ordering::AcqRel);
        Timestamp::from_millis(before.max(millis))
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "here the system's time becomes an argument")]
    fn now(&self) -> Timestamp {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        self.not_before_the_highest(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
    }

    fn boot(&self) -> Moment {
        let reading = clock_gettime(ClockId::Boottime);
        let seconds = u64::try_from(reading.tv_sec).expect("the machine was started in the past");
        let nanos = u32::try_from(reading.tv_nsec).expect("a second has less than 2^32 nanoseconds");
        Moment::since_boot(Duration::new(seconds, nanos))
    }
}

/// The operating system's random number generator.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SystemEntropy;

impl Entropy for SystemEntropy {
    /// Ends the process when the system has no randomness: a key made without it would be worse than none.
    #[expect(clippy::disallowed_methods, reason = "here the system's randomness becomes an argument")]
    fn fill(&self, bytes: &mut [u8]) {
        if let Err(error) = getrandom::fill(bytes) {
            tracing::error!(%error, "the system has no randomness; ending");
            std::process::abort();
        }
    }
}

/// The same, fetched in advance for each thread: for what has to be unique and is no secret, such as the ids of requests.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FetchedEntropy;

/// Random bytes, and how many of them have been used.
struct Fetched {
    bytes: [u8; FETCHED],
    used: usize,
}

const FETCHED: usize = 1024;

thread_local! {
    static FETCHED_BYTES: RefCell<Fetched> = const { RefCell::new(Fetched { bytes: [0; FETCHED], used: FETCHED }) };
}

impl Entropy for FetchedEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        FETCHED_BYTES.with_borrow_mut(|fetched| {
            for byte in bytes {
                if fetched.used == FETCHED {
                    SystemEntropy.fill(&mut fetched.bytes);
                    fetched.used = 0;
                }
                *byte = fetched.bytes[fetched.used];
                fetched.used += 1;
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_clock_stepped_back_stands_still() {
        let clock = SystemClock::new();
        assert_eq!(clock.not_before_the_highest(1_000).as_millis(), 1_000);
        assert_eq!(clock.not_before_the_highest(400).as_millis(), 1_000);
        assert_eq!(clock.not_before_the_highest(1_001).as_millis(), 1_001);
    }

    #[test]
    fn both_clocks_move_on() {
        let clock = SystemClock::new();
        let (now, boot) = (clock.now(), clock.boot());
        assert!(clock.now() >= now);
        assert!(clock.boot() >= boot);
    }

    #[test]
    fn randomness_differs_from_call_to_call() {
        let (mut first, mut second) = ([0; 32], [0; 32]);
        SystemEntropy.fill(&mut first);
        SystemEntropy.fill(&mut second);
        assert_ne!(first, second);
    }

    #[test]
    fn what_was_fetched_is_used_once() {
        let ids: HashSet<[u8; 10]> = (0..1000)
            .map(|_| {
                let mut id = [0; 10];
                FetchedEntropy.fill(&mut id);
                id
            })
            .collect();
        assert_eq!(ids.len(), 1000);
    }
}
