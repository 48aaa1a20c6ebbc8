//! Asks a Claviger node whether a request's API key is good, and lets only those requests through that it allows.
//!
//! ```no_run
//! use claviger_layer::{ClavigerLayer, Node};
//!
//! # fn wrapped<S>(service: S, operator_key: String) -> Result<impl Sized, Box<dyn std::error::Error>> {
//! use tower_layer::Layer as _;
//! let node = Node::new("http://claviger.internal:8082", operator_key)?;
//! let service = ClavigerLayer::new(node.api("cashcat")).layer(service);
//! # Ok(service)
//! # }
//! ```
//!
//! A request that is allowed reaches the service behind with a [`RemotePermit`] and its [`Scopes`] in its extensions,
//! without its credential and without any `X-Claviger-…` field that its caller wrote. One that isn't is answered in
//! the api's own words, as the node says them. Where the answer can't be known (the node is down, slow, or answers
//! nonsense) the request is answered 503 with `Retry-After`: an outage never reads as a wrong key.
//!
//! No answer is kept. Equal attempts that wait at the same time share one question, and a question answers only
//! attempts that began before it was sent: what was revoked before a request came in is refused.
//!
//! Who decides is behind [`Decide`]: a [`RemoteApi`] asks a node; a replica in the same process is another.

pub mod address;
mod attempt;
pub mod credential;
mod decide;
#[cfg(feature = "axum")]
mod extract;
mod grpc;
pub mod identity;
mod node;
mod permit;
mod plain_key;
mod reading;
mod referrer;
mod remote_api;
mod scopes;
mod service;

pub use address::{Peer, TrustedProxies, TrustedProxiesError};
pub use credential::Carrier;
pub use decide::{Allowed, Answer, Decide, Decision, Indeterminate};
pub use node::{Node, NodeBuilder, NodeError};
pub use permit::{Environment, Limit, RemotePermit};
pub use referrer::only_referrer;
pub use remote_api::RemoteApi;
pub use scopes::{MissingScope, ScopeError, Scopes};
pub use service::{ClavigerLayer, ClavigerService};

#[cfg(feature = "axum")]
pub use extract::NotBehindTheLayer;

/// Compiles what the README shows.
#[cfg(all(doctest, feature = "axum", feature = "client"))]
#[doc = include_str!("../README.md")]
struct Readme;
