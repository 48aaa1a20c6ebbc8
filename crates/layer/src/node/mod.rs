//! A Claviger node, asked over HTTP: `POST /v1/keys/verify` at its control listener.

mod answer;
mod lane;
mod question;
mod transport;

use std::{fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, Uri, uri::Scheme};
use http_body::Body;
use http_body_util::Full;
use tokio::sync::Semaphore;
use tower_service::Service;

use crate::{Decision, Indeterminate, RemoteApi, RemotePermit, attempt::Attempt};
use lane::Lanes;
use transport::{Over, Transport};

/// How long an attempt waits for its answer, unless it is said.
const TIME_OUT: Duration = Duration::from_secs(2);
/// Most questions in flight, unless it is said.
const QUESTIONS: usize = 64;
/// Most attempts that wait, unless it is said.
const WAITING: usize = 4096;
/// What is asked for, below the address of the node.
const VERIFY: &str = "/v1/keys/verify";

/// A node to ask, with its pool of connections. Cheap to clone; clones share the pool and the questions.
///
/// It works within a tokio runtime.
#[derive(Clone)]
pub struct Node(Arc<Asking>);

/// A node to be asked.
#[derive(Clone, Debug)]
pub struct NodeBuilder {
    url: Box<str>,
    authorization: Option<HeaderValue>,
    time_out: Duration,
    questions: usize,
    waiting: usize,
}

/// Why a node can't be asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NodeError {
    /// Not the address of a node.
    #[error("{0:?} is not the address of a node's control listener, such as http://127.0.0.1:8082")]
    Url(Box<str>),
    /// The client that comes with this crate speaks no TLS.
    #[error("https needs a client that speaks TLS: give one to NodeBuilder::build_over")]
    Https,
    /// Not an operator key. It isn't shown.
    #[error("the operator key is empty or has characters that no key has")]
    OperatorKey,
}

struct Asking {
    endpoint: Uri,
    authorization: HeaderValue,
    time_out: Duration,
    transport: Box<dyn Transport>,
    lanes: Lanes,
    questions: Semaphore,
    places: Semaphore,
}

impl Node {
    /// The node whose control listener is at `url`, such as `http://127.0.0.1:8082`, asked with an operator key that has
    /// the ability `verify`.
    #[cfg(feature = "client")]
    pub fn new(url: &str, operator_key: impl AsRef<str>) -> Result<Self, NodeError> {
        Self::builder(url, operator_key).build()
    }

    /// The same with bounds of your own, or asked by a client of your own.
    pub fn builder(url: &str, operator_key: impl AsRef<str>) -> NodeBuilder {
        NodeBuilder {
            url: url.into(),
            authorization: bearer(operator_key.as_ref()),
            time_out: TIME_OUT,
            questions: QUESTIONS,
            waiting: WAITING,
        }
    }

    /// The api of this name, by whose profile the node judges.
    pub fn api(&self, name: &str) -> RemoteApi {
        RemoteApi::new(self.clone(), name)
    }

    /// What the node decides about an attempt. Equal attempts that wait at the same time share one question; what it is
    /// asked, it is asked after the attempt began.
    pub(crate) async fn ask(&self, attempt: Attempt) -> Result<Decision<RemotePermit>, Indeterminate> {
        let Ok(_place) = self.0.places.try_acquire() else {
            return Err(Indeterminate::new("too many requests wait for the node already"));
        };
        let answer = lane::join(&self.0, attempt);
        match tokio::time::timeout(self.0.time_out, answer).await {
            Ok(Ok(decision)) => decision,
            Ok(Err(_gone)) => Err(Indeterminate::new("the question was given up")),
            Err(_elapsed) => Err(too_slow(self.0.time_out)),
        }
    }
}

impl NodeBuilder {
    /// How long a request waits for a decision before it is answered 503; 2 seconds unless it is said.
    #[must_use]
    pub fn time_out(mut self, time_out: Duration) -> Self {
        self.time_out = time_out;
        self
    }

    /// How many questions may be in flight, and connections kept; 64 unless it is said, and at least one. Others wait
    /// their turn.
    #[must_use]
    pub fn questions(mut self, at_most: usize) -> Self {
        self.questions = at_most.clamp(1, Semaphore::MAX_PERMITS);
        self
    }

    /// How many requests may wait for a decision; 4096 unless it is said, and at least one. Others are answered 503 at
    /// once.
    #[must_use]
    pub fn waiting(mut self, at_most: usize) -> Self {
        self.waiting = at_most.clamp(1, Semaphore::MAX_PERMITS);
        self
    }

    /// A node that is asked over plain HTTP/1.1 with kept connections, as on a private network or to a proxy beside the
    /// service.
    #[cfg(feature = "client")]
    pub fn build(self) -> Result<Node, NodeError> {
        let endpoint = self.endpoint()?;
        if endpoint.scheme() != Some(&Scheme::HTTP) {
            return Err(NodeError::Https);
        }
        let client = transport::plain_client(self.time_out, self.questions);
        self.over(endpoint, Box::new(Over(client)))
    }

    /// A node that is asked by way of `client`, which pools as it likes: one that speaks TLS or HTTP/2, balances over
    /// several nodes, or answers by itself in a test. It is given whole requests with absolute targets.
    pub fn build_over<C, B>(self, client: C) -> Result<Node, NodeError>
    where
        C: Service<Request<Full<Bytes>>, Response = Response<B>> + Clone + Send + Sync + 'static,
        C::Future: Send,
        C::Error: fmt::Display,
        B: Body + Send,
        B::Data: Send,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let endpoint = self.endpoint()?;
        self.over(endpoint, Box::new(Over(client)))
    }

    fn over(self, endpoint: Uri, transport: Box<dyn Transport>) -> Result<Node, NodeError> {
        Ok(Node(Arc::new(Asking {
            endpoint,
            authorization: self.authorization.ok_or(NodeError::OperatorKey)?,
            time_out: self.time_out,
            transport,
            lanes: Lanes::default(),
            questions: Semaphore::new(self.questions),
            places: Semaphore::new(self.waiting),
        })))
    }

    fn endpoint(&self) -> Result<Uri, NodeError> {
        let wrong = || NodeError::Url(self.url.clone());
        let uri: Uri = self.url.parse().ok().ok_or_else(wrong)?;
        let known = uri.scheme().is_some_and(|scheme| [Scheme::HTTP, Scheme::HTTPS].contains(scheme));
        let bare = uri.authority().is_some_and(|authority| !authority.as_str().contains('@'));
        if !known || !bare || uri.query().is_some() {
            return Err(wrong());
        }
        let text = format!("{}{VERIFY}", self.url.trim_end_matches('/'));
        text.parse().ok().ok_or_else(wrong)
    }
}

fn bearer(operator_key: &str) -> Option<HeaderValue> {
    let plain = !operator_key.is_empty() && operator_key.bytes().all(|byte| byte.is_ascii_graphic());
    let mut value = HeaderValue::try_from(format!("Bearer {operator_key}")).ok().filter(|_| plain)?;
    value.set_sensitive(true);
    Some(value)
}

fn too_slow(time_out: Duration) -> Indeterminate {
    Indeterminate::new(format!("the node didn't answer within {time_out:?}"))
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Node").field(&self.0.endpoint).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_has_an_address_that_can_be_asked() {
        let endpoint = |url: &str| Node::builder(url, "k").endpoint().map(|uri| uri.to_string());
        for (url, expected) in [
            ("http://127.0.0.1:8082", "http://127.0.0.1:8082/v1/keys/verify"),
            ("http://127.0.0.1:8082/", "http://127.0.0.1:8082/v1/keys/verify"),
            ("https://keys.internal/claviger/", "https://keys.internal/claviger/v1/keys/verify"),
        ] {
            assert_eq!(endpoint(url).as_deref(), Ok(expected));
        }
        for url in ["", "127.0.0.1:8082", "/v1", "ftp://a", "http://", "http://a?b=c", "http://u:p@a"] {
            assert_eq!(endpoint(url), Err(NodeError::Url(url.into())), "{url}");
        }
    }

    #[cfg(feature = "client")]
    #[test]
    fn what_can_not_be_asked_is_said_when_it_is_built() {
        let refused = |url: &str, key: &str| Node::new(url, key).unwrap_err();
        assert_eq!(refused("https://a", "k"), NodeError::Https);
        for key in ["", "a b", "a\nb", "ü"] {
            assert_eq!(refused("http://a", key), NodeError::OperatorKey);
        }
    }

    #[test]
    fn an_operator_key_is_not_shown() {
        let builder = Node::builder("http://a", "op_secret");
        assert!(!format!("{builder:?}").contains("secret"), "{builder:?}");
    }
}
