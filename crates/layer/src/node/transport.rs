//! Brings a question to the node and its answer back.

use std::{future::Future, future::poll_fn, pin::Pin};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt as _, Full, Limited};
use tower_service::Service;

/// Largest answer that is read, in bytes.
const ANSWER_MAX: usize = 256 << 10;

/// A status and a body, or why there is none in words for the operator.
pub(super) type Brought = Result<(StatusCode, Bytes), String>;

/// What asks.
pub(super) trait Transport: Send + Sync {
    fn bring(&self, question: Request<Full<Bytes>>) -> Pin<Box<dyn Future<Output = Brought> + Send>>;
}

/// A client that is a service.
pub(super) struct Over<C>(pub(super) C);

impl<C, B> Transport for Over<C>
where
    C: Service<Request<Full<Bytes>>, Response = Response<B>> + Clone + Send + Sync + 'static,
    C::Future: Send,
    C::Error: std::fmt::Display,
    B: Body + Send,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    fn bring(&self, question: Request<Full<Bytes>>) -> Pin<Box<dyn Future<Output = Brought> + Send>> {
        let mut client = self.0.clone();
        Box::pin(async move {
            let unreachable = |error: C::Error| format!("the node can't be reached: {error}");
            poll_fn(|cx| client.poll_ready(cx)).await.map_err(unreachable)?;
            let response = client.call(question).await.map_err(unreachable)?;
            let status = response.status();
            let body = Limited::new(response.into_body(), ANSWER_MAX).collect().await;
            let body = body.map_err(|error| format!("the node's answer breaks off: {error}"))?;
            Ok((status, body.to_bytes()))
        })
    }
}

#[cfg(feature = "client")]
pub(super) use plain::plain_client;

#[cfg(feature = "client")]
mod plain {
    use std::time::Duration;

    use bytes::Bytes;
    use http_body_util::Full;
    use hyper_util::{
        client::legacy::{Client, connect::HttpConnector},
        rt::{TokioExecutor, TokioTimer},
    };

    /// How long an unused connection is kept: not as long as the node keeps it, so that no question meets its end.
    const IDLE: Duration = Duration::from_secs(4);

    /// A client for plain HTTP/1.1 that keeps as many connections as it has questions in flight.
    pub(in crate::node) fn plain_client(
        time_out: Duration,
        questions: usize,
    ) -> Client<HttpConnector, Full<Bytes>> {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(time_out));
        Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(questions)
            .build(connector)
    }
}
