//! The one node there can be: whoever holds the directory's lock. Its membership lives as long as the process does.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use claviger_model::{NodeId, Timestamp};
use claviger_verify::{
    feed::Seq,
    nodes::{Dead, NodeCard, NodeRow},
};

/// The member, if it has joined.
#[derive(Default)]
pub(super) struct OneNode(Mutex<Option<NodeRow>>);

impl OneNode {
    /// Whoever was a member before is gone: two processes don't hold one lock.
    pub(super) fn join(&self, card: &NodeCard, now: Timestamp) {
        let row = NodeRow {
            id: card.id,
            name: card.name.to_string(),
            acked: None,
            renewals: 0,
            leases: card.leases.clone(),
            profiles: card.profiles.clone(),
            version: card.version.to_owned(),
            joined_at: now,
            renewed_at: now,
        };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(row);
    }

    /// Counts a renewal; false where this isn't the member.
    pub(super) fn renew(&self, node: NodeId, applied: Option<Seq>, now: Timestamp) -> bool {
        let mut member = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(row) = member.as_mut().filter(|row| row.id == node) else { return false };
        row.acked = row.acked.max(applied);
        row.renewals += 1;
        row.renewed_at = now;
        true
    }

    /// The member serves these profiles from now on.
    pub(super) fn serves(&self, node: NodeId, profiles: BTreeMap<Arc<str>, String>) {
        let mut member = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(row) = member.as_mut().filter(|row| row.id == node) {
            row.profiles = profiles;
        }
    }

    /// Ends a membership; whether it was one.
    pub(super) fn end(&self, node: NodeId) -> bool {
        self.end_if(|row| row.id == node)
    }

    /// Ends the membership of one that has not renewed since; whether it was so.
    pub(super) fn exclude(&self, dead: Dead) -> bool {
        self.end_if(|row| (row.id, row.renewals, row.renewed_at) == (dead.id, dead.renewals, dead.renewed_at))
    }

    /// Who is a member.
    pub(super) fn list(&self) -> Vec<NodeRow> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    fn end_if(&self, is_meant: impl FnOnce(&mut NodeRow) -> bool) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take_if(is_meant).is_some()
    }
}
