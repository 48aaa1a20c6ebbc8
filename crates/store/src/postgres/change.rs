//! A change: one transaction, at READ COMMITTED unless all of it has to be of one instant, its audit events and its end.
//!
//! Locks are taken in one order, so that changes wait for each other and never in a circle: accounts' rows, then the
//! row of the operator who asks, then the record of a repeated call, then whatever is changed, and `feed_head` last, by
//! the end of the change alone. It stays locked for two round trips and the commit. Revoking an operator locks the
//! operators' rows instead of accounts', and making the first one locks `feed_head` and nothing before it.

use std::{
    fmt,
    future::Future,
    mem,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use claviger_model::AccountId;
use claviger_verify::feed::Seq;
use tokio_postgres::Row;

use super::{
    ask::{self, Ask},
    audit,
    columns::{Bound, stored},
    failure::{self, Failure, Outcome},
    pool::{Lent, Pool},
};
use crate::{AuditNote, Committed, StoreError};

/// How long the work of a change may take, whatever the server says.
const WORK: Duration = Duration::from_secs(10);
/// How long the answer to COMMIT is waited for: longer than the server waits for its standby.
const COMMIT: Duration = Duration::from_secs(7);
/// How often a change is tried again after it stood in another's way.
const ATTEMPTS: u32 = 5;

/// When a commit is on disk.
#[derive(Clone, Copy, Debug)]
pub(super) enum Durability {
    /// When it returns.
    EveryCommit,
    /// When it returns, and all that the change reads is of one instant.
    OneInstant,
    /// Soon: a crash of the server costs the last commits.
    Soon,
}

/// A node that stops in the middle of a change must not keep its locks: the server ends such a session. Compiling a
/// statement takes longer than any of ours does, and a table that wasn't analysed yet looks worth it. What is read is read
/// by keys, of which there may be a thousand: by the default price of a page a table of a hundred thousand rows is gone
/// through for them from one end to the other.
macro_rules! begin {
    ($isolation:literal, $synchronous_commit:literal) => {
        concat!(
            "BEGIN ISOLATION LEVEL ",
            $isolation,
            "; SET LOCAL jit = off; SET LOCAL random_page_cost = 1.1; SET LOCAL lock_timeout = '1s'; \
             SET LOCAL statement_timeout = '5s'; SET LOCAL idle_in_transaction_session_timeout = '5s'; \
             SET LOCAL synchronous_commit = ",
            $synchronous_commit
        )
    };
}

impl Durability {
    fn begin(self) -> &'static str {
        match self {
            Self::EveryCommit => begin!("READ COMMITTED", "on"),
            Self::OneInstant => begin!("REPEATABLE READ", "on"),
            Self::Soon => begin!("READ COMMITTED", "off"),
        }
    }
}

/// What a change leaves.
pub(super) struct Left<T> {
    value: T,
    made: bool,
}

impl<T> Left<T> {
    /// It was made.
    pub(super) fn made(value: T) -> Self {
        Self { value, made: true }
    }

    /// It found nothing left to do.
    pub(super) fn already(value: T) -> Self {
        Self { value, made: false }
    }

    /// The same once it is committed, as of `seq`.
    pub(super) fn committed(self, seq: Seq) -> Committed<T> {
        Committed { value: self.value, seq, made: self.made }
    }
}

/// An event that the trail will tell of.
pub(super) struct Told {
    pub(super) note: AuditNote,
    pub(super) account: Option<AccountId>,
    pub(super) subjects: Vec<String>,
}

/// A change under way.
pub(super) struct Change {
    lent: Lent,
    told: Mutex<Vec<Told>>,
}

/// Makes a change of the work that is written here: all of it or nothing, again where it stood in another's way.
///
/// A macro, because the work may be done more than once and borrows what it is given: written as a function that takes
/// a closure, its future couldn't be seen to be `Send`.
macro_rules! make {
    ($pool:expr, $durability:expr, |$change:ident| $work:expr) => {{
        let mut attempts = $crate::postgres::change::Attempts::default();
        loop {
            let mut begun = None;
            let worked = match $pool.lend().await {
                Ok(lent) => {
                    let $change = begun.insert($crate::postgres::change::Change::on(lent));
                    let work = async {
                        $change.begin($durability).await?;
                        let left = $work.await?;
                        $change.settle(left).await
                    };
                    $crate::postgres::change::in_time(work).await
                }
                Err(failure) => Err(failure),
            };
            if let Some(answer) = attempts.end($pool, begun, worked).await {
                break answer;
            }
        }
    }};
}
pub(super) use make;

/// Bounds the work of a change.
pub(super) async fn in_time<T>(work: impl Future<Output = Outcome<T>>) -> Outcome<T> {
    tokio::time::timeout(WORK, work).await.unwrap_or(Err(Failure::TimedOut(WORK)))
}

/// How often a change was tried.
#[derive(Default)]
pub(super) struct Attempts {
    made: u32,
    disconnected: bool,
}

impl Attempts {
    /// Ends an attempt: commits it or undoes it. `None` where it is worth another.
    pub(super) async fn end<T>(
        &mut self,
        pool: &Pool,
        begun: Option<Change>,
        worked: Outcome<T>,
    ) -> Option<Result<T, StoreError>> {
        self.made += 1;
        let failure = match (worked, begun) {
            (Ok(left), Some(change)) => match change.commit().await {
                Ok(()) => return Some(Ok(left)),
                Err(failure) => failure,
            },
            (Ok(_), None) => StoreError::Internal("a change that never began".to_owned()).into(),
            (Err(failure), Some(change)) => {
                change.roll_back(&failure).await;
                failure
            }
            (Err(failure), None) => failure,
        };
        if failure.is_disconnect() {
            // The server was restarted since; what remains on the shelf is likely to be as dead.
            pool.clear();
            let first = !mem::replace(&mut self.disconnected, true);
            return if first { None } else { Some(Err(failure.into())) };
        }
        if !failure.is_conflict() {
            return Some(Err(failure.into()));
        }
        if self.made < ATTEMPTS {
            return None;
        }
        tracing::warn!(?failure, "a change was tried {ATTEMPTS} times");
        Some(Err(failure.into()))
    }
}

impl Change {
    /// One that has yet to begin.
    pub(super) fn on(lent: Lent) -> Self {
        Self { lent, told: Mutex::default() }
    }

    /// Begins.
    pub(super) async fn begin(&self, durability: Durability) -> Outcome<()> {
        Ok(self.lent.batch_execute(durability.begin()).await?)
    }

    /// How many rows a statement changed.
    pub(super) async fn execute(&self, sql: &str, values: Vec<Bound>) -> Outcome<u64> {
        ask::execute(&self.lent, sql, values).await
    }

    /// Has the trail tell what `note` says, of the thing with this id if it is of one.
    pub(super) fn tell(
        &self,
        note: &AuditNote,
        account: Option<AccountId>,
        subject: Option<&dyn fmt::Display>,
    ) {
        let subjects = subject.map(ToString::to_string).into_iter().collect();
        self.tell_of_all(note, account, subjects);
    }

    /// The same of several things at once: it is found by each of these.
    pub(super) fn tell_of_all(&self, note: &AuditNote, account: Option<AccountId>, subjects: Vec<String>) {
        self.told().push(Told { note: note.clone(), account, subjects });
    }

    fn told(&self) -> MutexGuard<'_, Vec<Told>> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the one lock that every change ends with, for a change that can't be judged before.
    pub(super) async fn lock_head(&self) -> Outcome<()> {
        self.rows("SELECT seq FROM feed_head FOR UPDATE", Vec::new()).await.map(drop)
    }

    /// Ends the change but for the commit: the events are appended, the feed's entries made, and the position that
    /// holds all of it is read. Where nothing was told and nothing decides, that is where the feed stands.
    pub(super) async fn settle<T>(&self, left: Left<T>) -> Outcome<Committed<T>> {
        let told = mem::take(&mut *self.told());
        if !told.is_empty() {
            audit::append(self, &told).await?;
        }
        let (immediate, position) = tokio::join!(
            biased;
            self.lent.batch_execute("SET CONSTRAINTS ALL IMMEDIATE"),
            self.row("SELECT seq FROM feed_head", Vec::new()),
        );
        immediate?;
        let row = position?.ok_or_else(|| StoreError::Internal("the feed has no head".to_owned()))?;
        Ok(left.committed(Seq(stored(&row, 0)?)))
    }

    /// Commits. From the moment COMMIT is sent, an answer that doesn't come leaves everything open.
    async fn commit(self) -> Outcome<()> {
        let warnings = self.lent.warnings();
        match tokio::time::timeout(COMMIT, self.lent.batch_execute("COMMIT")).await {
            Ok(Ok(())) if self.lent.warnings() == warnings => {
                self.lent.give_back();
                Ok(())
            }
            Ok(Ok(())) => {
                Err(StoreError::OutcomeUnknown("PostgreSQL committed with a warning".to_owned()).into())
            }
            Ok(Err(error)) => Err(failure::of_commit(&error).into()),
            Err(_elapsed) => {
                Err(StoreError::OutcomeUnknown(format!("no answer to COMMIT within {COMMIT:?}")).into())
            }
        }
    }

    /// Undoes it. A connection that can't even do that is closed, which does it too.
    async fn roll_back(self, failure: &Failure) {
        let sound = match failure {
            Failure::Refused(_) | Failure::Overtaken => true,
            Failure::Sql(_) => failure.is_conflict(),
            Failure::Unreached(_) | Failure::TimedOut(_) => false,
        };
        if sound && let Ok(Ok(())) = tokio::time::timeout(COMMIT, self.lent.batch_execute("ROLLBACK")).await {
            self.lent.give_back();
        }
    }
}

impl Ask for Change {
    async fn rows(&self, sql: &str, values: Vec<Bound>) -> Outcome<Vec<Row>> {
        ask::rows(&self.lent, sql, values).await
    }
}
