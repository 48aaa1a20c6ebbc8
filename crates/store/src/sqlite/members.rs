//! Members' rows.

use claviger_model::{AccountId, Email, MemberId, Role, SessionId, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{
    audit,
    columns::{stored, stored_if_any},
    failure::Outcome,
    feed::{already, committed},
    grants, links,
    select::{Select, after, blob},
    sessions,
};
use crate::{
    AuditNote, Authority, Candidate, Committed, MemberChange, MemberFilter, MemberRow, NewMember, Page,
    PageRequest, PasswordHash, StoreError,
};

pub(super) fn insert(connection: &Connection, new: NewMember) -> Outcome<MemberRow> {
    let NewMember { id, account, email, role, created_at, created_by } = new;
    let sql = "INSERT INTO members (id, account, email, role, created_at, created_by)
               VALUES              (?1, ?2,      ?3,    ?4,   ?5,         ?6)";
    connection.prepare_cached(sql)?.execute(params![
        id.to_bytes(),
        account.to_bytes(),
        email.as_str(),
        role.as_str(),
        created_at.as_millis(),
        created_by,
    ])?;
    let (has_password, removed_at) = (false, None);
    Ok(MemberRow { id, account, email, role, has_password, created_at, created_by, removed_at })
}

pub(super) fn find(connection: &Connection, id: MemberId) -> Outcome<Option<MemberRow>> {
    let sql = "SELECT m.id AS member, m.account, m.email, m.role, m.password IS NOT NULL AS has_password,
                      m.created_at AS joined_at, m.created_by, m.removed_at
                 FROM members m
                WHERE m.id = ?1";
    Ok(connection.prepare_cached(sql)?.query_one([id.to_bytes()], member).optional()?)
}

/// The member, unless they were removed.
pub(super) fn standing(connection: &Connection, id: MemberId) -> Outcome<MemberRow> {
    let found = find(connection, id)?.filter(|member| member.removed_at.is_none());
    Ok(found.ok_or(StoreError::NotFound)?)
}

/// The account's member with this address.
pub(super) fn with_address(
    connection: &Connection,
    account: AccountId,
    email: &Email,
) -> Outcome<Option<MemberRow>> {
    let sql = "SELECT m.id AS member, m.account, m.email, m.role, m.password IS NOT NULL AS has_password,
                      m.created_at AS joined_at, m.created_by, m.removed_at
                 FROM members m
                WHERE m.account = ?1 AND m.email = ?2 AND m.removed_at IS NULL";
    let values = params![account.to_bytes(), email.as_str()];
    Ok(connection.prepare_cached(sql)?.query_one(values, member).optional()?)
}

pub(super) fn list(
    connection: &Connection,
    filter: MemberFilter,
    at: PageRequest<MemberId>,
) -> Outcome<Page<MemberRow, MemberId>> {
    let sql = "SELECT m.id AS member, m.account, m.email, m.role, m.password IS NOT NULL AS has_password,
                      m.created_at AS joined_at, m.created_by, m.removed_at
                 FROM members m
                WHERE m.removed_at IS NULL AND m.id > ?";
    Select::new(sql, after(at.after.map(MemberId::to_bytes)))
        .and("m.account = ?", filter.account.map(|account| blob(account.to_bytes())))
        .and("m.email = ?", filter.email.map(|email| email.as_str().to_owned()))
        .page(connection, "m.id", at.limit, member, |member| member.id)
}

/// Reads the columns of a member, also where they stand beside those of a session or a link.
pub(super) fn member(row: &Row<'_>) -> rusqlite::Result<MemberRow> {
    Ok(MemberRow {
        id: stored(row, "member")?,
        account: stored(row, "account")?,
        email: stored(row, "email")?,
        role: stored(row, "role")?,
        has_password: row.get("has_password")?,
        created_at: stored(row, "joined_at")?,
        created_by: row.get("created_by")?,
        removed_at: stored_if_any(row, "removed_at")?,
    })
}

/// Anybody may be made a member by those who never wanted them: whoever has entered isn't pushed out by that.
pub(super) fn candidates(connection: &Connection, api: &str, email: &Email) -> Outcome<Vec<Candidate>> {
    let sql = "SELECT m.id AS member, m.account, m.email, m.role, m.password IS NOT NULL AS has_password,
                      m.created_at AS joined_at, m.created_by, m.removed_at,
                      m.password, m.oidc_issuer, m.oidc_subject, a.name,
                      m.password IS NOT NULL
                      OR m.oidc_subject IS NOT NULL
                      OR EXISTS (SELECT 1 FROM sessions s WHERE s.member = m.id) AS entered
                 FROM members m
                 JOIN accounts a ON a.id = m.account
                WHERE m.email = ?1 AND a.api = ?2 AND m.removed_at IS NULL
                ORDER BY entered DESC, CASE WHEN entered THEN m.id END, m.id DESC
                LIMIT 32";
    let mut statement = connection.prepare_cached(sql)?;
    let found = statement.query_map(params![email.as_str(), api], candidate)?;
    Ok(found.collect::<rusqlite::Result<_>>()?)
}

pub(super) fn known_as(
    connection: &Connection,
    api: &str,
    issuer: &str,
    subject: &str,
) -> Outcome<Vec<Candidate>> {
    let sql = "SELECT m.id AS member, m.account, m.email, m.role, m.password IS NOT NULL AS has_password,
                      m.created_at AS joined_at, m.created_by, m.removed_at,
                      m.password, m.oidc_issuer, m.oidc_subject, a.name
                 FROM members m
                 JOIN accounts a ON a.id = m.account
                WHERE m.oidc_subject = ?1 AND m.oidc_issuer = ?2 AND a.api = ?3 AND m.removed_at IS NULL
                ORDER BY m.id
                LIMIT 32";
    let mut statement = connection.prepare_cached(sql)?;
    let found = statement.query_map(params![subject, issuer, api], candidate)?;
    Ok(found.collect::<rusqlite::Result<_>>()?)
}

fn candidate(row: &Row<'_>) -> rusqlite::Result<Candidate> {
    let issuer: Option<String> = row.get("oidc_issuer")?;
    Ok(Candidate {
        member: member(row)?,
        account_name: row.get("name")?,
        password: row.get::<_, Option<String>>("password")?.map(PasswordHash::new),
        subject: issuer.zip(row.get("oidc_subject")?),
    })
}

pub(super) fn change(
    connection: &Connection,
    id: MemberId,
    within: Option<AccountId>,
    change: MemberChange,
    keep_administrator: bool,
    note: &AuditNote,
) -> Outcome<Committed<MemberRow>> {
    let before = standing(connection, id)?;
    if within.is_some_and(|account| account != before.account) {
        return Err(StoreError::NotFound.into());
    }
    let steps_down = match &change {
        MemberChange::SetRole(role) if *role == before.role => return already(connection, before),
        MemberChange::SetRole(_) | MemberChange::Remove => before.role == Role::Administrator,
        MemberChange::SetPassword { .. } | MemberChange::ForgetPassword => false,
    };
    if keep_administrator && steps_down && !has_another_administrator(connection, &before)? {
        return Err(StoreError::LastAdministrator.into());
    }
    match change {
        MemberChange::SetRole(role) => set_role(connection, &before, role, note)?,
        MemberChange::SetPassword { password, keep } => set_password(connection, id, Some(&password), keep)?,
        MemberChange::ForgetPassword => set_password(connection, id, None, None)?,
        MemberChange::Remove => remove(connection, id, note.at)?,
    }
    audit::append(connection, note, Some(before.account), Some(&id.to_string()))?;
    let left = find(connection, id)?
        .ok_or_else(|| StoreError::Internal(format!("{id} vanished while they were changed")))?;
    committed(connection, left)
}

fn has_another_administrator(connection: &Connection, member: &MemberRow) -> Outcome<bool> {
    let sql = "SELECT EXISTS (SELECT 1
                                FROM members
                               WHERE account = ?1
                                 AND role = 'administrator'
                                 AND removed_at IS NULL
                                 AND id <> ?2)";
    let values = params![member.account.to_bytes(), member.id.to_bytes()];
    Ok(connection.prepare_cached(sql)?.query_one(values, |row| row.get(0))?)
}

/// Whoever has a session or a link of the member got it by what the old role may: none goes on by the new one, but for
/// the session that asks. What a higher role allowed applications ends with it.
pub(super) fn set_role(
    connection: &Connection,
    before: &MemberRow,
    role: Role,
    note: &AuditNote,
) -> Outcome<()> {
    let id = before.id;
    let sql = "UPDATE members SET role = ?2 WHERE id = ?1";
    connection.prepare_cached(sql)?.execute(params![id.to_bytes(), role.as_str()])?;
    let asks = match note.authority {
        Authority::Session { session, .. } => Some(session),
        Authority::System | Authority::Link | Authority::Operator(_) | Authority::Secret { .. } => None,
    };
    sessions::end_of_member(connection, id, asks)?;
    if role.is_below(before.role) {
        grants::revoke_of_member(connection, id, note.at)?;
    }
    links::end_unused(connection, id)
}

/// Sets the password, or none. Whoever came in by the old one, or may come in by a link that was sent, is out with it.
pub(super) fn set_password(
    connection: &Connection,
    id: MemberId,
    password: Option<&PasswordHash>,
    keep: Option<SessionId>,
) -> Outcome<()> {
    let sql = "UPDATE members SET password = ?2 WHERE id = ?1";
    connection.prepare_cached(sql)?.execute(params![id.to_bytes(), password.map(PasswordHash::expose)])?;
    sessions::end_of_member(connection, id, keep)?;
    links::end_unused(connection, id)
}

/// Remembers whom a provider knows the member as. Whom it knows already as somebody else is not found.
pub(super) fn set_subject(connection: &Connection, id: MemberId, issuer: &str, subject: &str) -> Outcome<()> {
    let sql = "UPDATE members
                  SET oidc_issuer = ?2, oidc_subject = ?3
                WHERE id = ?1 AND (oidc_subject IS NULL OR oidc_issuer = ?2 AND oidc_subject = ?3)";
    let set = connection.prepare_cached(sql)?.execute(params![id.to_bytes(), issuer, subject])?;
    if set == 0 { Err(StoreError::NotFound.into()) } else { Ok(()) }
}

/// What they signed in with is forgotten: from here on it would be of use to a thief alone.
fn remove(connection: &Connection, id: MemberId, at: Timestamp) -> Outcome<()> {
    let sql = "UPDATE members
                  SET removed_at = ?2, password = NULL, oidc_issuer = NULL, oidc_subject = NULL
                WHERE id = ?1";
    connection.prepare_cached(sql)?.execute(params![id.to_bytes(), at.as_millis()])?;
    sessions::end_of_member(connection, id, None)?;
    grants::revoke_of_member(connection, id, at)?;
    links::end_all(connection, id)
}
