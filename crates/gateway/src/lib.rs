//! The decision for proxies: forward auth and Envoy's external authorization for those there are, and our own reverse proxy in front of an upstream.
//!
//! One request comes in, is judged once, and then goes one of three ways: refused in the api's own words, answered by
//! the api's self-service endpoints, or forwarded to the upstream exactly as it was judged. What lasts longer than a
//! second is judged again each second, and ends when it would be refused. Listening, TLS and the wiring belong to whoever
//! holds a [`Gateway`]; this crate knows no database.

mod backends;
mod body;
mod desk;
mod download;
mod ext_authz;
mod forward;
mod forward_auth;
mod gateway;
mod hop_by_hop;
mod leftover;
pub mod limits;
mod misplaced;
mod origin;
mod refusal;
mod resource;
mod self_service;
mod tenure;
mod tunnel;
mod upgrade;
mod upload;
mod upstream;
mod via;

pub use backends::{Backend, Backends, BackendsError};
pub use body::{Body, BodyError, body};
pub use desk::Desk;
pub use ext_authz::ExtAuthz;
pub use forward_auth::ForwardAuth;
pub use gateway::Gateway;
pub use origin::Origin;
pub use self_service::{SelfServiceCall, SelfServiceHandler};
pub use upstream::{InProcess, Upstream};
