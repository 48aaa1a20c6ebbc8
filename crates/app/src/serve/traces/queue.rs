//! Spans on their way to a collector: a bounded queue, and a task that empties it. Whoever is answered waits for neither.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use opentelemetry::Context;
use opentelemetry_sdk::{
    error::OTelSdkResult,
    trace::{Span, SpanData, SpanExporter, SpanProcessor},
};
use tokio::sync::{Notify, mpsc, watch};

/// Spans that wait at the most: a few MiB. Further ones are lost.
const WAITING: usize = 4096;
/// Spans that are sent together at the most.
const BATCH: usize = 512;
/// For how long fewer are gathered.
const GATHER: Duration = Duration::from_secs(1);
/// How long what still waits may take at the end.
const LAST: Duration = Duration::from_secs(1);

/// What became of spans since the start.
#[derive(Debug, Default)]
pub(super) struct Sums {
    sent: AtomicU64,
    lost: AtomicU64,
}

impl Sums {
    /// Those that the collector took.
    pub(super) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Those that it didn't take, and those for which there was no room.
    pub(super) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }
}

/// Where spans are put when they end.
#[derive(Debug)]
pub(super) struct Queue {
    room: mpsc::Sender<SpanData>,
    sums: Arc<Sums>,
}

impl SpanProcessor for Queue {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, span: SpanData) {
        if self.room.try_send(span).is_err() {
            self.sums.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

/// The task that carries spans away, to be told when to end.
#[derive(Clone)]
pub(super) struct Carrier {
    stop: Arc<Notify>,
    /// Closed once it has ended.
    ended: watch::Receiver<()>,
}

impl Carrier {
    /// Has what still waits sent, for as long as there is time.
    pub(super) async fn end(mut self) {
        self.stop.notify_one();
        // What is left after that is lost with the process.
        let _ = tokio::time::timeout(LAST, self.ended.changed()).await;
    }
}

/// A queue that a task empties by way of `exporter`.
pub(super) fn begin<E: SpanExporter + 'static>(exporter: E) -> (Queue, Carrier, Arc<Sums>) {
    let (room, waiting) = mpsc::channel(WAITING);
    let (ending, ended) = watch::channel(());
    let (sums, stop) = (Arc::<Sums>::default(), Arc::<Notify>::default());
    let (counted, stopped) = (Arc::clone(&sums), Arc::clone(&stop));
    tokio::spawn(async move {
        carry(waiting, exporter, &counted, &stopped).await;
        drop(ending);
    });
    let carrier = Carrier { stop, ended };
    (Queue { room, sums: Arc::clone(&sums) }, carrier, sums)
}

/// Sends what waits until it is told to stop, and then what waits still. What can't be sent is lost, and told once until it
/// can again.
async fn carry<E: SpanExporter>(
    mut waiting: mpsc::Receiver<SpanData>,
    exporter: E,
    sums: &Sums,
    stopped: &Notify,
) {
    let (mut batch, mut is_refused) = (Vec::new(), false);
    loop {
        if waiting.len() < BATCH && !waiting.is_closed() {
            tokio::select! {
                () = tokio::time::sleep(GATHER) => {}
                () = stopped.notified() => waiting.close(),
            }
        }
        let count = tokio::select! {
            count = waiting.recv_many(&mut batch, BATCH) => count,
            () = stopped.notified(), if !waiting.is_closed() => {
                waiting.close();
                continue;
            }
        };
        if count == 0 {
            return;
        }
        match exporter.export(std::mem::take(&mut batch)).await {
            Ok(()) => {
                sums.sent.fetch_add(count as u64, Ordering::Relaxed);
                if is_refused {
                    tracing::info!("traces are taken again");
                }
                is_refused = false;
            }
            Err(error) => {
                sums.lost.fetch_add(count as u64, Ordering::Relaxed);
                if !is_refused {
                    tracing::warn!(%error, "traces are lost: the collector doesn't take them");
                }
                is_refused = true;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use opentelemetry::trace::{Tracer as _, TracerProvider as _};
    use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};

    /// A collector that answers once it is allowed to.
    #[derive(Debug)]
    struct Slow(Arc<Notify>);

    impl SpanExporter for Slow {
        async fn export(&self, _: Vec<SpanData>) -> OTelSdkResult {
            self.0.notified().await;
            Ok(())
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_collector_that_hangs_costs_spans_and_nobody_waits_for_it() {
        let answers = Arc::new(Notify::new());
        let (queue, carrier, sums) = begin(Slow(Arc::clone(&answers)));
        let provider =
            SdkTracerProvider::builder().with_sampler(Sampler::AlwaysOn).with_span_processor(queue).build();
        let tracer = provider.tracer("test");
        for _ in 0..WAITING + 7 {
            drop(tracer.start("a request"));
        }
        assert_eq!((sums.sent(), sums.lost()), (0, 7));
        carrier.end().await;
        assert_eq!(sums.sent(), 0, "the end waits for a second and no longer");
    }

    #[tokio::test(start_paused = true)]
    async fn what_waits_at_the_end_is_sent() {
        let answers = Arc::new(Notify::new());
        let (queue, carrier, sums) = begin(Slow(Arc::clone(&answers)));
        let provider =
            SdkTracerProvider::builder().with_sampler(Sampler::AlwaysOn).with_span_processor(queue).build();
        drop(provider.tracer("test").start("a request"));
        answers.notify_one();
        carrier.end().await;
        assert_eq!((sums.sent(), sums.lost()), (1, 0));
    }
}
