//! What members have allowed, shown and taken back.

use claviger_model::{Ability, AccountId, ClientId, MemberAbility, MemberId, Timestamp};
use claviger_store::{ConsentRow, ConsentsOf};
use serde_json::json;

use crate::{Actor, By, Manager, Receipt, Refusal};

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
    pub async fn list_consents(&self, by: &By, account: AccountId) -> Result<Vec<ConsentView>, Refusal> {
        by.require_sight(account)?;
        let of = match &by.actor {
            Actor::Member(permit) if !permit.may(MemberAbility::Members) => {
                ConsentsOf::Member(permit.member())
            }
            Actor::Member(_) => ConsentsOf::Account(account),
            _ => {
                by.require(Ability::Read)?;
                self.account(account).await?;
                ConsentsOf::Account(account)
            }
        };
        let rows = self.store.list_consents(of).await?;
        let keys = rows.iter().flat_map(|row| row.keys.clone()).collect();
        let uses = self.store.last_uses(keys).await?;
        let last_used_at = |row: &ConsentRow| {
            uses.iter().filter(|last| row.keys.contains(&last.secret.key)).map(|last| last.at).max()
        };
        Ok(rows.into_iter().map(|row| ConsentView { last_used_at: last_used_at(&row), row }).collect())
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
            Refusal::NotFound(_) => Refusal::NotFound("connected application"),
            other => other,
        })?;
        Ok(self.narrowed(committed.seq, None).await)
    }
}
