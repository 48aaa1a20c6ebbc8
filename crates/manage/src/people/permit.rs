//! Proof that a request comes from a signed-in member.

use std::sync::Arc;

use claviger_model::{
    AccountId, AccountState, Email, MemberAbility, MemberId, Role, RoleSet, SessionId, Timestamp,
    profile::Roles,
};
use claviger_store::OpenSession;

use crate::Refusal;

/// A member, as their session proves. Only [`Manager::enter`](crate::Manager::enter) and signing in make one.
#[derive(Clone, Debug)]
pub struct MemberPermit {
    open: OpenSession,
    roles: Roles,
}

impl MemberPermit {
    pub(super) fn new(open: OpenSession, roles: Roles) -> Self {
        Self { open, roles }
    }

    /// Who.
    pub fn member(&self) -> MemberId {
        self.open.member.id
    }

    /// By which session.
    pub fn session(&self) -> SessionId {
        self.open.session.id
    }

    /// When their session ends at the latest.
    pub fn expires_at(&self) -> Timestamp {
        self.open.session.expires_at
    }

    /// When it began.
    pub(crate) fn began_at(&self) -> Timestamp {
        self.open.session.created_at
    }

    /// Their account.
    pub fn account(&self) -> AccountId {
        self.open.member.account
    }

    /// The name of their account.
    pub fn account_name(&self) -> &str {
        &self.open.account_name
    }

    /// Whether none of their account's keys works.
    pub fn is_suspended(&self) -> bool {
        self.open.account_state == AccountState::Suspended
    }

    /// The api of their account.
    pub fn api(&self) -> &Arc<str> {
        &self.open.api
    }

    /// Their address.
    pub fn email(&self) -> &Email {
        &self.open.member.email
    }

    /// Their role.
    pub fn role(&self) -> Role {
        self.open.member.role
    }

    /// Whether they have a password.
    pub fn has_password(&self) -> bool {
        self.open.member.has_password
    }

    /// Where they came from and go back to.
    pub fn return_to(&self) -> Option<&str> {
        self.open.session.return_to.as_deref()
    }

    /// Whether their role includes `ability`. Members of a suspended account look, and change nothing.
    pub fn may(&self, ability: MemberAbility) -> bool {
        let looks = matches!(ability, MemberAbility::Read | MemberAbility::Audit);
        (looks || !self.is_suspended()) && self.roles.of(self.role()).include(ability)
    }

    /// Refuses who [may](Self::may) not.
    pub(crate) fn require(&self, ability: MemberAbility) -> Result<(), Refusal> {
        if self.may(ability) {
            Ok(())
        } else if self.is_suspended() {
            Err(Refusal::Forbidden(
                "the account is suspended: nothing changes until it is reinstated".to_owned(),
            ))
        } else {
            Err(Refusal::Forbidden(format!(
                "the role {} may not do this: ask an administrator",
                self.role().as_str()
            )))
        }
    }

    /// The roles that include `ability`.
    pub(crate) fn roles_with(&self, ability: MemberAbility) -> RoleSet {
        self.roles.with(ability)
    }
}
