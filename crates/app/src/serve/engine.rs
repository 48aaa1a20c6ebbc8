//! What decides and remembers: the store, the verifier, and the tasks that connect them.

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, anyhow};
use claviger_manage::{Manager, Retention};
use claviger_model::{Clock, Entropy};
use claviger_store::Store;
use claviger_verify::{Follower, Pulse, Verifier, limits::SharedLimits, nodes::NodeCard, usage::UsageWriter};
use tokio::{
    sync::oneshot,
    task::{JoinError, JoinHandle},
};

/// How long an end waits for the calls of quotas that are given back.
const GIVE_BACK: Duration = Duration::from_secs(5);
/// How long an end waits for the follower, which may be what hangs.
const FOLLOWER_ENDS: Duration = Duration::from_secs(5);

/// A running engine.
pub(super) struct Engine {
    pub(super) store: Store,
    pub(super) verifier: Arc<Verifier>,
    follower: Task,
    pulse: Pulse,
    usage: Task,
    /// From when there is somebody to look after the nodes.
    nodes: Option<Task>,
    forgetting: Option<Task>,
    first_uses: Option<Task>,
}

/// A task that ends when it is told to.
struct Task {
    stop: oneshot::Sender<()>,
    running: JoinHandle<()>,
}

impl Task {
    fn start<F: Future<Output = ()> + Send + 'static>(
        begin: impl FnOnce(oneshot::Receiver<()>) -> F,
    ) -> Self {
        let (stop, stopped) = oneshot::channel();
        Self { stop, running: tokio::spawn(begin(stopped)) }
    }

    async fn stop(self, what: &str) {
        // Whoever is not there to hear it has ended, which `Engine::failure` told.
        let _ = self.stop.send(());
        if self.running.is_finished() {
            return;
        }
        if let Err(error) = self.running.await {
            tracing::error!(%error, "{what} failed");
        }
    }
}

impl Engine {
    /// Joins the nodes as the one that `card` describes, loads all keys, then follows what changes.
    pub(super) async fn start(
        store: Store,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        card: NodeCard,
        shared: Option<Arc<dyn SharedLimits>>,
    ) -> anyhow::Result<Self> {
        let ledger = store.quota_ledger();
        let verifier = Verifier::with_limits(clock, card.leases.node, shared, Some(ledger));
        let mut follower = Follower::new(Arc::clone(&verifier), store.feed(), card, Arc::clone(&entropy));
        follower.load().await.context("the keys can't be loaded")?;
        let pulse = follower.pulse();
        let mut incarnation = [0; 16];
        entropy.fill(&mut incarnation);
        let usage = UsageWriter::new(Arc::clone(&verifier), store.usage_sink(), incarnation);
        Ok(Self {
            store,
            verifier,
            follower: Task::start(|stopped| follower.run(async { drop(stopped.await) })),
            pulse,
            usage: Task::start(|stopped| usage.run(async { drop(stopped.await) })),
            nodes: None,
            forgetting: None,
            first_uses: None,
        })
    }

    /// Has `manager` look after the nodes, keep first uses and forget what is old, from here on.
    pub(super) fn look_after_nodes(&mut self, manager: Manager, retention: Retention) {
        let forgetful = manager.clone();
        let work = |stopped| async move {
            forgetful.forget_what_is_old(retention, async { drop(stopped.await) }).await;
        };
        self.forgetting = Some(Task::start(work));
        let keeper = manager.clone();
        let work = |stopped| async move { keeper.keep_first_uses(async { drop(stopped.await) }).await };
        self.first_uses = Some(Task::start(work));
        let work = |stopped| async move { manager.look_after_nodes(async { drop(stopped.await) }).await };
        self.nodes = Some(Task::start(work));
    }

    /// Returns when a task ended although nobody told it to, or hangs: there is no going on then.
    pub(super) async fn failure(&mut self) -> anyhow::Error {
        let (what, result) = tokio::select! {
            result = &mut self.follower.running => ("following the feed", result),
            () = self.pulse.stopped() => return anyhow!("following the feed hangs: it has done nothing for half a minute"),
            result = &mut self.usage.running => ("writing usage", result),
            result = ended(self.nodes.as_mut()) => ("looking after the nodes", result),
            result = ended(self.forgetting.as_mut()) => ("forgetting what is old", result),
            result = ended(self.first_uses.as_mut()) => ("keeping first uses", result),
        };
        match result {
            Ok(()) => anyhow!("{what} ended by itself"),
            Err(error) => anyhow!("{what} failed: {error}"),
        }
    }

    /// Writes what was counted, gives back what is reserved of quotas, stops deciding, and closes the database, in this
    /// order.
    pub(super) async fn stop(self) {
        self.usage.stop("writing usage").await;
        if let Some(forgetting) = self.forgetting {
            forgetting.stop("forgetting what is old").await;
        }
        if let Some(first_uses) = self.first_uses {
            first_uses.stop("keeping first uses").await;
        }
        if let Some(nodes) = self.nodes {
            nodes.stop("looking after the nodes").await;
        }
        if tokio::time::timeout(GIVE_BACK, self.verifier.give_back_quotas()).await.is_err() {
            tracing::warn!(
                "calls of quotas that were reserved and not used are forfeited: giving them back took too long"
            );
        }
        if tokio::time::timeout(FOLLOWER_ENDS, self.follower.stop("following the feed")).await.is_err() {
            tracing::error!("following the feed doesn't end: changes wait for this node's lease");
        }
        self.store.close().await;
    }
}

/// How a task ended; never, where there is none.
async fn ended(task: Option<&mut Task>) -> Result<(), JoinError> {
    match task {
        Some(task) => (&mut task.running).await,
        None => std::future::pending().await,
    }
}
