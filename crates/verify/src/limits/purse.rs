//! The calls of one quota that this node may hand out without asking.

use std::{sync::Arc, time::Duration};

use claviger_model::{
    KeyId, Moment, Timestamp,
    restriction::{Period, Quota},
};
use parking_lot::Mutex;

use super::{Allotment, Grant, LedgerError, QuotaLedger};

/// Most calls of a portion.
const PORTION_MAX: u32 = 10_000;
/// How long a call waits for the ledger.
const ANSWER: Duration = Duration::from_secs(1);
/// How long a ledger that failed isn't asked again for a call: whoever comes meanwhile is told at once.
const FAILED: Duration = Duration::from_secs(1);
/// How long it is believed that a quota is used up, before the ledger is asked again: another node may have given back.
const USED_UP: Duration = Duration::from_secs(10);

/// Calls in hand, and what the ledger said last.
pub(super) struct Purse {
    state: Mutex<State>,
    /// Held by the one who asks the ledger.
    asking: tokio::sync::Mutex<()>,
}

struct State {
    period: Period,
    limit: u32,
    /// Reserved and not handed out.
    in_hand: u32,
    /// Reserved in this period by all nodes, when last heard.
    reserved: u32,
    used_up_at: Option<Moment>,
    failed_at: Option<Moment>,
    refilling: bool,
    /// What was in hand is being given back: nothing is reserved any more.
    closed: bool,
}

/// Which quota of which key, and when.
#[derive(Clone, Debug)]
pub(super) struct Draw {
    pub(super) key: KeyId,
    pub(super) quota: Quota,
    pub(super) period: Period,
    pub(super) boot: Moment,
}

/// What a quota has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Left {
    /// Whether a call was taken.
    pub(super) taken: bool,
    /// Calls after it, as far as this node knows.
    pub(super) calls: u32,
}

/// Calls reserved at once: a hundredth of the quota. What a crash forfeits is at most that.
fn portion_of(limit: u32) -> u32 {
    (limit / 100).clamp(1, PORTION_MAX)
}

impl Draw {
    fn allotment(&self) -> Allotment {
        Allotment { key: self.key, name: self.quota.name().clone(), period: self.period }
    }

    async fn reserve(&self, ledger: &dyn QuotaLedger, amount: u32) -> Result<Grant, LedgerError> {
        let of = self.allotment();
        ledger.reserve(&of, amount, self.quota.limit()).await
    }
}

impl Purse {
    pub(super) fn new(draw: &Draw) -> Self {
        let state = State {
            period: draw.period,
            limit: draw.quota.limit(),
            in_hand: 0,
            reserved: 0,
            used_up_at: None,
            failed_at: None,
            refilling: false,
            closed: false,
        };
        Self { state: Mutex::new(state), asking: tokio::sync::Mutex::default() }
    }

    /// Takes one call: from what is in hand or, where that is nothing, from what the ledger grants. The error is that
    /// it can't be known whether there is one.
    pub(super) async fn take(
        self: &Arc<Self>,
        draw: &Draw,
        ledger: &Arc<dyn QuotaLedger>,
    ) -> Result<Left, LedgerError> {
        let taking = async {
            loop {
                if let Some(left) = self.take_in_hand(draw, ledger) {
                    return Ok(left);
                }
                let (purse, draw, ledger) = (Arc::clone(self), draw.clone(), Arc::clone(ledger));
                // Goes on when nobody waits any more: what is granted late is in hand for whoever comes next.
                let asking = tokio::spawn(async move { purse.ask(&draw, &*ledger).await });
                asking.await.unwrap_or_else(|error| Err(LedgerError(error.to_string())))?;
            }
        };
        tokio::time::timeout(ANSWER, taking)
            .await
            .unwrap_or_else(|late| Err(LedgerError(format!("no answer: {late}"))))
    }

    /// Asks the ledger, unless whoever asked just before has got enough for others or was told of a failure.
    async fn ask(&self, draw: &Draw, ledger: &dyn QuotaLedger) -> Result<(), LedgerError> {
        let _asking = self.asking.lock().await;
        {
            let state = self.state.lock();
            if state.has_in_hand(draw) || state.is_used_up(draw) {
                return Ok(());
            }
            if state.failed_at.is_some_and(|at| draw.boot.since(at) < FAILED) {
                return Err(LedgerError("it failed a moment ago".to_owned()));
            }
        }
        let granted = draw.reserve(ledger, portion_of(draw.quota.limit())).await;
        let mut state = self.state.lock();
        state.failed_at = granted.is_err().then_some(draw.boot);
        state.receive(draw, granted?);
        Ok(())
    }

    /// Takes a call that is in hand, or knows that there is none anywhere. `None`: the ledger has to be asked.
    fn take_in_hand(self: &Arc<Self>, draw: &Draw, ledger: &Arc<dyn QuotaLedger>) -> Option<Left> {
        let mut state = self.state.lock();
        state.enter(draw);
        let left = state.take(draw)?;
        let low = state.in_hand <= portion_of(draw.quota.limit()) / 2 && portion_of(draw.quota.limit()) > 1;
        if left.taken && low && state.used_up_at.is_none() && !state.refilling {
            state.refilling = true;
            drop(state);
            self.refill(draw.clone(), Arc::clone(ledger));
        }
        Some(left)
    }

    /// Fills up to a portion before the last call is gone, so that no answer waits for it.
    fn refill(self: &Arc<Self>, draw: Draw, ledger: Arc<dyn QuotaLedger>) {
        let purse = Arc::clone(self);
        tokio::spawn(async move {
            let _asking = purse.asking.lock().await;
            let wanted = purse.state.lock().lacks(&draw);
            let granted = if wanted == 0 { None } else { draw.reserve(&*ledger, wanted).await.ok() };
            let mut state = purse.state.lock();
            // Where it failed, whoever takes the last call asks again, and says so.
            state.refilling = false;
            if let Some(grant) = granted {
                state.receive(&draw, grant);
            }
        });
    }

    /// A call that was taken isn't used after all.
    pub(super) fn put_back(&self, draw: &Draw) -> Left {
        let mut state = self.state.lock();
        if state.period == draw.period {
            state.in_hand += 1;
        }
        Left { taken: false, calls: state.left() }
    }

    /// What is in hand, which nobody gets any more, once whoever asks the ledger has its answer.
    pub(super) async fn close(&self) -> (Period, u32) {
        let _asking = self.asking.lock().await;
        let mut state = self.state.lock();
        state.closed = true;
        (state.period, std::mem::take(&mut state.in_hand))
    }

    /// Whether its period is over.
    pub(super) fn is_over(&self, now: Timestamp) -> bool {
        !self.state.lock().period.contains(now)
    }
}

impl State {
    /// Begins a new period, or takes note of another limit. Calls of before are forfeited: a quota that was lowered
    /// may have none of them left.
    fn enter(&mut self, draw: &Draw) {
        if self.period != draw.period {
            (self.period, self.in_hand, self.reserved, self.used_up_at) = (draw.period, 0, 0, None);
        }
        let limit = draw.quota.limit();
        if self.limit != limit {
            if limit < self.limit {
                self.in_hand = 0;
            }
            (self.limit, self.used_up_at) = (limit, None);
        }
    }

    fn take(&mut self, draw: &Draw) -> Option<Left> {
        if self.in_hand > 0 {
            self.in_hand -= 1;
            return Some(Left { taken: true, calls: self.left() });
        }
        self.is_used_up(draw).then_some(Left { taken: false, calls: 0 })
    }

    fn has_in_hand(&self, draw: &Draw) -> bool {
        self.period == draw.period && self.in_hand > 0
    }

    fn is_used_up(&self, draw: &Draw) -> bool {
        self.used_up_at.is_some_and(|at| draw.boot.since(at) < USED_UP)
    }

    /// A grant for a period that is over, or for a limit that was lowered since, is forfeited.
    fn receive(&mut self, draw: &Draw, grant: Grant) {
        if self.period != draw.period || self.limit < draw.quota.limit() {
            return;
        }
        self.in_hand += grant.granted;
        self.reserved = grant.reserved;
        self.used_up_at = (grant.granted == 0).then_some(draw.boot);
    }

    /// Calls that are missing from a portion; none where the quota was changed since.
    fn lacks(&self, draw: &Draw) -> u32 {
        let changed = self.period != draw.period || self.limit != draw.quota.limit();
        if self.closed || changed { 0 } else { portion_of(self.limit).saturating_sub(self.in_hand) }
    }

    fn left(&self) -> u32 {
        self.in_hand.saturating_add(self.limit.saturating_sub(self.reserved)).min(self.limit)
    }
}
