//! What members have allowed, shown and taken back.

use claviger_model::{Ability, AccountId, ClientId, MemberAbility, MemberId, Timestamp};
use claviger_store::{ConsentFilter, ConsentId, ConsentRow, Page, PageRequest};
use serde_json::json;

use crate::{Actor, By, Manager, Receipt, Refusal};

const NONE: Refusal = Refusal::NotFound("connected application");

/// What a member has allowed, and when it was last made use of.
#[derive(Clone, Debug)]
pub struct ConsentView {
    /// What the database has.
    pub row: ConsentRow,
    /// When a token by it last worked.
    pub last_used_at: Option<Timestamp>,
}

impl Manager {
    /// What members of an account have allowed: whoever may not manage members sees their own. An account that doesn't
    /// exist is not found rather than empty.
    pub async fn list_consents(
        &self,
        by: &By,
        account: AccountId,
        page: PageRequest<ConsentId>,
    ) -> Result<Page<ConsentView, ConsentId>, Refusal> {
        let member = self.whose_consents(by, account).await?;
        self.consents(ConsentFilter { account, member, client: None }, page).await
    }

    /// One of them.
    pub async fn show_consent(
        &self,
        by: &By,
        account: AccountId,
        id: ConsentId,
    ) -> Result<ConsentView, Refusal> {
        let member = self.whose_consents(by, account).await?.unwrap_or(id.member);
        let filter = ConsentFilter { account, member: Some(member), client: Some(id.client) };
        let found = self.consents(filter, PageRequest { after: None, limit: 1 }).await?.items.pop();
        found.filter(|consent| consent.row.id == id).ok_or(NONE)
    }

    /// Of which member alone whoever asks may see what they have allowed, if of one.
    async fn whose_consents(&self, by: &By, account: AccountId) -> Result<Option<MemberId>, Refusal> {
        by.require_sight(account)?;
        if let Actor::Member(permit) = &by.actor {
            return Ok(Some(permit.member()).filter(|_| !permit.may(MemberAbility::Members)));
        }
        by.require(Ability::Read)?;
        self.account(account).await?;
        Ok(None)
    }

    async fn consents(
        &self,
        filter: ConsentFilter,
        page: PageRequest<ConsentId>,
    ) -> Result<Page<ConsentView, ConsentId>, Refusal> {
        let Page { items: rows, next } = self.store.list_consents(filter, page).await?;
        let keys = rows.iter().flat_map(|row| row.keys.clone()).collect();
        let uses = self.store.last_uses(keys).await?;
        let last_used_at = |row: &ConsentRow| {
            uses.iter().filter(|last| row.keys.contains(&last.secret.key)).map(|last| last.at).max()
        };
        let items =
            rows.into_iter().map(|row| ConsentView { last_used_at: last_used_at(&row), row }).collect();
        Ok(Page { items, next })
    }

    /// Takes back what a member has allowed an application. Returns when no node accepts a token by it.
    pub async fn withdraw(
        &self,
        by: &By,
        account: AccountId,
        client: ClientId,
        member: MemberId,
    ) -> Result<Receipt, Refusal> {
        by.require_sight(account)?;
        let needed = match &by.actor {
            Actor::Member(permit) if permit.member() == member => None,
            Actor::Member(permit) => {
                permit.require(MemberAbility::Members)?;
                Some(MemberAbility::Members)
            }
            _ => {
                by.require(Ability::Manage)?;
                None
            }
        };
        let note = self.note_needing(by, needed, "client.withdraw", json!({"member": member}));
        let withdrawn = self.store.withdraw(client, member, account, note).await;
        let committed = withdrawn.map_err(|error| match Refusal::from(error) {
            Refusal::NotFound(_) => NONE,
            other => other,
        })?;
        Ok(self.narrowed(committed.seq, None).await)
    }
}
