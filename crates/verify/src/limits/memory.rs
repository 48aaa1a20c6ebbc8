//! A ledger for servers without a database: what it knows ends with the process.

use std::collections::HashMap;

use async_trait::async_trait;
use claviger_model::{KeyId, restriction::LimitName};
use parking_lot::Mutex;

use super::{Allotment, Grant, LedgerError, QuotaLedger};

/// Reservations in memory, one a quota: the period before is forgotten when the next begins.
#[derive(Default)]
pub(super) struct MemoryLedger(Mutex<HashMap<(KeyId, LimitName), (i64, u32)>>);

#[async_trait]
impl QuotaLedger for MemoryLedger {
    async fn reserve(&self, of: &Allotment, amount: u32, limit: u32) -> Result<Grant, LedgerError> {
        let mut accounts = self.0.lock();
        let (begins, reserved) = accounts.entry((of.key, of.name.clone())).or_default();
        if *begins != of.period.begins {
            (*begins, *reserved) = (of.period.begins, 0);
        }
        let granted = amount.min(limit.saturating_sub(*reserved));
        *reserved += granted;
        Ok(Grant { granted, reserved: *reserved })
    }

    async fn give_back(&self, of: &Allotment, amount: u32) -> Result<(), LedgerError> {
        if let Some((begins, reserved)) = self.0.lock().get_mut(&(of.key, of.name.clone()))
            && *begins == of.period.begins
        {
            *reserved = reserved.saturating_sub(amount);
        }
        Ok(())
    }
}
