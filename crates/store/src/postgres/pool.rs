//! The connections that are shared: few, lent for one transaction each.
//!
//! A shelf of its own rather than a pool from elsewhere: a connection may come back only if nothing is under way on it,
//! and whoever gives it back is the one who knows. It keeps no statements, since there are none to keep.

use std::{
    ops::Deref,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{
    connect::{Connection, Connector},
    failure::{Failure, Outcome},
};
use crate::StoreError;

/// How long a call waits for others to finish before it is refused.
const TURN: Duration = Duration::from_secs(10);

/// How long closing waits for calls under way.
const LAST_CALLS: Duration = Duration::from_secs(10);

/// Connections to one database, so many at once.
#[derive(Clone)]
pub(super) struct Pool(Arc<Shelf>);

struct Shelf {
    connector: Arc<Connector>,
    size: u32,
    free: Mutex<Vec<Connection>>,
    turns: Arc<Semaphore>,
}

impl Pool {
    pub(super) fn of(connector: Arc<Connector>, size: u32) -> Self {
        let size = size.max(1);
        let turns = Arc::new(Semaphore::new(usize::try_from(size).unwrap_or(usize::MAX)));
        Self(Arc::new(Shelf { connector, size, free: Mutex::default(), turns }))
    }

    /// A connection, the caller's alone until it is given back.
    pub(super) async fn lend(&self) -> Outcome<Lent> {
        let turn = Arc::clone(&self.0.turns).acquire_owned();
        let Ok(turn) = tokio::time::timeout(TURN, turn).await else {
            return Err(Failure::TimedOut(TURN));
        };
        let Ok(turn) = turn else { return Err(closed().into()) };
        let connection = match self.0.take() {
            Some(connection) => connection,
            None => self.0.connector.connect().await?,
        };
        Ok(Lent { connection: Some(connection), shelf: Arc::clone(&self.0), _turn: turn })
    }

    /// Forgets the connections nobody uses: one of them was found dead, and they are likely to be of the same server.
    pub(super) fn clear(&self) {
        self.0.lock().clear();
    }

    /// Lets those who came before finish, refuses every later call, and lets the connections go.
    pub(super) async fn close(&self) {
        let everybody = self.0.turns.acquire_many(self.0.size);
        if tokio::time::timeout(LAST_CALLS, everybody).await.is_err() {
            tracing::warn!("the store is closed before its last calls have ended");
        }
        self.0.turns.close();
        self.clear();
    }
}

fn closed() -> StoreError {
    StoreError::Unavailable("the store is closed".to_owned())
}

impl Shelf {
    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self) -> Option<Connection> {
        let mut free = self.lock();
        while let Some(connection) = free.pop() {
            if !connection.is_closed() {
                return Some(connection);
            }
        }
        None
    }
}

/// A connection that was lent. Dropped without being given back, it is closed: something may be under way on it.
pub(super) struct Lent {
    connection: Option<Connection>,
    shelf: Arc<Shelf>,
    _turn: OwnedSemaphorePermit,
}

impl Lent {
    /// Gives it back. Nothing is under way on it, and no transaction is open.
    pub(super) fn give_back(mut self) {
        if let Some(connection) = self.connection.take()
            && !self.shelf.turns.is_closed()
        {
            self.shelf.lock().push(connection);
        }
    }
}

impl Deref for Lent {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.connection.as_ref().expect("it is there until it is given back")
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            connection.abandon();
        }
    }
}
