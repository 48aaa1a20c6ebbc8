//! Creating calls that may be repeated: the first one leaves a record in its own transaction.
//!
//! The record is made before anything else, under the id of what will be created: of two calls at once the second waits
//! for the first one's commit, and finds it.

use claviger_model::Timestamp;

use super::{
    ask::Ask,
    change::Change,
    columns::{bind, stored},
    failure::Outcome,
};
use crate::{Idempotency, StoreError};

/// Records the call that makes `subject`, and refuses one that was made before.
pub(super) async fn claim(
    change: &Change,
    call: Option<&Idempotency>,
    subject: &str,
    at: Timestamp,
) -> Outcome<()> {
    let Some(call) = call else { return Ok(()) };
    // A record that is old enough to be forgotten is as good as none, also where nobody has tidied it away.
    let sql = "INSERT INTO idempotency AS known (principal, key, fingerprint, subject, at)
               VALUES                           ($1,        $2,  $3,          $4,      $5)
               ON CONFLICT (principal, key)
               DO UPDATE SET fingerprint = excluded.fingerprint,
                             subject     = excluded.subject,
                             at          = excluded.at
                       WHERE known.at < $6";
    let values = bind![call.principal, call.key, call.fingerprint, subject, at, call.forget_before];
    if change.execute(sql, values).await? == 0 {
        look(change, call).await?;
        return Err(StoreError::Internal("a repeated call has no record".to_owned()).into());
    }
    forget(change, call.forget_before).await
}

/// What others are looking at is left to them: to wait for it would be to lock in no order.
async fn forget(change: &Change, before: Timestamp) -> Outcome<()> {
    let sql = "DELETE FROM idempotency
                WHERE (principal, key) IN (SELECT principal, key
                                             FROM idempotency
                                            WHERE at < $1
                                            LIMIT 1000
                                              FOR UPDATE SKIP LOCKED)";
    change.execute(sql, bind![before]).await.map(drop)
}

/// Refuses a call that was made before; lets every other pass.
pub(super) async fn look(from: &impl Ask, call: &Idempotency) -> Outcome<()> {
    let sql = "SELECT fingerprint, subject FROM idempotency WHERE principal = $1 AND key = $2 AND at >= $3";
    let Some(row) = from.row(sql, bind![call.principal, call.key, call.forget_before]).await? else {
        return Ok(());
    };
    if stored::<[u8; 32]>(&row, 0)? == call.fingerprint {
        Err(StoreError::AlreadyCreated(row.try_get(1)?).into())
    } else {
        Err(StoreError::IdempotencyMismatch.into())
    }
}
