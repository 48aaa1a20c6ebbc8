//! Tokens: those that are asked for while others are being issued are issued together, in one transaction.
//!
//! The feed's head stays locked until a commit is on disk, so one after the other no more could be issued than the disk
//! takes commits, on all nodes. The statements of those who come together are sent together too: what is of one account
//! is done in order, and what isn't doesn't wait for a round trip of the other.

use std::{
    collections::{BTreeMap, VecDeque},
    mem, slice,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures_util::future::try_join_all;
use tokio::sync::oneshot;

use super::{
    Inner,
    change::{Change, Durability, Left, make},
    failure::Outcome,
    grants,
    locks::{self, Within},
};
use crate::{AuditNote, Committed, Exchange, Exchanged, NewGrant, Refreshing, StoreError};

/// Most in one transaction: bounds how long the first of them waits for the others, and an account for all of them.
const TOGETHER: usize = 64;

/// What is to be issued.
pub(super) enum Issue {
    Grant { exchange: Exchange, grant: Box<NewGrant>, note: AuditNote },
    Refresh { refreshing: Box<Refreshing>, note: AuditNote },
}

impl Issue {
    fn within(&self) -> Within {
        match self {
            Self::Grant { grant, .. } => Within::Account(grant.key.account),
            Self::Refresh { refreshing, .. } => Within::Refresh(refreshing.presented),
        }
    }

    fn note(&self) -> &AuditNote {
        match self {
            Self::Grant { note, .. } | Self::Refresh { note, .. } => note,
        }
    }

    /// Whether it neither sees nor touches what another call may be about.
    fn stands_alone(&self) -> bool {
        matches!(self, Self::Grant { exchange: Exchange::Itself, .. })
    }

    async fn make(&self, change: &Change) -> Outcome<Left<Exchanged>> {
        match self {
            Self::Grant { exchange, grant, note } => {
                grants::exchange(change, exchange, NewGrant::clone(grant), note).await
            }
            Self::Refresh { refreshing, note } => grants::refresh(change, refreshing, note).await,
        }
    }
}

type Answer = Result<Committed<Exchanged>, StoreError>;

struct Waiting {
    issue: Issue,
    caller: oneshot::Sender<Answer>,
}

/// Those who wait for the group that is under way.
#[derive(Default)]
pub(super) struct Issuing(Mutex<Queue>);

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Waiting>,
    served: bool,
}

impl Issuing {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether somebody has to begin serving.
    fn enter(&self, waiting: Waiting) -> bool {
        let mut queue = self.lock();
        queue.waiting.push_back(waiting);
        !mem::replace(&mut queue.served, true)
    }

    /// Those whose turn it is. Where nobody waits, serving has ended.
    fn next(&self) -> Option<Vec<Waiting>> {
        let mut queue = self.lock();
        queue.waiting.retain(|waiting| !waiting.caller.is_closed());
        let together = queue.waiting.len().min(TOGETHER);
        queue.served = together > 0;
        queue.served.then(|| queue.waiting.drain(..together).collect())
    }
}

/// Issues it, with whatever else waits. It comes to its end also where whoever asked for it goes away after its turn came.
pub(super) async fn issue(inner: &Arc<Inner>, issue: Issue) -> Answer {
    let (caller, answer) = oneshot::channel();
    if inner.issuing.enter(Waiting { issue, caller }) {
        tokio::spawn(serve(Arc::clone(inner)));
    }
    answer.await.unwrap_or_else(|_fault| Err(StoreError::Internal("issuing ended early".to_owned())))
}

async fn serve(inner: Arc<Inner>) {
    while let Some(group) = inner.issuing.next() {
        if let Err(fault) = tokio::spawn(together(Arc::clone(&inner), group)).await {
            tracing::error!(%fault, "issuing ended early");
        }
    }
}

/// All of them or, where that fails, each by itself: what keeps one from being issued is nothing to the others.
async fn together(inner: Arc<Inner>, group: Vec<Waiting>) {
    let (issues, callers): (Vec<_>, Vec<_>) =
        group.into_iter().map(|waiting| (waiting.issue, waiting.caller)).unzip();
    match commit(&inner, &issues).await {
        Ok(Committed { value, seq, .. }) => {
            for (left, caller) in value.into_iter().zip(callers) {
                let _gone = caller.send(Ok(left.committed(seq)));
            }
        }
        Err(StoreError::OutcomeUnknown(why)) => {
            for caller in callers {
                let _gone = caller.send(Err(StoreError::OutcomeUnknown(why.clone())));
            }
        }
        Err(failure) => match <[_; 1]>::try_from(callers) {
            Ok([caller]) => drop(caller.send(Err(failure))),
            Err(callers) => {
                for (issue, caller) in issues.into_iter().zip(callers) {
                    tokio::spawn(alone(Arc::clone(&inner), issue, caller));
                }
            }
        },
    }
}

async fn alone(inner: Arc<Inner>, issue: Issue, caller: oneshot::Sender<Answer>) {
    let committed = commit(&inner, slice::from_ref(&issue)).await;
    let only = committed.and_then(|Committed { value, seq, .. }| {
        let left = value.into_iter().next();
        left.map(|left| left.committed(seq))
            .ok_or_else(|| StoreError::Internal("nothing was issued".to_owned()))
    });
    let _gone = caller.send(only);
}

async fn commit(inner: &Inner, issues: &[Issue]) -> Result<Committed<Vec<Left<Exchanged>>>, StoreError> {
    let committed = make!(&inner.pool, Durability::EveryCommit, |change| all(change, issues));
    inner.changed();
    committed
}

async fn all(change: &Change, issues: &[Issue]) -> Outcome<Left<Vec<Left<Exchanged>>>> {
    let accounts = try_join_all(issues.iter().map(|issue| locks::account_of(change, issue.within()))).await?;
    let things = accounts.iter().flatten().copied().map(Within::Account);
    locks::take(change, things, issues.iter().map(Issue::note)).await?;
    let mut chains: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (place, (issue, account)) in issues.iter().zip(accounts).enumerate() {
        let own = issue.stands_alone().then_some(place);
        chains.entry((own, account)).or_default().push((place, issue));
    }
    let done = try_join_all(chains.into_values().map(|chain| in_order(change, chain))).await?;
    let mut done: Vec<_> = done.into_iter().flatten().collect();
    done.sort_unstable_by_key(|(place, _)| *place);
    Ok(Left::made(done.into_iter().map(|(_, left)| left).collect()))
}

async fn in_order(change: &Change, chain: Vec<(usize, &Issue)>) -> Outcome<Vec<(usize, Left<Exchanged>)>> {
    let mut done = Vec::with_capacity(chain.len());
    for (place, issue) in chain {
        done.push((place, issue.make(change).await?));
    }
    Ok(done)
}
