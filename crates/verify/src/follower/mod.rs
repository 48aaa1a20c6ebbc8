//! Brings the replica up to date and says so, in this order: ask the clock, ask the source, apply, publish.

mod course;
mod pulse;

use std::{pin::pin, sync::Arc, time::Duration};

use claviger_model::{Clock, Entropy, Moment, NodeId};

pub(crate) use self::course::{Advance, Ask, Break, Course, Next, POLL, Step, renew_every};
pub use self::pulse::Pulse;
use crate::{
    Readiness, Verifier,
    feed::{Change, Changes, FeedSource, Record, Renewal, Seq, SourceError},
    nodes::NodeCard,
    protocol::Protocol,
    replica::{Broom, Replica},
};

/// Longest time the source may take to answer, and never more than half of a lease: a connection that lost its other end
/// is given up early enough to ask on a new one. A load takes as long as it takes.
const ANSWER: Duration = Duration::from_secs(5);
/// Longest time leaving may take: whoever ends without it is waited for as long as its lease.
const FAREWELL: Duration = Duration::from_secs(1);
/// How long revoked and replaced secrets are kept, so that a denial can say why.
const REMEMBERED: Duration = Duration::from_hours(30 * 24);
/// How often what is older is swept out, and in how many parts at once.
const SWEEP_EVERY: Duration = Duration::from_hours(1);
const SWEEP_PARTS: usize = 256;

/// The one writer of a verifier's replica, and the node's membership.
///
/// If it dies or stalls nothing is confirmed any more, and the lease runs out by itself; [`Pulse::stopped`] tells.
pub struct Follower {
    verifier: Arc<Verifier>,
    source: Arc<dyn FeedSource>,
    card: NodeCard,
    entropy: Arc<dyn Entropy>,
    course: Course,
    /// There may be something new.
    woken: bool,
    sweep: Sweep,
    failing: bool,
    pulse: Pulse,
}

struct Sweep {
    broom: Option<Broom>,
    due: Moment,
}

/// Why a pause ends early.
#[derive(PartialEq, Eq)]
enum Wake {
    /// There may be something new.
    News,
    /// The lease is void.
    Doubt,
}

/// What following changes, in the order it is to change.
pub(crate) trait Led {
    /// Takes one record into account.
    fn take(&self, record: Record);
    /// Everything up to `seq` was taken.
    fn reached(&self, seq: Seq);
    /// Everything committed before `asked_at` was taken.
    fn confirm(&self, asked_at: Moment);
}

impl Led for Verifier {
    fn take(&self, record: Record) {
        self.take(record);
    }

    fn reached(&self, seq: Seq) {
        self.reached(seq);
    }

    fn confirm(&self, asked_at: Moment) {
        self.confirm(asked_at);
    }
}

/// Applies first, publishes then: whoever finds the lease good must find the changes made.
pub(crate) fn apply(protocol: Protocol, led: &impl Led, entries: Vec<Change>, advance: Advance) {
    let confirm = || advance.confirmed.into_iter().for_each(|asked_at| led.confirm(asked_at));
    if protocol.publishes_before_applying() {
        confirm();
    }
    entries.into_iter().flat_map(|entry| entry.records).for_each(|record| led.take(record));
    led.reached(advance.reached);
    confirm();
}

impl Follower {
    /// A follower that brings `verifier` what `source` has, as the node that `card` describes. A verifier has one at a
    /// time. A node that was excluded joins again under another id.
    pub fn new(
        verifier: Arc<Verifier>,
        source: Arc<dyn FeedSource>,
        card: NodeCard,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        let due = verifier.clock().boot().plus(SWEEP_EVERY);
        let course = Course::new(card.leases.shortest());
        let sweep = Sweep { broom: None, due };
        Self {
            verifier,
            source,
            card,
            entropy,
            course,
            woken: false,
            sweep,
            failing: false,
            pulse: Pulse::default(),
        }
    }

    /// Says whether this follower hangs.
    pub fn pulse(&self) -> Pulse {
        self.pulse.clone()
    }

    /// Joins, loads everything and renews the lease. When it returns the verifier decides.
    pub async fn load(&mut self) -> Result<(), SourceError> {
        while self.verifier.readiness() == Readiness::Loading {
            match self.course.next(self.clock().boot(), false) {
                Next::Ask(ask) => self.ask(ask).await?,
                Next::Rest { .. } => break,
            }
        }
        Ok(())
    }

    /// Follows until `shutdown` is done, then stops the decisions and leaves: it is the last to be shut down of what
    /// needs them.
    ///
    /// Asks every half second and whenever woken. When the source tells another story than before, decisions stop
    /// until everything is loaded anew.
    pub async fn run(mut self, shutdown: impl Future<Output = ()>) {
        let mut shutdown = pin!(shutdown);
        loop {
            tokio::select! {
                biased;
                () = &mut shutdown => break,
                () = self.turn() => {}
            }
        }
        self.verifier.stop();
        match tokio::time::timeout(FAREWELL, self.source.leave(self.card.id)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "this node could not leave: changes wait for its lease"),
            Err(_) => tracing::warn!("this node could not leave in time: changes wait for its lease"),
        }
    }

    /// One question, or one pause. May be dropped at any await: what is applied is published in the same breath.
    async fn turn(&mut self) {
        self.pulse.beat();
        let now = self.clock().boot();
        match self.course.next(now, self.woken) {
            Next::Ask(ask) => {
                self.woken = false;
                let outcome = self.ask(ask).await;
                self.note(&outcome);
                if outcome.is_err() {
                    tokio::time::sleep(POLL).await;
                }
            }
            Next::Rest { until } => {
                // Running out of patience is as good a reason to ask as being woken.
                let doubted = tokio::time::timeout(until.since(now), self.wakes()).await;
                if doubted == Ok(Wake::Doubt) {
                    self.course.renew_at_once();
                }
                self.woken = true;
            }
        }
        self.sweep_a_little();
    }

    /// Returns when the source has something new, or the verifier something to ask.
    async fn wakes(&self) -> Wake {
        tokio::select! {
            () = self.verifier.doubted() => Wake::Doubt,
            () = self.source.woken() => Wake::News,
        }
    }

    async fn ask(&mut self, ask: Ask) -> Result<(), SourceError> {
        match ask {
            Ask::Join => self.join().await,
            Ask::Load => self.load_all().await,
            Ask::Renew { applied } => self.renew(applied).await,
            Ask::Look { after } => self.look(after).await,
        }
    }

    async fn join(&mut self) -> Result<(), SourceError> {
        let asked_at = self.clock().boot();
        if self.answered(self.source.join(&self.card)).await? {
            self.course.joined(asked_at);
            self.verifier.is_node(self.card.id);
        } else {
            self.card.id = NodeId::mint(self.clock().now(), &*self.entropy);
        }
        Ok(())
    }

    /// Loads into a replica of its own, so that a history that broke can be compared with what was known.
    async fn load_all(&mut self) -> Result<(), SourceError> {
        let asked_at = self.clock().boot();
        let fresh = Arc::new(Replica::default());
        let forget_before = self.clock().now().minus(REMEMBERED);
        let (source, into) = (Arc::clone(&self.source), Arc::clone(&fresh));
        let mut load = pin!(async move { source.load(into, forget_before).await });
        let position = loop {
            tokio::select! {
                position = &mut load => break position?,
                () = tokio::time::sleep(POLL) => {
                    self.pulse.beat();
                    if self.course.must_show_life(self.clock().boot()) && !self.shows_life().await {
                        return Ok(());
                    }
                }
            }
        };
        let advance = self.course.loaded(asked_at, position);
        self.verifier.replace(fresh);
        self.apply(Vec::new(), advance);
        Ok(())
    }

    /// Says that this node lives while it loads; false where it is no member any more. A failure is the next try's.
    async fn shows_life(&mut self) -> bool {
        let asked_at = self.clock().boot();
        let Ok(renewal) = self.answered(self.source.renew(self.card.id, None)).await else { return true };
        let told_at = self.clock().boot();
        !matches!(self.course.renewed(asked_at, told_at, None, &renewal), Ok(Step::Excluded))
    }

    pub(crate) async fn renew(&mut self, applied: Option<Seq>) -> Result<(), SourceError> {
        let asked_at = self.verifier.asks();
        let renewal = self.answered(self.source.renew(self.card.id, applied)).await?;
        let step = self.course.renewed(asked_at, self.clock().boot(), applied, &renewal);
        let entries = match renewal {
            Renewal::Renewed(told) => self.heard(asked_at, told),
            Renewal::NoMember => Vec::new(),
        };
        self.step(step, entries);
        if let Some(acked) = self.course.acked() {
            self.verifier.acked(acked);
        }
        Ok(())
    }

    async fn look(&mut self, after: Seq) -> Result<(), SourceError> {
        let asked_at = self.clock().boot();
        let told = self.answered(self.source.after(after)).await?;
        let step = self.course.looked(asked_at, &told);
        let entries = self.heard(asked_at, told);
        self.step(step, entries);
        Ok(())
    }

    /// Compares the clocks, and keeps the entries.
    fn heard(&self, asked_at: Moment, told: Changes) -> Vec<Change> {
        if let Some(clock) = told.clock {
            self.verifier.source_clock(asked_at, clock);
        }
        told.entries
    }

    fn step(&mut self, step: Result<Step, Break>, entries: Vec<Change>) {
        match step {
            Ok(Step::Advance(advance)) => self.apply(entries, advance),
            Ok(Step::Excluded) => {
                self.verifier.stop();
                tracing::warn!(node = %self.card.id, "this node was taken for dead: it joins again");
            }
            Err(broken) => {
                self.verifier.stop_at_break();
                self.card.id = NodeId::mint(self.clock().now(), &*self.entropy);
                self.sweep.broom = None;
                tracing::error!(reason = %broken, "decisions stop: all keys are loaded anew");
            }
        }
    }

    fn apply(&self, entries: Vec<Change>, advance: Advance) {
        apply(self.course.protocol, &*self.verifier, entries, advance);
    }

    /// Says when the source begins to fail and when it answers again, not each time between.
    fn note(&mut self, outcome: &Result<(), SourceError>) {
        match outcome {
            Err(error) if !self.failing => tracing::error!(%error, "decisions go on until the lease ends"),
            Ok(()) if self.failing => {
                tracing::info!(applied = %self.verifier.applied(), "the feed is followed again");
            }
            Err(_) | Ok(()) => {}
        }
        self.failing = outcome.is_err();
    }

    fn sweep_a_little(&mut self) {
        let (boot, now) = (self.clock().boot(), self.clock().now());
        if boot >= self.sweep.due {
            self.sweep = Sweep { broom: Some(Broom::default()), due: boot.plus(SWEEP_EVERY) };
        }
        let Some(broom) = &mut self.sweep.broom else { return };
        let more = (0..SWEEP_PARTS).all(|_| self.verifier.sweep(broom, now.minus(REMEMBERED)));
        if !more {
            self.sweep.broom = None;
        }
    }

    /// What the source answers, or that it took too long.
    async fn answered<T>(
        &self,
        answer: impl Future<Output = Result<T, SourceError>>,
    ) -> Result<T, SourceError> {
        let patience = ANSWER.min(self.card.leases.shortest() / 2);
        match tokio::time::timeout(patience, answer).await {
            Ok(answer) => answer,
            Err(late) => Err(SourceError(format!("no answer: {late}"))),
        }
    }

    fn clock(&self) -> &dyn Clock {
        self.verifier.clock()
    }
}

#[cfg(test)]
mod tests;
