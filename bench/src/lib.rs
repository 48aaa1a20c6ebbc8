//! What the probes have in common: a node filled with made-up keys, and figures with their spread.

mod figures;
mod host;
mod keys;

pub use figures::{Figure, measure_pairs};
pub use host::{HostClock, StillClock, resident_bytes};
pub use keys::{MadeUp, PLAIN_LENGTH, Plain, Seeded, plain_key, profile};
