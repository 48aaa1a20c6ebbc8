//! What the probes have in common: a node filled with made-up keys, and figures with their spread.

mod figures;
mod fill;
mod host;
mod key_set;
mod keys;

pub use figures::{Figure, measure_pairs};
pub use fill::fill;
pub use host::{HostClock, StillClock, resident_bytes};
pub use key_set::{ISSUED_AT, Issued, KeySet};
pub use keys::{MadeUp, PLAIN_LENGTH, Plain, Seeded, plain_key, profile};
