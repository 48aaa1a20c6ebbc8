//! The management API over HTTP, and the profiles' self-service endpoints.
//!
//! Handlers extract, call `manage`, answer. The verify call is routed by hand ahead of the router, because it is
//! asked for each request of a company's api. What a customer's program may do is [`OwnKeys`]' to answer, in the
//! words of the api's profile; everything else speaks RFC 9457 problems.

mod accept;
mod by;
mod control;
mod idempotency;
mod json;
mod own;
mod page;
mod problem;
mod routes;
mod strict;
mod verify;
mod view;

pub use axum::body::Body;
pub use control::{Control, ControlParts};
pub use own::{OwnKeys, OwnRequest};
pub use routes::{ProcessFigures, openapi};

/// An answer: in one piece, or as a handler gives it.
pub type Answer = http::Response<http_body_util::Either<http_body_util::Full<bytes::Bytes>, Body>>;
