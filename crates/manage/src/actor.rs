//! Who asks for a change, and what they may.

use claviger_model::{Ability, AccountId, EventId, MemberAbility, RequestId, RoleSet};
use claviger_store::{AuditNote, Authority, Idempotency};
use claviger_verify::{OperatorPermit, Permit};
use serde_json::Value;

use crate::{Manager, MemberPermit, Refusal};

/// Who asks.
#[derive(Clone, Debug)]
pub enum Actor {
    /// An operator, by an operator key.
    Operator(OperatorPermit),
    /// A customer's program, by a key of its own.
    Key(Box<Permit>),
    /// A person of an account, by their session.
    Member(Box<MemberPermit>),
    /// The process itself: the first operator key, which nobody could be asked for.
    System,
}

/// Who asks, and by which request.
#[derive(Clone, Debug)]
pub struct By {
    /// Who.
    pub actor: Actor,
    /// Which request, as its caller is told.
    pub request: Option<RequestId>,
}

impl Actor {
    /// The actor as the audit trail and `created_by` write it.
    pub fn label(&self) -> String {
        match self {
            Self::Operator(permit) => format!("operator:{}", permit.id()),
            Self::Key(permit) => format!("key:{}", permit.key()),
            Self::Member(permit) => format!("member:{}", permit.member()),
            Self::System => "system".to_owned(),
        }
    }
}

impl Actor {
    /// What the change is allowed by, to be looked at once more when it is made.
    fn authority(&self, needed: Option<MemberAbility>) -> Authority {
        match self {
            Self::Operator(permit) => Authority::Operator(permit.id()),
            Self::Key(permit) => Authority::Secret {
                key: permit.key(),
                number: permit.secret(),
                unrestricted: permit.restrictions().is_empty() && permit.expires_at().is_none(),
            },
            Self::Member(permit) => Authority::Session {
                session: permit.session(),
                roles: needed.map_or(RoleSet::ALL, |ability| permit.roles_with(ability)),
                // Nobody is kept from signing out or from a new password of their own.
                while_suspended: needed.is_none(),
            },
            Self::System => Authority::System,
        }
    }
}

impl By {
    /// Who asks, by `request`.
    pub fn new(actor: Actor, request: RequestId) -> Self {
        Self { actor, request: Some(request) }
    }

    /// The process itself.
    pub fn system() -> Self {
        Self { actor: Actor::System, request: None }
    }

    /// Refuses who is neither an operator with `ability` nor a member whose role may the same. Whoever is let through
    /// still [sees](Self::sees) their own account only.
    pub(crate) fn allow(&self, ability: Ability) -> Result<(), Refusal> {
        match (&self.actor, member_ability(ability)) {
            (Actor::Member(permit), Some(ability)) => permit.require(ability),
            _ => self.require(ability),
        }
    }

    /// Whether what belongs to `account` is there for who asks.
    pub(crate) fn sees(&self, account: AccountId) -> bool {
        match &self.actor {
            Actor::Operator(_) | Actor::System => true,
            Actor::Member(permit) => permit.account() == account,
            Actor::Key(permit) => permit.account() == account,
        }
    }

    /// Whether the people who run this ask, or the process itself.
    pub(crate) fn is_operator(&self) -> bool {
        matches!(self.actor, Actor::Operator(_) | Actor::System)
    }

    /// Refuses who doesn't see `account`, as if it weren't there.
    pub(crate) fn require_sight(&self, account: AccountId) -> Result<(), Refusal> {
        if self.sees(account) { Ok(()) } else { Err(Refusal::NotFound("account")) }
    }

    /// Refuses who is neither an operator with `ability` nor a member whose role may `member_ability`.
    pub(crate) fn allow_either(
        &self,
        ability: Ability,
        member_ability: MemberAbility,
    ) -> Result<(), Refusal> {
        match &self.actor {
            Actor::Member(permit) => permit.require(member_ability),
            _ => self.require(ability),
        }
    }

    /// Refuses who may not say how much a key is used: customers would lift their own limits.
    pub(crate) fn require_limits(&self) -> Result<(), Refusal> {
        match &self.actor {
            Actor::Operator(_) | Actor::System => Ok(()),
            Actor::Key(_) | Actor::Member(_) => {
                Err(Refusal::Forbidden("only the people who run this set rates and quotas".to_owned()))
            }
        }
    }

    /// Refuses who is not an operator with `ability`. A key is never an operator, nor is a member.
    pub fn require(&self, ability: Ability) -> Result<(), Refusal> {
        match &self.actor {
            Actor::Operator(permit) if permit.can(ability) => Ok(()),
            Actor::System => Ok(()),
            Actor::Operator(_) => {
                Err(Refusal::Forbidden(format!("this operator key lacks the ability {}", ability.as_str())))
            }
            Actor::Key(_) => Err(Refusal::Forbidden("an API key is not an operator key".to_owned())),
            Actor::Member(_) => {
                Err(Refusal::Forbidden("only the people who run this may do that".to_owned()))
            }
        }
    }
}

/// What a member's role must include for what an operator needs `ability` for.
const fn member_ability(ability: Ability) -> Option<MemberAbility> {
    match ability {
        Ability::Read => Some(MemberAbility::Read),
        Ability::Manage => Some(MemberAbility::Manage),
        Ability::Reveal => Some(MemberAbility::Reveal),
        Ability::Verify => None,
    }
}

impl Manager {
    /// Refuses a replayed call before it is judged: what could be asked the first time may not be asked now.
    pub(crate) async fn first_time(&self, call: Option<&Idempotency>) -> Result<(), Refusal> {
        match call {
            Some(call) => Ok(self.store.admit(call.clone()).await?),
            None => Ok(()),
        }
    }

    /// What the trail will say of a change of keys or accounts that `by` makes now.
    pub(crate) fn note(&self, by: &By, action: &'static str, detail: Value) -> AuditNote {
        self.note_needing(by, Some(MemberAbility::Manage), action, detail)
    }

    /// The same for a change that a member's role must include `needed` for; `None`: any role will do.
    pub(crate) fn note_needing(
        &self,
        by: &By,
        needed: Option<MemberAbility>,
        action: &'static str,
        detail: Value,
    ) -> AuditNote {
        let at = self.clock.now();
        AuditNote {
            id: EventId::mint(at, &*self.entropy),
            at,
            actor: by.actor.label(),
            authority: by.actor.authority(needed),
            action,
            request: by.request.map(|request| request.to_string()),
            detail,
        }
    }
}
