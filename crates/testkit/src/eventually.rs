//! Waiting for what the server does by itself within a second or so.

use std::{
    thread,
    time::{Duration, Instant},
};

/// Longest wait before the test fails.
const PATIENCE: Duration = Duration::from_secs(20);

/// Asks `question` again and again until it has an answer.
#[track_caller]
#[expect(
    clippy::disallowed_methods,
    reason = "here alone a test waits for something that announces itself nowhere"
)]
pub fn eventually<T>(mut question: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(answer) = question() {
            return answer;
        }
        assert!(begun.elapsed() < PATIENCE, "nothing happened within {PATIENCE:?}");
        thread::yield_now();
    }
}
