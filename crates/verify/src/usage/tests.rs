use std::{collections::HashMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use claviger_model::Denial;
use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot};

use super::{BatchId, SinkError, UsageBatch, UsageSink, UsageWriter};
use crate::{
    fake::{Node, first_account, secret},
    feed::Record,
};

/// A sink that keeps a batch once, and fails before or after keeping it as it is told.
#[derive(Default)]
struct FakeSink {
    kept: Mutex<HashMap<u64, u64>>,
    faults: Mutex<Vec<Fault>>,
    offers: Mutex<Vec<u64>>,
    offered: Notify,
}

#[derive(Clone, Copy)]
enum Fault {
    BeforeKeeping,
    AfterKeeping,
}

impl FakeSink {
    fn total(&self) -> u64 {
        self.kept.lock().values().sum()
    }
}

#[async_trait]
impl UsageSink for FakeSink {
    async fn add(&self, id: BatchId, batch: &UsageBatch) -> Result<(), SinkError> {
        assert_eq!(id.incarnation, [7; 16]);
        self.offers.lock().push(id.number);
        self.offered.notify_one();
        let fault = self.faults.lock().pop();
        let count = batch.counts.iter().map(|(_, count)| count).sum();
        if !matches!(fault, Some(Fault::BeforeKeeping)) {
            self.kept.lock().entry(id.number).or_insert(count);
        }
        if fault.is_some() { Err(SinkError("told to fail".to_owned())) } else { Ok(()) }
    }
}

struct Running {
    node: Node,
    sink: Arc<FakeSink>,
    stop: oneshot::Sender<()>,
    task: tokio::task::JoinHandle<()>,
}

async fn running(faults: Vec<Fault>) -> Running {
    let node = Node::loaded(vec![vec![first_account(), Record::Secret(secret(1))]]).await;
    let sink = Arc::new(FakeSink { faults: Mutex::new(faults), ..FakeSink::default() });
    let (stop, stopped) = oneshot::channel::<()>();
    let writer = UsageWriter::new(Arc::clone(&node.verifier), Arc::clone(&sink) as _, [7; 16]);
    let task = tokio::spawn(writer.run(async { _ = stopped.await }));
    Running { node, sink, stop, task }
}

async fn offered(sink: &FakeSink) {
    tokio::time::timeout(Duration::from_mins(10), sink.offered.notified()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_was_counted_is_written_within_a_second_and_an_empty_batch_never() {
    let Running { node, sink, stop: _running, .. } = running(Vec::new()).await;
    assert!(node.allows(1) && !node.allows(2));
    tokio::time::timeout(Duration::from_secs(1), sink.offered.notified()).await.unwrap();
    assert_eq!((sink.total(), sink.offers.lock().clone()), (2, vec![1]));
    let quiet = tokio::time::timeout(Duration::from_mins(1), sink.offered.notified()).await;
    assert!(quiet.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_fails_is_offered_again_under_its_id_and_counts_once() {
    let faults = vec![Fault::AfterKeeping, Fault::BeforeKeeping, Fault::AfterKeeping, Fault::BeforeKeeping];
    let Running { node, sink, stop: _running, .. } = running(faults).await;
    let mut asked = 0;
    while sink.offers.lock().len() < 7 {
        assert!(node.allows(1));
        asked += 1;
        offered(&sink).await;
    }
    let offers = sink.offers.lock().clone();
    assert_eq!(offers, [1, 1, 1, 1, 1, 2, 3]);
    assert_eq!(sink.total(), asked);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_lost_at_shutdown() {
    let Running { node, sink, stop, task } = running(vec![Fault::AfterKeeping, Fault::BeforeKeeping]).await;
    assert!(node.allows(1));
    offered(&sink).await;
    assert!(node.allows(1) && node.allows(1));
    stop.send(()).unwrap();
    task.await.unwrap();
    assert_eq!(sink.total(), 3);
    assert!(node.allows(1), "decisions don't need the writer");
}

#[tokio::test(start_paused = true)]
async fn a_sink_that_stays_away_at_shutdown_is_waited_for_in_vain_only_so_long() {
    let Running { node, sink, stop, task } = running(vec![Fault::BeforeKeeping; 100]).await;
    assert!(node.allows(1));
    stop.send(()).unwrap();
    tokio::time::timeout(Duration::from_mins(5), task).await.unwrap().unwrap();
    assert_eq!(sink.total(), 0);
    assert_eq!(node.verifier.usage_dropped().attempts, 1);
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_is_refused_for_ever_does_not_hold_up_the_others() {
    let Running { node, sink, stop: _running, .. } = running(vec![Fault::BeforeKeeping; 800]).await;
    assert!(node.allows(1));
    while sink.offers.lock().len() < 800 {
        offered(&sink).await;
    }
    assert!(node.allows(1));
    offered(&sink).await;
    assert_eq!(sink.offers.lock().last(), Some(&2));
    assert_eq!((sink.total(), node.verifier.usage_dropped().attempts), (1, 1));
    assert_eq!(node.decide(2).unwrap_err(), Denial::Unknown);
}
