//! What is decided: the in-memory replica of all keys, and the permit that only it can make.
//!
//! It knows no database: records arrive through [`feed::FeedSource`], counts leave through [`usage::UsageSink`], and
//! what several nodes use up together is asked for through [`limits::SharedLimits`] and [`limits::QuotaLedger`].
//! A miss is final (nothing is fetched on demand), and where it can't be known whether a key works the answer is
//! [`Indeterminate`], never a denial.

mod doubt;
#[cfg(test)]
mod fake;
pub mod feed;
mod follower;
pub mod foreign;
mod indeterminate;
mod lease;
pub mod limits;
pub mod nodes;
mod objection;
mod permit;
mod protocol;
mod replica;
mod spread;
#[cfg(test)]
mod trial;
pub mod usage;
mod verifier;

pub use follower::{Follower, Pulse};
pub use indeterminate::{Indeterminate, Readiness};
pub use objection::Objection;
pub use permit::{OperatorPermit, Permit};
pub use replica::ReplicaSize;
pub use verifier::{Decision, Inspected, Verifier};
