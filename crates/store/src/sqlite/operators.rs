//! Operators' rows.

use claviger_model::{Abilities, OperatorId};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{
    audit,
    columns::{stored, stored_if_any},
    failure::Outcome,
    feed::{already, committed},
    idempotency,
    select::{Select, after},
};
use crate::{AuditNote, Committed, Idempotency, NewOperator, OperatorRow, Page, PageRequest, StoreError};

pub(super) fn exist(connection: &Connection) -> Outcome<bool> {
    Ok(connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM operators)")?
        .query_one([], |row| row.get(0))?)
}

pub(super) fn initialise(
    connection: &Connection,
    first: NewOperator,
    note: &AuditNote,
) -> Outcome<Committed<bool>> {
    let initialised = exist(connection)?;
    if !initialised {
        insert(connection, first, None, note)?;
    }
    committed(connection, !initialised)
}

pub(super) fn insert(
    connection: &Connection,
    new: NewOperator,
    call: Option<&Idempotency>,
    note: &AuditNote,
) -> Outcome<Committed<OperatorRow>> {
    idempotency::admit(connection, call)?;
    let NewOperator { id, name, abilities, digest, hint, created_at } = new;
    let sql = "INSERT INTO operators (id, name, abilities, digest, hint, created_at)
               VALUES                (?1, ?2,   ?3,        ?4,     ?5,   ?6)";
    connection.prepare_cached(sql)?.execute(params![
        id.to_bytes(),
        name,
        abilities.to_string(),
        digest.as_bytes(),
        hint,
        created_at.as_millis(),
    ])?;
    let subject = id.to_string();
    audit::append(connection, note, None, Some(&subject))?;
    idempotency::record(connection, call, &subject, note.at)?;
    committed(connection, OperatorRow { id, name, abilities, hint, created_at, revoked_at: None })
}

pub(super) fn list(
    connection: &Connection,
    at: PageRequest<OperatorId>,
) -> Outcome<Page<OperatorRow, OperatorId>> {
    let sql = "SELECT id, name, abilities, hint, created_at, revoked_at FROM operators WHERE id > ?";
    Select::new(sql, after(at.after.map(OperatorId::to_bytes))).page(
        connection,
        "id",
        at.limit,
        operator,
        |operator| operator.id,
    )
}

fn operator(row: &Row<'_>) -> rusqlite::Result<OperatorRow> {
    Ok(OperatorRow {
        id: stored(row, "id")?,
        name: row.get("name")?,
        abilities: stored(row, "abilities")?,
        hint: row.get("hint")?,
        created_at: stored(row, "created_at")?,
        revoked_at: stored_if_any(row, "revoked_at")?,
    })
}

pub(super) fn revoke(
    connection: &Connection,
    id: OperatorId,
    note: &AuditNote,
) -> Outcome<Committed<OperatorRow>> {
    let sql = "SELECT id, name, abilities, hint, created_at, revoked_at FROM operators WHERE id = ?1";
    let found = connection.prepare_cached(sql)?.query_one([id.to_bytes()], operator).optional()?;
    let mut row = found.ok_or(StoreError::NotFound)?;
    if row.revoked_at.is_some() {
        return already(connection, row);
    }
    if row.abilities == Abilities::ALL && !another_may_do_everything(connection, id)? {
        return Err(StoreError::LastKey.into());
    }
    let sql = "UPDATE operators SET revoked_at = ?2 WHERE id = ?1";
    connection.prepare_cached(sql)?.execute(params![id.to_bytes(), note.at.as_millis()])?;
    audit::append(connection, note, None, Some(&id.to_string()))?;
    row.revoked_at = Some(note.at);
    committed(connection, row)
}

/// Nobody gives abilities they lack: without such a key the others' would be all there ever are.
fn another_may_do_everything(connection: &Connection, id: OperatorId) -> Outcome<bool> {
    let sql = "SELECT abilities FROM operators WHERE id <> ?1 AND revoked_at IS NULL";
    let mut statement = connection.prepare_cached(sql)?;
    for abilities in statement.query_map([id.to_bytes()], |row| stored(row, 0))? {
        let abilities: Abilities = abilities?;
        if abilities == Abilities::ALL {
            return Ok(true);
        }
    }
    Ok(false)
}
