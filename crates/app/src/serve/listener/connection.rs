//! One connection: HTTP/1.1 or HTTP/2 within bounds of size and time.

use std::{convert::Infallible, net::SocketAddr, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::FutureExt as _;
use http::{Request, Response, StatusCode};
use http_body_util::{Either, Empty};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioTimer},
    server::{conn::auto, graceful::GracefulShutdown},
};
use tokio::{net::TcpStream, sync::watch};
use tokio_rustls::TlsAcceptor;

use super::{
    Admitted, Counts, Handle, Rules, Socket,
    driven::{Driven, End},
    patience::{HeadTimer, Patience},
};

/// Most requests at once on one HTTP/2 connection.
const STREAMS_MAX: u32 = 100;
/// How often a silent HTTP/2 connection is asked whether it is still there, and how long it may take to say so.
const PING: (Duration, Duration) = (Duration::from_secs(20), Duration::from_secs(10));

/// What the connections of a listener have in common.
pub(super) struct Connections<H> {
    handler: Arc<H>,
    protocol: auto::Builder<TokioExecutor>,
    header_timeout: Duration,
    tls: Option<TlsAcceptor>,
    counts: Arc<Counts>,
}

impl<H: Handle> Connections<H> {
    /// Connections that `handler` answers, and that speak TLS where there is something to speak it with.
    pub(super) fn new(handler: H, rules: &Rules, tls: Option<TlsAcceptor>, counts: Arc<Counts>) -> Self {
        let head_max = u32::try_from(rules.head_max).expect("a head is far below 4 GiB");
        let mut protocol = auto::Builder::new(TokioExecutor::new());
        // One small write is cheaper than one of two parts.
        protocol
            .http1()
            .header_read_timeout(rules.header_timeout)
            .max_buf_size(rules.head_max)
            .half_close(rules.half_closed)
            .writev(false);
        protocol
            .http2()
            .timer(TokioTimer::new())
            .keep_alive_interval(PING.0)
            .keep_alive_timeout(PING.1)
            .max_concurrent_streams(STREAMS_MAX)
            .max_header_list_size(head_max);
        Self { handler: Arc::new(handler), protocol, header_timeout: rules.header_timeout, tls, counts }
    }

    /// Answers what comes over `stream` for as long as there is something to answer, and finishes once `stopped`. The
    /// place, and a watcher of `graceful`, which waits for all connections, are kept until the stream is closed: what it
    /// went over to may still use it.
    pub(super) fn begin(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        place: Admitted,
        graceful: &GracefulShutdown,
        stopped: watch::Receiver<bool>,
    ) {
        // Without it answers are late, not wrong.
        let _ = stream.set_nodelay(true);
        let patience = Patience::new(self.header_timeout);
        let (handler, waits) = (Arc::clone(&self.handler), Arc::clone(&patience));
        let counts = Arc::clone(&self.counts);
        let service = service_fn(move |request| {
            waits.has_request();
            let (handler, counts, begun) = (Arc::clone(&handler), Arc::clone(&counts), Counts::begin());
            async move {
                let answer = answer(&*handler, peer, request).await;
                counts.answered(answer.status(), begun);
                Ok::<_, Infallible>(answer)
            }
        });
        let socket = Socket::new(stream, self.tls.as_ref(), place, graceful.watcher());
        let mut protocol = self.protocol.clone();
        protocol.http1().timer(HeadTimer(Arc::clone(&patience)));
        let connection = protocol.serve_connection_with_upgrades(socket, service).into_owned();
        let connection = Driven::new(connection, patience, stopped);
        tokio::spawn(async move {
            match connection.await {
                End::Done(Ok(())) => {}
                End::Done(Err(error)) => tracing::debug!(%peer, error, "a connection ended early"),
                End::NoRequest => tracing::debug!(%peer, "a connection brought no request in time"),
            }
        });
    }

    /// Answers a connection for which there is no place, before it asks. One that speaks TLS would take it for garbage, and
    /// is closed.
    pub(super) fn turn_away(&self, stream: &TcpStream) {
        const ANSWER: &[u8] =
            b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
        self.counts.turned_away();
        if self.tls.is_none() {
            // A fresh connection has room for it; who doesn't read it is turned away all the same.
            let _ = stream.try_write(ANSWER);
        }
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

#[cfg(test)]
mod tests {
    use hyper_util::rt::TokioIo;
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

    /// Goes over to another protocol, in which nothing is said, until the caller ends it.
    struct Switching;

    impl Handle for Switching {
        type Body = Empty<Bytes>;

        async fn handle(&self, _: SocketAddr, mut request: Request<Incoming>) -> Response<Self::Body> {
            let upgrade = hyper::upgrade::on(&mut request);
            tokio::spawn(async move {
                let mut upgraded = TokioIo::new(upgrade.await.unwrap());
                upgraded.read_to_end(&mut Vec::new()).await.unwrap();
            });
            let mut response = Response::new(Empty::new());
            *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
            response
        }
    }

    /// A connection that `handler` answers, in the one place there is.
    async fn connected<H: Handle>(
        handler: H,
        graceful: &GracefulShutdown,
        stopped: watch::Receiver<bool>,
    ) -> (TcpStream, Arc<Semaphore>) {
        let rules = Rules {
            connections: 1,
            per_address: None,
            head_max: 8192,
            header_timeout: Duration::from_secs(10),
            half_closed: false,
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, peer) = listener.accept().await.unwrap();
        let places = Arc::new(Semaphore::new(1));
        let place = Admitted::new(Arc::clone(&places).acquire_owned().await.unwrap());
        Connections::new(handler, &rules, None, Arc::new(Counts::new("gateway")))
            .begin(stream, peer, place, graceful, stopped);
        (client, places)
    }

    async fn status(client: &mut TcpStream, request: &str) -> String {
        client.write_all(format!("{request}\r\nHost: a\r\n\r\n").as_bytes()).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(client.read_u8().await.unwrap());
        }
        String::from_utf8(head[9..12].to_vec()).unwrap()
    }

    #[tokio::test]
    async fn a_request_that_makes_its_handler_panic_is_answered_500_and_the_connection_goes_on() {
        let graceful = GracefulShutdown::new();
        let (mut client, _) = connected(Fragile, &graceful, watch::channel(false).1).await;
        for (path, expected) in [("/panic", "500"), ("/", "200"), ("/panic", "500")] {
            assert_eq!(status(&mut client, &format!("GET {path} HTTP/1.1")).await, expected, "{path}");
        }
    }

    #[tokio::test]
    async fn a_connection_that_went_over_to_another_protocol_keeps_its_place_and_is_waited_for() {
        let graceful = GracefulShutdown::new();
        let (stop, stopped) = watch::channel(false);
        let (mut client, places) = connected(Switching, &graceful, stopped).await;
        let asking = "GET / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: other";
        assert_eq!(status(&mut client, asking).await, "101");
        stop.send_replace(true);
        let mut ended = std::pin::pin!(graceful.shutdown());
        let early = tokio::time::timeout(Duration::from_millis(50), ended.as_mut()).await;
        assert!(early.is_err() && places.available_permits() == 0);
        drop(client);
        ended.await;
        let _place = places.acquire().await.unwrap();
    }
}
