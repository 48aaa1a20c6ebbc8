//! The counters that several nodes share: one Lua script on Redis.
//!
//! Redis holds how far the windows of keys are used up, under the keys' ids, for as long as they are; it never holds
//! keys, digests, decisions or sessions. Losing it all begins every window anew and changes nothing else. Quotas are
//! not here: the database reserves them.

mod address;
mod link;
mod script;
mod shared;

pub use address::{AddressError, RedisAddress};
pub use shared::{RedisLimits, UnusableAddress};
