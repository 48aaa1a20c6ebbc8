//! One connection that listens for other nodes' changes. A hint alone: whoever isn't woken polls.

use std::{future::poll_fn, sync::Arc, time::Duration};

use tokio::{sync::Notify, task::AbortHandle};
use tokio_postgres::AsyncMessage;

use super::{
    connect::Connector,
    failure::{Failure, Outcome, told},
};

/// Between two attempts to listen again; doubled up to the last.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LAST_PAUSE: Duration = Duration::from_secs(10);

/// Wakes whoever follows the feed.
pub(super) struct Wake {
    woken: Arc<Notify>,
    listener: AbortHandle,
}

impl Wake {
    /// Begins to listen, and goes on until dropped or stopped.
    pub(super) fn listen(connector: Arc<Connector>) -> Self {
        let woken = Arc::new(Notify::new());
        let listener = tokio::spawn(keep_listening(connector, Arc::clone(&woken))).abort_handle();
        Self { woken, listener }
    }

    /// Returns when there may be something new.
    pub(super) async fn woken(&self) {
        self.woken.notified().await;
    }

    /// Wakes whoever waits on this node: it needn't be told of its own changes by way of the database.
    pub(super) fn wake(&self) {
        self.woken.notify_waiters();
        self.woken.notify_one();
    }

    pub(super) fn stop(&self) {
        self.listener.abort();
    }
}

impl Drop for Wake {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

async fn keep_listening(connector: Arc<Connector>, woken: Arc<Notify>) {
    let (mut pause, mut said) = (FIRST_PAUSE, false);
    loop {
        let mut heard = false;
        let ended = listen(&connector, &woken, &mut heard).await;
        if heard {
            (pause, said) = (FIRST_PAUSE, false);
        }
        // Once, and not again and again while the database is away.
        if let Err(failure) = ended
            && !said
        {
            said = true;
            let why = match failure {
                Failure::Sql(error) | Failure::Unreached(error) => told(&error),
                other => crate::StoreError::from(other).to_string(),
            };
            tracing::warn!(why, "nobody tells of other nodes' changes: they are found by asking");
        }
        tokio::time::sleep(pause).await;
        pause = LAST_PAUSE.min(pause * 2);
    }
}

/// Listens until the connection ends.
async fn listen(connector: &Connector, woken: &Notify, heard: &mut bool) -> Outcome<()> {
    let (client, mut connection, _) = connector.reach().await?;
    let asking = client.batch_execute("LISTEN claviger_feed");
    let reading = async {
        while let Some(message) = poll_fn(|context| connection.poll_message(context)).await {
            if let AsyncMessage::Notification(_) = message? {
                woken.notify_waiters();
                woken.notify_one();
            }
        }
        Ok(())
    };
    let asked = async {
        asking.await?;
        // What was committed while nobody listened is new too.
        woken.notify_waiters();
        woken.notify_one();
        *heard = true;
        std::future::pending::<Outcome<()>>().await
    };
    tokio::select! {
        ended = reading => ended,
        refused = asked => refused,
    }
}
