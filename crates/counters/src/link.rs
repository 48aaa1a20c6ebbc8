//! The connection to Redis: made when it is first needed, and made anew after whatever went wrong.
//!
//! A connection that failed is let go at once, be it that it broke, fell silent, or leads to a node that was demoted or
//! wants another password. Whoever asks next begins another. How often that is, the breaker of the verifier says:
//! nothing here reconnects in a loop.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use redis::{
    Client, Cmd, FromRedisValue, RedisError, RedisResult,
    aio::{ConnectionManager, ConnectionManagerConfig},
    cluster::{ClusterClient, ClusterConfig},
    cluster_async::ClusterConnection,
};

use crate::RedisAddress;

/// How long a connection may take to be made. It is waited for in the background, longer than any call waits.
const CONNECT: Duration = Duration::from_secs(1);
/// How often a cluster is asked again after it pointed elsewhere.
const REDIRECTIONS: u32 = 3;

/// The way to one Redis, or to a cluster of them. Cheap to clone: all clones are one.
#[derive(Clone)]
pub(crate) struct Link(Arc<Ends>);

struct Ends {
    server: Server,
    held: Mutex<Option<Held>>,
}

enum Server {
    One(Box<Client>),
    Cluster(Box<ClusterClient>),
}

/// A connection that is made or being made.
#[derive(Clone)]
struct Held {
    connection: Connection,
    made: Arc<AtomicBool>,
}

#[derive(Clone)]
enum Connection {
    One(ConnectionManager),
    Cluster(ClusterConnection),
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoAnswer {
    #[error("no answer within {} ms", .0.as_millis())]
    Late(Duration),
    #[error(transparent)]
    Failed(#[from] RedisError),
}

impl Link {
    /// A way to these; nothing is connected yet.
    pub(crate) fn to(address: &RedisAddress) -> RedisResult<Self> {
        let server = match address.nodes() {
            [only] => Server::One(Box::new(Client::open(only.clone())?)),
            nodes => {
                let cluster = ClusterClient::builder(nodes.iter().cloned()).retries(REDIRECTIONS);
                Server::Cluster(Box::new(cluster.connection_timeout(CONNECT).build()?))
            }
        };
        Ok(Self(Arc::new(Ends { server, held: Mutex::default() })))
    }

    /// What `command` is answered within `at_most`. `refused` tells errors that are answers from those that say that
    /// the connection is of no use.
    pub(crate) async fn ask<T: FromRedisValue>(
        &self,
        command: &Cmd,
        at_most: Duration,
        refused: impl Fn(&RedisError) -> bool,
    ) -> Result<RedisResult<T>, NoAnswer> {
        let mut held = self.hold()?;
        match tokio::time::timeout(at_most, held.connection.query(command)).await {
            Ok(Err(error)) if !refused(&error) => {
                self.let_go(&held);
                Err(error.into())
            }
            Ok(answered) => Ok(answered),
            Err(_) => {
                // One that is still being made is given its time.
                if held.made.load(Ordering::Relaxed) {
                    self.let_go(&held);
                }
                Err(NoAnswer::Late(at_most))
            }
        }
    }

    /// Begins a connection, if there is none.
    pub(crate) fn begin(&self) {
        if let Err(error) = self.hold() {
            tracing::warn!(%error, "Redis can't be connected to");
        }
    }

    /// The connection there is, or one that is begun.
    fn hold(&self) -> RedisResult<Held> {
        let mut held = self.0.held.lock();
        if let Some(held) = &*held {
            return Ok(held.clone());
        }
        let begun = Held { connection: self.0.server.begin()?, made: Arc::default() };
        *held = Some(begun.clone());
        drop(held);
        let (link, mut making) = (self.clone(), begun.clone());
        tokio::spawn(async move {
            match tokio::time::timeout(2 * CONNECT, making.connection.query::<()>(&redis::cmd("PING"))).await
            {
                Ok(Ok(())) => making.made.store(true, Ordering::Relaxed),
                Ok(Err(_)) | Err(_) => link.let_go(&making),
            }
        });
        Ok(begun)
    }

    /// Lets this one go, if nobody has begun another yet.
    fn let_go(&self, failed: &Held) {
        let mut held = self.0.held.lock();
        if held.as_ref().is_some_and(|held| Arc::ptr_eq(&held.made, &failed.made)) {
            *held = None;
        }
    }
}

impl Server {
    fn begin(&self) -> RedisResult<Connection> {
        match self {
            Self::One(client) => {
                let config = ConnectionManagerConfig::new()
                    .set_number_of_retries(0)
                    .set_connection_timeout(Some(CONNECT))
                    .set_response_timeout(Some(CONNECT));
                ConnectionManager::new_lazy_with_config(Client::clone(client), config).map(Connection::One)
            }
            Self::Cluster(client) => {
                let begun = client.get_pending_async_connection_with_config(ClusterConfig::new());
                Ok(Connection::Cluster(begun))
            }
        }
    }
}

impl Connection {
    async fn query<T: FromRedisValue>(&mut self, command: &Cmd) -> RedisResult<T> {
        match self {
            Self::One(connection) => command.query_async(connection).await,
            Self::Cluster(connection) => command.query_async(connection).await,
        }
    }
}
