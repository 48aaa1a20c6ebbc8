//! One connection: HTTP/1.1 or HTTP/2 within bounds of size and time.

use std::{convert::Infallible, net::SocketAddr, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::FutureExt as _;
use http::{Request, Response, StatusCode};
use http_body_util::{Either, Empty};
use hyper::{body::Incoming, service::service_fn};
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
            async move { Ok::<_, Infallible>(answer(&*handler, peer, request).await) }
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

/// What `handler` answers, or that it failed where it panicked, which the panic itself has told: whoever asked hears of it,
/// and the connection goes on.
async fn answer<H: Handle>(
    handler: &H,
    peer: SocketAddr,
    request: Request<Incoming>,
) -> Response<Either<H::Body, Empty<Bytes>>> {
    let answered = AssertUnwindSafe(handler.handle(peer, request)).catch_unwind().await;
    answered.map_or_else(
        |_| {
            let mut failed = Response::new(Either::Right(Empty::new()));
            *failed.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            failed
        },
        |answer| answer.map(Either::Left),
    )
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

#[cfg(test)]
mod tests {
    use hyper_util::server::graceful::GracefulShutdown;
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpListener,
        sync::Semaphore,
    };

    use super::*;

    /// Panics when it is asked for `/panic`.
    struct Fragile;

    impl Handle for Fragile {
        type Body = Empty<Bytes>;

        async fn handle(&self, _: SocketAddr, request: Request<Incoming>) -> Response<Self::Body> {
            assert_ne!(request.uri().path(), "/panic");
            Response::new(Empty::new())
        }
    }

    #[tokio::test]
    async fn a_request_that_makes_its_handler_panic_is_answered_500_and_the_connection_goes_on() {
        let rules = Rules {
            connections: 1,
            per_address: None,
            head_max: 8192,
            header_timeout: Duration::from_secs(10),
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, peer) = listener.accept().await.unwrap();
        let place = Arc::new(Semaphore::new(1)).acquire_owned().await.unwrap();
        let graceful = GracefulShutdown::new();
        Connections::new(Fragile, &rules).begin(stream, peer, Admitted::new(place), graceful.watcher());
        for (path, status) in [("/panic", "500"), ("/", "200"), ("/panic", "500")] {
            client.write_all(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes()).await.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(client.read_u8().await.unwrap());
            }
            assert!(head.starts_with(format!("HTTP/1.1 {status} ").as_bytes()), "{path}");
        }
    }
}
