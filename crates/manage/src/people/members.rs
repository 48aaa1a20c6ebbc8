//! Members: list, change the role, remove.

use claviger_model::{Ability, AccountId, Email, MemberAbility, MemberId, Role, profile::Profile};
use claviger_store::{AuditNote, Authority, MemberChange, MemberFilter, MemberRow, Page, PageRequest};
use serde_json::json;

use super::links::require_may_give;
use crate::{Actor, By, Manager, Receipt, Refusal};

impl Manager {
    /// An account's members, in the order they joined.
    pub async fn list_members(
        &self,
        by: &By,
        account: AccountId,
        page: PageRequest<MemberId>,
    ) -> Result<Page<MemberRow, MemberId>, Refusal> {
        by.allow_either(Ability::Read, MemberAbility::Members)?;
        by.require_sight(account)?;
        self.account(account).await?;
        Ok(self.store.list_members(MemberFilter::of(account), page).await?)
    }

    /// The members with this address, of every account they belong to or of one.
    pub async fn find_members(
        &self,
        by: &By,
        email: Email,
        account: Option<AccountId>,
        page: PageRequest<MemberId>,
    ) -> Result<Page<MemberRow, MemberId>, Refusal> {
        by.require(Ability::Read)?;
        if let Some(account) = account {
            self.account(account).await?;
        }
        Ok(self.store.list_members(MemberFilter { account, email: Some(email) }, page).await?)
    }

    /// One member.
    pub async fn show_member(&self, by: &By, id: MemberId) -> Result<MemberRow, Refusal> {
        by.allow_either(Ability::Read, MemberAbility::Members)?;
        self.standing_member(by, id).await
    }

    /// The address of a member of the account of whoever asks, also of one who was removed: for what they did.
    pub async fn member_address(&self, by: &By, id: MemberId) -> Result<Option<String>, Refusal> {
        by.allow(Ability::Read)?;
        let found = self.store.find_member(id).await?.filter(|member| by.sees(member.account));
        Ok(found.map(|member| member.email.to_string()))
    }

    /// Gives a member another role, and ends every session of theirs but the one that asks; a lower one also ends what they
    /// have allowed applications. The last administrator stays
    /// one, unless an operator wants it.
    pub async fn change_role(&self, by: &By, id: MemberId, role: Role) -> Result<MemberRow, Refusal> {
        by.allow_either(Ability::Manage, MemberAbility::Members)?;
        let member = self.standing_member(by, id).await?;
        let profile = self.profile_of(member.account).await?;
        require_cover(by, &profile, role)?;
        require_cover(by, &profile, member.role)?;
        let note = self.note_needing(by, Some(MemberAbility::Members), "member.role", json!({"role": role}));
        let note = by_who_covers(note, &profile, &[role, member.role]);
        let keep = matches!(by.actor, Actor::Member(_));
        let changed = self.store.change_member(id, None, MemberChange::SetRole(role), keep, note).await;
        let committed = changed.map_err(member_not_found)?;
        if role.is_below(member.role) {
            self.narrowed(committed.seq, Some(&profile.name)).await;
        }
        Ok(committed.value)
    }

    /// Ends a membership, every session of it, and what the member had allowed applications; of the latter is the receipt. The
    /// last administrator stays, unless an operator wants it.
    pub async fn remove_member(&self, by: &By, id: MemberId) -> Result<(MemberRow, Receipt), Refusal> {
        by.allow_either(Ability::Manage, MemberAbility::Members)?;
        let member = self.standing_member(by, id).await?;
        let profile = self.profile_of(member.account).await?;
        require_cover(by, &profile, member.role)?;
        let detail = json!({"email": member.email});
        let note = self.note_needing(by, Some(MemberAbility::Members), "member.remove", detail);
        let note = by_who_covers(note, &profile, &[member.role]);
        let keep = matches!(by.actor, Actor::Member(_));
        let changed = self.store.change_member(id, None, MemberChange::Remove, keep, note).await;
        let committed = changed.map_err(member_not_found)?;
        let receipt = self.narrowed(committed.seq, Some(&profile.name)).await;
        Ok((committed.value, receipt))
    }

    /// A member who was not removed, if they are there for who asks.
    pub(super) async fn standing_member(&self, by: &By, id: MemberId) -> Result<MemberRow, Refusal> {
        let found = self.store.find_member(id).await?;
        let found = found.filter(|member| by.sees(member.account) && member.removed_at.is_none());
        found.ok_or(Refusal::NotFound("member"))
    }
}

/// Members neither give a role that may more than theirs nor touch whoever has one. Operators are above all of them; they
/// get nothing by it, for another role ends what was handed out for the old one.
fn require_cover(by: &By, profile: &Profile, role: Role) -> Result<(), Refusal> {
    match by.actor {
        Actor::Member(_) => require_may_give(by, profile, role),
        Actor::Operator(_) | Actor::Key(_) | Actor::System => Ok(()),
    }
}

/// The same of a member only whose role, when the change is made, may all that these may.
fn by_who_covers(note: AuditNote, profile: &Profile, covered: &[Role]) -> AuditNote {
    let Authority::Session { session, roles, while_suspended } = note.authority else { return note };
    let covers =
        |role: Role| covered.iter().all(|other| profile.roles.of(role).cover(profile.roles.of(*other)));
    let roles = Role::ALL.into_iter().filter(|role| roles.include(*role) && covers(*role)).collect();
    AuditNote { authority: Authority::Session { session, roles, while_suspended }, ..note }
}

pub(super) fn member_not_found(error: claviger_store::StoreError) -> Refusal {
    match Refusal::from(error) {
        Refusal::NotFound(_) => Refusal::NotFound("member"),
        other => other,
    }
}
