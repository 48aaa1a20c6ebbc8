//! Sessions' rows.

use std::net::IpAddr;

use claviger_model::{AccountId, Digest, MemberId, SessionId, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{
    audit,
    columns::{stored, stored_if_any},
    failure::Outcome,
    links, members,
    select::{Select, blob},
};
use crate::{
    AuditNote, Entrance, MemberRow, NewSession, OpenSession, Page, PageRequest, SessionRow, SessionsOf,
    StoreError,
};

pub(super) fn begin(
    connection: &Connection,
    entrance: Entrance,
    new: &NewSession,
    note: &AuditNote,
) -> Outcome<OpenSession> {
    let (member, return_to) = enter(connection, entrance, note.at)?;
    // Who handed one out may have kept it, and whoever is in needs it no more.
    links::end_unused_to_a_password(connection, member.id)?;
    forget(connection, note.at)?;
    links::forget(connection, note.at)?;
    make_room(connection, member.id)?;
    insert(connection, member.id, return_to.as_deref(), new)?;
    // Who signs in is known only now.
    let note = AuditNote { actor: format!("member:{}", member.id), ..note.clone() };
    audit::append(connection, &note, Some(member.account), Some(&new.id.to_string()))?;
    let open = find(connection, new.digest, new.created_at)?;
    Ok(open.ok_or_else(|| StoreError::Internal(format!("{} ended before it began", new.id)))?)
}

/// Who comes in, and where they go back to.
fn enter(connection: &Connection, entrance: Entrance, at: Timestamp) -> Outcome<(MemberRow, Option<String>)> {
    match entrance {
        Entrance::Link { digest, purpose, password } => {
            let link = links::use_up(connection, digest, purpose, at)?;
            if let Some(password) = password {
                members::set_password(connection, link.member.id, Some(&password), None)?;
            }
            if let Some((issuer, subject)) = link.subject {
                members::set_subject(connection, link.member.id, &issuer, &subject)?;
            }
            Ok((link.member, link.return_to))
        }
        Entrance::Member { id, subject } => {
            let member = members::standing(connection, id)?;
            if let Some((issuer, subject)) = subject {
                members::set_subject(connection, id, &issuer, &subject)?;
            }
            Ok((member, None))
        }
    }
}

fn insert(
    connection: &Connection,
    member: MemberId,
    return_to: Option<&str>,
    new: &NewSession,
) -> Outcome<()> {
    let sql = "INSERT INTO sessions (id, member, digest, method, return_to, address, agent,
                                     created_at, seen_at, expires_at)
               VALUES               (?1, ?2,     ?3,     ?4,     ?5,        ?6,      ?7,
                                     ?8,         ?8,      ?9)";
    connection.prepare_cached(sql)?.execute(params![
        new.id.to_bytes(),
        member.to_bytes(),
        new.digest.as_bytes(),
        new.method.as_str(),
        return_to,
        new.address.map(|address| address.to_string()),
        new.agent,
        new.created_at.as_millis(),
        new.expires_at.as_millis(),
    ])?;
    Ok(())
}

/// Leaves the nineteen newest, so that the one to come is the twentieth whatever its id and its clock say.
fn make_room(connection: &Connection, member: MemberId) -> Outcome<()> {
    let sql = "DELETE FROM sessions
                WHERE member = ?1
                  AND id NOT IN (SELECT id
                                   FROM sessions
                                  WHERE member = ?1
                                  ORDER BY created_at DESC, id DESC
                                  LIMIT 19)";
    connection.prepare_cached(sql)?.execute([member.to_bytes()])?;
    Ok(())
}

/// Forgets those that ran out.
fn forget(connection: &Connection, now: Timestamp) -> Outcome<()> {
    let sql = "DELETE FROM sessions WHERE expires_at <= ?1";
    connection.prepare_cached(sql)?.execute([now.as_millis()])?;
    Ok(())
}

pub(super) fn find(connection: &Connection, digest: Digest, now: Timestamp) -> Outcome<Option<OpenSession>> {
    let sql = "SELECT s.id, s.method, s.return_to, s.address, s.agent, s.created_at, s.seen_at, s.expires_at,
                      m.id AS member, m.account, m.email, m.role, m.password IS NOT NULL AS has_password,
                      m.created_at AS joined_at, m.created_by, m.removed_at,
                      a.api, a.name, a.state
                 FROM sessions s
                 JOIN members  m ON m.id = s.member
                 JOIN accounts a ON a.id = m.account
                WHERE s.digest = ?1 AND s.expires_at > ?2 AND m.removed_at IS NULL";
    let values = params![digest.as_bytes(), now.as_millis()];
    Ok(connection.prepare_cached(sql)?.query_one(values, open).optional()?)
}

fn open(row: &Row<'_>) -> rusqlite::Result<OpenSession> {
    Ok(OpenSession {
        session: session(row)?,
        member: members::member(row)?,
        api: row.get("api")?,
        account_name: row.get("name")?,
        account_state: stored(row, "state")?,
    })
}

fn session(row: &Row<'_>) -> rusqlite::Result<SessionRow> {
    Ok(SessionRow {
        id: stored(row, "id")?,
        member: stored(row, "member")?,
        email: stored(row, "email")?,
        method: stored(row, "method")?,
        return_to: row.get("return_to")?,
        address: stored_if_any(row, "address")?,
        agent: row.get("agent")?,
        created_at: stored(row, "created_at")?,
        seen_at: stored(row, "seen_at")?,
        expires_at: stored(row, "expires_at")?,
    })
}

/// Requests that overlap may come in any order: the latest counts.
pub(super) fn touch(
    connection: &Connection,
    id: SessionId,
    at: Timestamp,
    address: Option<IpAddr>,
) -> Outcome<()> {
    let sql =
        "UPDATE sessions SET seen_at = ?2, address = coalesce(?3, address) WHERE id = ?1 AND seen_at <= ?2";
    let address = address.map(|address| address.to_string());
    connection.prepare_cached(sql)?.execute(params![id.to_bytes(), at.as_millis(), address])?;
    Ok(())
}

pub(super) fn list(
    connection: &Connection,
    of: SessionsOf,
    now: Timestamp,
    at: PageRequest<SessionId>,
) -> Outcome<Page<SessionRow, SessionId>> {
    lasting(of, now).and("s.id > ?", at.after.map(SessionId::to_bytes).map(blob)).page(
        connection,
        "s.id",
        at.limit,
        session,
        |session| session.id,
    )
}

pub(super) fn list_newest_first(
    connection: &Connection,
    of: SessionsOf,
    now: Timestamp,
    seen_after: Timestamp,
    at: PageRequest<SessionId>,
) -> Outcome<Page<SessionRow, SessionId>> {
    lasting(of, now)
        .and("s.seen_at > ?", Some(seen_after.as_millis()))
        .and("s.id < ?", at.after.map(SessionId::to_bytes).map(blob))
        .page(connection, "s.id DESC", at.limit, session, |session| session.id)
}

/// Those that have not ended by `now`.
fn lasting(of: SessionsOf, now: Timestamp) -> Select {
    let sql = "SELECT s.id, s.member, m.email, s.method, s.return_to, s.address, s.agent,
                      s.created_at, s.seen_at, s.expires_at
                 FROM sessions s
                 JOIN members m ON m.id = s.member
                WHERE s.expires_at > ?";
    let select = Select::new(sql, now.as_millis());
    match of {
        SessionsOf::Account(id) => {
            let condition = "s.member IN (SELECT id FROM members WHERE account = ? AND removed_at IS NULL)";
            select.and(condition, Some(blob(id.to_bytes())))
        }
        SessionsOf::Member(id) => select.and("s.member = ?", Some(blob(id.to_bytes()))),
        SessionsOf::One(id) => select.and("s.id = ?", Some(blob(id.to_bytes()))),
    }
}

pub(super) fn end(
    connection: &Connection,
    of: SessionsOf,
    within: Option<AccountId>,
    note: &AuditNote,
) -> Outcome<u64> {
    // What ran out was no session any more, and isn't counted.
    forget(connection, note.at)?;
    let Some(account) = account_of(connection, of)? else { return Ok(0) };
    if within.is_some_and(|within| within != account) {
        return Ok(0);
    }
    let (sql, id, subject) = match of {
        SessionsOf::Account(id) => (
            "DELETE FROM sessions WHERE member IN (SELECT id FROM members WHERE account = ?1 AND removed_at IS NULL)",
            id.to_bytes(),
            id.to_string(),
        ),
        SessionsOf::Member(id) => ("DELETE FROM sessions WHERE member = ?1", id.to_bytes(), id.to_string()),
        SessionsOf::One(id) => ("DELETE FROM sessions WHERE id = ?1", id.to_bytes(), id.to_string()),
    };
    let ended = connection.prepare_cached(sql)?.execute([id])?;
    if ended > 0 {
        audit::append(connection, note, Some(account), Some(&subject))?;
    }
    Ok(u64::try_from(ended).unwrap_or(u64::MAX))
}

/// Whose these sessions are. `None` where there is no such member or session.
fn account_of(connection: &Connection, of: SessionsOf) -> Outcome<Option<AccountId>> {
    let (sql, id) = match of {
        SessionsOf::Account(id) => return Ok(Some(id)),
        SessionsOf::Member(id) => ("SELECT account FROM members WHERE id = ?1", id.to_bytes()),
        SessionsOf::One(id) => (
            "SELECT m.account FROM sessions s JOIN members m ON m.id = s.member WHERE s.id = ?1",
            id.to_bytes(),
        ),
    };
    Ok(connection.prepare_cached(sql)?.query_one([id], |row| stored(row, 0)).optional()?)
}

/// Ends those of a member but one. The event is that of what brought it about.
pub(super) fn end_of_member(
    connection: &Connection,
    member: MemberId,
    keep: Option<SessionId>,
) -> Outcome<()> {
    let sql = "DELETE FROM sessions WHERE member = ?1 AND id IS NOT ?2";
    connection.prepare_cached(sql)?.execute(params![member.to_bytes(), keep.map(SessionId::to_bytes)])?;
    Ok(())
}
