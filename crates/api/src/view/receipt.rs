//! Receipts as they are shown.

use claviger_manage::Receipt;
use serde::Serialize;
use utoipa::ToSchema;

/// How far a change has come.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Receipt)]
pub(crate) struct ReceiptJson {
    /// The change's place in the feed; a verify call may ask for it as `min_seq`.
    seq: u64,
    /// Whether no node can decide as before the change.
    complete: bool,
    /// How that is known: `ack`, every node that decides has confirmed it; `lease`, whoever hasn't can hold no lease any more;
    /// `pending` while it isn't.
    via: String,
    /// When it will be complete at the latest, where it isn't yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    guaranteed_by: Option<String>,
    /// The nodes that have confirmed it.
    nodes: Vec<String>,
    /// The nodes that may still decide as before it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pending: Vec<String>,
}

impl From<&Receipt> for ReceiptJson {
    fn from(receipt: &Receipt) -> Self {
        Self {
            seq: receipt.seq,
            complete: receipt.complete,
            via: receipt.via.to_owned(),
            guaranteed_by: receipt.guaranteed_by.map(|at| at.to_string()),
            nodes: receipt.nodes.iter().map(ToString::to_string).collect(),
            pending: receipt.pending.iter().map(ToString::to_string).collect(),
        }
    }
}
