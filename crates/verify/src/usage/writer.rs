//! Writes what was gathered, in batches that count once.

use std::{pin::pin, sync::Arc, time::Duration};

use super::{BatchId, SinkError, UsageBatch, UsageSink};
use crate::Verifier;

/// Time between two flushes: with the time that one takes, less than the second that a crash may cost.
const FLUSH: Duration = Duration::from_millis(750);
/// Longest time the sink may take for one batch.
const ANSWER: Duration = Duration::from_secs(10);
/// A batch refused this often, ten minutes long, will not be taken at all: it must not hold up what comes after it.
const OFFERS: u32 = 800;
/// How often a batch is offered at shutdown.
const LAST_OFFERS: u32 = 3;

/// Brings the counts of a verifier to a sink.
///
/// A batch that fails is offered again, unchanged and under its old id, so that one which was kept although its answer
/// was lost counts once. What happens meanwhile is gathered within its bounds.
pub struct UsageWriter {
    verifier: Arc<Verifier>,
    sink: Arc<dyn UsageSink>,
    id: BatchId,
    pending: Option<Pending>,
}

struct Pending {
    batch: UsageBatch,
    offers: u32,
}

impl UsageWriter {
    /// A writer for the process `incarnation`, which is never used again. A verifier has one at a time.
    pub fn new(verifier: Arc<Verifier>, sink: Arc<dyn UsageSink>, incarnation: [u8; 16]) -> Self {
        Self { verifier, sink, id: BatchId { incarnation, number: 1 }, pending: None }
    }

    /// Flushes every three quarters of a second until `shutdown` is done, then once more. To be shut down after whatever counts.
    pub async fn run(mut self, shutdown: impl Future<Output = ()>) {
        let mut shutdown = pin!(shutdown);
        loop {
            tokio::select! {
                biased;
                () = &mut shutdown => break,
                () = tokio::time::sleep(FLUSH) => self.flush().await,
            }
        }
        self.flush_the_rest().await;
    }

    /// Offers what waits, or what was gathered.
    async fn flush(&mut self) {
        let pending = match self.pending.take() {
            Some(pending) => pending,
            None => Pending { batch: self.verifier.pending_usage(), offers: 0 },
        };
        self.pending = self.offer(pending).await;
    }

    /// The batch that waits, then everything since.
    async fn flush_the_rest(&mut self) {
        for _ in 0..2 {
            for attempt in 1..=LAST_OFFERS {
                self.flush().await;
                if self.pending.is_none() {
                    break;
                }
                if attempt < LAST_OFFERS {
                    tokio::time::sleep(FLUSH).await;
                }
            }
            if let Some(pending) = self.pending.take() {
                self.give_up(&pending.batch);
            }
        }
    }

    /// Offers a batch once; it comes back if it is to be offered again.
    async fn offer(&mut self, mut pending: Pending) -> Option<Pending> {
        if pending.batch.is_empty() {
            return None;
        }
        let added = tokio::time::timeout(ANSWER, self.sink.add(self.id, &pending.batch)).await;
        let added = added.unwrap_or_else(|late| Err(SinkError(format!("no answer: {late}"))));
        pending.offers += 1;
        self.verifier.offered_usage(added.is_ok());
        match added {
            Ok(()) => {
                if pending.offers > 1 {
                    tracing::info!(batch = self.id.number, offers = pending.offers, "usage is written again");
                }
                self.id.number += 1;
                None
            }
            Err(error) if pending.offers < OFFERS => {
                if pending.offers == 1 {
                    tracing::error!(%error, batch = self.id.number, "usage waits to be written; nothing else does");
                }
                Some(pending)
            }
            Err(error) => {
                tracing::error!(%error, batch = self.id.number, "usage is refused again and again");
                self.give_up(&pending.batch);
                None
            }
        }
    }

    /// The number is not used again: the batch may have been kept after all.
    fn give_up(&mut self, batch: &UsageBatch) {
        self.id.number += 1;
        self.verifier.gave_up(batch);
        let dropped = self.verifier.usage_dropped();
        tracing::error!(attempts = dropped.attempts, denials = dropped.denials, "usage was dropped");
    }
}
