//! The parts of the kit do what they say: a test that relies on a fault can rely on its being there.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod fault_proxy;
mod hammer;
mod namespace;
mod nginx;
mod pgbouncer;
mod redis;
mod standby;
