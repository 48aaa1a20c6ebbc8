//! The connections that read, each call in one transaction: what it reads is of one instant.

use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::Semaphore;

use super::{
    connection,
    failure::Outcome,
    file::{self, DatabaseFile},
};
use crate::StoreError;

/// Reads that run at once; others wait.
const READERS: usize = 4;

/// The connections that nobody uses just now.
pub(super) struct Readers(Arc<Shelf>);

struct Shelf {
    file: DatabaseFile,
    free: Mutex<Vec<Connection>>,
    turns: Semaphore,
}

impl Readers {
    /// All of them, at once: once the process has no file left to open, what was never opened couldn't be read, and
    /// nothing would renew the lease.
    pub(super) fn open(file: DatabaseFile) -> rusqlite::Result<Self> {
        let opened = (0..READERS).map(|_| connection::to_read(file.path()));
        let free = Mutex::new(opened.collect::<Result<_, _>>()?);
        Ok(Self(Arc::new(Shelf { file, free, turns: Semaphore::new(READERS) })))
    }

    /// Runs `work` where blocking is allowed.
    pub(super) async fn run<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        F: FnOnce(&Connection) -> Outcome<T> + Send + 'static,
        T: Send + 'static,
    {
        let Ok(_turn) = self.0.turns.acquire().await else { return Err(closed()) };
        let shared = Arc::clone(&self.0);
        let read = tokio::task::spawn_blocking(move || shared.read(work)).await;
        match read {
            Ok(outcome) => outcome.map_err(StoreError::from),
            Err(fault) => Err(StoreError::Internal(fault.to_string())),
        }
    }

    /// Refuses every later call, and lets the connections go that nobody uses.
    pub(super) fn close(&self) {
        self.0.turns.close();
        self.0.free.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

fn closed() -> StoreError {
    StoreError::Unavailable("the store is closed".to_owned())
}

impl Shelf {
    /// A connection opens whatever is at the path: another file there, such as an older backup, may never be read,
    /// and what was read is believed only if none has come there meanwhile. The connection goes with it.
    fn read<T>(&self, work: impl FnOnce(&Connection) -> Outcome<T>) -> Outcome<T> {
        self.must_be_in_place()?;
        let connection = match self.take() {
            Some(connection) => connection,
            None => connection::to_read(self.file.path())?,
        };
        let transaction = Transaction::new_unchecked(&connection, TransactionBehavior::Deferred)?;
        let read = work(&transaction);
        transaction.rollback()?;
        self.must_be_in_place()?;
        self.put(connection);
        read
    }

    fn must_be_in_place(&self) -> Outcome<()> {
        if self.file.is_in_place() { Ok(()) } else { Err(file::moved().into()) }
    }

    fn take(&self) -> Option<Connection> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    /// A call that was running while the store closed keeps its connection from coming back.
    fn put(&self, connection: Connection) {
        if !self.turns.is_closed() {
            self.free.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        }
    }
}
