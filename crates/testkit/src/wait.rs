//! Waiting for what comes within moments, by asking again.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Asks until there is an answer, and returns it; a failed test where there is none by the deadline.
///
/// Between two questions the processor is offered to others, so that what is asked for can happen.
#[track_caller]
pub fn eventually<T>(deadline: Duration, mut ask: impl FnMut() -> Option<T>) -> T {
    let started = now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(now().saturating_sub(started) < deadline, "it did not happen within {deadline:?}");
        std::thread::yield_now();
    }
}

fn now() -> Duration {
    let reading = clock_gettime(ClockId::Monotonic);
    Duration::new(
        u64::try_from(reading.tv_sec).expect("the clock counts from boot"),
        u32::try_from(reading.tv_nsec).expect("there are less than a thousand million nanoseconds in a second"),
    )
}
