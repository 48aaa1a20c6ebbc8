//! How the node stands, in figures: for metrics, not for each request.

use std::{sync::atomic::Ordering, time::Duration};

use super::Verifier;
use crate::{
    Indeterminate, ReplicaSize,
    usage::{DecidedCount, UsageDropped, UsageWriting},
};

impl Verifier {
    /// How much is held in memory. Walks over all shards: for metrics, not for each request.
    pub fn size(&self) -> ReplicaSize {
        self.replica.load().size()
    }

    /// What could not be counted since the start, because too much was waiting to be written.
    pub fn usage_dropped(&self) -> UsageDropped {
        self.usage.dropped()
    }

    /// How it goes with writing what was counted.
    pub fn usage_writing(&self) -> UsageWriting {
        self.usage.writing()
    }

    /// How attempts ended since the start.
    pub fn decided(&self) -> Vec<DecidedCount> {
        self.usage.decided()
    }

    /// How many attempts could not be decided since the start, by reason.
    pub fn undecided(&self) -> [(Indeterminate, u64); Indeterminate::ALL.len()] {
        Indeterminate::ALL.map(|reason| (reason, self.undecided[reason as usize].load(Ordering::Relaxed)))
    }

    /// How often since the start the source's history didn't go on from what this node knew, so that it loaded all again:
    /// commits were lost, or something was put back.
    pub fn breaks(&self) -> u64 {
        self.breaks.load(Ordering::Relaxed)
    }

    /// How long this node may decide after a renewal.
    pub fn lease_span(&self) -> Duration {
        self.lease.span()
    }
}
