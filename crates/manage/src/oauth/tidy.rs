//! Forgets grants that ran out, as fast as new ones are made: a busy application leaves one behind with each token.

use std::sync::atomic::{AtomicU32, Ordering};

use claviger_model::Timestamp;

use crate::Manager;

/// Grants that are made between two looks for old ones.
const EVERY: u32 = 32;
/// Batches that one look forgets at most: several times what came meanwhile, so that a backlog shrinks.
const BATCHES: usize = 8;

/// How many grants this process has made.
#[derive(Debug, Default)]
pub(crate) struct Granted(AtomicU32);

impl Manager {
    /// Counts a grant that was made, and now and then forgets old ones, for which nobody waits.
    pub(super) fn count_grant(&self, now: Timestamp) {
        if !self.granted.0.fetch_add(1, Ordering::Relaxed).is_multiple_of(EVERY) {
            return;
        }
        let store = self.store.clone();
        tokio::spawn(async move {
            for _ in 0..BATCHES {
                match store.forget_grants(now).await {
                    Ok(true) => {}
                    Ok(false) => return,
                    Err(error) => return tracing::warn!(%error, "grants that ran out can't be forgotten yet"),
                }
            }
        });
    }
}
