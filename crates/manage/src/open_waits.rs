//! Changes that were answered before they were complete.

use std::collections::BTreeMap;

use claviger_model::NodeId;
use claviger_verify::{feed::Seq, nodes::Awaited};
use parking_lot::Mutex;

/// Most that are looked after. Whoever asks for the receipt of a further one is told what holds then.
const KEPT: usize = 1024;

/// Them, by their place in the feed.
#[derive(Default)]
pub(crate) struct OpenWaits {
    by_seq: Mutex<BTreeMap<Seq, Awaited>>,
    node: Mutex<Option<NodeId>>,
}

impl OpenWaits {
    /// Forgets those that were kept for another node. Who comes back as another has met a feed that lost changes: what
    /// has their places now was committed later.
    pub(crate) fn of(&self, node: Option<NodeId>) -> &Self {
        let mut known = self.node.lock();
        if node.is_some() && *known != node {
            *known = node;
            self.by_seq.lock().clear();
        }
        self
    }

    /// Looks after this one from here on, or as it stands now.
    pub(crate) fn keep(&self, awaited: Awaited) {
        let mut open = self.by_seq.lock();
        if open.len() < KEPT || open.contains_key(&awaited.seq()) {
            open.insert(awaited.seq(), awaited);
        }
    }

    /// The one at `seq`.
    pub(crate) fn find(&self, seq: Seq) -> Option<Awaited> {
        self.by_seq.lock().get(&seq).cloned()
    }

    /// All of them, the earliest first.
    pub(crate) fn all(&self) -> Vec<Awaited> {
        self.by_seq.lock().values().cloned().collect()
    }

    /// It is complete.
    pub(crate) fn forget(&self, seq: Seq) {
        self.by_seq.lock().remove(&seq);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use claviger_model::Moment;

    use super::*;

    fn awaited(seq: u64) -> Awaited {
        Awaited::new(Seq(seq), Moment::since_boot(Duration::ZERO), None)
    }

    #[test]
    fn so_many_are_looked_after_and_no_more() {
        let open = OpenWaits::default();
        for seq in 0..2_000 {
            open.keep(awaited(seq));
        }
        assert_eq!(open.all().len(), KEPT);
        open.keep(awaited(5));
        assert_eq!(open.find(Seq(5)), Some(awaited(5)));
        open.forget(Seq(5));
        assert_eq!((open.find(Seq(5)), open.find(Seq(1_500))), (None, None));
    }

    #[test]
    fn another_node_begins_anew() {
        let (open, id) = (OpenWaits::default(), |number| Some(NodeId::from_bytes([number; 16])));
        open.of(id(1)).keep(awaited(5));
        assert!(open.of(None).find(Seq(5)).is_some());
        assert!(open.of(id(1)).find(Seq(5)).is_some());
        assert_eq!(open.of(id(2)).all(), []);
    }
}
