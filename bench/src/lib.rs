//! What the probes have in common: a node filled with made-up keys, and figures with their spread.

mod contract;
mod figures;
mod fill;
mod fixed_answer;
mod host;
mod key_set;
mod keys;

pub use contract::{API, CALLER, ELSEWHERE, NEEDED, NETWORKS, PATH, PATH_BEYOND, SCOPES, contract};
pub use figures::{Figure, measure_pairs};
pub use fill::fill;
pub use fixed_answer::FixedAnswer;
pub use host::{HostClock, StillClock, resident_bytes};
pub use key_set::{ISSUED_AT, Issued, KeySet};
pub use keys::{MadeUp, PLAIN_LENGTH, Plain, Seeded, plain_key, profile};
