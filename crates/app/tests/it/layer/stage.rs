//! An axum service behind the layer, on a port of its own.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
        mpsc::{Receiver, Sender, channel},
    },
};

use axum::{
    Json, Router,
    extract::Request,
    middleware::{Next, from_fn},
    response::IntoResponse,
    routing::any,
};
use bytes::Bytes;
use claviger_layer::{ClavigerLayer, MissingScope, Node, NodeBuilder, RemoteApi, RemotePermit, Scopes};
use claviger_testkit::{Customer, Server};
use http::{HeaderMap, Response};
use http_body_util::{BodyExt as _, Full};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use serde_json::{Value, json};
use tokio::{net::TcpListener, runtime::Runtime, sync::Semaphore};
use tower::service_fn;

/// How long what a test waits for may take before the test fails.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(20);

/// A running service.
pub(super) struct Service {
    pub(super) address: SocketAddr,
    /// Told whenever a request came in, before the layer sees it.
    pub(super) arrivals: Events,
    _runtime: Runtime,
}

/// Something that happens again and again.
pub(super) struct Events(Mutex<Receiver<()>>);

/// What stands between a layer and its node.
#[derive(Clone)]
pub(super) struct Gate {
    asked: Arc<AtomicUsize>,
    /// As many answers as this has permits are passed on.
    open: Arc<Semaphore>,
    answered: Sender<()>,
}

/// The node that `server` is, as its services reach it.
pub(super) fn node_of(server: &Server) -> NodeBuilder {
    Node::builder(&format!("http://{}", server.control), server.operator_key())
}

impl Service {
    /// Behind the layer for `api`.
    pub(super) fn behind(api: &RemoteApi) -> Self {
        let runtime = Runtime::new().expect("threads can be had");
        let (arrived, arrivals) = channel();
        let layer = ClavigerLayer::new(api.clone());
        let nested = Router::new().route("/{*rest}", any(tell)).layer(layer.clone());
        let behind = Router::new().route("/v1/scoped", any(scoped)).fallback(any(tell)).layer(layer);
        let app = Router::new().nest("/nested", nested).fallback_service(behind).layer(from_fn(
            move |request: Request, next: Next| {
                let _ = arrived.send(());
                next.run(request)
            },
        ));
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a port is free");
        let address = listener.local_addr().expect("a listener has an address");
        let app = app.into_make_service_with_connect_info::<SocketAddr>();
        runtime.spawn(async move { axum::serve(listener, app).await });
        Self { address, arrivals: Events(Mutex::new(arrivals)), _runtime: runtime }
    }

    /// Someone who calls it with `key`.
    pub(super) fn customer(&self, key: &str) -> Customer {
        Customer::new(self.address, key)
    }
}

/// What a handler learns of a request.
async fn tell(permit: RemotePermit, scopes: Scopes, headers: HeaderMap) -> Json<Value> {
    let mut fields: Vec<_> = headers.keys().map(ToString::to_string).collect();
    fields.sort_unstable();
    Json(json!({
        "account": permit.account_id(), "key": permit.key_id(), "external_id": permit.external_id(),
        "environment": permit.environment().as_str(), "scopes": scopes.to_string(),
        "expires_at": permit.expires_at(), "fields": fields,
    }))
}

async fn scoped(scopes: Scopes) -> Result<impl IntoResponse, MissingScope> {
    scopes.require("alerts:write")?;
    Ok("written")
}

impl Gate {
    /// A gate that is open, and what is told of each answer that arrives at it.
    pub(super) fn open() -> (Self, Events) {
        let (answered, answers) = channel();
        let open = Arc::new(Semaphore::new(Semaphore::MAX_PERMITS / 2));
        (Self { asked: Arc::default(), open, answered }, Events(Mutex::new(answers)))
    }

    /// The same, closed.
    pub(super) fn closed() -> (Self, Events) {
        let (gate, answers) = Self::open();
        (Self { open: Arc::new(Semaphore::new(0)), ..gate }, answers)
    }

    /// Lets everything through from now on.
    pub(super) fn let_through(&self) {
        self.open.add_permits(Semaphore::MAX_PERMITS / 2);
    }

    /// How many questions were asked.
    pub(super) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// A node behind this gate.
    pub(super) fn before(&self, node: NodeBuilder) -> Node {
        let gate = self.clone();
        let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
        let client = service_fn(move |question| {
            let (gate, client) = (gate.clone(), client.clone());
            async move {
                gate.asked.fetch_add(1, Ordering::SeqCst);
                let answer = client.request(question).await.map_err(|error| error.to_string())?;
                let (head, body) = answer.into_parts();
                let body = body.collect().await.map_err(|error| error.to_string())?.to_bytes();
                let _ = gate.answered.send(());
                gate.open.acquire().await.map_err(|error| error.to_string())?.forget();
                Ok::<_, String>(Response::from_parts(head, Full::new(body)))
            }
        });
        node.build_over(client).expect("a server has an address")
    }
}

impl Events {
    /// Waits until it happens once more.
    #[track_caller]
    pub(super) fn next(&self) {
        let events = self.0.lock().expect("nobody panics with the lock");
        events.recv_timeout(PATIENCE).expect("it happens");
    }
}
