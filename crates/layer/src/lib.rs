//! Lets only those requests through to a service that a decision allows.
//!
//! Who decides is behind [`Decide`]. Everything a caller can put into a request head is read the same way by all who
//! do: where the credential is, who claims to be whom, which address counts.

pub mod address;
pub mod credential;
mod decide;
mod grpc;
pub mod identity;
mod referrer;
mod scopes;
mod service;

pub use address::{Peer, TrustedProxies, TrustedProxiesError};
pub use credential::Carrier;
pub use decide::{Allowed, Answer, Decide, Decision, Indeterminate};
pub use referrer::only_referrer;
pub use scopes::{MissingScope, ScopeError, Scopes};
pub use service::{ClavigerLayer, ClavigerService};
