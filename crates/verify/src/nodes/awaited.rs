//! What a change waits for: a confirmation by every node that may hold a lease, or the certainty that such leases
//! have run out.

use std::sync::Arc;

use claviger_model::{Moment, NodeId};

use super::Roll;
use crate::{feed::Seq, lease, protocol::Protocol};

/// A change that was committed and may not be known everywhere yet.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Awaited {
    pub(crate) protocol: Protocol,
    seq: Seq,
    committed_at: Moment,
    api: Option<Arc<str>>,
    /// When the leases of the nodes that were pending have run out, once they were seen.
    ends_at: Option<Moment>,
}

/// How it is known that a change holds everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Via {
    /// Every member that decides has confirmed it.
    Ack,
    /// Whoever hasn't can hold no lease any more.
    Lease,
}

impl Via {
    /// How it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ack => "ack",
            Self::Lease => "lease",
        }
    }
}

/// How far a change has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// No node can decide as before the change.
    Complete(Via),
    /// These nodes may, until the moment.
    Pending {
        /// Who has not confirmed it.
        nodes: Vec<NodeId>,
        /// When their leases have run out.
        ends_at: Moment,
    },
}

impl Awaited {
    /// The change `seq`, whose commit was answered before `committed_at`. `api` is the one whose decisions it changes,
    /// if it is one alone.
    pub fn new(seq: Seq, committed_at: Moment, api: Option<Arc<str>>) -> Self {
        Self { protocol: Protocol::default(), seq, committed_at, api, ends_at: None }
    }

    /// The change's place in the feed.
    pub fn seq(&self) -> Seq {
        self.seq
    }

    /// Judges, at `now`, a roll that was asked for after the commit. Whoever isn't on it left, was excluded, or will
    /// join later; whoever has confirmed nothing is loading. Both hear of the change before they decide anything.
    pub fn judge(&mut self, roll: &Roll, now: Moment) -> Standing {
        let pending = || roll.nodes.iter().filter(|node| node.acked.is_some_and(|acked| acked < self.seq));
        let nodes: Vec<_> = pending().map(|node| node.id).collect();
        let longest = pending().map(|node| node.leases.lease(self.api.as_deref())).max();
        let Some(longest) = longest.filter(|_| !self.protocol.completes_at_commit()) else {
            return Standing::Complete(Via::Ack);
        };
        let bound = if self.protocol.waits_half() {
            longest / 2
        } else if self.protocol.waits_too_short() {
            longest
        } else {
            lease::bound(longest)
        };
        let ends_at = self.committed_at.plus(bound);
        self.ends_at = Some(ends_at);
        if now >= ends_at { Standing::Complete(Via::Lease) } else { Standing::Pending { nodes, ends_at } }
    }

    /// Whether, at `now`, the leases of all have run out that were pending when a roll was last judged. It needs no
    /// answer from anybody, so an outage of the database can't hold it up.
    pub fn has_run_out(&self, now: Moment) -> bool {
        self.ends_at.is_some_and(|ends_at| now >= ends_at)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        fake::{node, node_id},
        nodes::Leases,
    };

    const fn at(millis: u64) -> Moment {
        Moment::since_boot(Duration::from_millis(millis))
    }

    fn awaited() -> Awaited {
        Awaited::new(Seq(7), at(1_000), Some("strict".into()))
    }

    fn roll(acked: &[Option<u64>]) -> Roll {
        let nodes = (1..).zip(acked).map(|(number, acked)| node(number, acked.map(Seq))).collect();
        Roll { head: Seq(9), nodes }
    }

    #[test]
    fn it_is_complete_when_every_member_that_decides_has_confirmed_it() {
        for acked in [&[][..], &[Some(7)], &[Some(7), Some(9)], &[Some(7), None]] {
            assert_eq!(awaited().judge(&roll(acked), at(1_000)), Standing::Complete(Via::Ack));
        }
    }

    #[test]
    fn whoever_lags_is_waited_for_until_their_lease_has_run_out() {
        let mut awaited = awaited();
        assert!(!awaited.has_run_out(at(u64::MAX)), "nobody was seen yet");
        let (roll, late) = (roll(&[Some(8), Some(6)]), at(103_000));
        let pending = Standing::Pending { nodes: vec![node_id(2)], ends_at: late };
        assert_eq!(awaited.judge(&roll, at(102_999)), pending);
        assert!(!awaited.has_run_out(at(102_999)));
        assert!(awaited.has_run_out(late));
        assert_eq!(awaited.judge(&roll, late), Standing::Complete(Via::Lease));
    }

    #[test]
    fn the_lease_that_counts_is_the_longest_for_the_api_among_those_who_lag() {
        let mut roll = roll(&[Some(6), Some(6), Some(8)]);
        let strict = |seconds| {
            let mut leases = Leases::of(Duration::from_secs(100));
            leases.stricter.insert("strict".into(), Duration::from_secs(seconds));
            leases
        };
        (roll.nodes[0].leases, roll.nodes[1].leases) = (strict(2), strict(50));
        let Standing::Pending { ends_at, .. } = awaited().judge(&roll, at(1_000)) else { panic!("pending") };
        assert_eq!(ends_at, at(52_000));
        let Standing::Pending { ends_at, .. } = Awaited::new(Seq(7), at(1_000), None).judge(&roll, at(1_000))
        else {
            panic!("pending")
        };
        assert_eq!(ends_at, at(103_000));
    }
}
