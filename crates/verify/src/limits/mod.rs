//! How much a key may be used: rates that several nodes may share, and quotas that a crash can't overspend.
//!
//! It comes after the decision, and only for keys that have limits. Rates are judged in memory, or by what the nodes
//! share ([`SharedLimits`]); while that is away, each node enforces its share of them and says so. Quotas are taken
//! from portions that a ledger ([`QuotaLedger`]) has written down before the first call of one is handed out. Nothing
//! here is about keys that are unknown: whoever has no key makes nothing grow.

mod breaker;
mod gcra;
mod limiter;
mod local;
mod memory;
mod port;
mod purse;
mod purses;

pub use gcra::{Gcra, Room, Tat, admit};
pub use limiter::LimitsHealth;
pub(crate) use limiter::{Call, Limiter};
pub use port::*;

#[cfg(test)]
mod tests;
