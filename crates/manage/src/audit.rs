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
        by.allow_either(Ability::Read, MemberAbility::Audit)?;
        let mut filter = filter;
        if let Actor::Member(permit) = &by.actor {
            filter.account = Some(permit.account());
        }
        Ok(self.store.list_audit(filter, page).await?)
    }

    /// Walks the whole chain, from the first event to the head.
    pub async fn check_audit(&self, by: &By) -> Result<ChainCheck, Refusal> {
        by.require(Ability::Read)?;
        Ok(self.store.check_audit().await?)
    }
}
