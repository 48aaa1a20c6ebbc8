//! How long what was let in may last: as long as it would be let in again, which is judged each second.
//!
//! What is over within a second pays nothing for it. The timer belongs to whoever waits for the next piece, so that
//! there is no list of streams, and no task that walks over it.

use std::{
    future::poll_fn,
    sync::Arc,
    task::{Context, Poll, ready},
};

use claviger_judge::NoPermit;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use crate::limits::JUDGED_EVERY;

/// Judges a request again; nothing is counted.
pub(crate) type Again = Arc<dyn Fn() -> Result<(), NoPermit> + Send + Sync>;

/// That a request may not go on, and what it would be answered now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the key no longer allows what it allowed at the beginning")]
pub(crate) struct Over(pub(crate) NoPermit);

/// The time of one part of a request: its upload, its answer, or what its connection became.
pub(crate) struct Tenure {
    again: Again,
    /// There from the first time that something is waited for.
    seconds: Option<Interval>,
}

impl Tenure {
    pub(crate) fn new(again: Again) -> Self {
        Self { again, seconds: None }
    }

    /// Whether it may go on now.
    pub(crate) fn check(&self) -> Result<(), Over> {
        (self.again)().map_err(Over)
    }

    /// Whether there is a timer.
    #[cfg(test)]
    pub(crate) fn is_timed(&self) -> bool {
        self.seconds.is_some()
    }

    /// Ready once a second, with whether it may go on.
    pub(crate) fn poll_second(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Over>> {
        ready!(self.seconds.get_or_insert_with(seconds).poll_tick(cx));
        Poll::Ready(self.check())
    }

    /// Returns when it may not go on.
    pub(crate) async fn over(&mut self) -> Over {
        loop {
            if let Err(over) = poll_fn(|cx| self.poll_second(cx)).await {
                return over;
            }
        }
    }
}

/// For another part of the same request.
impl Clone for Tenure {
    fn clone(&self) -> Self {
        Self::new(Arc::clone(&self.again))
    }
}

/// The first is over in a second. After a pause there is one to make up for, not many.
fn seconds() -> Interval {
    let mut seconds = interval_at(Instant::now() + JUDGED_EVERY, JUDGED_EVERY);
    seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    seconds
}

#[cfg(test)]
pub(crate) mod tests {
    use std::{
        sync::atomic::{AtomicU32, Ordering},
        time::Duration,
    };

    use claviger_model::Slot;

    use super::*;

    /// What may go on for so many looks, and how often it was looked at.
    pub(crate) fn for_looks(count: u32) -> (Tenure, Arc<AtomicU32>) {
        let looks = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&looks);
        let again = move || {
            let look = counted.fetch_add(1, Ordering::SeqCst);
            if look < count { Ok(()) } else { Err(Slot::Revoked.into()) }
        };
        (Tenure::new(Arc::new(again)), looks)
    }

    pub(crate) fn unlimited() -> Tenure {
        for_looks(u32::MAX).0
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_looked_at_each_second_until_it_is_over() {
        let (mut tenure, looks) = for_looks(3);
        let begun = Instant::now();
        assert_eq!(tenure.over().await, Over(Slot::Revoked.into()));
        assert_eq!((looks.load(Ordering::SeqCst), begun.elapsed().as_secs()), (4, 4));
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_pause_it_is_looked_at_once() {
        let (mut tenure, looks) = for_looks(u32::MAX);
        let mut look = async || {
            let _ = tokio::time::timeout(Duration::from_millis(1), tenure.over()).await;
            looks.load(Ordering::SeqCst)
        };
        assert_eq!(look().await, 0);
        tokio::time::advance(Duration::from_hours(1)).await;
        assert_eq!(look().await, 1);
    }
}
