//! One-time links' rows.

use claviger_model::{Digest, MemberId, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{
    accounts, audit,
    columns::{stored, stored_if_any},
    failure::Outcome,
    feed::committed,
    members,
};
use crate::{
    AuditNote, Committed, Existing, LinkPurpose, LinkRow, MemberRow, NewLink, NewMember, StoreError,
};

/// How long one that ran out is still told from one that never was.
const KEPT_MILLIS: i64 = 7 * 24 * 60 * 60 * 1000;

pub(super) fn insert(connection: &Connection, new: NewLink) -> Outcome<Committed<LinkRow>> {
    accounts::find(connection, new.member.account)?.ok_or(StoreError::NotFound)?;
    let NewLink { id, digest, purpose, member, existing, return_to, subject, .. } = new;
    let member = member_of(connection, member, existing, &new.joined, &new.role_changed)?;
    forget(connection, new.linked.at)?;
    let (issuer, subject) = subject.unzip();
    let sql = "INSERT INTO links (id, member, digest, purpose, return_to, created_at, expires_at,
                                  oidc_issuer, oidc_subject)
               VALUES            (?1, ?2,     ?3,     ?4,      ?5,        ?6,         ?7,
                                  ?8,          ?9)";
    connection.prepare_cached(sql)?.execute(params![
        id.to_bytes(),
        member.id.to_bytes(),
        digest.as_bytes(),
        purpose.as_str(),
        return_to,
        new.created_at.as_millis(),
        new.expires_at.as_millis(),
        issuer,
        subject,
    ])?;
    audit::append(connection, &new.linked, Some(member.account), Some(&member.id.to_string()))?;
    let link = find(connection, digest)?
        .ok_or_else(|| StoreError::Internal(format!("{id} vanished while it was made")))?;
    committed(connection, link)
}

/// For whom a link is: a member already, or one who becomes one by it.
fn member_of(
    connection: &Connection,
    wanted: NewMember,
    existing: Existing,
    joined: &AuditNote,
    role_changed: &AuditNote,
) -> Outcome<MemberRow> {
    let found = members::with_address(connection, wanted.account, &wanted.email)?;
    match (found, existing) {
        (None, Existing::Require) => Err(StoreError::NotFound.into()),
        (Some(_), Existing::Refuse) => Err(StoreError::MemberExists.into()),
        (None, Existing::Keep | Existing::SetRole | Existing::Refuse) => {
            let member = members::insert(connection, wanted)?;
            audit::append(connection, joined, Some(member.account), Some(&member.id.to_string()))?;
            Ok(member)
        }
        (Some(member), Existing::SetRole) if member.role != wanted.role => {
            members::set_role(connection, &member, wanted.role, role_changed)?;
            audit::append(connection, role_changed, Some(member.account), Some(&member.id.to_string()))?;
            Ok(MemberRow { role: wanted.role, ..member })
        }
        (Some(member), Existing::Keep | Existing::SetRole | Existing::Require) => Ok(member),
    }
}

pub(super) fn find(connection: &Connection, digest: Digest) -> Outcome<Option<LinkRow>> {
    let sql = "SELECT l.id, l.purpose, l.return_to, l.oidc_issuer, l.oidc_subject, l.expires_at, l.used_at,
                      m.id AS member, m.account, m.email, m.role, m.password IS NOT NULL AS has_password,
                      m.created_at AS joined_at, m.created_by, m.removed_at,
                      a.api, a.name
                 FROM links l
                 JOIN members  m ON m.id = l.member
                 JOIN accounts a ON a.id = m.account
                WHERE l.digest = ?1 AND m.removed_at IS NULL";
    Ok(connection.prepare_cached(sql)?.query_one([digest.as_bytes()], link).optional()?)
}

fn link(row: &Row<'_>) -> rusqlite::Result<LinkRow> {
    let issuer: Option<String> = row.get("oidc_issuer")?;
    Ok(LinkRow {
        id: stored(row, "id")?,
        purpose: stored(row, "purpose")?,
        member: members::member(row)?,
        api: row.get("api")?,
        account_name: row.get("name")?,
        return_to: row.get("return_to")?,
        subject: issuer.zip(row.get("oidc_subject")?),
        expires_at: stored(row, "expires_at")?,
        used_at: stored_if_any(row, "used_at")?,
    })
}

/// The link with this digest, which works no more from here on.
pub(super) fn use_up(
    connection: &Connection,
    digest: Digest,
    purpose: LinkPurpose,
    at: Timestamp,
) -> Outcome<LinkRow> {
    let link = find(connection, digest)?.filter(|link| link.purpose == purpose);
    let link = link.ok_or(StoreError::NotFound)?;
    if link.used_at.is_some() {
        return Err(StoreError::LinkUsed.into());
    }
    if link.expires_at <= at {
        return Err(StoreError::LinkExpired.into());
    }
    let sql = "UPDATE links SET used_at = ?2 WHERE id = ?1";
    connection.prepare_cached(sql)?.execute(params![link.id.to_bytes(), at.as_millis()])?;
    Ok(link)
}

/// Ends those by which somebody sets a password, and that still work.
pub(super) fn end_unused_to_a_password(connection: &Connection, member: MemberId) -> Outcome<()> {
    let sql = "DELETE FROM links
                WHERE member = ?1 AND used_at IS NULL AND purpose IN ('invitation', 'password')";
    connection.prepare_cached(sql)?.execute([member.to_bytes()])?;
    Ok(())
}

/// Ends those that still work; a used one goes on saying that it was.
pub(super) fn end_unused(connection: &Connection, member: MemberId) -> Outcome<()> {
    let sql = "DELETE FROM links WHERE member = ?1 AND used_at IS NULL";
    connection.prepare_cached(sql)?.execute([member.to_bytes()])?;
    Ok(())
}

pub(super) fn end_all(connection: &Connection, member: MemberId) -> Outcome<()> {
    connection.prepare_cached("DELETE FROM links WHERE member = ?1")?.execute([member.to_bytes()])?;
    Ok(())
}

/// Forgets those that ran out long ago.
pub(super) fn forget(connection: &Connection, now: Timestamp) -> Outcome<()> {
    let sql = "DELETE FROM links WHERE expires_at < ?1";
    connection.prepare_cached(sql)?.execute([now.as_millis().saturating_sub(KEPT_MILLIS)])?;
    Ok(())
}
