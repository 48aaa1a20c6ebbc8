//! A gateway that listens, with an upstream of the test's own behind it.

use std::{net::SocketAddr, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;
use claviger_gateway::{Backend, Backends, Gateway, SelfServiceCall, SelfServiceHandler, Upstream};
use claviger_judge::Api;
use claviger_model::profile::Profile;
use claviger_verify::Verifier;
use http::Response;
use http_body_util::Full;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::TcpListener;

use crate::{
    keys::{CountingEntropy, LIVE, StandingClock, verifier},
    wire::{Head, Server, Wire},
};

pub(crate) struct Stage {
    pub(crate) upstream: Server,
    pub(crate) gateway: SocketAddr,
}

/// The api of these tests; `extra` is put among its top-level settings.
pub(crate) fn profile(extra: &str) -> Profile {
    let text = format!(
        r#"
name = "shop"
title = "Shop"
env_var = "SHOP_API_KEY"
{extra}
[hosts]
any = ["api.shop.test"]
live = ["live.shop.test"]
[test]
passthrough = true
[keys]
storage = "digest"
display_prefix = "type"
formats = [{{ live = "k_live_", test = "k_test_", length = 24, alphabet = "base62" }}]
[credentials]
accept = ["bearer", "X-Api-Key"]
[answers]
shape = '{{"code":"${{code}}"}}'
[self_service]
ids = "typed"
object = [{{ field = "id", value = "id" }}, {{ field = "key", value = "key", only_created = true }}]
[self_service.create]
method = "POST"
path = "/keys"
status = 201
body = '${{object}}'
[self_service.delete]
method = "DELETE"
path = "/keys/{{id}}"
status = 204
"#
    );
    Profile::parse("shop.toml", &text).unwrap_or_else(|problems| panic!("{problems}"))
}

/// Says what it was called with.
struct Echo;

#[async_trait]
impl SelfServiceHandler for Echo {
    async fn answer(&self, call: SelfServiceCall<'_>) -> Response<Full<Bytes>> {
        let credential = call.head.headers.contains_key("authorization");
        let text = format!(
            "{:?} for {} with {} ({} bytes, credential: {credential})",
            call.action,
            call.permit.account(),
            String::from_utf8_lossy(&call.body[..call.body.len().min(20)]),
            call.body.len(),
        );
        Response::new(Full::new(text.into()))
    }
}

impl Stage {
    pub(crate) async fn set() -> Self {
        Self::set_with(|_| {}).await
    }

    /// With proxies on this machine trusted.
    pub(crate) async fn set_behind_a_proxy() -> Self {
        Self::with(profile(r#"trusted_proxies = ["127.0.0.0/8", "10.0.0.0/8"]"#), verifier().await).await
    }

    pub(crate) async fn set_with(change: impl FnOnce(&mut Profile)) -> Self {
        let mut profile = profile("");
        change(&mut profile);
        Self::with(profile, verifier().await).await
    }

    pub(crate) async fn with(profile: Profile, verifier: Arc<Verifier>) -> Self {
        let upstream = Server::start().await;
        let origin = Upstream::Http(format!("http://{}", upstream.address()).parse().unwrap());
        let api = Arc::new(Api::new(Arc::new(profile)).unwrap());
        let gateway = listen(vec![Backend { api, live: origin.clone(), test: origin }], verifier).await;
        Self { upstream, gateway }
    }

    pub(crate) async fn caller(&self) -> Wire {
        Wire::to(self.gateway).await
    }

    /// Sends one request of which nothing should reach the upstream, and reads its answer.
    pub(crate) async fn refused(&self, request: impl AsRef<[u8]>) -> (Head, String) {
        let mut caller = self.caller().await;
        caller.send(request).await;
        caller.message().await
    }

    /// Sends one request without a body and reads what the upstream receives, which answers 204.
    pub(crate) async fn received(&self, request: &str) -> Head {
        let mut caller = self.caller().await;
        caller.send(request).await;
        let mut upstream = self.upstream.accept().await;
        let head = upstream.head().await;
        upstream.send("HTTP/1.1 204 No Content\r\n\r\n").await;
        assert_eq!(caller.head().await.status(), 204);
        head
    }
}

/// A whole request for `target` with the live key and these fields.
pub(crate) fn get(target: &str, fields: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: api.shop.test\r\nAuthorization: Bearer {LIVE}\r\n{fields}\r\n")
}

pub(crate) async fn listen(backends: Vec<Backend>, verifier: Arc<Verifier>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let gateway = Arc::new(Gateway::new(
        Backends::new(backends).unwrap(),
        verifier,
        Arc::new(StandingClock),
        Arc::new(CountingEntropy::default()),
        Arc::new(Echo),
    ));
    tokio::spawn(async move {
        while let Ok((stream, peer)) = listener.accept().await {
            let gateway = Arc::clone(&gateway);
            tokio::spawn(async move {
                let service = service_fn(move |request| {
                    let gateway = Arc::clone(&gateway);
                    async move { Ok::<_, std::convert::Infallible>(gateway.handle(peer, request).await) }
                });
                let mut server = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
                server.http1().timer(TokioTimer::new()).max_buf_size(claviger_gateway::limits::HEAD_MAX);
                // How the connection ends is what the test looks at from the other side.
                let _ = server.serve_connection_with_upgrades(TokioIo::new(stream), service).await;
            });
        }
    });
    address
}
