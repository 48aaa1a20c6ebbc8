//! Why a verb was refused or failed.

/// Why a verb was refused or failed. Refusals changed nothing.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No such thing.
    #[error("not found")]
    NotFound,
    /// The account has as many keys as it may.
    #[error("the account already has {max} keys")]
    TooManyKeys {
        /// The bound.
        max: u32,
    },
    /// The key isn't any more as whoever asks saw it.
    #[error("the key was changed meanwhile")]
    ChangedMeanwhile,
    /// The account would be left with too few working keys.
    #[error("the account's last key can't go")]
    LastKey,
    /// The key is revoked: nothing about it changes any more.
    #[error("the key is revoked")]
    Revoked,
    /// The key is a grant: the application's, and to be switched off, on or revoked as a whole.
    #[error("an application holds the key: it can only be disabled, enabled or revoked")]
    IsGrant,
    /// Another account of this api has this external id, or another key of this account.
    #[error("the external id is taken")]
    ExternalIdTaken,
    /// Who asked may not any more: the operator key was revoked, or the key revoked or narrowed.
    #[error("who asked may not any more")]
    AuthorityLost,
    /// The account has a member with this address.
    #[error("the account has this member already")]
    MemberExists,
    /// The account would be left without an administrator.
    #[error("the account's last administrator can't go")]
    LastAdministrator,
    /// The one-time link was used.
    #[error("the link was used")]
    LinkUsed,
    /// The one-time link ran out.
    #[error("the link has expired")]
    LinkExpired,
    /// The same call was made before and did this.
    #[error("already created: {0}")]
    AlreadyCreated(String),
    /// The same idempotency key was used for another call.
    #[error("the idempotency key was used for another call")]
    IdempotencyMismatch,
    /// There is no room: nothing was changed.
    #[error("the disk is full")]
    StorageFull,
    /// The database can't be reached or is too busy: nothing was changed.
    #[error("the database is unavailable: {0}")]
    Unavailable(String),
    /// The installation was copied to another database: nothing changes here any more.
    #[error("this installation was moved to another database")]
    Moved,
    /// The answer to COMMIT was lost: it may or may not have happened.
    #[error("the outcome is unknown: {0}")]
    OutcomeUnknown(String),
    /// A fault of ours or of the database's content.
    #[error("internal: {0}")]
    Internal(String),
}

impl StoreError {
    /// Whether it failed, rather than was refused.
    pub(crate) fn is_fault(&self) -> bool {
        matches!(
            self,
            Self::StorageFull
                | Self::Unavailable(_)
                | Self::Moved
                | Self::OutcomeUnknown(_)
                | Self::Internal(_)
        )
    }
}
