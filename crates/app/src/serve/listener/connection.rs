//! One connection: HTTP/1.1 or HTTP/2 within bounds of size and time.

use std::{convert::Infallible, net::SocketAddr, sync::Arc, time::Duration};

use hyper::service::service_fn;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto, graceful::Watcher},
};
use tokio::{net::TcpStream, sync::Notify};

use super::{Admitted, Handle, Rules};

/// Most requests at once on one HTTP/2 connection.
const STREAMS_MAX: u32 = 100;
/// How often a silent HTTP/2 connection is asked whether it is still there, and how long it may take to say so.
const PING: (Duration, Duration) = (Duration::from_secs(20), Duration::from_secs(10));

/// What the connections of a listener have in common.
pub(super) struct Connections<H> {
    handler: Arc<H>,
    protocol: auto::Builder<TokioExecutor>,
    header_timeout: Duration,
}

impl<H: Handle> Connections<H> {
    pub(super) fn new(handler: H, rules: &Rules) -> Self {
        let head_max = u32::try_from(rules.head_max).expect("a head is far below 4 GiB");
        let mut protocol = auto::Builder::new(TokioExecutor::new());
        protocol
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(rules.header_timeout)
            .max_buf_size(rules.head_max);
        protocol
            .http2()
            .timer(TokioTimer::new())
            .keep_alive_interval(PING.0)
            .keep_alive_timeout(PING.1)
            .max_concurrent_streams(STREAMS_MAX)
            .max_header_list_size(head_max);
        Self { handler: Arc::new(handler), protocol, header_timeout: rules.header_timeout }
    }

    /// Answers what comes over `stream` for as long as there is something to answer.
    pub(super) fn begin(&self, stream: TcpStream, peer: SocketAddr, place: Admitted, watcher: Watcher) {
        // Without it answers are late, not wrong.
        let _ = stream.set_nodelay(true);
        let (handler, asked) = (Arc::clone(&self.handler), Arc::new(Notify::new()));
        let first_request = first_request(Arc::clone(&asked), self.header_timeout);
        let service = service_fn(move |request| {
            asked.notify_one();
            let handler = Arc::clone(&handler);
            async move { Ok::<_, Infallible>(handler.handle(peer, request).await) }
        });
        let connection = self.protocol.serve_connection(TokioIo::new(stream), service).into_owned();
        let connection = watcher.watch(connection);
        tokio::spawn(async move {
            let _place = place;
            tokio::select! {
                biased;
                ended = connection => if let Err(error) = ended {
                    tracing::debug!(%peer, error, "a connection ended early");
                },
                () = first_request => tracing::debug!(%peer, "a connection brought no request in time"),
            }
        });
    }
}

/// Returns when no request came in time, and never if one did. Hyper has a time-out for the head of a request, but
/// none for the bytes by which it tells the protocols apart.
async fn first_request(asked: Arc<Notify>, at_most: Duration) {
    if tokio::time::timeout(at_most, asked.notified()).await.is_ok() {
        std::future::pending::<()>().await;
    }
}

/// Answers a connection for which there is no place, before it asks.
pub(super) fn turn_away(stream: &TcpStream) {
    const ANSWER: &[u8] =
        b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
    // A fresh connection has room for it; who doesn't read it is turned away all the same.
    let _ = stream.try_write(ANSWER);
}
