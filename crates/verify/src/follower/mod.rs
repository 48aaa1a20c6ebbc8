//! Brings the replica up to date and says so, in this order: ask the clock, ask the source, apply, publish.

mod course;

use std::{pin::pin, sync::Arc, time::Duration};

use claviger_model::Moment;

use self::course::{Advance, Break, Course};
use crate::{
    Verifier,
    feed::{Change, FeedSource, Record, Seq, SourceError},
    replica::{Broom, Replica},
};

/// Longest time between two questions to the source.
const POLL: Duration = Duration::from_millis(500);
/// Longest time the source may take to say what changed. A load takes as long as it takes.
const ANSWER: Duration = Duration::from_secs(10);
/// How long revoked and replaced secrets are kept, so that a denial can say why.
const REMEMBERED: Duration = Duration::from_hours(30 * 24);
/// How often what is older is swept out, and in how many parts at once.
const SWEEP_EVERY: Duration = Duration::from_hours(1);
const SWEEP_PARTS: usize = 256;

/// The one writer of a verifier's replica.
///
/// If it dies or stalls nothing is confirmed any more, and the lease runs out by itself.
pub struct Follower {
    verifier: Arc<Verifier>,
    source: Arc<dyn FeedSource>,
    /// `None` while there is nothing to go on from.
    course: Option<Course>,
    sweep: Sweep,
    failing: bool,
}

struct Sweep {
    broom: Option<Broom>,
    due: Moment,
}

/// What following changes, in the order it is to change.
trait Led {
    fn take(&self, record: Record);
    fn reached(&self, seq: Seq);
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
fn apply(led: &impl Led, entries: Vec<Change>, advance: Advance) {
    entries.into_iter().flat_map(|entry| entry.records).for_each(|record| led.take(record));
    led.reached(advance.reached);
    if let Some(asked_at) = advance.confirmed {
        led.confirm(asked_at);
    }
}

impl Follower {
    /// A follower that brings `verifier` what `source` has. A verifier has one at a time.
    pub fn new(verifier: Arc<Verifier>, source: Arc<dyn FeedSource>) -> Self {
        let due = verifier.clock().boot().plus(SWEEP_EVERY);
        Self { verifier, source, course: None, sweep: Sweep { broom: None, due }, failing: false }
    }

    /// Loads everything, then what changed meanwhile. When it returns the verifier decides.
    pub async fn load(&mut self) -> Result<(), SourceError> {
        let clock = self.verifier.clock();
        let asked_at = clock.boot();
        let fresh = Arc::new(Replica::default());
        let position = self.source.load(Arc::clone(&fresh) as _, clock.now().minus(REMEMBERED)).await?;
        self.verifier.replace(fresh);
        self.verifier.reached(position.head);
        self.verifier.confirm(asked_at);
        self.course = Some(Course::from(position));
        self.catch_up().await?;
        match self.course {
            Some(_) => Ok(()),
            None => Err(SourceError("the history changed while it was loaded".to_owned())),
        }
    }

    /// Follows until `shutdown` is done, then stops the decisions: it is the last to be shut down of what needs them.
    ///
    /// Asks every half second and whenever woken. When the source tells another story than before, decisions stop
    /// until everything is loaded anew.
    pub async fn run(mut self, shutdown: impl Future<Output = ()>) {
        let mut shutdown = pin!(shutdown);
        let verifier = Arc::clone(&self.verifier);
        loop {
            tokio::select! {
                biased;
                () = &mut shutdown => break,
                () = self.round() => {}
            }
        }
        verifier.stop();
    }

    /// One question and a pause. May be dropped at any await: what is applied is published in the same breath.
    async fn round(&mut self) {
        let outcome = match self.course {
            Some(_) => self.catch_up().await,
            None => self.load().await,
        };
        self.note(&outcome);
        self.sweep_a_little();
        if outcome.is_err() {
            tokio::time::sleep(POLL).await;
        } else if self.course.is_some() {
            // Running out of patience is as good a reason to ask as being woken.
            let _ = tokio::time::timeout(POLL, self.source.woken()).await;
        }
    }

    /// Asks until everything there was is applied, or there is nothing to go on from.
    async fn catch_up(&mut self) -> Result<(), SourceError> {
        while let Some(course) = &mut self.course {
            let asked_at = self.verifier.clock().boot();
            let told = tokio::time::timeout(ANSWER, self.source.after(course.reached())).await;
            let told = told.map_err(|late| SourceError(format!("no answer: {late}")))??;
            match course.take(asked_at, &told) {
                Ok(advance) => {
                    apply(&*self.verifier, told.entries, advance);
                    if !advance.more {
                        break;
                    }
                }
                Err(broken) => self.break_off(broken),
            }
        }
        Ok(())
    }

    fn break_off(&mut self, broken: Break) {
        self.verifier.stop();
        self.course = None;
        self.sweep.broom = None;
        tracing::error!(reason = %broken, "decisions stop: all keys are loaded anew");
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
        let clock = self.verifier.clock();
        if clock.boot() >= self.sweep.due {
            self.sweep = Sweep { broom: Some(Broom::default()), due: clock.boot().plus(SWEEP_EVERY) };
        }
        let Some(broom) = &mut self.sweep.broom else { return };
        let forget_before = clock.now().minus(REMEMBERED);
        let more = (0..SWEEP_PARTS).all(|_| self.verifier.sweep(broom, forget_before));
        if !more {
            self.sweep.broom = None;
        }
    }
}

#[cfg(test)]
mod tests;
