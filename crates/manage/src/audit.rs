//! The audit trail: reading it, and walking its chain.

use claviger_model::Ability;
use claviger_store::{AuditEvent, AuditFilter, ChainCheck, Page, PageRequest};

use crate::{By, Manager, Refusal};

impl Manager {
    /// Events, in the order they happened.
    pub async fn list_audit(
        &self,
        by: &By,
        filter: AuditFilter,
        page: PageRequest<u64>,
    ) -> Result<Page<AuditEvent, u64>, Refusal> {
        by.require(Ability::Read)?;
        Ok(self.store.list_audit(filter, page).await?)
    }

    /// Walks the whole chain, from the first event to the head.
    pub async fn check_audit(&self, by: &By) -> Result<ChainCheck, Refusal> {
        by.require(Ability::Read)?;
        Ok(self.store.check_audit().await?)
    }
}
