//! One-time links' rows.

use claviger_model::{Digest, MemberId, Timestamp};
use tokio_postgres::Row;

use super::{
    accounts,
    ask::Ask,
    authority,
    change::{Change, Left},
    columns::{bind, stored, stored_if_any},
    failure::Outcome,
    locks::{self, Within},
    members,
};
use crate::{AuditNote, Existing, LinkPurpose, LinkRow, MemberRow, NewLink, NewMember, StoreError};

/// How long one that ran out is still told from one that never was.
const KEPT_MILLIS: i64 = 7 * 24 * 60 * 60 * 1000;

pub(super) async fn insert(change: &mut Change, new: NewLink) -> Outcome<Left<LinkRow>> {
    locks::take(change, [Within::Account(new.member.account)], [&new.linked]).await?;
    authority::hold(change, &new.linked).await?;
    accounts::find(change, new.member.account).await?.ok_or(StoreError::NotFound)?;
    let NewLink { id, digest, purpose, member, existing, return_to, subject, .. } = new;
    let member = member_of(change, member, existing, &new.joined, &new.role_changed).await?;
    forget(change, new.linked.at).await?;
    let (issuer, subject) = subject.unzip();
    let sql = "INSERT INTO links (id, member, digest, purpose, return_to, created_at, expires_at,
                                  oidc_issuer, oidc_subject)
               VALUES            ($1, $2,     $3,     $4,      $5,        $6,         $7,
                                  $8,          $9)";
    let values = bind![
        id,
        member.id,
        digest,
        purpose.as_str(),
        return_to,
        new.created_at,
        new.expires_at,
        issuer,
        subject,
    ];
    change.execute(sql, values).await?;
    change.tell(&new.linked, Some(member.account), Some(&member.id));
    let link = find(change, digest).await?;
    let link = link.ok_or_else(|| StoreError::Internal(format!("{id} vanished while it was made")))?;
    Ok(Left::made(link))
}

/// For whom a link is: a member already, or one who becomes one by it.
async fn member_of(
    change: &mut Change,
    wanted: NewMember,
    existing: Existing,
    joined: &AuditNote,
    role_changed: &AuditNote,
) -> Outcome<MemberRow> {
    let found = members::with_address(change, wanted.account, &wanted.email).await?;
    match (found, existing) {
        (None, Existing::Require) => Err(StoreError::NotFound.into()),
        (Some(_), Existing::Refuse) => Err(StoreError::MemberExists.into()),
        (None, Existing::Keep | Existing::SetRole | Existing::Refuse) => {
            let member = members::insert(change, wanted).await?;
            change.tell(joined, Some(member.account), Some(&member.id));
            Ok(member)
        }
        (Some(member), Existing::SetRole) if member.role != wanted.role => {
            members::set_role(change, &member, wanted.role, role_changed).await?;
            change.tell(role_changed, Some(member.account), Some(&member.id));
            Ok(MemberRow { role: wanted.role, ..member })
        }
        (Some(member), Existing::Keep | Existing::SetRole | Existing::Require) => Ok(member),
    }
}

pub(super) async fn find(from: &impl Ask, digest: Digest) -> Outcome<Option<LinkRow>> {
    let sql = "SELECT l.id, l.purpose, l.return_to, l.oidc_issuer, l.oidc_subject, l.expires_at, l.used_at,
                      m.id AS member, m.account, m.email, m.role, m.password IS NOT NULL AS has_password,
                      m.created_at AS joined_at, m.created_by, m.removed_at,
                      a.api, a.name
                 FROM links l
                 JOIN members  m ON m.id = l.member
                 JOIN accounts a ON a.id = m.account
                WHERE l.digest = $1 AND m.removed_at IS NULL";
    from.row(sql, bind![digest]).await?.as_ref().map(link).transpose()
}

fn link(row: &Row) -> Outcome<LinkRow> {
    let issuer: Option<String> = row.try_get("oidc_issuer")?;
    Ok(LinkRow {
        id: stored(row, "id")?,
        purpose: stored(row, "purpose")?,
        member: members::member(row)?,
        api: row.try_get::<_, &str>("api")?.into(),
        account_name: row.try_get("name")?,
        return_to: row.try_get("return_to")?,
        subject: issuer.zip(row.try_get("oidc_subject")?),
        expires_at: stored(row, "expires_at")?,
        used_at: stored_if_any(row, "used_at")?,
    })
}

/// The link with this digest, which works no more from here on.
pub(super) async fn use_up(
    change: &Change,
    digest: Digest,
    purpose: LinkPurpose,
    at: Timestamp,
) -> Outcome<LinkRow> {
    let link = find(change, digest).await?.filter(|link| link.purpose == purpose);
    let link = link.ok_or(StoreError::NotFound)?;
    if link.used_at.is_some() {
        return Err(StoreError::LinkUsed.into());
    }
    if link.expires_at <= at {
        return Err(StoreError::LinkExpired.into());
    }
    change.execute("UPDATE links SET used_at = $2 WHERE id = $1", bind![link.id, at]).await?;
    Ok(link)
}

/// Ends those by which somebody sets a password, and that still work.
pub(super) async fn end_unused_to_a_password(change: &Change, member: MemberId) -> Outcome<()> {
    let sql = "DELETE FROM links
                WHERE member = $1 AND used_at IS NULL AND purpose IN ('invitation', 'password')";
    change.execute(sql, bind![member]).await.map(drop)
}

/// Ends those that still work; a used one goes on saying that it was.
pub(super) async fn end_unused(change: &Change, member: MemberId) -> Outcome<()> {
    let sql = "DELETE FROM links WHERE member = $1 AND used_at IS NULL";
    change.execute(sql, bind![member]).await.map(drop)
}

pub(super) async fn end_all(change: &Change, member: MemberId) -> Outcome<()> {
    change.execute("DELETE FROM links WHERE member = $1", bind![member]).await.map(drop)
}

/// Forgets those that ran out long ago. They are of any account: what others hold is left to them.
pub(super) async fn forget(change: &Change, now: Timestamp) -> Outcome<()> {
    let before = Timestamp::from_millis(now.as_millis().saturating_sub(KEPT_MILLIS));
    let sql = "DELETE FROM links
                WHERE id IN (SELECT id FROM links WHERE expires_at < $1 FOR UPDATE SKIP LOCKED)";
    change.execute(sql, bind![before]).await.map(drop)
}
