//! What a change returns: where it stands in the feed, and whether it holds everywhere. The waiting is here, the
//! judging is `verify`'s.

use std::{sync::Arc, time::Duration};

use claviger_model::{Ability, Moment, NodeId, Timestamp, profile::LEASE_MAX};
use claviger_store::ReceiptRow;
use claviger_verify::{
    feed::Seq,
    nodes::{Awaited, Leases, Roll, Standing, Via},
};

use crate::{By, Manager, Refusal, open_waits::OpenWaits};

/// How long a change that takes something away waits for every node.
const NARROWING_WAIT: Duration = Duration::from_secs(5);
/// How long a change that gives something waits, so that it works everywhere when its answer arrives.
const WIDENING_WAIT: Duration = Duration::from_secs(1);
/// How long the waiting itself waits for this node's own confirmation before it asks for everybody's.
const OWN_WAIT: Duration = Duration::from_millis(10);
/// The pauses between two questions who has confirmed: doubled from the first to the last.
const PAUSES: (Duration, Duration) = (Duration::from_millis(2), Duration::from_millis(32));

/// Proof of how far a change has come.
#[derive(Clone, Debug)]
pub struct Receipt {
    /// The change's place in the feed; a verify call may ask for it as `min_seq`.
    pub seq: u64,
    /// Whether no node can decide as before the change.
    pub complete: bool,
    /// How that is known: `ack`, every node that decides has confirmed it; `lease`, whoever hasn't can hold no lease any more;
    /// `pending` while it isn't known.
    pub via: &'static str,
    /// When it will be complete at the latest, where it isn't yet.
    pub guaranteed_by: Option<Timestamp>,
    /// The nodes that have confirmed it.
    pub nodes: Vec<NodeId>,
    /// Those that may still decide as before it.
    pub pending: Vec<NodeId>,
}

/// What is known of a change that is waited for.
struct Waiting {
    awaited: Awaited,
    /// Who had confirmed it when a roll was last read, and who was waited for.
    confirmed: Vec<NodeId>,
    pending: Vec<NodeId>,
    ends_at: Option<Moment>,
}

impl Waiting {
    fn new(awaited: Awaited) -> Self {
        Self { awaited, confirmed: Vec::new(), pending: Vec::new(), ends_at: None }
    }

    /// Judges a roll at `now`; how it is complete, if it is.
    fn judge(&mut self, roll: &Roll, now: Moment) -> Option<Via> {
        let seq = self.awaited.seq();
        let confirmed = roll.nodes.iter().filter(|node| node.acked.is_some_and(|acked| acked >= seq));
        self.confirmed = confirmed.map(|node| node.id).collect();
        match self.awaited.judge(roll, now) {
            Standing::Complete(Via::Ack) => {
                self.pending.clear();
                Some(Via::Ack)
            }
            Standing::Complete(Via::Lease) => Some(Via::Lease),
            Standing::Pending { nodes, ends_at } => {
                (self.pending, self.ends_at) = (nodes, Some(ends_at));
                None
            }
        }
    }

    fn receipt(&self, via: Option<Via>, guaranteed_by: Timestamp) -> Receipt {
        Receipt {
            seq: self.awaited.seq().0,
            complete: via.is_some(),
            via: via.map_or("pending", Via::as_str),
            guaranteed_by: via.is_none().then_some(guaranteed_by),
            nodes: self.confirmed.clone(),
            pending: self.pending.clone(),
        }
    }

    fn row(&self, complete: Option<(Via, Timestamp)>, guaranteed_by: Timestamp) -> ReceiptRow {
        ReceiptRow {
            seq: self.awaited.seq(),
            complete,
            guaranteed_by,
            confirmed: self.confirmed.clone(),
            pending: self.pending.clone(),
        }
    }
}

impl From<ReceiptRow> for Receipt {
    fn from(row: ReceiptRow) -> Self {
        Self {
            seq: row.seq.0,
            complete: row.complete.is_some(),
            via: row.complete.map_or("pending", |(via, _)| via.as_str()),
            guaranteed_by: row.complete.is_none().then_some(row.guaranteed_by),
            nodes: row.confirmed,
            pending: row.pending,
        }
    }
}

impl Manager {
    /// Waits until a change that takes something away holds everywhere, for the api it is about if it is one alone.
    pub(crate) async fn narrowed(&self, seq: Seq, api: Option<&Arc<str>>) -> Receipt {
        self.wait(seq, api, NARROWING_WAIT).await
    }

    /// Waits until a change that gives something works everywhere.
    pub(crate) async fn widened(&self, seq: Seq, api: Option<&Arc<str>>) -> Receipt {
        self.wait(seq, api, WIDENING_WAIT).await
    }

    /// The receipt of the change at `seq`, as it stands now.
    pub async fn show_receipt(&self, by: &By, seq: u64) -> Result<Receipt, Refusal> {
        by.require(Ability::Read)?;
        let (seq, asked_at) = (Seq(seq), self.clock.boot());
        if self.store.lost_changes().await?.contain(seq) {
            return Err(Refusal::NotFound("receipt"));
        }
        let kept = self.store.find_receipt(seq).await?;
        if let Some(kept) = kept.as_ref().filter(|kept| kept.complete.is_some()) {
            return Ok(kept.clone().into());
        }
        let roll = self.rollcall.since(asked_at).await?;
        if seq.0 == 0 || seq > roll.head {
            return Err(Refusal::NotFound("receipt"));
        }
        // What is waited for since the commit may already be sure; a wait that another process began is begun anew.
        let awaited = self.open_waits().find(seq).unwrap_or_else(|| Awaited::new(seq, asked_at, None));
        let mut waiting = Waiting::new(awaited);
        let via = waiting.judge(&roll, self.clock.boot());
        let now = self.guarantee(&waiting);
        let guaranteed_by = kept.map_or(now, |kept| kept.guaranteed_by.max(now));
        if via.is_none() {
            self.open_waits().keep(waiting.awaited.clone());
        }
        Ok(waiting.receipt(via, guaranteed_by))
    }

    /// Looks once more at what was answered before it was complete, and remembers what has become so.
    pub(crate) async fn settle(&self) {
        let open = self.open_waits().all();
        if open.is_empty() {
            return;
        }
        // All of them were committed before this roll is asked for.
        let Ok(roll) = self.rollcall.since(self.clock.boot()).await else { return };
        for awaited in open {
            let seq = awaited.seq();
            let mut waiting = Waiting::new(awaited);
            let Some(via) = waiting.judge(&roll, self.clock.boot()) else {
                self.open_waits().keep(waiting.awaited);
                continue;
            };
            let now = self.clock.now();
            if self.store.put_receipt(waiting.row(Some((via, now)), now)).await.is_ok() {
                tracing::info!(%seq, via = via.as_str(), "a change that was pending holds everywhere");
                self.open_waits().forget(seq);
            }
        }
    }

    fn open_waits(&self) -> &OpenWaits {
        self.open_waits.of(self.verifier.node())
    }

    async fn wait(&self, seq: Seq, api: Option<&Arc<str>>, at_most: Duration) -> Receipt {
        // The commit was answered before this moment.
        let committed_at = self.clock.boot();
        let until = committed_at.plus(at_most);
        let mut waiting = Waiting::new(Awaited::new(seq, committed_at, api.cloned()));
        self.verifier.wait_acked(seq, OWN_WAIT).await;
        let mut pause = PAUSES.0;
        let via = loop {
            let now = self.clock.boot();
            // When the leases have run out that are waited for, no answer is needed any more.
            let patience = waiting.ends_at.map_or(until, |ends_at| until.min(ends_at)).since(now);
            if let Some(via) = self.look(&mut waiting, now, patience).await {
                break Some(via);
            }
            let now = self.clock.boot();
            if now >= until {
                break None;
            }
            tokio::time::sleep(pause.min(until.since(now))).await;
            pause = (pause * 2).min(PAUSES.1);
        };
        self.figures.changed(via, self.clock.boot().since(committed_at));
        let guaranteed_by = self.guarantee(&waiting);
        if via != Some(Via::Ack) {
            self.remember(&waiting, via, guaranteed_by).await;
        }
        waiting.receipt(via, guaranteed_by)
    }

    /// Asks once who has confirmed, for `patience` at most. Whose leases have run out needs no answer.
    async fn look(&self, waiting: &mut Waiting, now: Moment, patience: Duration) -> Option<Via> {
        let via = match tokio::time::timeout(patience, self.rollcall.since(now)).await {
            Ok(Ok(roll)) => waiting.judge(&roll, self.clock.boot()),
            Ok(Err(error)) => {
                tracing::debug!(%error, "it can't be read who has confirmed a change");
                None
            }
            Err(late) => {
                tracing::debug!(%late, "it can't be read in time who has confirmed a change");
                None
            }
        };
        via.or_else(|| waiting.awaited.has_run_out(self.clock.boot()).then_some(Via::Lease))
    }

    /// By when it is certainly complete. Where nobody's lease was seen, it is the longest there can be.
    fn guarantee(&self, waiting: &Waiting) -> Timestamp {
        let boot = self.clock.boot();
        let longest = || boot.plus(Leases::of(LEASE_MAX).bound(None));
        self.clock.now().plus(waiting.ends_at.unwrap_or_else(longest).since(boot))
    }

    async fn remember(&self, waiting: &Waiting, via: Option<Via>, guaranteed_by: Timestamp) {
        if via.is_none() {
            self.open_waits().keep(waiting.awaited.clone());
        }
        let row = waiting.row(via.map(|via| (via, self.clock.now())), guaranteed_by);
        let kept = tokio::time::timeout(PAUSES.1, self.store.put_receipt(row)).await;
        if !matches!(kept, Ok(Ok(()))) {
            tracing::warn!(seq = %waiting.awaited.seq(), "a receipt can't be kept yet");
        }
    }
}
