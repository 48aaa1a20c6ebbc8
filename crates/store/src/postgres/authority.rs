//! Whether who asks for a change still may, in the transaction that makes it.
//!
//! Whoever sent the request was judged by its head; its body may have taken a while, and a revocation may have been
//! reported complete meanwhile.

use claviger_model::Role;

use super::{
    ask::Ask,
    change::Change,
    columns::{bind, stored},
    failure::Outcome,
};
use crate::{AuditNote, Authority, StoreError};

/// Refuses a change whose authority was lost since it was judged. What it stands on is locked until the commit: an
/// operator's row here, a key's or a session's account by [`locks`](super::locks).
pub(super) async fn hold(change: &Change, note: &AuditNote) -> Outcome<()> {
    let holds = match note.authority {
        // A link is used up by the change itself, which is refused where there is none to use: to look for it here
        // would be to ask twice.
        Authority::System | Authority::Link => true,
        Authority::Operator(id) => {
            let sql = "SELECT 1 FROM operators WHERE id = $1 AND revoked_at IS NULL FOR SHARE";
            change.row(sql, bind![id]).await?.is_some()
        }
        Authority::Secret { key, number, unrestricted } => {
            let sql = "SELECT 1
                         FROM keys     k
                         JOIN accounts a ON a.id = k.account
                         JOIN secrets  s ON s.key = k.id
                        WHERE k.id = $1
                          AND s.number = $2
                          AND k.state = 'active'
                          AND a.state = 'active'
                          AND k.scopes = '\"all\"'
                          AND (s.ends_at IS NULL OR s.ends_at > $3)
                          AND (k.expires_at IS NULL OR (k.expires_at > $3 AND NOT $4))
                          AND (NOT $4 OR NOT EXISTS (SELECT 1 FROM json_each(k.restrictions::json) AS restriction
                                                      WHERE json_typeof(restriction.value) <> 'null'))";
            change.row(sql, bind![key, number, note.at, unrestricted]).await?.is_some()
        }
        Authority::Session { session, roles, while_suspended } => {
            let sql = "SELECT m.role
                         FROM sessions s
                         JOIN members  m ON m.id = s.member
                         JOIN accounts a ON a.id = m.account
                        WHERE s.id = $1
                          AND s.expires_at > $2
                          AND m.removed_at IS NULL
                          AND ($3 OR a.state = 'active')";
            let found = change.row(sql, bind![session, note.at, while_suspended]).await?;
            let role: Option<Role> = found.map(|row| stored(&row, 0)).transpose()?;
            role.is_some_and(|role| roles.include(role))
        }
    };
    if holds { Ok(()) } else { Err(StoreError::AuthorityLost.into()) }
}
