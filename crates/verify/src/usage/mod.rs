//! What is counted: how often, when last, from where, and what was denied.
//!
//! Nothing here is waited for by an answer, and nothing grows without a bound: what finds no room is dropped and
//! counted as such.

mod decided;
mod denials;
mod endpoint;
mod gather;
mod port;
mod room;
mod tally;
mod writer;

pub use decided::DecidedCount;
pub(crate) use gather::{Gatherer, Seen};
pub use gather::{UsageDropped, UsageWriting};
pub use port::*;
pub use writer::UsageWriter;

#[cfg(test)]
mod tests;
