//! The audit trail's table: events are appended in the transaction of what they tell of, and never changed.

use claviger_model::AccountId;
use rusqlite::{Connection, Row, params};

use super::{
    columns::{stored, stored_if_any},
    failure::Outcome,
    readers::Readers,
    select::{Select, blob},
    together::together,
};
use crate::{
    AuditEvent, AuditFilter, AuditNote, ChainCheck, Page, PageRequest, StoreError,
    audit::{Entry, Head, Walk},
    words::to_json,
};

/// Events read at a time while the chain is walked.
const STRIDE: u64 = 10_000;

/// Appends the event that `note` tells of.
pub(super) fn append(
    connection: &Connection,
    note: &AuditNote,
    account: Option<AccountId>,
    subject: Option<&str>,
) -> Outcome<()> {
    append_numbered(connection, note, account, subject).map(drop)
}

/// Appends the event that `note` tells of several things: it is found by each of these.
pub(super) fn append_of_all(
    connection: &Connection,
    note: &AuditNote,
    account: Option<AccountId>,
    subjects: &[String],
) -> Outcome<()> {
    if let [subject] = subjects {
        return append(connection, note, account, Some(subject));
    }
    let number = append_numbered(connection, note, account, None)?;
    let sql = |rows: &str| {
        format!("INSERT INTO audit_subjects (subject, number) VALUES {rows} ON CONFLICT DO NOTHING")
    };
    together(connection, subjects, 2, sql, |subject, values| {
        values.put(subject)?;
        values.put(number)
    })
}

fn append_numbered(
    connection: &Connection,
    note: &AuditNote,
    account: Option<AccountId>,
    subject: Option<&str>,
) -> Outcome<u64> {
    let last = head(connection)?;
    let detail = to_json(&note.detail);
    let entry = Entry::new(last.number + 1, note, account, subject, &detail);
    let hash = entry.hash(&last.hash);

    let sql = "INSERT INTO audit_events (number, id, at, actor, action, account, subject, request, detail, hash)
               VALUES                   (?1,     ?2, ?3, ?4,    ?5,     ?6,      ?7,      ?8,      ?9,     ?10)";
    connection.prepare_cached(sql)?.execute(params![
        entry.number,
        entry.id.to_bytes(),
        entry.at.as_millis(),
        entry.actor,
        entry.action,
        entry.account.map(AccountId::to_bytes),
        entry.subject,
        entry.request,
        entry.detail,
        hash,
    ])?;

    let sql = "UPDATE feed_head SET audit_number = ?1, audit_hash = ?2";
    connection.prepare_cached(sql)?.execute(params![entry.number, hash])?;
    Ok(entry.number)
}

fn head(connection: &Connection) -> Outcome<Head> {
    let sql = "SELECT audit_number, audit_hash FROM feed_head";
    let head = |row: &Row<'_>| Ok(Head { number: row.get(0)?, hash: row.get(1)? });
    Ok(connection.prepare_cached(sql)?.query_one([], head)?)
}

/// Events in the order they happened.
pub(super) fn list(
    connection: &Connection,
    filter: AuditFilter,
    at: PageRequest<u64>,
) -> Outcome<Page<AuditEvent, u64>> {
    let sql = "SELECT number, id, at, actor, action, account, subject, request, detail, hash
                 FROM audit_events
                WHERE number > ?";
    // The first value is where the page begins, the second the subject: each is needed twice.
    let of_subject = "number IN (SELECT number FROM audit_events   WHERE subject = ?2 AND number > ?1
                                 UNION ALL
                                 SELECT number FROM audit_subjects WHERE subject = ?2 AND number > ?1)";
    let after = i64::try_from(at.after.unwrap_or(0)).unwrap_or(i64::MAX);
    filtered(Select::new(sql, after).and(of_subject, filter.subject), filter.account, filter.request).page(
        connection,
        "number",
        at.limit,
        event,
        |event| event.number,
    )
}

/// The same, the newest first: `at.after` is what a page goes down from.
pub(super) fn list_newest_first(
    connection: &Connection,
    filter: AuditFilter,
    at: PageRequest<u64>,
) -> Outcome<Page<AuditEvent, u64>> {
    let sql = "SELECT number, id, at, actor, action, account, subject, request, detail, hash
                 FROM audit_events
                WHERE number < ?";
    let of_subject = "number IN (SELECT number FROM audit_events   WHERE subject = ?2 AND number < ?1
                                 UNION ALL
                                 SELECT number FROM audit_subjects WHERE subject = ?2 AND number < ?1)";
    let before = at.after.and_then(|number| i64::try_from(number).ok()).unwrap_or(i64::MAX);
    filtered(Select::new(sql, before).and(of_subject, filter.subject), filter.account, filter.request).page(
        connection,
        "number DESC",
        at.limit,
        event,
        |event| event.number,
    )
}

fn filtered(select: Select, account: Option<AccountId>, request: Option<String>) -> Select {
    select.and("account = ?", account.map(AccountId::to_bytes).map(blob)).and("request = ?", request)
}

fn event(row: &Row<'_>) -> rusqlite::Result<AuditEvent> {
    Ok(AuditEvent {
        number: row.get("number")?,
        id: stored(row, "id")?,
        at: stored(row, "at")?,
        actor: row.get("actor")?,
        action: row.get("action")?,
        account: stored_if_any(row, "account")?,
        subject: row.get("subject")?,
        request: row.get("request")?,
        detail: stored(row, "detail")?,
        hash: row.get("hash")?,
    })
}

/// Walks the chain in strides, so that no read holds the write-ahead log back for long.
pub(super) async fn check(readers: &Readers) -> Result<ChainCheck, StoreError> {
    let mut walk = match readers.run(begin).await? {
        Ok(walk) => walk,
        Err(broken) => return Ok(broken),
    };
    loop {
        let before = walk.reached();
        match readers.run(|connection| stride(connection, walk)).await? {
            Err(broken) => return Ok(broken),
            Ok(walked) if walked.reached() == before => return Ok(walked.end()),
            Ok(walked) => walk = walked,
        }
    }
}

/// The same on one connection, where nobody else is held up.
pub(super) fn check_here(connection: &Connection) -> Outcome<ChainCheck> {
    let mut walk = match begin(connection)? {
        Ok(walk) => walk,
        Err(broken) => return Ok(broken),
    };
    loop {
        let before = walk.reached();
        match stride(connection, walk)? {
            Err(broken) => return Ok(broken),
            Ok(walked) if walked.reached() == before => return Ok(walked.end()),
            Ok(walked) => walk = walked,
        }
    }
}

fn begin(connection: &Connection) -> Outcome<Result<Walk, ChainCheck>> {
    let sql = "SELECT coalesce(max(number), 0) FROM audit_events";
    let newest = connection.query_one(sql, [], |row| row.get(0))?;
    Ok(Walk::towards(head(connection)?, newest))
}

fn stride(connection: &Connection, mut walk: Walk) -> Outcome<Result<Walk, ChainCheck>> {
    let sql = "SELECT number, id, at, actor, action, account, subject, request, detail, hash
                 FROM audit_events
                WHERE number > ?1 AND number <= ?2
                ORDER BY number
                LIMIT ?3";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params![walk.reached(), walk.until(), STRIDE])?;
    while let Some(row) = rows.next()? {
        let hash: [u8; 32] = row.get("hash")?;
        if let Err(broken) = walk.step(&entry(row)?, &hash) {
            return Ok(Err(broken));
        }
    }
    Ok(Ok(walk))
}

fn entry<'row>(row: &'row Row<'_>) -> rusqlite::Result<Entry<'row>> {
    Ok(Entry {
        number: row.get("number")?,
        id: stored(row, "id")?,
        at: stored(row, "at")?,
        actor: row.get_ref("actor")?.as_str()?,
        action: row.get_ref("action")?.as_str()?,
        account: stored_if_any(row, "account")?,
        subject: row.get_ref("subject")?.as_str_or_null()?,
        request: row.get_ref("request")?.as_str_or_null()?,
        detail: row.get_ref("detail")?.as_str()?,
    })
}
