//! The one thread that writes: whatever waits is committed together, each change in a savepoint of its own, so that
//! one fsync serves all who came while the last one ran. A large change is committed alone instead.
//!
//! It knows no table.

use std::{
    any::Any,
    io, mem,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread,
};

use rusqlite::Connection;
use tokio::sync::{Mutex, Notify, mpsc, oneshot};

use super::{
    failure::{CommitFailure, Failure, Outcome, of_commit, undone},
    file::{self, DatabaseFile},
};
use crate::{DirectoryLock, StoreError};

/// Changes that may wait; whoever comes next waits to be let in.
const QUEUE: usize = 1024;
/// Most changes in one commit: bounds how long the first of them waits for the others.
const GROUP: usize = 256;
/// Pages (of 4 KiB) in the write-ahead log from which on it is copied into the database. More would make a restart
/// after a crash slower, fewer would have the same pages copied again and again. This is all that the log's file keeps
/// when it is begun again.
const CHECKPOINT_PAGES: i64 = 16_000;

/// What a writer is told about the file it writes.
pub(super) struct Settings {
    /// The thread's name.
    pub(super) name: &'static str,
    /// The file, which must stay where it is.
    pub(super) file: DatabaseFile,
    /// Held as long as the thread runs.
    pub(super) lock: Arc<DirectoryLock>,
    /// Called when the outcome of a commit or checkpoint can't be known, after everybody was told. The database file
    /// ends the process here, the usage file goes on.
    pub(super) outcome_lost: fn(),
}

/// The way in to the thread.
pub(super) struct Writer {
    queue: Mutex<Option<mpsc::Sender<Box<dyn Job>>>>,
    thread: Mutex<Option<thread::JoinHandle<()>>>,
    committed: Arc<Notify>,
}

impl Writer {
    /// Starts the thread, which owns `connection` from here on.
    pub(super) fn start(connection: Connection, settings: Settings) -> io::Result<Self> {
        let (sender, queue) = mpsc::channel(QUEUE);
        let committed = Arc::new(Notify::new());
        let name = settings.name.to_owned();
        let desk = Desk { connection, settings, queue, next: None, committed: Arc::clone(&committed) };
        let thread = thread::Builder::new().name(name).spawn(move || desk.serve())?;
        Ok(Self { queue: Mutex::new(Some(sender)), thread: Mutex::new(Some(thread)), committed })
    }

    /// Runs `work` as one change. When this returns, what it did is on disk, or undone.
    pub(super) async fn run<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        F: FnOnce(&Connection) -> Outcome<T> + Send + 'static,
        T: Send + 'static,
    {
        self.hand_over(work, Size::Small).await
    }

    /// The same with a commit of its own. Nothing needs to be kept of the pages that it writes, over and over again, to
    /// undo it without others.
    pub(super) async fn run_large<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        F: FnOnce(&Connection) -> Outcome<T> + Send + 'static,
        T: Send + 'static,
    {
        self.hand_over(work, Size::Large).await
    }

    async fn hand_over<T, F>(&self, work: F, size: Size) -> Result<T, StoreError>
    where
        F: FnOnce(&Connection) -> Outcome<T> + Send + 'static,
        T: Send + 'static,
    {
        let (caller, answer) = oneshot::channel();
        let queue = self.queue.lock().await.clone().ok_or_else(closed)?;
        let job = Change { work: Some(work), size, left: None, caller };
        if queue.send(Box::new(job)).await.is_err() {
            return Err(closed());
        }
        answer.await.unwrap_or_else(|_| Err(StoreError::OutcomeUnknown("the writer stopped".to_owned())))
    }

    /// Told after every commit.
    pub(super) fn committed(&self) -> Arc<Notify> {
        Arc::clone(&self.committed)
    }

    /// Lets everybody who waits finish, then ends the thread.
    pub(super) async fn close(&self) {
        drop(self.queue.lock().await.take());
        if let Some(thread) = self.thread.lock().await.take() {
            let ended = tokio::task::spawn_blocking(move || thread.join()).await;
            if !matches!(ended, Ok(Ok(()))) {
                tracing::error!("the writer didn't end in order");
            }
        }
    }
}

fn closed() -> StoreError {
    StoreError::Unavailable("the store is closed".to_owned())
}

/// Whether a change is committed with others.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Size {
    Small,
    Large,
}

/// A change that waits.
trait Job: Send {
    fn size(&self) -> Size;

    /// Does it; what it leaves is told by [`answer`](Self::answer). A small one that fails is undone.
    fn run(&mut self, connection: &Connection);

    /// Whether it ran and failed.
    fn has_failed(&self) -> bool;

    /// How SQLite failed while it ran, if it did.
    fn fault(&self) -> Option<&rusqlite::Error>;

    /// Tells the caller: what the work left, or what became of the whole group.
    fn answer(self: Box<Self>, group: Result<(), StoreError>);
}

struct Change<T, F> {
    work: Option<F>,
    size: Size,
    left: Option<Outcome<T>>,
    caller: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, F> Job for Change<T, F>
where
    F: FnOnce(&Connection) -> Outcome<T> + Send,
    T: Send,
{
    fn size(&self) -> Size {
        self.size
    }

    fn run(&mut self, connection: &Connection) {
        self.left = self.work.take().map(|work| match self.size {
            Size::Small => in_savepoint(connection, work),
            Size::Large => caught(connection, work),
        });
    }

    fn has_failed(&self) -> bool {
        matches!(self.left, Some(Err(_)))
    }

    fn fault(&self) -> Option<&rusqlite::Error> {
        match &self.left {
            Some(Err(Failure::Sql(error))) => Some(error),
            _ => None,
        }
    }

    fn answer(self: Box<Self>, group: Result<(), StoreError>) {
        let answer = match (group, self.left) {
            (Ok(()), Some(left)) => left.map_err(StoreError::from),
            (Ok(()), None) => Err(StoreError::Internal("a change was passed over".to_owned())),
            (Err(error), _) => Err(error),
        };
        if self.caller.send(answer).is_err() {
            tracing::debug!("nobody waits for the answer to a change any more");
        }
    }
}

fn in_savepoint<T>(connection: &Connection, work: impl FnOnce(&Connection) -> Outcome<T>) -> Outcome<T> {
    execute(connection, "SAVEPOINT change")?;
    let left = caught(connection, work);
    if left.is_err() && !connection.is_autocommit() {
        execute(connection, "ROLLBACK TO change")?;
    }
    if !connection.is_autocommit() {
        execute(connection, "RELEASE change")?;
    }
    left
}

/// A fault in one change is that change's alone; the others must not lose their commit to it.
fn caught<T>(connection: &Connection, work: impl FnOnce(&Connection) -> Outcome<T>) -> Outcome<T> {
    catch_unwind(AssertUnwindSafe(|| work(connection))).unwrap_or_else(|panic| Err(panicked(&*panic)))
}

fn panicked(panic: &(dyn Any + Send)) -> Failure {
    let text =
        panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    Failure::Refused(StoreError::Internal(format!(
        "a change panicked: {}",
        text.unwrap_or("for no stated reason")
    )))
}

fn execute(connection: &Connection, sql: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(sql)?.execute([]).map(drop)
}

/// How a group ended.
enum End {
    Committed,
    /// Its one change failed, and is undone.
    Failed,
    Undone(rusqlite::Error),
    Moved,
    Unknown(rusqlite::Error),
}

/// The thread's side.
struct Desk {
    connection: Connection,
    settings: Settings,
    queue: mpsc::Receiver<Box<dyn Job>>,
    /// Came out of the queue, and is to begin a group.
    next: Option<Box<dyn Job>>,
    committed: Arc<Notify>,
}

impl Desk {
    fn serve(mut self) {
        let mut group = Vec::with_capacity(GROUP);
        while let Some(first) = self.next.take().or_else(|| self.queue.blocking_recv()) {
            group.push(first);
            let end = self.write(&mut group);
            self.answer(mem::take(&mut group), end);
            self.checkpoint_when_due();
        }
        self.checkpoint("TRUNCATE");
        let Self { connection, settings, .. } = self;
        drop(connection);
        // Only now may another process begin.
        drop(settings.lock);
    }

    /// Adds who waits to a group, up to `most` and in the order they came. A large change is with no other.
    fn fill(&mut self, group: &mut Vec<Box<dyn Job>>, most: usize) {
        let is_alone = group.iter().any(|job| job.size() == Size::Large);
        while !is_alone
            && self.next.is_none()
            && group.len() < most
            && let Ok(next) = self.queue.try_recv()
        {
            match next.size() {
                Size::Small => group.push(next),
                Size::Large => self.next = Some(next),
            }
        }
    }

    fn write(&mut self, group: &mut Vec<Box<dyn Job>>) -> End {
        if !self.settings.file.is_in_place() {
            return End::Moved;
        }
        if let Err(error) = execute(&self.connection, "BEGIN IMMEDIATE") {
            // Whoever came while this waited for the database has waited as long: they needn't wait again.
            self.fill(group, QUEUE);
            return End::Undone(error);
        }
        // Whoever comes while the others' changes are made still goes along.
        let mut next = 0;
        while next < group.len() {
            group[next].run(&self.connection);
            if self.connection.is_autocommit() {
                return End::Undone(lost(&*group[next]));
            }
            if group[next].size() == Size::Large && group[next].has_failed() {
                return self.undo();
            }
            next += 1;
            if next == group.len() {
                self.fill(group, GROUP);
            }
        }
        match execute(&self.connection, "COMMIT") {
            Ok(()) => End::Committed,
            Err(error) if of_commit(&error) == CommitFailure::Unknown => End::Unknown(error),
            Err(error) => self.roll_back(error),
        }
    }

    fn roll_back(&self, error: rusqlite::Error) -> End {
        if self.connection.is_autocommit() {
            return End::Undone(error);
        }
        match execute(&self.connection, "ROLLBACK") {
            Ok(()) => End::Undone(error),
            Err(second) => End::Unknown(second),
        }
    }

    fn undo(&self) -> End {
        match execute(&self.connection, "ROLLBACK") {
            Ok(()) => End::Failed,
            Err(error) => End::Unknown(error),
        }
    }

    fn answer(&self, group: Vec<Box<dyn Job>>, end: End) {
        let changes = group.len();
        let all =
            |told: &dyn Fn() -> Result<(), StoreError>| group.into_iter().for_each(|job| job.answer(told()));
        match end {
            End::Committed => {
                self.committed.notify_waiters();
                self.committed.notify_one();
                all(&|| Ok(()));
            }
            End::Failed => all(&|| Ok(())),
            End::Undone(error) => {
                tracing::warn!(%error, changes, "nothing could be written");
                all(&|| Err(undone(&error)));
            }
            End::Moved => {
                tracing::error!(file = %self.settings.file, "{}", file::MOVED);
                all(&|| Err(file::moved()));
            }
            End::Unknown(error) => {
                tracing::error!(%error, changes, "it is unknown whether a commit reached the disk, so this process ends: look at the disk, then start it again");
                all(&|| Err(StoreError::OutcomeUnknown(error.to_string())));
                (self.settings.outcome_lost)();
            }
        }
    }

    /// SQLite would checkpoint by itself, within somebody's COMMIT, and ignore a failing fsync.
    fn checkpoint_when_due(&self) {
        let in_log = self.connection.query_one("PRAGMA wal_checkpoint(NOOP)", [], |row| row.get::<_, i64>(1));
        match in_log {
            Ok(pages) if pages >= CHECKPOINT_PAGES => self.checkpoint("PASSIVE"),
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "the size of the write-ahead log can't be read"),
        }
    }

    fn checkpoint(&self, mode: &str) {
        let done = self.connection.query_one(&format!("PRAGMA wal_checkpoint({mode})"), [], |_| Ok(()));
        match done {
            Ok(()) => {}
            Err(error) if of_commit(&error) == CommitFailure::Unknown => {
                tracing::error!(%error, "it is unknown whether a checkpoint reached the disk");
                (self.settings.outcome_lost)();
            }
            Err(error) => tracing::warn!(%error, "the write-ahead log can't be copied into the database yet"),
        }
    }
}

/// SQLite itself rolled the group back while this job ran.
fn lost(job: &dyn Job) -> rusqlite::Error {
    let code = job
        .fault()
        .and_then(rusqlite::Error::sqlite_error)
        .map_or(rusqlite::ffi::SQLITE_ABORT, |e| e.extended_code);
    rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None)
}

#[cfg(test)]
mod tests;
