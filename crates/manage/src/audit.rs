//! The audit trail: reading it, and walking its chain.

use claviger_model::{Ability, MemberAbility};
use claviger_store::{AuditEvent, AuditFilter, ChainCheck, Page, PageRequest};

use crate::{Actor, By, Manager, Refusal};

impl Manager {
    /// Events, in the order they happened; a member sees those of their account.
    pub async fn list_audit(
        &self,
        by: &By,
        filter: AuditFilter,
        page: PageRequest<u64>,
    ) -> Result<Page<AuditEvent, u64>, Refusal> {
        let filter = audit_filter(by, filter)?;
        Ok(self.store.list_audit(filter, page).await?)
    }

    /// The same, the newest first.
    pub async fn list_audit_newest_first(
        &self,
        by: &By,
        filter: AuditFilter,
        page: PageRequest<u64>,
    ) -> Result<Page<AuditEvent, u64>, Refusal> {
        let filter = audit_filter(by, filter)?;
        Ok(self.store.list_audit_newest_first(filter, page).await?)
    }

    /// Walks the whole chain, from the first event to the head.
    pub async fn check_audit(&self, by: &By) -> Result<ChainCheck, Refusal> {
        by.require(Ability::Read)?;
        Ok(self.store.check_audit().await?)
    }
}

/// What who asks may see of what is asked for.
fn audit_filter(by: &By, filter: AuditFilter) -> Result<AuditFilter, Refusal> {
    by.allow_either(Ability::Read, MemberAbility::Audit)?;
    match &by.actor {
        Actor::Member(permit) => Ok(AuditFilter { account: Some(permit.account()), ..filter }),
        _ => Ok(filter),
    }
}
