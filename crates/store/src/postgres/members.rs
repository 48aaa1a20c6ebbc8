//! Members' rows.

use claviger_model::{AccountId, Email, MemberId, Role, SessionId, Timestamp};
use tokio_postgres::Row;

use super::{
    ask::Ask,
    authority,
    change::{Change, Left},
    columns::{bind, stored, stored_if_any},
    failure::Outcome,
    grants, links,
    locks::{self, Within},
    pool::Pool,
    select::Select,
    sessions,
};
use crate::{
    AuditNote, Authority, Candidate, MemberChange, MemberFilter, MemberRow, NewMember, Page, PageRequest,
    PasswordHash, StoreError,
};

pub(super) async fn insert(change: &Change, new: NewMember) -> Outcome<MemberRow> {
    let NewMember { id, account, email, role, created_at, created_by } = new;
    let sql = "INSERT INTO members (id, account, email, role, created_at, created_by)
               VALUES              ($1, $2,      $3,    $4,   $5,         $6)";
    change.execute(sql, bind![id, account, email, role.as_str(), created_at, created_by]).await?;
    let (has_password, removed_at) = (false, None);
    Ok(MemberRow { id, account, email, role, has_password, created_at, created_by, removed_at })
}

pub(super) async fn find(from: &impl Ask, id: MemberId) -> Outcome<Option<MemberRow>> {
    let sql = "SELECT m.id AS member, m.account, m.email, m.role, m.password IS NOT NULL AS has_password,
                      m.created_at AS joined_at, m.created_by, m.removed_at
                 FROM members m
                WHERE m.id = $1";
    from.row(sql, bind![id]).await?.as_ref().map(member).transpose()
}

/// The member, unless they were removed.
pub(super) async fn standing(from: &impl Ask, id: MemberId) -> Outcome<MemberRow> {
    let found = find(from, id).await?.filter(|member| member.removed_at.is_none());
    Ok(found.ok_or(StoreError::NotFound)?)
}

/// The account's member with this address.
pub(super) async fn with_address(
    from: &impl Ask,
    account: AccountId,
    email: &Email,
) -> Outcome<Option<MemberRow>> {
    let sql = "SELECT m.id AS member, m.account, m.email, m.role, m.password IS NOT NULL AS has_password,
                      m.created_at AS joined_at, m.created_by, m.removed_at
                 FROM members m
                WHERE m.account = $1 AND m.email = $2 AND m.removed_at IS NULL";
    from.row(sql, bind![account, email]).await?.as_ref().map(member).transpose()
}

pub(super) async fn list(
    pool: &Pool,
    filter: MemberFilter,
    at: PageRequest<MemberId>,
) -> Outcome<Page<MemberRow, MemberId>> {
    let sql = "SELECT m.id AS member, m.account, m.email, m.role, m.password IS NOT NULL AS has_password,
                      m.created_at AS joined_at, m.created_by, m.removed_at
                 FROM members m
                WHERE m.removed_at IS NULL";
    Select::new(sql)
        .and("m.id > ?", at.after)
        .and("m.account = ?", filter.account)
        .and("m.email = ?", filter.email)
        .page(pool, "m.id", at.limit, member, |member| member.id)
        .await
}

/// Reads the columns of a member, also where they stand beside those of a session or a link.
pub(super) fn member(row: &Row) -> Outcome<MemberRow> {
    Ok(MemberRow {
        id: stored(row, "member")?,
        account: stored(row, "account")?,
        email: stored(row, "email")?,
        role: stored(row, "role")?,
        has_password: row.try_get("has_password")?,
        created_at: stored(row, "joined_at")?,
        created_by: row.try_get("created_by")?,
        removed_at: stored_if_any(row, "removed_at")?,
    })
}

/// Anybody may be made a member by those who never wanted them: whoever has entered isn't pushed out by that.
pub(super) async fn candidates(pool: &Pool, api: &str, email: &Email) -> Outcome<Vec<Candidate>> {
    let sql = "SELECT *
                 FROM (SELECT m.id AS member, m.account, m.email, m.role, m.password IS NOT NULL AS has_password,
                              m.created_at AS joined_at, m.created_by, m.removed_at,
                              m.password, m.oidc_issuer, m.oidc_subject, a.name,
                              m.password IS NOT NULL
                              OR m.oidc_subject IS NOT NULL
                              OR EXISTS (SELECT 1 FROM sessions s WHERE s.member = m.id) AS entered
                         FROM members m
                         JOIN accounts a ON a.id = m.account
                        WHERE m.email = $1 AND a.api = $2 AND m.removed_at IS NULL) AS found
                ORDER BY entered DESC, CASE WHEN entered THEN member END, member DESC
                LIMIT 32";
    pool.rows(sql, bind![email, api]).await?.iter().map(candidate).collect()
}

pub(super) async fn known_as(pool: &Pool, api: &str, issuer: &str, subject: &str) -> Outcome<Vec<Candidate>> {
    let sql = "SELECT m.id AS member, m.account, m.email, m.role, m.password IS NOT NULL AS has_password,
                      m.created_at AS joined_at, m.created_by, m.removed_at,
                      m.password, m.oidc_issuer, m.oidc_subject, a.name
                 FROM members m
                 JOIN accounts a ON a.id = m.account
                WHERE m.oidc_subject = $1 AND m.oidc_issuer = $2 AND a.api = $3 AND m.removed_at IS NULL
                ORDER BY m.id
                LIMIT 32";
    pool.rows(sql, bind![subject, issuer, api]).await?.iter().map(candidate).collect()
}

fn candidate(row: &Row) -> Outcome<Candidate> {
    let issuer: Option<String> = row.try_get("oidc_issuer")?;
    Ok(Candidate {
        member: member(row)?,
        account_name: row.try_get("name")?,
        password: row.try_get::<_, Option<String>>("password")?.map(PasswordHash::new),
        subject: issuer.zip(row.try_get("oidc_subject")?),
    })
}

pub(super) async fn change(
    change: &mut Change,
    id: MemberId,
    within: Option<AccountId>,
    wanted: MemberChange,
    keep_administrator: bool,
    note: &AuditNote,
) -> Outcome<Left<MemberRow>> {
    locks::take(change, [Within::Member(id)], [note]).await?;
    authority::hold(change, note).await?;
    let before = standing(change, id).await?;
    if within.is_some_and(|account| account != before.account) {
        return Err(StoreError::NotFound.into());
    }
    let steps_down = match &wanted {
        MemberChange::SetRole(role) if *role == before.role => return Ok(Left::already(before)),
        MemberChange::SetRole(_) | MemberChange::Remove => before.role == Role::Administrator,
        MemberChange::SetPassword { .. } | MemberChange::ForgetPassword => false,
    };
    if keep_administrator && steps_down && !has_another_administrator(change, &before).await? {
        return Err(StoreError::LastAdministrator.into());
    }
    match wanted {
        MemberChange::SetRole(role) => set_role(change, &before, role, note).await?,
        MemberChange::SetPassword { password, keep } => {
            set_password(change, id, Some(&password), keep).await?;
        }
        MemberChange::ForgetPassword => set_password(change, id, None, None).await?,
        MemberChange::Remove => remove(change, id, note.at).await?,
    }
    change.tell(note, Some(before.account), Some(&id));
    let left = find(change, id).await?;
    let left = left.ok_or_else(|| StoreError::Internal(format!("{id} vanished while they were changed")))?;
    Ok(Left::made(left))
}

async fn has_another_administrator(change: &Change, member: &MemberRow) -> Outcome<bool> {
    let sql = "SELECT 1
                 FROM members
                WHERE account = $1
                  AND role = 'administrator'
                  AND removed_at IS NULL
                  AND id <> $2
                LIMIT 1";
    Ok(change.row(sql, bind![member.account, member.id]).await?.is_some())
}

/// Whoever has a session or a link of the member got it by what the old role may: none goes on by the new one, but for
/// the session that asks. What a higher role allowed applications ends with it.
pub(super) async fn set_role(
    change: &Change,
    before: &MemberRow,
    role: Role,
    note: &AuditNote,
) -> Outcome<()> {
    let id = before.id;
    change.execute("UPDATE members SET role = $2 WHERE id = $1", bind![id, role.as_str()]).await?;
    let asks = match note.authority {
        Authority::Session { session, .. } => Some(session),
        Authority::System | Authority::Link | Authority::Operator(_) | Authority::Secret { .. } => None,
    };
    sessions::end_of_member(change, id, asks).await?;
    if role.is_below(before.role) {
        grants::revoke_of_member(change, id, note.at).await?;
    }
    links::end_unused(change, id).await
}

/// Sets the password, or none. Whoever came in by the old one, or may come in by a link that was sent, is out with it.
pub(super) async fn set_password(
    change: &Change,
    id: MemberId,
    password: Option<&PasswordHash>,
    keep: Option<SessionId>,
) -> Outcome<()> {
    let password = password.map(PasswordHash::expose);
    change.execute("UPDATE members SET password = $2 WHERE id = $1", bind![id, password]).await?;
    sessions::end_of_member(change, id, keep).await?;
    links::end_unused(change, id).await
}

/// Remembers whom a provider knows the member as. Whom it knows already as somebody else is not found.
pub(super) async fn set_subject(change: &Change, id: MemberId, issuer: &str, subject: &str) -> Outcome<()> {
    let sql = "UPDATE members
                  SET oidc_issuer = $2, oidc_subject = $3
                WHERE id = $1 AND (oidc_subject IS NULL OR oidc_issuer = $2 AND oidc_subject = $3)";
    let set = change.execute(sql, bind![id, issuer, subject]).await?;
    if set == 0 { Err(StoreError::NotFound.into()) } else { Ok(()) }
}

/// What they signed in with is forgotten: from here on it would be of use to a thief alone.
async fn remove(change: &Change, id: MemberId, at: Timestamp) -> Outcome<()> {
    let sql = "UPDATE members
                  SET removed_at = $2, password = NULL, oidc_issuer = NULL, oidc_subject = NULL
                WHERE id = $1";
    change.execute(sql, bind![id, at]).await?;
    sessions::end_of_member(change, id, None).await?;
    grants::revoke_of_member(change, id, at).await?;
    links::end_all(change, id).await
}
