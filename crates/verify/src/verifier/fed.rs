//! What the follower and the usage writer do with a verifier.

use std::sync::{Arc, atomic::Ordering};

use claviger_model::{Clock, Moment, NodeId, Timestamp};

use super::Verifier;
use crate::{
    doubt,
    feed::{Intake as _, Record, Seq},
    replica::{Broom, Replica},
    usage::UsageBatch,
};

impl Verifier {
    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    /// Takes one record into account.
    pub(crate) fn take(&self, record: Record) {
        self.replica.load().take(record);
    }

    /// Everything up to `seq` was taken.
    pub(crate) fn reached(&self, seq: Seq) {
        self.applied.send_replace(seq);
    }

    /// The moment before a renewal is asked for. The date is read first: what passes unseen between the two is then
    /// found in the answer.
    pub(crate) fn asks(&self) -> Moment {
        let now = self.clock.now();
        let boot = self.clock.boot();
        self.doubt.asks(now, boot);
        boot
    }

    /// Everything committed before `asked_at` was taken: decisions may be made on it for as long as the lease, unless
    /// the boot clock stood still since.
    pub(crate) fn confirm(&self, asked_at: Moment) {
        if self.doubt.confirms(self.clock.now(), self.clock.boot()) {
            self.lease.confirm(asked_at);
        } else {
            self.doubts();
        }
    }

    pub(super) fn doubts(&self) {
        self.lease.void();
        self.doubted.notify_one();
    }

    /// The source has this node's confirmation that everything up to `seq` was taken.
    pub(crate) fn acked(&self, seq: Seq) {
        self.acked.send_replace(seq);
    }

    /// Which member this node is.
    pub(crate) fn is_node(&self, id: NodeId) {
        *self.node.lock() = Some(id);
    }

    /// What the source's clock said between `asked_at` and now.
    pub(crate) fn source_clock(&self, asked_at: Moment, theirs: Timestamp) {
        let span = self.clock.boot().since(asked_at);
        if let Some(skew) = self.doubt.compare(span, self.clock.now(), theirs) {
            let skew = doubt::in_words(skew);
            tracing::warn!(
                "the database's clock is {skew} this node's: keys that end in between are answered 503"
            );
        }
    }

    /// Returns when the boot clock was found to have stood still: only a renewal brings decisions back.
    pub(crate) async fn doubted(&self) {
        self.doubted.notified().await;
    }

    /// No decisions until the next confirmation. What is held stays until [`Verifier::replace`]: someone who passed
    /// the lease just before must not find an empty replica and take a good key for an unknown one.
    pub(crate) fn stop(&self) {
        self.lease.void();
        self.applied.send_replace(Seq::default());
    }

    /// The same, because the source's history doesn't go on from what is known.
    pub(crate) fn stop_at_break(&self) {
        self.breaks.fetch_add(1, Ordering::Relaxed);
        self.stop();
    }

    /// Decides from another replica from now on. What was known as revoked stays revoked, whatever the source says
    /// now: see [`Verifier::revived`].
    pub(crate) fn replace(&self, replica: Arc<Replica>) {
        let revived = replica.keep_revoked(&self.replica.load());
        self.replica.store(replica);
        if !revived.is_empty() {
            tracing::error!(
                keys = revived.len(),
                "the database lost revocations: the keys stay revoked here"
            );
            self.revived.send_modify(|keys| keys.extend(revived));
        }
    }

    /// Forgets what ended before `instant`, in a small part of the replica; false when all parts are done.
    pub(crate) fn sweep(&self, broom: &mut Broom, instant: Timestamp) -> bool {
        self.replica.load().sweep(broom, instant)
    }

    /// What was counted since the last time, to be written.
    pub(crate) fn pending_usage(&self) -> UsageBatch {
        self.usage.drain()
    }

    /// A batch was offered to be written, and was or wasn't.
    pub(crate) fn offered_usage(&self, written: bool) {
        self.usage.offered(written);
    }

    /// A batch could not be written and was given up.
    pub(crate) fn gave_up(&self, batch: &UsageBatch) {
        self.usage.gave_up(batch);
    }
}
