//! Long random histories of real verifiers beside an oracle that is too simple to be wrong.
//!
//! A seed determines a history: who is there, whose clocks are fast, what breaks when, what is changed and asked.
//! Several things a second break until a moment from which on nothing does; then every node must come back.

mod chance;
mod change;
mod event;
mod fault;
mod follow;
mod host;
mod network;
mod oracle;
mod request;
mod world;

use self::{
    oracle::Violation,
    world::{Tally, World},
};
use crate::protocol::Planted;

/// One history; what it was, or how it broke a promise.
fn history(seed: u64, planted: Option<Planted>) -> Result<Tally, (Violation, String)> {
    let mut world = World::new(seed, planted);
    let outcome = world.run();
    outcome.map(|()| world.tally).map_err(|violation| (violation, world.last_events()))
}

#[cfg(test)]
mod tests;
