//! Forgetting what is old, and from where an account's keys were used.

use claviger_model::{AccountId, KeyId};

use super::{
    ask::Ask as _,
    authority,
    change::{Change, Left},
    columns::{bind, stored},
    failure::Outcome,
};
use crate::{
    AuditNote, StoreError,
    retention::{AT_ONCE, Old},
};

/// Forgets some of what is old; where to go on. Rows that others hold are left to the next time.
pub(super) async fn forget(change: &Change, old: Old, after: KeyId) -> Outcome<Left<Option<KeyId>>> {
    let sessions = "DELETE FROM sessions
                     WHERE id IN (SELECT id FROM sessions WHERE expires_at < $1 ORDER BY expires_at LIMIT $2
                                     FOR UPDATE SKIP LOCKED)";
    let denials = "DELETE FROM denials
                    WHERE number IN (SELECT number FROM denials WHERE at < $1 ORDER BY at, number LIMIT $2
                                        FOR UPDATE SKIP LOCKED)";
    let counts = "DELETE FROM counts
                   WHERE ctid IN (SELECT ctid FROM counts WHERE day < $1 ORDER BY day LIMIT $2
                                     FOR UPDATE SKIP LOCKED)";
    let at_once = u64::from(AT_ONCE);
    let mut most = 0;
    for sql in [sessions, denials] {
        most = most.max(change.execute(sql, bind![old.before, at_once]).await?);
    }
    most = most.max(change.execute(counts, bind![old.counts_before, at_once]).await?);
    let sql = "SELECT key FROM last_uses WHERE key > $1 ORDER BY key LIMIT $2";
    let found = change.rows(sql, bind![after, at_once]).await?;
    let last: Option<KeyId> = found.last().map(|row| stored(row, "key")).transpose()?;
    if let Some(last) = last {
        let sql = "UPDATE last_uses
                      SET address = NULL
                     FROM (SELECT key, secret
                             FROM last_uses
                            WHERE key > $1 AND key <= $2 AND at < $3 AND address IS NOT NULL
                              FOR UPDATE SKIP LOCKED) AS old
                    WHERE last_uses.key = old.key AND last_uses.secret = old.secret";
        change.execute(sql, bind![after, last, old.before]).await?;
    }
    Ok(Left::made(last.or((most == at_once).then_some(after))))
}

pub(super) async fn erase(change: &mut Change, account: AccountId, note: &AuditNote) -> Outcome<Left<u64>> {
    authority::hold(change, note).await?;
    if change.row("SELECT 1 FROM accounts WHERE id = $1", bind![account]).await?.is_none() {
        return Err(StoreError::NotFound.into());
    }
    let mut erased = 0;
    for sql in [
        "UPDATE last_uses SET address = NULL
          WHERE key IN (SELECT id FROM keys WHERE account = $1) AND address IS NOT NULL",
        "UPDATE denials   SET address = NULL
          WHERE key IN (SELECT id FROM keys WHERE account = $1) AND address IS NOT NULL",
        "UPDATE sessions  SET address = NULL, agent = NULL
          WHERE member IN (SELECT id FROM members WHERE account = $1) AND (address IS NOT NULL OR agent IS NOT NULL)",
    ] {
        erased += change.execute(sql, bind![account]).await?;
    }
    change.tell(note, Some(account), Some(&account));
    Ok(Left::made(erased))
}
