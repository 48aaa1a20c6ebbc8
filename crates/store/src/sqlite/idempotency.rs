//! Creating calls that may be repeated: the first one leaves a record in its own transaction.

use claviger_model::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::failure::Outcome;
use crate::{Idempotency, StoreError};

/// Refuses a call that was made before; lets every other pass.
pub(super) fn admit(connection: &Connection, call: Option<&Idempotency>) -> Outcome<()> {
    let Some(call) = call else { return Ok(()) };
    let sql = "DELETE FROM idempotency WHERE at < ?1";
    connection.prepare_cached(sql)?.execute([call.forget_before.as_millis()])?;
    look(connection, call)
}

/// The same, forgetting nothing: for those who only read.
pub(super) fn look(connection: &Connection, call: &Idempotency) -> Outcome<()> {
    let sql = "SELECT fingerprint, subject FROM idempotency WHERE principal = ?1 AND key = ?2 AND at >= ?3";
    let earlier = |row: &Row<'_>| Ok((row.get::<_, [u8; 32]>(0)?, row.get(1)?));
    let values = params![call.principal, call.key, call.forget_before.as_millis()];
    let found = connection.prepare_cached(sql)?.query_one(values, earlier).optional()?;
    match found {
        None => Ok(()),
        Some((fingerprint, subject)) if fingerprint == call.fingerprint => {
            Err(StoreError::AlreadyCreated(subject).into())
        }
        Some(_) => Err(StoreError::IdempotencyMismatch.into()),
    }
}

/// Remembers what the call made.
pub(super) fn record(
    connection: &Connection,
    call: Option<&Idempotency>,
    subject: &str,
    at: Timestamp,
) -> Outcome<()> {
    let Some(call) = call else { return Ok(()) };
    let sql =
        "INSERT INTO idempotency (principal, key, fingerprint, subject, at) VALUES (?1, ?2, ?3, ?4, ?5)";
    connection.prepare_cached(sql)?.execute(params![
        call.principal,
        call.key,
        call.fingerprint,
        subject,
        at.as_millis()
    ])?;
    Ok(())
}
