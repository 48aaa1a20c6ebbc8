//! The ports through which nodes share what is used up.

use async_trait::async_trait;
use claviger_model::{
    KeyId,
    restriction::{LimitName, Period, Rate},
};

use super::{Gcra, Tat};

/// One window of a key. Its state is that of its rate: a rate that is changed begins anew.
#[derive(Clone, Debug)]
pub struct Window {
    /// The rate.
    pub rate: Rate,
    /// What is allowed of it here.
    pub rule: Gcra,
}

/// What became of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// Whether it had room in all windows, and was noted in all.
    pub admitted: bool,
    /// When that was, in microseconds of the clock that the states are on.
    pub now: u64,
    /// The states after it, in the order of the windows.
    pub tats: Vec<Tat>,
}

/// What the nodes share can't be asked, or not in time.
#[derive(Debug, thiserror::Error)]
#[error("the shared counters can't be asked: {0}")]
pub struct SharedLimitsError(pub String);

/// Windows that several nodes use up together, on one clock. It is asked for keys with rates only.
#[async_trait]
pub trait SharedLimits: Send + Sync {
    /// Judges one call by all of a key's windows at once, as [`admit`](super::admit) does.
    async fn judge(&self, key: KeyId, windows: &[Window]) -> Result<Judged, SharedLimitsError>;
}

/// One quota of one key in one period.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Allotment {
    /// The key.
    pub key: KeyId,
    /// The quota's name.
    pub name: LimitName,
    /// The day or month.
    pub period: Period,
}

/// What a ledger has granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Calls that are now whoever's asked, and nobody else's.
    pub granted: u32,
    /// Calls that are granted in this period altogether, these included.
    pub reserved: u32,
}

/// The ledger can't be asked.
#[derive(Debug, thiserror::Error)]
#[error("the ledger of quotas can't be asked: {0}")]
pub struct LedgerError(pub String);

/// Where calls of quotas are reserved before they are used, so that whatever becomes of a node, no call is used twice.
/// Implemented by the store.
#[async_trait]
pub trait QuotaLedger: Send + Sync {
    /// Reserves up to `amount` calls of a quota of `limit`, on disk when it returns. Where little is left, that; where
    /// nothing is, a grant of none.
    async fn reserve(&self, of: &Allotment, amount: u32, limit: u32) -> Result<Grant, LedgerError>;

    /// Takes back `amount` calls that were reserved and not used. Not to be repeated when it fails: it may have
    /// happened.
    async fn give_back(&self, of: &Allotment, amount: u32) -> Result<(), LedgerError>;
}
