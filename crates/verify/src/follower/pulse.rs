//! Whether a follower still turns: it can hang where no time-out reaches it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// How often it is looked at. A process that was stopped, or got no processor, is looked at once for all that time.
const LOOK: Duration = Duration::from_secs(5);
/// So many looks without a beat between them, and it hangs: half a minute, which is longer than any answer is waited for.
const LOOKS: u32 = 6;

/// The beats of one follower.
#[derive(Clone, Debug, Default)]
pub struct Pulse(Arc<AtomicU64>);

impl Pulse {
    /// The follower is about to do the next thing.
    pub(super) fn beat(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns when the follower hangs: it has done nothing for half a minute.
    pub async fn stopped(&self) {
        let (mut beats, mut still) = (self.beats(), 0);
        while still < LOOKS {
            tokio::time::sleep(LOOK).await;
            let now = self.beats();
            still = if now == beats { still + 1 } else { 0 };
            beats = now;
        }
    }

    fn beats(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
