//! The endpoints that applications call: token (RFC 6749 §3.2), revocation (RFC 7009), introspection (RFC 7662), dynamic
//! registration (RFC 7591) and metadata (RFC 8414).
//!
//! They are read and answered here; what is granted, and to whom, is `manage`'s to say. Where members are asked is a page,
//! and so the dashboard's.

mod answer;
mod client_auth;
mod endpoints;
mod form;
mod introspect;
mod metadata;
mod place;
mod register;
mod revoke;
mod token;

pub use endpoints::Endpoints;
