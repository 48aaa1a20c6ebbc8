//! The gateway between raw sockets: what a caller sends, what the upstream receives, and the way back.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod answers;
mod bodies;
mod failures;
mod forwarding;
mod heads;
mod http2;
mod keys;
mod self_service;
mod stage;
mod wire;
