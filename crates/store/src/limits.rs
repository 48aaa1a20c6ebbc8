//! Which keys count towards the limits of an account. How many there are is asked of the database.

use claviger_model::{KeyState, Timestamp};

use crate::{KeyChange, KeyRow, StoreError};

/// Whether a key is neither revoked nor expired.
pub(crate) fn stands(key: &KeyRow, now: Timestamp) -> bool {
    key.state != KeyState::Revoked && key.expires_at.is_none_or(|at| at > now)
}

/// Whether a key works now.
pub(crate) fn works(key: &KeyRow, now: Timestamp) -> bool {
    key.state == KeyState::Active && stands(key, now)
}

/// Whether a key works until somebody ends it. The last one of these may not go while those that remain are going to
/// expire: an expiry a second ahead would delete the last key.
pub(crate) fn lasts(key: &KeyRow) -> bool {
    key.state == KeyState::Active && key.expires_at.is_none()
}

/// Refuses what would make a grant something else than what its application was allowed.
pub(crate) fn hold_grant(key: &KeyRow, change: &KeyChange) -> Result<(), StoreError> {
    match change {
        KeyChange::Disable | KeyChange::Enable | KeyChange::Revoke => Ok(()),
        KeyChange::Rename(_)
        | KeyChange::Restrict { .. }
        | KeyChange::Describe { .. }
        | KeyChange::Rotate { .. } => match key.client {
            None => Ok(()),
            Some(_) => Err(StoreError::IsGrant),
        },
    }
}
