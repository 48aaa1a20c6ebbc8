//! The audit trail's table: events are appended in the transaction of what they tell of, and never changed.

use claviger_model::AccountId;
use tokio_postgres::Row;

use super::{
    ask::Ask,
    change::{Change, Told},
    columns::{array, bind, stored, stored_if_any},
    failure::Outcome,
    pool::Pool,
    select::Select,
};
use crate::{
    AuditEvent, AuditFilter, ChainCheck, Page, PageRequest, StoreError,
    audit::{Entry, Head, Walk},
    words::to_json,
};

/// Events read at a time while the chain is walked.
const STRIDE: u64 = 10_000;

/// Appends these events, and leaves `feed_head` locked.
pub(super) async fn append(change: &Change, told: &[Told]) -> Outcome<()> {
    let sql = "SELECT audit_number, audit_hash FROM feed_head FOR UPDATE";
    let row = change.row(sql, Vec::new()).await?;
    let mut head = head(&row.ok_or_else(|| StoreError::Internal("the trail has no head".to_owned()))?)?;

    let details: Vec<String> = told.iter().map(|event| to_json(&event.note.detail)).collect();
    let (mut entries, mut hashes) = (Vec::with_capacity(told.len()), Vec::with_capacity(told.len()));
    let (mut subjects, mut numbers) = (Vec::new(), Vec::new());
    for (event, detail) in told.iter().zip(&details) {
        let subject = match event.subjects.as_slice() {
            [subject] => Some(subject.as_str()),
            several => {
                subjects.extend(several);
                numbers.extend(std::iter::repeat_n(head.number + 1, several.len()));
                None
            }
        };
        let entry = Entry::new(head.number + 1, &event.note, event.account, subject, detail);
        head = Head { number: entry.number, hash: entry.hash(&head.hash) };
        entries.push(entry);
        hashes.push(head.hash);
    }
    let sql = "WITH told AS (
                   INSERT INTO audit_events (number, id, at, actor, action, account, subject, request, detail, hash)
                   SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
               )
               UPDATE feed_head SET audit_number = $11, audit_hash = $12";
    let mut values = vec![
        array(entries.iter().map(|entry| entry.number)),
        array(entries.iter().map(|entry| entry.id)),
        array(entries.iter().map(|entry| entry.at)),
        array(entries.iter().map(|entry| entry.actor)),
        array(entries.iter().map(|entry| entry.action)),
        array(entries.iter().map(|entry| entry.account)),
        array(entries.iter().map(|entry| entry.subject)),
        array(entries.iter().map(|entry| entry.request)),
        array(entries.iter().map(|entry| entry.detail)),
        array(hashes),
    ];
    values.extend(bind![head.number, head.hash]);
    change.execute(sql, values).await?;
    if !subjects.is_empty() {
        let sql = "INSERT INTO audit_subjects (subject, number) SELECT * FROM unnest($1, $2) ON CONFLICT DO NOTHING";
        change.execute(sql, vec![array(subjects), array(numbers)]).await?;
    }
    Ok(())
}

fn head(row: &Row) -> Outcome<Head> {
    Ok(Head { number: stored(row, "audit_number")?, hash: stored(row, "audit_hash")? })
}

/// Events in the order they happened.
pub(super) async fn list(
    pool: &Pool,
    filter: AuditFilter,
    at: PageRequest<u64>,
) -> Outcome<Page<AuditEvent, u64>> {
    let select = filtered(filter).and("number > ?", at.after);
    select.page(pool, "number", at.limit, event, |event| event.number).await
}

/// The same, the newest first: `at.after` is what a page goes down from.
pub(super) async fn list_newest_first(
    pool: &Pool,
    filter: AuditFilter,
    at: PageRequest<u64>,
) -> Outcome<Page<AuditEvent, u64>> {
    let select = filtered(filter).and("number < ?", at.after);
    select.page(pool, "number DESC", at.limit, event, |event| event.number).await
}

fn filtered(filter: AuditFilter) -> Select {
    let sql = "SELECT number, id, at, actor, action, account, subject, request, detail, hash
                 FROM audit_events
                WHERE true";
    let of_subject = "number IN (SELECT number FROM audit_events   WHERE subject = ?
                                 UNION ALL
                                 SELECT number FROM audit_subjects WHERE subject = ?)";
    Select::new(sql)
        .and("account = ?", filter.account)
        .and(of_subject, filter.subject)
        .and("request = ?", filter.request)
}

fn event(row: &Row) -> Outcome<AuditEvent> {
    Ok(AuditEvent {
        number: stored(row, "number")?,
        id: stored(row, "id")?,
        at: stored(row, "at")?,
        actor: row.try_get("actor")?,
        action: row.try_get("action")?,
        account: stored_if_any(row, "account")?,
        subject: row.try_get("subject")?,
        request: row.try_get("request")?,
        detail: stored(row, "detail")?,
        hash: stored(row, "hash")?,
    })
}

/// Walks the chain in strides, so that no read holds back what may be vacuumed for long.
pub(super) async fn check(from: &impl Ask) -> Outcome<ChainCheck> {
    let mut walk = match begin(from).await? {
        Ok(walk) => walk,
        Err(broken) => return Ok(broken),
    };
    loop {
        let before = walk.reached();
        match stride(from, walk).await? {
            Err(broken) => return Ok(broken),
            Ok(walked) if walked.reached() == before => return Ok(walked.end()),
            Ok(walked) => walk = walked,
        }
    }
}

async fn begin(from: &impl Ask) -> Outcome<Result<Walk, ChainCheck>> {
    let sql = "SELECT audit_number, audit_hash, (SELECT coalesce(max(number), 0) FROM audit_events) AS newest
                 FROM feed_head";
    let row = from.row(sql, Vec::new()).await?;
    let row = row.ok_or_else(|| StoreError::Internal("the trail has no head".to_owned()))?;
    Ok(Walk::towards(head(&row)?, stored(&row, "newest")?))
}

async fn stride(from: &impl Ask, mut walk: Walk) -> Outcome<Result<Walk, ChainCheck>> {
    let sql = "SELECT number, id, at, actor, action, account, subject, request, detail, hash
                 FROM audit_events
                WHERE number > $1 AND number <= $2
                ORDER BY number
                LIMIT $3";
    for row in from.rows(sql, bind![walk.reached(), walk.until(), STRIDE]).await? {
        let hash: [u8; 32] = stored(&row, "hash")?;
        if let Err(broken) = walk.step(&entry(&row)?, &hash) {
            return Ok(Err(broken));
        }
    }
    Ok(Ok(walk))
}

fn entry(row: &Row) -> Outcome<Entry<'_>> {
    let account: Option<AccountId> = stored_if_any(row, "account")?;
    Ok(Entry {
        number: stored(row, "number")?,
        id: stored(row, "id")?,
        at: stored(row, "at")?,
        actor: row.try_get("actor")?,
        action: row.try_get("action")?,
        account,
        subject: row.try_get("subject")?,
        request: row.try_get("request")?,
        detail: row.try_get("detail")?,
    })
}
