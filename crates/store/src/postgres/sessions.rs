//! Sessions' rows.

use std::net::IpAddr;

use claviger_model::{AccountId, Digest, MemberId, SessionId, Timestamp};
use tokio_postgres::Row;

use super::{
    ask::Ask,
    authority,
    change::{Change, Left},
    columns::{bind, stored, stored_if_any},
    failure::Outcome,
    links,
    locks::{self, Within},
    members,
    pool::Pool,
    select::Select,
};
use crate::{
    AuditNote, Entrance, MemberRow, NewSession, OpenSession, Page, PageRequest, SessionRow, SessionsOf,
    StoreError,
};

pub(super) async fn begin(
    change: &mut Change,
    entrance: Entrance,
    new: &NewSession,
    note: &AuditNote,
) -> Outcome<Left<OpenSession>> {
    let of = match &entrance {
        Entrance::Link { digest, .. } => Within::Link(*digest),
        Entrance::Member { id, .. } => Within::Member(*id),
    };
    locks::take(change, [of], [note]).await?;
    authority::hold(change, note).await?;
    let (member, return_to) = enter(change, entrance, note.at).await?;
    // Who handed one out may have kept it, and whoever is in needs it no more.
    links::end_unused_to_a_password(change, member.id).await?;
    forget(change, note.at).await?;
    links::forget(change, note.at).await?;
    make_room(change, member.id).await?;
    insert(change, member.id, return_to.as_deref(), new).await?;
    // Who signs in is known only now.
    let note = AuditNote { actor: format!("member:{}", member.id), ..note.clone() };
    change.tell(&note, Some(member.account), Some(&new.id));
    let open = find(change, new.digest, new.created_at).await?;
    let open = open.ok_or_else(|| StoreError::Internal(format!("{} ended before it began", new.id)))?;
    Ok(Left::made(open))
}

/// Who comes in, and where they go back to.
async fn enter(change: &Change, entrance: Entrance, at: Timestamp) -> Outcome<(MemberRow, Option<String>)> {
    match entrance {
        Entrance::Link { digest, purpose, password } => {
            let link = links::use_up(change, digest, purpose, at).await?;
            if let Some(password) = password {
                members::set_password(change, link.member.id, Some(&password), None).await?;
            }
            if let Some((issuer, subject)) = link.subject {
                members::set_subject(change, link.member.id, &issuer, &subject).await?;
            }
            Ok((link.member, link.return_to))
        }
        Entrance::Member { id, subject } => {
            let member = members::standing(change, id).await?;
            if let Some((issuer, subject)) = subject {
                members::set_subject(change, id, &issuer, &subject).await?;
            }
            Ok((member, None))
        }
    }
}

async fn insert(change: &Change, member: MemberId, return_to: Option<&str>, new: &NewSession) -> Outcome<()> {
    let sql = "INSERT INTO sessions (id, member, digest, method, return_to, address, agent,
                                     created_at, seen_at, expires_at)
               VALUES               ($1, $2,     $3,     $4,     $5,        $6,      $7,
                                     $8,         $8,      $9)";
    let values = bind![
        new.id,
        member,
        new.digest,
        new.method.as_str(),
        return_to,
        new.address,
        new.agent,
        new.created_at,
        new.expires_at,
    ];
    change.execute(sql, values).await.map(drop)
}

/// Leaves the nineteen newest, so that the one to come is the twentieth whatever its id and its clock say.
async fn make_room(change: &Change, member: MemberId) -> Outcome<()> {
    let sql = "DELETE FROM sessions
                WHERE member = $1
                  AND id NOT IN (SELECT id
                                   FROM sessions
                                  WHERE member = $1
                                  ORDER BY created_at DESC, id DESC
                                  LIMIT 19)";
    change.execute(sql, bind![member]).await.map(drop)
}

/// Forgets those that ran out. They are of any account: what others hold is left to them.
async fn forget(change: &Change, now: Timestamp) -> Outcome<()> {
    let sql = "DELETE FROM sessions
                WHERE id IN (SELECT id FROM sessions WHERE expires_at <= $1 FOR UPDATE SKIP LOCKED)";
    change.execute(sql, bind![now]).await.map(drop)
}

pub(super) async fn find(from: &impl Ask, digest: Digest, now: Timestamp) -> Outcome<Option<OpenSession>> {
    let sql = "SELECT s.id, s.method, s.return_to, s.address, s.agent, s.created_at, s.seen_at, s.expires_at,
                      m.id AS member, m.account, m.email, m.role, m.password IS NOT NULL AS has_password,
                      m.created_at AS joined_at, m.created_by, m.removed_at,
                      a.api, a.name, a.state
                 FROM sessions s
                 JOIN members  m ON m.id = s.member
                 JOIN accounts a ON a.id = m.account
                WHERE s.digest = $1 AND s.expires_at > $2 AND m.removed_at IS NULL";
    from.row(sql, bind![digest, now]).await?.as_ref().map(open).transpose()
}

fn open(row: &Row) -> Outcome<OpenSession> {
    Ok(OpenSession {
        session: session(row)?,
        member: members::member(row)?,
        api: row.try_get::<_, &str>("api")?.into(),
        account_name: row.try_get("name")?,
        account_state: stored(row, "state")?,
    })
}

fn session(row: &Row) -> Outcome<SessionRow> {
    Ok(SessionRow {
        id: stored(row, "id")?,
        member: stored(row, "member")?,
        email: stored(row, "email")?,
        method: stored(row, "method")?,
        return_to: row.try_get("return_to")?,
        address: stored_if_any(row, "address")?,
        agent: row.try_get("agent")?,
        created_at: stored(row, "created_at")?,
        seen_at: stored(row, "seen_at")?,
        expires_at: stored(row, "expires_at")?,
    })
}

/// Requests that overlap may come in any order: the latest counts.
pub(super) async fn touch(
    change: &Change,
    id: SessionId,
    at: Timestamp,
    address: Option<IpAddr>,
) -> Outcome<Left<()>> {
    let sql =
        "UPDATE sessions SET seen_at = $2, address = coalesce($3, address) WHERE id = $1 AND seen_at <= $2";
    change.execute(sql, bind![id, at, address]).await?;
    Ok(Left::made(()))
}

pub(super) async fn list(
    pool: &Pool,
    of: SessionsOf,
    now: Timestamp,
    at: PageRequest<SessionId>,
) -> Outcome<Page<SessionRow, SessionId>> {
    let select = lasting(of, now).and("s.id > ?", at.after);
    select.page(pool, "s.id", at.limit, session, |session| session.id).await
}

pub(super) async fn list_newest_first(
    pool: &Pool,
    of: SessionsOf,
    now: Timestamp,
    seen_after: Timestamp,
    at: PageRequest<SessionId>,
) -> Outcome<Page<SessionRow, SessionId>> {
    let select = lasting(of, now).and("s.seen_at > ?", Some(seen_after)).and("s.id < ?", at.after);
    select.page(pool, "s.id DESC", at.limit, session, |session| session.id).await
}

/// Those that have not ended by `now`.
fn lasting(of: SessionsOf, now: Timestamp) -> Select {
    let sql = "SELECT s.id, s.member, m.email, s.method, s.return_to, s.address, s.agent,
                      s.created_at, s.seen_at, s.expires_at
                 FROM sessions s
                 JOIN members m ON m.id = s.member
                WHERE true";
    let select = Select::new(sql).and("s.expires_at > ?", Some(now));
    match of {
        SessionsOf::Account(id) => {
            let condition = "s.member IN (SELECT id FROM members WHERE account = ? AND removed_at IS NULL)";
            select.and(condition, Some(id))
        }
        SessionsOf::Member(id) => select.and("s.member = ?", Some(id)),
        SessionsOf::One(id) => select.and("s.id = ?", Some(id)),
    }
}

pub(super) async fn end(
    change: &mut Change,
    of: SessionsOf,
    within: Option<AccountId>,
    note: &AuditNote,
) -> Outcome<Left<u64>> {
    let thing = match of {
        SessionsOf::Account(id) => Within::Account(id),
        SessionsOf::Member(id) => Within::Member(id),
        SessionsOf::One(id) => Within::Session(id),
    };
    locks::take(change, [thing], [note]).await?;
    authority::hold(change, note).await?;
    // What ran out was no session any more, and isn't counted.
    forget(change, note.at).await?;
    let Some(account) = account_of(change, of).await? else { return Ok(Left::made(0)) };
    if within.is_some_and(|within| within != account) {
        return Ok(Left::made(0));
    }
    let (sql, id, subject) = match of {
        SessionsOf::Account(id) => (
            "DELETE FROM sessions
              WHERE expires_at > $2
                AND member IN (SELECT id FROM members WHERE account = $1 AND removed_at IS NULL)",
            id.to_bytes(),
            id.to_string(),
        ),
        SessionsOf::Member(id) => {
            ("DELETE FROM sessions WHERE expires_at > $2 AND member = $1", id.to_bytes(), id.to_string())
        }
        SessionsOf::One(id) => {
            ("DELETE FROM sessions WHERE expires_at > $2 AND id = $1", id.to_bytes(), id.to_string())
        }
    };
    let ended = change.execute(sql, bind![id, note.at]).await?;
    if ended > 0 {
        change.tell(note, Some(account), Some(&subject));
    }
    Ok(Left::made(ended))
}

/// Whose these sessions are. `None` where there is no such member or session.
async fn account_of(change: &Change, of: SessionsOf) -> Outcome<Option<AccountId>> {
    let (sql, id) = match of {
        SessionsOf::Account(id) => return Ok(Some(id)),
        SessionsOf::Member(id) => ("SELECT account FROM members WHERE id = $1", id.to_bytes()),
        SessionsOf::One(id) => (
            "SELECT m.account FROM sessions s JOIN members m ON m.id = s.member WHERE s.id = $1",
            id.to_bytes(),
        ),
    };
    let row = change.row(sql, bind![id]).await?;
    Ok(row.map(|row| stored(&row, 0)).transpose()?)
}

/// Ends those of a member but one. The event is that of what brought it about.
pub(super) async fn end_of_member(change: &Change, member: MemberId, keep: Option<SessionId>) -> Outcome<()> {
    let sql = "DELETE FROM sessions WHERE member = $1 AND id IS DISTINCT FROM $2";
    change.execute(sql, bind![member, keep]).await.map(drop)
}
