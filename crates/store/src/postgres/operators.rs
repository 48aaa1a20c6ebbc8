//! Operators' rows.

use claviger_model::{Abilities, OperatorId};
use tokio_postgres::Row;

use super::{
    ask::Ask,
    authority,
    change::{Change, Left},
    columns::{bind, stored, stored_if_any},
    failure::Outcome,
    idempotency,
    pool::Pool,
    select::Select,
};
use crate::{AuditNote, Idempotency, NewOperator, OperatorRow, Page, PageRequest, StoreError};

pub(super) async fn exist(from: &impl Ask) -> Outcome<bool> {
    Ok(from.row("SELECT 1 FROM operators LIMIT 1", Vec::new()).await?.is_some())
}

/// Of all nodes that begin at once, one makes the first operator: the feed's head is locked before anybody looks.
pub(super) async fn initialise(
    change: &mut Change,
    first: NewOperator,
    note: &AuditNote,
) -> Outcome<Left<bool>> {
    change.lock_head().await?;
    let initialised = exist(change).await?;
    if !initialised {
        insert_row(change, first, note).await?;
    }
    Ok(Left::made(!initialised))
}

pub(super) async fn insert(
    change: &mut Change,
    new: NewOperator,
    call: Option<&Idempotency>,
    note: &AuditNote,
) -> Outcome<Left<OperatorRow>> {
    authority::hold(change, note).await?;
    idempotency::claim(change, call, &new.id.to_string(), note.at).await?;
    insert_row(change, new, note).await.map(Left::made)
}

async fn insert_row(change: &mut Change, new: NewOperator, note: &AuditNote) -> Outcome<OperatorRow> {
    let NewOperator { id, name, abilities, digest, hint, created_at } = new;
    let sql = "INSERT INTO operators (id, name, abilities, digest, hint, created_at)
               VALUES                ($1, $2,   $3,        $4,     $5,   $6)";
    change.execute(sql, bind![id, name, abilities.to_string(), digest, hint, created_at]).await?;
    change.tell(note, None, Some(&id));
    Ok(OperatorRow { id, name, abilities, hint, created_at, revoked_at: None })
}

pub(super) async fn list(pool: &Pool, at: PageRequest<OperatorId>) -> Outcome<Page<OperatorRow, OperatorId>> {
    let sql = "SELECT id, name, abilities, hint, created_at, revoked_at FROM operators WHERE true";
    let select = Select::new(sql).and("id > ?", at.after);
    select.page(pool, "id", at.limit, operator, |operator| operator.id).await
}

fn operator(row: &Row) -> Outcome<OperatorRow> {
    Ok(OperatorRow {
        id: stored(row, "id")?,
        name: row.try_get("name")?,
        abilities: stored(row, "abilities")?,
        hint: row.try_get("hint")?,
        created_at: stored(row, "created_at")?,
        revoked_at: stored_if_any(row, "revoked_at")?,
    })
}

/// All operators are locked, in the order of their ids: whether another one may do everything can't change before the
/// commit, and changes that one of them asked for are waited for.
pub(super) async fn revoke(
    change: &mut Change,
    id: OperatorId,
    note: &AuditNote,
) -> Outcome<Left<OperatorRow>> {
    let sql =
        "SELECT id, name, abilities, hint, created_at, revoked_at FROM operators ORDER BY id FOR UPDATE";
    let rows = change.rows(sql, Vec::new()).await?;
    authority::hold(change, note).await?;
    let all = rows.iter().map(operator).collect::<Outcome<Vec<_>>>()?;
    let mut row = all.iter().find(|operator| operator.id == id).cloned().ok_or(StoreError::NotFound)?;
    if row.revoked_at.is_some() {
        return Ok(Left::already(row));
    }
    // Nobody gives abilities they lack: without such a key the others' would be all there ever are.
    let may_do_everything =
        |operator: &&OperatorRow| operator.revoked_at.is_none() && operator.abilities == Abilities::ALL;
    if row.abilities == Abilities::ALL && all.iter().filter(may_do_everything).all(|other| other.id == id) {
        return Err(StoreError::LastKey.into());
    }
    change.execute("UPDATE operators SET revoked_at = $2 WHERE id = $1", bind![id, note.at]).await?;
    change.tell(note, None, Some(&id));
    row.revoked_at = Some(note.at);
    Ok(Left::made(row))
}
