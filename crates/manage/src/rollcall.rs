//! Who is a member, read once for all who ask at the same time; and whoever is found dead on the way is excluded.

use std::{future::Future, sync::Arc, time::Duration};

use claviger_model::{Clock, Moment};
use claviger_store::{Store, StoreError};
use claviger_verify::nodes::{Roll, Watch};
use tokio::sync::Mutex;

/// How long the database may take, before whoever waits is told so.
const PATIENCE: Duration = Duration::from_secs(2);

/// The one reader of rolls in this process.
pub(crate) struct Rollcall {
    store: Store,
    clock: Arc<dyn Clock>,
    heard: Mutex<Heard>,
    /// The last roll, for those who would rather have that than wait.
    latest: parking_lot::Mutex<Option<Arc<Roll>>>,
}

#[derive(Default)]
struct Heard {
    last: Option<(Moment, Arc<Roll>)>,
    watch: Watch,
}

impl Rollcall {
    /// A rollcall that has heard nothing yet.
    pub(crate) fn new(store: Store, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock, heard: Mutex::default(), latest: parking_lot::Mutex::default() }
    }

    /// A roll that was asked for at `moment` or later. Who comes while another reads waits, and takes the next one
    /// together with all who came meanwhile.
    pub(crate) async fn since(&self, moment: Moment) -> Result<Arc<Roll>, StoreError> {
        let mut heard = self.heard.lock().await;
        if let Some((asked_at, roll)) = &heard.last
            && *asked_at >= moment
        {
            return Ok(Arc::clone(roll));
        }
        let asked_at = self.clock.boot();
        let mut roll = in_time(self.store.roll()).await?;
        for dead in heard.watch.observe(&roll, asked_at, self.clock.boot()) {
            match in_time(self.store.exclude(dead)).await {
                Ok(true) => {
                    tracing::warn!(node = %dead.id, "a node that renews its lease no more is no member any longer");
                    roll.nodes.retain(|node| node.id != dead.id);
                }
                Ok(false) => {}
                // Who is a member is known all the same: this one is waited for until its lease has run out.
                Err(error) => {
                    tracing::debug!(node = %dead.id, %error, "a dead node can't be excluded yet");
                    break;
                }
            }
        }
        let roll = Arc::new(roll);
        heard.last = Some((asked_at, Arc::clone(&roll)));
        *self.latest.lock() = Some(Arc::clone(&roll));
        Ok(roll)
    }

    /// The roll that was heard last, however long ago; asks nobody.
    pub(crate) fn latest(&self) -> Option<Arc<Roll>> {
        self.latest.lock().clone()
    }
}

async fn in_time<T>(answer: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    let answered = tokio::time::timeout(PATIENCE, answer).await;
    answered.unwrap_or_else(|late| Err(StoreError::Unavailable(late.to_string())))
}
