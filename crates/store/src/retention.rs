//! What is remembered for a while only: from where keys were used, attempts that were denied, counts, sessions that ran
//! out.
//!
//! It is forgotten in small batches, so that what is counted meanwhile waits for none of them long.

use claviger_model::{AccountId, KeyId, Timestamp};

use crate::{AuditNote, Store, StoreError};

/// Rows of one kind that are looked at, or forgotten, at a time.
pub(crate) const AT_ONCE: u32 = 1000;

/// What is old.
#[derive(Clone, Copy, Debug)]
pub struct Old {
    /// Addresses of uses, denied attempts, and sessions that ran out, all of before.
    pub before: Timestamp,
    /// Counts of earlier days, counted from 1970-01-01 in UTC.
    pub counts_before: i64,
}

impl Store {
    /// Forgets some of what is old. `after` is what an earlier call returned, where it goes on; `None` says that
    /// everything was looked at.
    pub async fn forget(&self, old: Old, after: Option<KeyId>) -> Result<Option<KeyId>, StoreError> {
        self.0.forget(old, after.unwrap_or(KeyId::from_bytes([0; 16]))).await
    }

    /// Forgets from where the keys of an account were used, and from where its members were signed in; how many
    /// addresses that were.
    pub async fn erase_addresses(&self, account: AccountId, note: AuditNote) -> Result<u64, StoreError> {
        self.0.erase_addresses(account, note).await
    }
}
