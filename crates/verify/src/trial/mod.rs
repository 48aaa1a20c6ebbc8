//! Whether the protocol keeps its promises: a model in which every order is tried, and a simulation of long random
//! histories.
//!
//! Both run the code that the program runs: what to ask ([`Course`](crate::follower::Course)), in which order to apply
//! and publish ([`apply`](crate::follower::apply)), what a change waits for ([`Awaited`](crate::nodes::Awaited)) and
//! who is dead ([`Watch`](crate::nodes::Watch)). What is between them, the network and the database, is made up here.

mod database;
mod model;
mod simulation;

/// Whether there is time for the long run of these tests: `./test --long`.
fn is_long() -> bool {
    std::env::var_os("CLAVIGER_LONG").is_some()
}
