//! Whether who asks for a change still may, in the transaction that makes it.
//!
//! Whoever sent the request was judged by its head; its body may have taken a while, and a revocation may have been
//! reported complete meanwhile.

use rusqlite::{Connection, params};

use super::failure::Outcome;
use crate::{AuditNote, Authority, StoreError};

/// Refuses a change whose authority was lost since it was judged.
pub(super) fn hold(connection: &Connection, note: &AuditNote) -> Outcome<()> {
    let holds = match note.authority {
        Authority::System => true,
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
        Authority::Session { .. } | Authority::Link => {
            return Err(StoreError::Internal("not built".to_owned()).into());
        }
    };
    if holds { Ok(()) } else { Err(StoreError::AuthorityLost.into()) }
}
