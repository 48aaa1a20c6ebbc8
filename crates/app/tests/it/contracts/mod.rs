//! The four published contracts, statement by statement: a test's name begins with the number of what it asks.
//!
//! What the contracts say of pages is asked of the pages (`pages`), and everywhere else as far as it holds without one.

mod cashcat;
mod cicosts;
mod codat;
mod curl;
mod example;
mod pages;
mod sdk;
mod shape;
mod wire;

use claviger_testkit::{Server, ServerBuilder};

/// A server with one of the profiles that ship and the built-in upstream.
#[track_caller]
fn serve(profile: &str) -> Server {
    ServerBuilder::new(crate::PROGRAM).profile(profile).start()
}

/// The same, with a wall clock that the test moves.
#[track_caller]
fn serve_with_clock(profile: &str) -> Server {
    ServerBuilder::new(crate::PROGRAM).profile(profile).movable_clock().start()
}
