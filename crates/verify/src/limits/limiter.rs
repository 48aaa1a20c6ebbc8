//! One call against all of a key's limits: noted in all of them, or in none.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use claviger_model::{
    Denial, Exceeded, KeyId, Moment, Span, Standing, Standings, Timestamp,
    restriction::{Quota, Quotas, Rate, Rates},
};

use super::{
    Gcra, Judged, QuotaLedger, SharedLimits, SharedLimitsError, Window,
    breaker::Breaker,
    local::LocalLimits,
    memory::MemoryLedger,
    purse::{Draw, Left, Purse},
    purses::Purses,
};
use crate::Indeterminate;

/// How long what the nodes share may take to answer.
const ANSWER: Duration = Duration::from_millis(50);

/// Counts calls against limits.
pub(crate) struct Limiter {
    shared: Option<Arc<dyn SharedLimits>>,
    ledger: Arc<dyn QuotaLedger>,
    local: LocalLimits,
    purses: Purses,
    breaker: Breaker,
    nodes: AtomicU32,
    failures: AtomicU64,
    judged_alone: AtomicU64,
}

/// How limits are enforced, for metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitsHealth {
    /// Whether this node enforces its share of rates alone, although several nodes should share them.
    pub degraded: bool,
    /// How often what the nodes share couldn't be asked, since the start.
    pub failures: u64,
    /// Calls judged by this node's share alone, since the start.
    pub judged_alone: u64,
}

/// A call of a key that was decided to be allowed, its limits aside.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call<'a> {
    pub(crate) key: KeyId,
    pub(crate) rates: Option<&'a Rates>,
    pub(crate) quotas: Option<&'a Quotas>,
    pub(crate) now: Timestamp,
    pub(crate) boot: Moment,
    /// Any number: spreads the nodes.
    pub(crate) chance: u16,
}

/// A quota of the call, and what was taken of it.
struct Drawn {
    draw: Draw,
    purse: Arc<Purse>,
    left: Left,
}

impl Limiter {
    /// A limiter of what is shared by `shared`, if anything is, and reserved in `ledger`, or in memory where there is
    /// none.
    pub(crate) fn new(shared: Option<Arc<dyn SharedLimits>>, ledger: Option<Arc<dyn QuotaLedger>>) -> Self {
        Self {
            shared,
            ledger: ledger.unwrap_or_else(|| Arc::new(MemoryLedger::default())),
            local: LocalLimits::default(),
            purses: Purses::default(),
            breaker: Breaker::default(),
            nodes: AtomicU32::new(1),
            failures: AtomicU64::new(0),
            judged_alone: AtomicU64::new(0),
        }
    }

    /// How many nodes there are, this one included.
    pub(crate) fn set_nodes(&self, nodes: u32) {
        self.nodes.store(nodes.max(1), Ordering::Relaxed);
    }

    pub(crate) fn health(&self) -> LimitsHealth {
        let alone = self.shared.is_none() && self.nodes.load(Ordering::Relaxed) > 1;
        LimitsHealth {
            degraded: alone || self.breaker.is_open(),
            failures: self.failures.load(Ordering::Relaxed),
            judged_alone: self.judged_alone.load(Ordering::Relaxed),
        }
    }

    /// Gives the calls of quotas that are reserved and not used back.
    pub(crate) async fn give_back(&self) {
        self.purses.give_back(&*self.ledger).await;
    }

    /// Judges a call by the quotas, then by the rates. What a denied call took is put back.
    pub(crate) async fn judge(&self, call: Call<'_>) -> Result<Result<Standings, Denial>, Indeterminate> {
        let mut drawn = self.draw_all(&call).await?;
        if drawn.iter().any(|drawn| !drawn.left.taken) {
            put_back(&mut drawn);
            return Ok(Err(Denial::Quota(Box::new(exceeded(of_quotas(&drawn, call.now))))));
        }
        let Some(rates) = call.rates else { return Ok(Ok(of_quotas(&drawn, call.now))) };
        let (windows, judged, local) = self.judge_rates(&call, rates).await;
        if !judged.admitted {
            put_back(&mut drawn);
        }
        let of_rates = rates.iter().zip(&windows).zip(&judged.tats);
        let of_rates = of_rates.map(|((rate, window), tat)| {
            let room = window.rule.room(*tat, judged.now);
            let span = Span::Window(rate.window());
            Standing {
                name: rate.name().clone(),
                span,
                limit: rate.limit(),
                remaining: room.calls,
                more_in: room.more_in,
            }
        });
        let limits = of_rates.chain(of_quotas(&drawn, call.now).limits).collect();
        let standings = Standings { limits, local };
        Ok(if judged.admitted { Ok(standings) } else { Err(Denial::Rate(Box::new(exceeded(standings)))) })
    }

    async fn draw_all(&self, call: &Call<'_>) -> Result<Vec<Drawn>, Indeterminate> {
        let mut drawn = Vec::new();
        for quota in call.quotas.into_iter().flat_map(Quotas::iter) {
            match self.draw(call, quota).await {
                Ok(one) => drawn.push(one),
                Err(indeterminate) => {
                    put_back(&mut drawn);
                    return Err(indeterminate);
                }
            }
        }
        Ok(drawn)
    }

    async fn draw(&self, call: &Call<'_>, quota: &Quota) -> Result<Drawn, Indeterminate> {
        let period = quota.per().period(call.now);
        let draw = Draw { key: call.key, quota: quota.clone(), period, boot: call.boot };
        let purse = self.purses.of(&draw, call.now);
        match purse.take(&draw, &self.ledger).await {
            Ok(left) => Ok(Drawn { draw, purse, left }),
            Err(error) => {
                tracing::error!(%error, key = %call.key, "what is left of a quota can't be known");
                Err(Indeterminate::QuotaUnknown)
            }
        }
    }

    /// The windows a call was judged by, what became of it, and whether that was by this node's share alone.
    async fn judge_rates(&self, call: &Call<'_>, rates: &Rates) -> (Vec<Window>, Judged, bool) {
        let windows = windows(rates, Gcra::of);
        let now = u64::try_from(call.boot.as_duration().as_micros()).unwrap_or(u64::MAX);
        if let Some(judged) = self.ask_shared(call, &windows).await {
            self.local.remember(call.key, &windows, &judged, now);
            return (windows, judged, false);
        }
        let nodes = self.nodes.load(Ordering::Relaxed);
        let alone = self.shared.is_some() || nodes > 1;
        if alone {
            self.judged_alone.fetch_add(1, Ordering::Relaxed);
        }
        let windows = self::windows(rates, |rate| Gcra::of(rate).share(nodes));
        let judged = self.local.judge(call.key, &windows, now);
        (windows, judged, alone)
    }

    /// What the nodes share says, if there is such a thing, it isn't known to be away, and it answers in time.
    async fn ask_shared(&self, call: &Call<'_>, windows: &[Window]) -> Option<Judged> {
        let shared = self.shared.as_ref()?;
        let leave = self.breaker.leave(call.boot)?;
        let judged = match tokio::time::timeout(ANSWER, shared.judge(call.key, windows)).await {
            Ok(judged) => judged,
            Err(late) => Err(SharedLimitsError(format!("no answer: {late}"))),
        };
        match judged {
            Ok(judged) => {
                if self.breaker.answered(leave) {
                    tracing::info!("limits are shared again");
                }
                Some(judged)
            }
            Err(error) => {
                self.failures.fetch_add(1, Ordering::Relaxed);
                if self.breaker.failed(leave, call.boot, call.chance) {
                    tracing::warn!(%error, "limits aren't shared: each node enforces its share of them");
                }
                None
            }
        }
    }
}

impl Drawn {
    fn standing(&self, now: Timestamp) -> Standing {
        let quota = &self.draw.quota;
        Standing {
            name: quota.name().clone(),
            span: Span::Period(quota.per()),
            limit: quota.limit(),
            remaining: self.left.calls,
            more_in: self.until_the_end(now),
        }
    }

    fn until_the_end(&self, now: Timestamp) -> Duration {
        let millis = self.draw.period.ends_at().as_millis() - now.as_millis();
        Duration::from_millis(u64::try_from(millis).unwrap_or_default())
    }
}

fn windows(rates: &Rates, rule: impl Fn(&Rate) -> Gcra) -> Vec<Window> {
    rates.iter().map(|rate| Window { rate: rate.clone(), rule: rule(rate) }).collect()
}

fn of_quotas(drawn: &[Drawn], now: Timestamp) -> Standings {
    Standings { limits: drawn.iter().map(|drawn| drawn.standing(now)).collect(), local: false }
}

fn put_back(drawn: &mut [Drawn]) {
    for drawn in drawn.iter_mut().filter(|drawn| drawn.left.taken) {
        drawn.left = drawn.purse.put_back(&drawn.draw);
    }
}

/// The limit that has room last, of those that have none. Who counted may have seen less room than is worked out here.
fn exceeded(standings: Standings) -> Exceeded {
    let last = standings.limits.iter().max_by_key(|standing| (standing.remaining == 0, standing.more_in));
    let last = last.expect("a call is denied by a limit");
    let (name, retry_after) = (last.name.clone(), last.more_in);
    Exceeded { name, retry_after, standings }
}
