//! The nodes that follow a feed: who they are, how long each may decide without hearing of a change, and what a
//! change waits for.
//!
//! Nothing here asks anybody or holds a clock: rolls and moments are arguments, so that the program, the simulation
//! and the model run the same code.

mod awaited;
mod watch;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use claviger_model::{NodeId, Timestamp};

pub use self::{
    awaited::{Awaited, Standing, Via},
    watch::{Dead, Watch},
};
use crate::{feed::Seq, follower, lease};

/// For how long a node may go on deciding after a renewal.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Leases {
    /// For every api that has no shorter one.
    pub node: Duration,
    /// For the apis whose profile asks for a shorter one.
    pub stricter: BTreeMap<Arc<str>, Duration>,
}

impl Leases {
    /// The same for every api.
    pub fn of(node: Duration) -> Self {
        Self { node, stricter: BTreeMap::new() }
    }

    /// The lease for an api, or the longest where none is named.
    pub fn lease(&self, api: Option<&str>) -> Duration {
        let stricter = api.and_then(|api| self.stricter.get(api)).copied();
        stricter.map_or(self.node, |stricter| stricter.min(self.node))
    }

    /// The shortest of all.
    pub fn shortest(&self) -> Duration {
        self.stricter.values().copied().fold(self.node, Duration::min)
    }

    /// How long after a commit a node can still decide as before it, whatever became of the node: two hosts' clocks
    /// may differ in their rates.
    pub fn bound(&self, api: Option<&str>) -> Duration {
        lease::bound(self.lease(api))
    }

    /// For how long at least a node goes on deciding once it can renew no more: it may have been about to renew.
    pub fn rides_out(&self, api: Option<&str>) -> Duration {
        lease::lasts(self.lease(api)).saturating_sub(follower::renew_every(self.shortest()))
    }
}

/// What a node says of itself when it joins.
#[derive(Clone, Debug)]
pub struct NodeCard {
    /// This run of it.
    pub id: NodeId,
    /// What people call it.
    pub name: Arc<str>,
    /// The lock it runs under, which no two living processes hold: SHA-256 of what tells it from every other.
    pub place: [u8; 32],
    /// Its leases.
    pub leases: Leases,
    /// Which profile it serves for each api, by the SHA-256 of its text in hexadecimal digits.
    pub profiles: BTreeMap<Arc<str>, String>,
    /// Its version.
    pub version: &'static str,
}

impl NodeCard {
    /// The card of a node that nobody else has to know: one lease, no name, no profiles.
    pub fn alone(lease: Duration) -> Self {
        Self {
            id: NodeId::from_bytes([0; 16]),
            name: "".into(),
            place: [0; 32],
            leases: Leases::of(lease),
            profiles: BTreeMap::new(),
            version: "",
        }
    }
}

/// A member as the source has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeRow {
    /// This run of it.
    pub id: NodeId,
    /// What people call it.
    pub name: String,
    /// The last change it has confirmed; `None` while it holds nothing.
    pub acked: Option<Seq>,
    /// How often it has renewed its lease.
    pub renewals: u64,
    /// Its leases.
    pub leases: Leases,
    /// Which profile it serves for each api.
    pub profiles: BTreeMap<Arc<str>, String>,
    /// Its version.
    pub version: String,
    /// When it joined, by the source's clock: to be shown.
    pub joined_at: Timestamp,
    /// When it last renewed, by the source's clock: to be shown, and to be told from another renewal that was counted
    /// alike. How long ago it was is decided by no date.
    pub renewed_at: Timestamp,
}

/// All members at one instant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roll {
    /// Where the feed stood.
    pub head: Seq,
    /// The members, the oldest first. Whoever was excluded or left is none.
    pub nodes: Vec<NodeRow>,
}

impl Roll {
    /// How many changes a member has not confirmed; `None` while it loads.
    pub fn lag(&self, node: &NodeRow) -> Option<u64> {
        node.acked.map(|acked| self.head.0.saturating_sub(acked.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_is_never_longer_than_the_nodes_own() {
        let mut leases = Leases::of(Duration::from_secs(100));
        leases.stricter.insert("strict".into(), Duration::from_secs(2));
        leases.stricter.insert("lax".into(), Duration::from_hours(1));
        for (api, lease) in [(None, 100), (Some("other"), 100), (Some("strict"), 2), (Some("lax"), 100)] {
            assert_eq!(leases.lease(api), Duration::from_secs(lease), "{api:?}");
        }
        assert_eq!(leases.shortest(), Duration::from_secs(2));
        assert_eq!(leases.bound(Some("strict")), Duration::from_millis(2_040));
        let (strict, minutes) = (Leases::of(Duration::from_secs(2)), Leases::of(Duration::from_mins(2)));
        assert_eq!(strict.rides_out(None), Duration::from_millis(1_460));
        assert_eq!(minutes.rides_out(None), Duration::from_millis(107_600));
    }
}
