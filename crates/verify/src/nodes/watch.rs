//! Who is dead: a member whose renewals stand still for longer than its last lease can have lasted.

use std::collections::BTreeMap;

use claviger_model::{Moment, NodeId, Timestamp};

use super::Roll;
use crate::{lease, protocol::Protocol};

/// What one observer has seen of the members' renewals.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Watch {
    pub(crate) protocol: Protocol,
    seen: BTreeMap<NodeId, Seen>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Seen {
    renewals: u64,
    /// Tells apart what a source counted twice alike, having lost some of it in between.
    renewed_at: Timestamp,
    /// The answer that first showed so many was there by then.
    since: Moment,
}

/// A member that holds no lease: it can be excluded as long as this is still the last of its renewals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Dead {
    /// Who.
    pub id: NodeId,
    /// How many renewals it made.
    pub renewals: u64,
    /// When it made the last of them.
    pub renewed_at: Timestamp,
}

impl Watch {
    /// Takes a roll that was asked for at `asked_at` and was there at `told_at`, and says who is dead.
    ///
    /// A lease begins before its renewal is counted. What was counted before an answer, and not exceeded by a question
    /// that was asked longer than a lease after that answer, is no lease any more; and no later one can begin once the
    /// node is excluded.
    pub fn observe(&mut self, roll: &Roll, asked_at: Moment, told_at: Moment) -> Vec<Dead> {
        self.seen.retain(|id, _| roll.nodes.iter().any(|node| node.id == *id));
        let mut dead = Vec::new();
        for node in &roll.nodes {
            let fresh = Seen { renewals: node.renewals, renewed_at: node.renewed_at, since: told_at };
            let seen = self.seen.entry(node.id).or_insert(fresh);
            if (seen.renewals, seen.renewed_at) != (fresh.renewals, fresh.renewed_at) {
                *seen = fresh;
            }
            let still = asked_at.since(seen.since);
            if still >= lease::bound(node.leases.node) || self.protocol.excludes_early() {
                dead.push(Dead { id: node.id, renewals: seen.renewals, renewed_at: seen.renewed_at });
            }
        }
        dead
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::fake::{NEW_YEAR, node, node_id};

    const fn at(seconds: u64) -> Moment {
        Moment::since_boot(Duration::from_secs(seconds))
    }

    fn roll(renewals: u64) -> Roll {
        let mut member = node(1, None);
        member.renewals = renewals;
        Roll { nodes: vec![member], ..Roll::default() }
    }

    #[test]
    fn who_does_not_renew_for_a_whole_lease_after_it_was_seen_is_dead() {
        let mut watch = Watch::default();
        assert_eq!(watch.observe(&roll(4), at(10), at(20)), []);
        assert_eq!(watch.observe(&roll(4), at(121), at(130)), []);
        let dead = Dead { id: node_id(1), renewals: 4, renewed_at: NEW_YEAR };
        assert_eq!(watch.observe(&roll(4), at(122), at(122)), [dead]);
    }

    #[test]
    fn a_renewal_begins_the_watch_anew() {
        let mut watch = Watch::default();
        watch.observe(&roll(4), at(10), at(10));
        assert_eq!(watch.observe(&roll(5), at(111), at(111)), []);
        assert_eq!(watch.observe(&roll(5), at(212), at(212)), []);
        assert_eq!(watch.observe(&roll(5), at(213), at(213)).len(), 1);
    }

    #[test]
    fn a_source_that_lost_renewals_and_counts_alike_again_is_not_mistaken() {
        let mut watch = Watch::default();
        watch.observe(&roll(4), at(10), at(10));
        let mut again = roll(4);
        again.nodes[0].renewed_at = NEW_YEAR.plus(Duration::from_mins(2));
        assert_eq!(watch.observe(&again, at(130), at(130)), []);
        assert_eq!(watch.observe(&again, at(232), at(232)).len(), 1);
    }

    #[test]
    fn who_left_is_forgotten() {
        let mut watch = Watch::default();
        watch.observe(&roll(4), at(10), at(10));
        watch.observe(&Roll::default(), at(20), at(20));
        assert_eq!(watch.observe(&roll(4), at(200), at(200)), []);
    }
}
