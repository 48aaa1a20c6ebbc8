//! Requests to a provider: by TLS, within bounds, and to nowhere that an answer sends them.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde::de::DeserializeOwned;
use url::Url;

use super::trouble::Trouble;

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(3);
/// How long a request may take as a whole.
const WHOLE: Duration = Duration::from_secs(10);
/// Largest answer in bytes.
const MAX: usize = 256 << 10;

/// What asks providers. Cheap to clone.
#[derive(Clone)]
pub(super) struct Fetcher(Client<HttpsConnector<HttpConnector>, Full<Bytes>>);

/// An answer, whole.
pub(super) struct Fetched {
    status: StatusCode,
    body: Bytes,
}

impl Fetcher {
    pub(super) fn new() -> Self {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(CONNECT));
        let tls = HttpsConnectorBuilder::new()
            .with_provider_and_webpki_roots(rustls::crypto::aws_lc_rs::default_provider())
            .expect("the provider speaks the default versions of TLS");
        let connector = tls.https_or_http().enable_http1().wrap_connector(tcp);
        // Sign-ins are rare: a kept connection would have been closed by the time of the next.
        Self(Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(connector))
    }

    /// The JSON document at `url`.
    pub(super) async fn document<T: DeserializeOwned>(&self, url: &Url) -> Result<T, Trouble> {
        let request = Request::get(url.as_str()).header(header::ACCEPT, "application/json");
        let request = request.body(Full::default()).map_err(Trouble::unavailable)?;
        self.send(request).await?.success(url)
    }

    /// Sends one request and reads the whole answer. A redirection is an answer.
    pub(super) async fn send(&self, request: Request<Full<Bytes>>) -> Result<Fetched, Trouble> {
        let place = request.uri().clone();
        let asked = async {
            let response: Response<_> = self.0.request(request).await.map_err(|error| {
                let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
                Trouble::Unavailable(format!("{place}: {error}: {cause}"))
            })?;
            let (head, body) = response.into_parts();
            let read = Limited::new(body, MAX).collect().await;
            let body = read.map_err(|error| Trouble::Unavailable(format!("{place}: {error}")))?.to_bytes();
            Ok(Fetched { status: head.status, body })
        };
        match tokio::time::timeout(WHOLE, asked).await {
            Ok(answer) => answer,
            Err(_) => Err(Trouble::Unavailable(format!("{place}: no answer within {} s", WHOLE.as_secs()))),
        }
    }
}

impl Fetched {
    pub(super) fn status(&self) -> StatusCode {
        self.status
    }

    /// The document of an answer that is `200`.
    pub(super) fn success<T: DeserializeOwned>(&self, place: &Url) -> Result<T, Trouble> {
        if self.status == StatusCode::OK {
            return self.json(place);
        }
        Err(Trouble::Unavailable(format!("{place}: it answered {}", self.status)))
    }

    /// The document. What it doesn't read isn't told: there may be tokens in it.
    pub(super) fn json<T: DeserializeOwned>(&self, place: &Url) -> Result<T, Trouble> {
        serde_json::from_slice(&self.body).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            Trouble::Unavailable(format!("{place}: no such document (line {line}, column {column})"))
        })
    }
}
