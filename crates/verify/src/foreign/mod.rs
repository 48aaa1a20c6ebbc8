//! Keys that are known by another system's hash: which of them a presented one is, and what was learnt of that until the
//! store has it.
//!
//! A hash that is slow to check is checked apart from everything else, a few at a time, and once. Who asks while there is
//! no room for it is told that it can't be known.

mod checks;
mod port;
mod recent;

pub(crate) use self::checks::{Asked, Candidate, Checks};
pub use self::port::{FirstUse, HashCheck};
