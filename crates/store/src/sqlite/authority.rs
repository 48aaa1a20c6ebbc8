//! Whether who asks for a change still may, in the transaction that makes it.
//!
//! Whoever sent the request was judged by its head; its body may have taken a while, and a revocation may have been
//! reported complete meanwhile.

use claviger_model::Role;
use rusqlite::{Connection, OptionalExtension, params};

use super::{columns::stored, failure::Outcome};
use crate::{AuditNote, Authority, StoreError};

/// Refuses a change whose authority was lost since it was judged.
pub(super) fn hold(connection: &Connection, note: &AuditNote) -> Outcome<()> {
    let holds = match note.authority {
        // A link is used up by the change itself, which is refused where there is none to use: to look for it here
        // would be to ask twice.
        Authority::System | Authority::Link => true,
        Authority::Operator(id) => {
            let sql = "SELECT EXISTS (SELECT 1 FROM operators WHERE id = ?1 AND revoked_at IS NULL)";
            connection.prepare_cached(sql)?.query_one(params![id.to_bytes()], |row| row.get(0))?
        }
        Authority::Secret { key, number, unrestricted } => {
            let sql = "SELECT EXISTS (
                           SELECT 1
                             FROM keys
                             JOIN accounts ON accounts.id = keys.account
                             JOIN secrets  ON secrets.key = keys.id
                            WHERE keys.id = ?1
                              AND secrets.number = ?2
                              AND keys.state = 'active'
                              AND accounts.state = 'active'
                              AND keys.scopes = json_quote('all')
                              AND (secrets.ends_at IS NULL OR secrets.ends_at > ?3)
                              AND (keys.expires_at IS NULL OR (keys.expires_at > ?3 AND NOT ?4))
                              AND (NOT ?4 OR NOT EXISTS (SELECT 1 FROM json_each(keys.restrictions)
                                                          WHERE json_each.type <> 'null')))";
            let values = params![key.to_bytes(), number, note.at.as_millis(), unrestricted];
            connection.prepare_cached(sql)?.query_one(values, |row| row.get(0))?
        }
        Authority::Session { session, roles, while_suspended } => {
            let sql = "SELECT m.role
                         FROM sessions s
                         JOIN members  m ON m.id = s.member
                         JOIN accounts a ON a.id = m.account
                        WHERE s.id = ?1
                          AND s.expires_at > ?2
                          AND m.removed_at IS NULL
                          AND (?3 OR a.state = 'active')";
            let values = params![session.to_bytes(), note.at.as_millis(), while_suspended];
            let role: Option<Role> =
                connection.prepare_cached(sql)?.query_one(values, |row| stored(row, 0)).optional()?;
            role.is_some_and(|role| roles.include(role))
        }
    };
    if holds { Ok(()) } else { Err(StoreError::AuthorityLost.into()) }
}
