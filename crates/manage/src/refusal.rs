//! Why a change was not made: what the caller is told, and apart from it what the operator needs.

use std::time::Duration;

use claviger_store::StoreError;

/// One field that can't be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The field, as a JSON Pointer (RFC 6901).
    pub pointer: String,
    /// What is wrong and what to do.
    pub detail: String,
}

impl Fault {
    /// A fault of the field at `pointer`.
    pub fn new(pointer: &str, detail: impl Into<String>) -> Self {
        Self { pointer: pointer.to_owned(), detail: detail.into() }
    }
}

/// Why a change was not made. The text of a variant is for the caller.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// Who asks may not.
    #[error("{0}")]
    Forbidden(String),
    /// No such thing, or none that who asks may know of.
    #[error("no such {0}")]
    NotFound(&'static str),
    /// Fields that can't be taken.
    #[error("{}", .0.iter().map(|fault| format!("{}: {}", fault.pointer, fault.detail)).collect::<Vec<_>>().join("; "))]
    Invalid(Vec<Fault>),
    /// A name beyond the profile's bound.
    #[error("a name may be at most {max} characters long")]
    NameTooLong {
        /// The bound, in characters.
        max: usize,
    },
    /// As many keys as an account may have.
    #[error("the account already has {max} keys, as many as it may have: revoke an unused one first")]
    TooManyKeys {
        /// The bound.
        max: u32,
    },
    /// The key isn't any more as whoever asks saw it.
    #[error("the key was changed meanwhile; nothing of this change was made")]
    ChangedMeanwhile,
    /// The account would be left without a working key.
    #[error("this is the account's last working key: issue another one first")]
    LastKey,
    /// Nobody would be left who may do everything.
    #[error("this is the last operator key that may do everything: issue another one first")]
    LastOperator,
    /// Nothing about a revoked key changes any more.
    #[error("the key is revoked, which can't be undone: issue a new one")]
    Revoked,
    /// An application holds the key.
    #[error("an application holds this key: it can be disabled, enabled or revoked, and nothing else")]
    IsGrant,
    /// An external id names one thing.
    #[error("the external id is already taken")]
    ExternalIdTaken,
    /// The account has this member already.
    #[error("the account has a member with this address already")]
    MemberExists,
    /// Nobody would be left who can say who is a member.
    #[error("this is the account's last administrator: make another one first")]
    LastAdministrator,
    /// The one-time link was used.
    #[error("this link was used already: each works once")]
    LinkUsed,
    /// The one-time link ran out.
    #[error("this link has expired: ask for a new one")]
    LinkExpired,
    /// No such member, or not with this password.
    #[error("the e-mail address or the password is wrong")]
    WrongPassword,
    /// Too many attempts to sign in.
    #[error("too many attempts to sign in: try again in a while")]
    TooManyAttempts {
        /// How long to wait.
        retry_after: Duration,
    },
    /// There is no sealed copy.
    #[error(
        "there is no sealed copy of this key: it was stored as a digest; rotate it to get a secret you can see"
    )]
    NotSealed,
    /// A node that answers is not dead.
    #[error("this is the node that answers, so it is alive: stop it, or ask another node to fence it")]
    NodeAlive,
    /// Who asked was revoked, suspended or narrowed before the change was made.
    #[error("the key that asked is not accepted any more")]
    AuthorityLost,
    /// The same `Idempotency-Key` did this before; its secret is not repeated.
    #[error(
        "this call was made before and created {id}; the secret is shown once: rotate if its answer was lost"
    )]
    AlreadyCreated {
        /// What it created.
        id: String,
    },
    /// The same `Idempotency-Key` came with another request.
    #[error("this Idempotency-Key was used for another request")]
    IdempotencyMismatch,
    /// Nothing was changed; try again.
    #[error("the change could not be made right now; nothing was changed")]
    Unavailable(#[source] StoreError),
    /// Nothing changes here any more.
    #[error(
        "this installation was moved to another database: changes are made there, and nothing was changed here"
    )]
    Moved,
    /// Nothing was changed; there is no room.
    #[error("there is no room left to store the change; nothing was changed")]
    StorageFull,
    /// It may or may not have happened.
    #[error(
        "it is not known whether the change was made: read the resource, or repeat the call with the same Idempotency-Key"
    )]
    OutcomeUnknown(#[source] StoreError),
    /// A fault of ours; the particulars are in the log.
    #[error("something went wrong on our side")]
    Internal(String),
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound => Self::NotFound("resource"),
            StoreError::TooManyKeys { max } => Self::TooManyKeys { max },
            StoreError::ChangedMeanwhile => Self::ChangedMeanwhile,
            StoreError::LastKey => Self::LastKey,
            StoreError::Revoked => Self::Revoked,
            StoreError::IsGrant => Self::IsGrant,
            StoreError::ExternalIdTaken => Self::ExternalIdTaken,
            StoreError::AuthorityLost => Self::AuthorityLost,
            StoreError::MemberExists => Self::MemberExists,
            StoreError::LastAdministrator => Self::LastAdministrator,
            StoreError::LinkUsed => Self::LinkUsed,
            StoreError::LinkExpired => Self::LinkExpired,
            StoreError::AlreadyCreated(id) => Self::AlreadyCreated { id },
            StoreError::IdempotencyMismatch => Self::IdempotencyMismatch,
            StoreError::StorageFull => Self::StorageFull,
            StoreError::Moved => Self::Moved,
            StoreError::Unavailable(_) => Self::Unavailable(error),
            StoreError::OutcomeUnknown(_) => Self::OutcomeUnknown(error),
            StoreError::Internal(detail) => Self::Internal(detail),
        }
    }
}
