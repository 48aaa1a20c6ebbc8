//! Who asks for a change, and what they may.

use claviger_model::{Ability, EventId, RequestId};
use claviger_store::{AuditNote, Authority, Idempotency};
use claviger_verify::{OperatorPermit, Permit};
use serde_json::Value;

use crate::{Manager, Refusal};

/// Who asks.
#[derive(Clone, Debug)]
pub enum Actor {
    /// An operator, by an operator key.
    Operator(OperatorPermit),
    /// A customer's program, by a key of its own.
    Key(Box<Permit>),
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
            Self::System => "system".to_owned(),
        }
    }
}

impl Actor {
    /// What the change is allowed by, to be looked at once more when it is made.
    fn authority(&self) -> Authority {
        match self {
            Self::Operator(permit) => Authority::Operator(permit.id()),
            Self::Key(permit) => Authority::Secret {
                key: permit.key(),
                number: permit.secret(),
                unrestricted: permit.restrictions().is_empty() && permit.expires_at().is_none(),
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

    /// Refuses who is not an operator with `ability`. A key is never an operator.
    pub fn require(&self, ability: Ability) -> Result<(), Refusal> {
        match &self.actor {
            Actor::Operator(permit) if permit.can(ability) => Ok(()),
            Actor::System => Ok(()),
            Actor::Operator(_) => {
                Err(Refusal::Forbidden(format!("this operator key lacks the ability {}", ability.as_str())))
            }
            Actor::Key(_) => Err(Refusal::Forbidden("an API key is not an operator key".to_owned())),
        }
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

    /// What the trail will say of what `by` does now.
    pub(crate) fn note(&self, by: &By, action: &'static str, detail: Value) -> AuditNote {
        let at = self.clock.now();
        AuditNote {
            id: EventId::mint(at, &*self.entropy),
            at,
            actor: by.actor.label(),
            authority: by.actor.authority(),
            action,
            request: by.request.map(|request| request.to_string()),
            detail,
        }
    }
}
