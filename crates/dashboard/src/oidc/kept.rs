//! A document of a provider's that is kept for a while, and fetched by one visitor while the others wait.

use std::{sync::Arc, time::Duration};

use claviger_model::{Clock, Moment};
use tokio::sync::Mutex;

use super::trouble::Trouble;

/// How long a document is kept.
const KEPT: Duration = Duration::from_hours(1);
/// How long one is kept at least, however little it suits whoever asks.
const KEPT_AT_LEAST: Duration = Duration::from_mins(1);
/// How long it is believed that there is none.
const TROUBLED: Duration = Duration::from_secs(5);

type Fetched<T> = Result<Arc<T>, Trouble>;

/// The place of one document.
#[derive(Debug)]
pub(super) struct Kept<T>(Mutex<Option<(Moment, Fetched<T>)>>);

impl<T> Kept<T> {
    pub(super) fn new() -> Self {
        Self(Mutex::new(None))
    }

    /// The document: the one that is kept, if it isn't too old and `suits`; otherwise what `fetch` brings.
    pub(super) async fn get(
        &self,
        clock: &dyn Clock,
        suits: impl FnOnce(&T) -> bool,
        fetch: impl Future<Output = Result<T, Trouble>>,
    ) -> Fetched<T> {
        let mut place = self.0.lock().await;
        if let Some((at, fetched)) = &*place {
            let age = clock.boot().since(*at);
            let is_good = match fetched {
                Ok(document) => age < KEPT && (age < KEPT_AT_LEAST || suits(document)),
                Err(_) => age < TROUBLED,
            };
            if is_good {
                return fetched.clone();
            }
        }
        let fetched = fetch.await.map(Arc::new);
        *place = Some((clock.boot(), fetched.clone()));
        fetched
    }
}

#[cfg(test)]
mod tests {
    use std::{
        future::ready,
        sync::atomic::{AtomicU64, Ordering},
    };

    use claviger_model::Timestamp;

    use super::*;

    #[derive(Default)]
    struct Seconds(AtomicU64);

    impl Clock for Seconds {
        fn now(&self) -> Timestamp {
            Timestamp::from_millis(0)
        }

        fn boot(&self) -> Moment {
            Moment::since_boot(Duration::from_secs(self.0.load(Ordering::Relaxed)))
        }
    }

    #[tokio::test]
    async fn a_document_is_fetched_as_rarely_as_can_be() {
        let (kept, clock) = (Kept::new(), Seconds::default());
        let down = || Err(Trouble::unavailable("down"));
        let steps = [
            (0, true, down(), None),
            (4, true, Ok(1), None),
            (5, true, Ok(1), Some(1)),
            (64, false, Ok(2), Some(1)),
            (65, true, Ok(2), Some(1)),
            (65, false, Ok(2), Some(2)),
            (124, false, Ok(3), Some(2)),
            (3664, true, Ok(3), Some(2)),
            (3665, true, Ok(3), Some(3)),
            (9999, true, down(), None),
            (10_003, true, Ok(4), None),
            (10_004, true, Ok(4), Some(4)),
        ];
        for (second, suits, there, expected) in steps {
            clock.0.store(second, Ordering::Relaxed);
            let got = kept.get(&clock, |_| suits, ready(there)).await;
            assert_eq!(got.ok().map(|document| *document), expected, "at {second} s");
        }
    }
}
