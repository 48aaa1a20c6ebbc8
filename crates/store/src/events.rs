//! What the audit trail is told of a change, and what it tells.

use claviger_model::{AccountId, EventId, KeyId, OperatorId, RoleSet, SessionId, Timestamp};

/// What the audit trail will say of a change. The store adds the event's place, hash and affected ids.
#[derive(Clone, Debug)]
pub struct AuditNote {
    /// The event's id.
    pub id: EventId,
    /// When it happened.
    pub at: Timestamp,
    /// Who did it, such as `operator:op_…`, `key:key_…` or `system`.
    pub actor: String,
    /// By what right. It is looked at once more inside the transaction: who was allowed to ask may have been
    /// revoked before the last byte of the request came.
    pub authority: Authority,
    /// What was done, such as `key.issue`.
    pub action: &'static str,
    /// The request that asked for it, as its caller was told.
    pub request: Option<String>,
    /// What changed: never a secret.
    pub detail: serde_json::Value,
}

/// By what right a change is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Authority {
    /// The process itself.
    System,
    /// An operator key that isn't revoked.
    Operator(OperatorId),
    /// A secret of a key that works and has every scope.
    Secret {
        /// The key.
        key: KeyId,
        /// Which of its secrets.
        number: u16,
        /// Whether the key must be free of restrictions and of an expiry.
        unrestricted: bool,
    },
    /// A session that lasts, of a member who has one of these roles.
    Session {
        /// The session.
        session: SessionId,
        /// The roles that may.
        roles: RoleSet,
        /// Whether it may be while the account is suspended.
        while_suspended: bool,
    },
    /// A one-time link that still works, which the change uses up.
    Link,
}

/// One event of the audit trail.
#[derive(Clone, Debug)]
pub struct AuditEvent {
    /// Its place in the chain, counted from 1 without gaps.
    pub number: u64,
    /// Its id.
    pub id: EventId,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: String,
    /// What.
    pub action: String,
    /// In which account, if in one.
    pub account: Option<AccountId>,
    /// To which thing: a key's, account's, member's, session's or operator's id in its text form. `None` also where
    /// there are several, which the particulars name.
    pub subject: Option<String>,
    /// By which request.
    pub request: Option<String>,
    /// The particulars.
    pub detail: serde_json::Value,
    /// SHA-256 over the previous event's hash and everything above.
    pub hash: [u8; 32],
}

/// What walking the chain found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChainCheck {
    /// Every event follows from the one before, up to the head.
    Whole {
        /// How many events there are.
        events: u64,
        /// The last event's hash.
        head: [u8; 32],
    },
    /// The first event that doesn't.
    Broken {
        /// Its place.
        number: u64,
        /// What is wrong with it.
        reason: String,
    },
}

/// Which events to list.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// Of this account only.
    pub account: Option<AccountId>,
    /// About this thing only, be it alone or among others.
    pub subject: Option<String>,
    /// By this request only.
    pub request: Option<String>,
}
