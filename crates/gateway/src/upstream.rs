//! Sends judged requests to an upstream, once, and waits for the beginning of its answer.
//!
//! No redirect is followed, nothing is sent twice, and where a request goes is never taken from the request.

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use claviger_model::{RequestId, Slot};
use http::{Request, Response, StatusCode, header::UPGRADE, uri::PathAndQuery};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};

use crate::{
    Body, Origin, body,
    limits::{CONNECT_TIMEOUT, JUDGED_EVERY, KEEPALIVE, UPSTREAM_IDLE, UPSTREAM_IDLE_MAX},
    refusal::Refusal,
    tenure::Tenure,
    upgrade,
    upload::UploadWatch,
};

/// An upstream within this process, such as the built-in demo.
#[async_trait]
pub trait InProcess: Send + Sync {
    /// Answers a request that was judged.
    async fn call(&self, request: Request<Body>) -> Response<Body>;
}

/// Where allowed requests go.
#[derive(Clone)]
pub enum Upstream {
    /// To a server, over HTTP/1.1.
    Http(Origin),
    /// To a service within this process.
    InProcess(Arc<dyn InProcess>),
}

impl Upstream {
    /// Whether there is a connection to it, which could go over to another protocol.
    pub(crate) fn is_elsewhere(&self) -> bool {
        matches!(self, Self::Http(_))
    }
}

impl fmt::Debug for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http(origin) => write!(f, "Http({origin})"),
            Self::InProcess(_) => f.write_str("InProcess"),
        }
    }
}

/// Connections to upstreams, kept for the next request.
#[derive(Clone)]
pub(crate) struct Connections(Client<HttpsConnector<HttpConnector>, Body>);

impl Connections {
    pub(crate) fn new() -> Self {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
        let (after, every, probes) = KEEPALIVE;
        tcp.set_keepalive(Some(after));
        tcp.set_keepalive_interval(Some(every));
        tcp.set_keepalive_retries(Some(probes));
        let tls = HttpsConnectorBuilder::new()
            .with_provider_and_webpki_roots(rustls::crypto::aws_lc_rs::default_provider())
            .expect("the provider speaks the default versions of TLS");
        let connector = tls.https_or_http().enable_http1().wrap_connector(tcp);
        // A request found unsent because its kept connection had closed is sent on another one: no byte of it was
        // written, so nothing is repeated, whatever the method. Once written, it is never sent again.
        let mut builder = Client::builder(TokioExecutor::new());
        builder.retry_canceled_requests(true);
        builder
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(UPSTREAM_IDLE)
            .pool_max_idle_per_host(UPSTREAM_IDLE_MAX);
        Self(builder.build(connector))
    }
}

/// Sends `request` and returns the beginning of the answer, if it comes while there is patience.
pub(crate) async fn send(
    upstream: &Upstream,
    connections: &Connections,
    request: Request<Body>,
    patience: &Patience<'_>,
) -> Result<Response<Body>, Refusal> {
    let upload = patience.upload;
    match upstream {
        Upstream::InProcess(service) => {
            let response = patience.wait(service.call(request)).await?;
            upload.fault().map_or(Ok(response), |fault| Err(fault.into()))
        }
        Upstream::Http(origin) => {
            let request = address(origin, request)?;
            let upgrades = request.headers().contains_key(UPGRADE);
            let answering = connections.0.request(request);
            match patience.wait(answering).await? {
                // What wasn't asked for can't be meant.
                Ok(response)
                    if response.status() == StatusCode::SWITCHING_PROTOCOLS
                        && !(upgrades && upgrade::is_granted(response.headers())) =>
                {
                    Err(Slot::BadGateway.into())
                }
                Ok(response) => Ok(response.map(body)),
                Err(error) => Err(upload.fault().map_or_else(
                    || unreachable_or_nonsense(origin, patience.request, &error),
                    Refusal::from,
                )),
            }
        }
    }
}

fn address(origin: &Origin, mut request: Request<Body>) -> Result<Request<Body>, Refusal> {
    let target: PathAndQuery = request.uri().path_and_query().cloned().ok_or(Slot::BadRequest)?;
    *request.uri_mut() = origin.uri_of(target);
    Ok(request)
}

fn unreachable_or_nonsense(
    origin: &Origin,
    id: RequestId,
    error: &hyper_util::client::legacy::Error,
) -> Refusal {
    let cause = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
    tracing::warn!(request = %id, upstream = %origin, %error, cause, "the upstream did not answer");
    Slot::BadGateway.into()
}

/// How long an answer is awaited: for as long as the upload goes on, then for `timeout` more (at most a second longer than
/// that), and never longer than the key would be let in.
pub(crate) struct Patience<'a> {
    pub(crate) upload: &'a UploadWatch,
    pub(crate) timeout: Duration,
    pub(crate) tenure: &'a Tenure,
    /// Whose answer it is, for the log.
    pub(crate) request: RequestId,
}

impl Patience<'_> {
    async fn wait<T>(&self, answering: impl Future<Output = T>) -> Result<T, Refusal> {
        let mut answering = std::pin::pin!(answering);
        let mut quiet = Duration::ZERO;
        while quiet < self.timeout {
            let pause = JUDGED_EVERY.min(self.timeout.saturating_sub(quiet));
            if let Ok(answer) = tokio::time::timeout(pause, answering.as_mut()).await {
                return Ok(answer);
            }
            self.tenure.check()?;
            quiet = if self.upload.has_moved() { Duration::ZERO } else { quiet + pause };
        }
        let at_fault = if self.upload.awaits_caller() { Slot::BadRequest } else { Slot::GatewayTimeout };
        Err(at_fault.into())
    }
}
