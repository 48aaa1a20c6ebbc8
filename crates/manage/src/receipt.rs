//! What a change returns: where it stands in the feed, and whether every node has it.

use std::time::Duration;

use claviger_model::Timestamp;
use claviger_verify::feed::Seq;

use crate::Manager;

/// How long a change that takes something away waits for every node.
const NARROWING_WAIT: Duration = Duration::from_secs(5);
/// How long a change that gives something waits, so that it works everywhere when its answer arrives.
const WIDENING_WAIT: Duration = Duration::from_secs(1);

/// Proof of how far a change has come.
#[derive(Clone, Debug)]
pub struct Receipt {
    /// The change's place in the feed; a verify call may ask for it as `min_seq`.
    pub seq: u64,
    /// Whether no node can decide as before the change.
    pub complete: bool,
    /// How that is known: `ack`, every node has confirmed it; `pending` while it isn't.
    pub via: &'static str,
    /// When it will be complete at the latest, where it isn't yet.
    pub guaranteed_by: Option<Timestamp>,
    /// The nodes that have confirmed it.
    pub nodes: Vec<&'static str>,
}

/// The name of a node that has its database to itself.
const ONLY_NODE: &str = "local";

impl Manager {
    /// Waits until a change that takes something away holds everywhere.
    pub(crate) async fn narrowed(&self, seq: Seq) -> Receipt {
        self.wait(seq, NARROWING_WAIT).await
    }

    /// Waits until a change that gives something works everywhere.
    pub(crate) async fn widened(&self, seq: Seq) -> Receipt {
        self.wait(seq, WIDENING_WAIT).await
    }

    async fn wait(&self, seq: Seq, at_most: Duration) -> Receipt {
        let committed_at = self.clock.now();
        let complete = self.verifier.wait_applied(seq, at_most).await;
        Receipt {
            seq: seq.0,
            complete,
            via: if complete { "ack" } else { "pending" },
            guaranteed_by: (!complete).then(|| committed_at.plus(self.verifier.lease_bound())),
            nodes: if complete { vec![ONLY_NODE] } else { Vec::new() },
        }
    }
}
