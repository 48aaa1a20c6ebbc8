//! The nodes: who they are, how far each has come; and what this one looks after while it runs.

use std::{collections::BTreeSet, pin::pin, sync::Arc, time::Duration};

use claviger_model::{Ability, KeyId, NodeId};
use claviger_store::{KeyChange, KeyLimits, StoreError};
use claviger_verify::nodes::Roll;
use serde_json::json;

use crate::{By, Manager, Refusal};

/// Longest pause between two looks at who lives.
const LOOK: Duration = Duration::from_millis(500);

/// How long somebody who looks waits for the database.
const PATIENCE: Duration = Duration::from_secs(2);

/// All members, as this node sees them.
#[derive(Clone, Debug)]
pub struct Nodes {
    /// Who they are.
    pub roll: Arc<Roll>,
    /// Which of them answers.
    pub this: Option<NodeId>,
}

impl Manager {
    /// The nodes that follow the feed.
    pub async fn list_nodes(&self, by: &By) -> Result<Nodes, Refusal> {
        by.require(Ability::Read)?;
        self.nodes().await
    }

    /// The same as it was heard last, at most half a second ago while the database answers: it asks nobody, so that an
    /// outage can be watched by it. It names nodes alone, and asks for no right.
    pub fn nodes_heard_last(&self) -> Option<Nodes> {
        self.rollcall.latest().map(|roll| Nodes { roll, this: self.verifier.node() })
    }

    /// Ends the membership of a node that somebody knows to be dead: no change waits for it any more. If it lives, it
    /// may go on deciding by what it knew until its lease ends or it is heard of again.
    /// Returns who is left.
    pub async fn fence_node(&self, by: &By, id: NodeId) -> Result<Nodes, Refusal> {
        by.require(Ability::Manage)?;
        if self.verifier.node() == Some(id) {
            return Err(Refusal::NodeAlive);
        }
        let note = self.note(by, "node.fence", json!({}));
        self.store.fence(id, note).await.map_err(|error| match Refusal::from(error) {
            Refusal::NotFound(_) => Refusal::NotFound("node"),
            other => other,
        })?;
        // It is done, whether or not it can be read who is left.
        self.nodes().await.or_else(|refusal| {
            let mut heard = self.nodes_heard_last().ok_or(refusal)?;
            Arc::make_mut(&mut heard.roll).nodes.retain(|node| node.id != id);
            Ok(heard)
        })
    }

    async fn nodes(&self) -> Result<Nodes, Refusal> {
        let asked = tokio::time::timeout(PATIENCE, self.rollcall.since(self.clock.boot())).await;
        let roll = asked.unwrap_or_else(|late| Err(StoreError::Unavailable(late.to_string())))?;
        Ok(Nodes { roll, this: self.verifier.node() })
    }

    /// What an older node serves otherwise than this one, in a sentence: an api would answer one way here and another
    /// there. The node that came later is not ready until the older one is gone.
    pub fn other_profiles(&self) -> Option<String> {
        self.other_profiles.lock().clone()
    }

    /// Excludes the dead, completes receipts, and revokes anew what the database forgot, until `shutdown` is done.
    pub async fn look_after_nodes(&self, shutdown: impl Future<Output = ()>) {
        let mut shutdown = pin!(shutdown);
        let mut forgotten = BTreeSet::new();
        loop {
            tokio::select! {
                biased;
                () = &mut shutdown => return,
                () = self.look_once(&mut forgotten) => {}
            }
        }
    }

    /// May be dropped at any await: what is left to do stays in `forgotten` or in the store.
    async fn look_once(&self, forgotten: &mut BTreeSet<KeyId>) {
        if let Ok(keys) = tokio::time::timeout(LOOK, self.verifier.revived()).await {
            forgotten.extend(keys);
        }
        for id in forgotten.clone() {
            if let Err(refusal) = self.revoke_forgotten(id).await {
                tracing::error!(key = %id, %refusal, "a revocation that the database lost can't be made again yet");
                if matches!(refusal, Refusal::Unavailable(_)) {
                    break;
                }
            } else {
                forgotten.remove(&id);
            }
        }
        match self.rollcall.since(self.clock.boot()).await {
            // What nodes can't share they divide.
            Ok(roll) => {
                self.verifier.set_nodes(u32::try_from(roll.nodes.len()).unwrap_or(u32::MAX).max(1));
                *self.other_profiles.lock() = self.verifier.node().and_then(|id| difference(&roll, id));
                self.tell_what_is_served(&roll).await;
            }
            Err(error) => tracing::debug!(%error, "it can't be read who lives"),
        }
        self.settle().await;
    }

    /// Where the roll still has the profiles of before they were read again, or has them once more because this node
    /// joined anew, it is put right.
    async fn tell_what_is_served(&self, roll: &Roll) {
        let own = self.verifier.node().and_then(|id| roll.nodes.iter().find(|node| node.id == id));
        let (Some(own), Some(served)) = (own, self.served.lock().clone()) else { return };
        if own.profiles != served
            && let Err(error) = self.store.serves(own.id, served).await
        {
            tracing::debug!(%error, "the other nodes can't be told yet which profiles are served here");
        }
    }

    /// Revokes a key that was revoked before the database lost that. It is refused here meanwhile.
    async fn revoke_forgotten(&self, id: KeyId) -> Result<(), Refusal> {
        let note = self.note(&By::system(), "key.revoke", json!({"because": "the database lost it"}));
        let change = self.store.change_key(id, None, KeyChange::Revoke, KeyLimits::default(), None, note);
        match change.await.map_err(Refusal::from) {
            Ok(_) => {
                tracing::warn!(key = %id, "revoked again: the database had lost it");
                Ok(())
            }
            Err(Refusal::NotFound(_)) => Ok(()),
            Err(refusal) => Err(refusal),
        }
    }
}

/// The first profile of the node `id` that an older one has otherwise.
fn difference(roll: &Roll, id: NodeId) -> Option<String> {
    let own = roll.nodes.iter().find(|node| node.id == id)?;
    let older = roll.nodes.iter().take_while(|node| node.id != id);
    older.into_iter().find_map(|node| {
        let differs = |(api, digest): &(&Arc<str>, &String)| {
            own.profiles.get(*api).is_some_and(|own| own != *digest)
        };
        let (api, _) = node.profiles.iter().find(differs)?;
        Some(format!(
            "the node {} ({}) serves another profile of {api}: give all nodes the same file, and restart the older ones",
            node.name, node.id
        ))
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use claviger_model::Timestamp;
    use claviger_verify::nodes::{Leases, NodeRow};

    use super::*;

    fn node(number: u8, profiles: &[(&str, &str)]) -> NodeRow {
        let now = Timestamp::from_millis(0);
        NodeRow {
            id: NodeId::from_bytes([number; 16]),
            name: format!("n{number}"),
            acked: None,
            renewals: 0,
            leases: Leases::of(Duration::from_secs(2)),
            profiles: profiles
                .iter()
                .map(|(api, text)| ((*api).into(), (*text).to_owned()))
                .collect::<BTreeMap<_, _>>(),
            version: String::new(),
            joined_at: now,
            renewed_at: now,
        }
    }

    #[test]
    fn who_came_later_with_another_profile_differs_and_who_was_there_does_not() {
        let nodes = vec![node(1, &[("a", "x"), ("b", "y")]), node(2, &[("b", "y")]), node(3, &[("b", "z")])];
        let roll = Roll { nodes, ..Roll::default() };
        let of = |number| difference(&roll, NodeId::from_bytes([number; 16]));
        assert_eq!((of(1), of(2), of(9)), (None, None, None));
        let told = of(3).unwrap();
        assert!(told.contains("n1") && told.contains("profile of b"), "{told}");
    }
}
