//! A node that answers when, and what, a test says; and those who ask it.

use std::{
    convert::Infallible,
    future::{Future, poll_fn},
    pin::Pin,
    task::Poll,
};

use bytes::Bytes;
use claviger_layer::{ClavigerLayer, Node, NodeBuilder, RemoteApi, RemotePermit, Scopes};
use http::{Request, Response, StatusCode, request::Builder};
use http_body_util::{BodyExt as _, Full};
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};
use tower::{Layer as _, ServiceExt as _, service_fn};

/// Where its questions arrive.
pub(crate) struct ScriptedNode(mpsc::UnboundedReceiver<Question>);

/// A question that waits for its answer.
pub(crate) struct Question {
    pub(crate) head: http::request::Parts,
    pub(crate) asked: Value,
    answer: oneshot::Sender<Response<Full<Bytes>>>,
}

/// An answer of the wrapped service, or in its place.
pub(crate) type Answered = Response<String>;

impl ScriptedNode {
    /// A node, and the api `cashcat` of it.
    pub(crate) fn start() -> (Self, RemoteApi) {
        let (scripted, node) = Self::with(|builder| builder);
        (scripted, node.api("cashcat"))
    }

    /// A node that is asked within other bounds.
    pub(crate) fn with(bounds: impl FnOnce(NodeBuilder) -> NodeBuilder) -> (Self, Node) {
        let (sender, receiver) = mpsc::unbounded_channel();
        let client = service_fn(move |request: Request<Full<Bytes>>| {
            let sender = sender.clone();
            async move {
                let (head, body) = request.into_parts();
                let asked = serde_json::from_slice(&body.collect().await.unwrap().to_bytes()).unwrap();
                let (answer, answered) = oneshot::channel();
                let question = Question { head, asked, answer };
                sender.send(question).map_err(|_closed| "the node is gone")?;
                answered.await.map_err(|_dropped| "the node closed the connection")
            }
        });
        let builder = bounds(Node::builder("http://node.test", "op_key"));
        (Self(receiver), builder.build_over(client).unwrap())
    }

    /// The next question, when it comes.
    pub(crate) async fn question(&mut self) -> Question {
        self.0.recv().await.unwrap()
    }

    /// Whether nothing more is asked, whatever else there is to do.
    pub(crate) async fn is_silent(&mut self) -> bool {
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        self.0.is_empty()
    }
}

impl Question {
    /// How many attempts it stands for.
    pub(crate) fn count(&self) -> u64 {
        self.asked.get("count").map_or(1, |count| count.as_u64().unwrap())
    }

    /// A connection that ends without an answer.
    pub(crate) fn drop_connection(self) {
        drop(self.answer);
    }

    /// Nobody may be waiting any more.
    pub(crate) fn answer(self, status: u16, body: impl Into<Bytes>) {
        let response = Response::builder().status(status).body(Full::new(body.into())).unwrap();
        let _ = self.answer.send(response);
    }

    pub(crate) fn allow(self) {
        self.answer(200, json!({"allowed": true, "permit": permit()}).to_string());
    }

    pub(crate) fn deny(self) {
        self.answer(200, json!({"allowed": false, "response": refusal()}).to_string());
    }

    /// Allows so many of those it stands for.
    pub(crate) fn allow_only(self, count: u64) {
        let said =
            json!({"allowed": false, "allowed_count": count, "permit": permit(), "response": refusal()});
        self.answer(200, said.to_string());
    }
}

pub(crate) fn permit() -> Value {
    json!({
        "key_id": "key_1", "account_id": "acc_1", "api": "cashcat", "environment": "live", "scopes": ["read"],
    })
}

pub(crate) fn refusal() -> Value {
    let headers = json!({"content-type": "application/json", "x-request-id": "req_1"});
    json!({"status": 401, "headers": headers, "body": "{\"error\":\"invalid_api_key\"}"})
}

/// A request with a key.
pub(crate) fn get() -> Builder {
    Request::get("/v1/things?page=2").header("authorization", "Bearer cc_live_KEY")
}

/// What a service behind `api` answers to `request`: what it learns of it.
pub(crate) async fn ask(api: &RemoteApi, request: Builder) -> Answered {
    let inner = service_fn(|request: Request<()>| async move {
        let permit = request.extensions().get::<RemotePermit>().unwrap();
        let scopes = request.extensions().get::<Scopes>().unwrap();
        let mut fields: Vec<_> = request.headers().keys().map(ToString::to_string).collect();
        fields.sort_unstable();
        let seen =
            format!("{} {} [{scopes}] sees {}", permit.account_id(), permit.key_id(), fields.join(" "));
        Ok::<_, Infallible>(Response::new(Full::new(Bytes::from(seen))))
    });
    let service = ClavigerLayer::new(api.clone()).layer(inner);
    let (head, body) = service.oneshot(request.body(()).unwrap()).await.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Response::from_parts(head, String::from_utf8(body.to_vec()).unwrap())
}

/// The same, and its status only.
pub(crate) async fn status(api: &RemoteApi, request: Builder) -> StatusCode {
    ask(api, request).await.status()
}

/// A request that has begun, and waits.
pub(crate) async fn begun<F: Future>(future: F) -> Pin<Box<F>> {
    let mut future = Box::pin(future);
    poll_fn(|cx| {
        assert!(future.as_mut().poll(cx).is_pending());
        Poll::Ready(())
    })
    .await;
    future
}
