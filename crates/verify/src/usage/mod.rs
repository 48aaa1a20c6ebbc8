//! Usage.
mod port;
pub use port::*;
