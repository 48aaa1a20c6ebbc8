//! Which rows a change locks before it looks at anything: the accounts of what it changes and of whoever asks.
//!
//! Everything within an account changes under the lock of the account's row: its keys, members, sessions and links. So
//! what is counted there, and by what right it is asked for, can't change before the commit.

use std::collections::BTreeSet;

use claviger_model::{AccountId, Digest, KeyId, MemberId, SessionId};

use super::{
    ask::Ask,
    change::Change,
    columns::{Bound, array, bind, stored},
    failure::Outcome,
};
use crate::{AuditNote, Authority};

/// What leads to an account.
#[derive(Clone, Copy, Debug)]
pub(super) enum Within {
    Account(AccountId),
    Key(KeyId),
    Member(MemberId),
    Session(SessionId),
    Link(Digest),
    Refresh(Digest),
}

impl Within {
    /// Where whoever asks by this right has it from.
    fn of(authority: Authority) -> Option<Self> {
        match authority {
            Authority::System | Authority::Link | Authority::Operator(_) => None,
            Authority::Secret { key, .. } => Some(Self::Key(key)),
            Authority::Session { session, .. } => Some(Self::Session(session)),
        }
    }

    /// How its account is found; what has one for ever needs no lock to be looked up.
    fn lookup(self) -> Result<AccountId, (&'static str, Vec<Bound>)> {
        match self {
            Self::Account(id) => Ok(id),
            Self::Key(id) => Err(("SELECT account FROM keys WHERE id = $1", bind![id])),
            Self::Member(id) => Err(("SELECT account FROM members WHERE id = $1", bind![id])),
            Self::Session(id) => Err((
                "SELECT m.account FROM sessions s JOIN members m ON m.id = s.member WHERE s.id = $1",
                bind![id],
            )),
            Self::Link(digest) => Err((
                "SELECT m.account FROM links l JOIN members m ON m.id = l.member WHERE l.digest = $1",
                bind![digest],
            )),
            Self::Refresh(digest) => Err((
                "SELECT k.account FROM refresh_tokens r JOIN keys k ON k.id = r.key WHERE r.digest = $1",
                bind![digest],
            )),
        }
    }
}

/// The account that something leads to, if it is there.
pub(super) async fn account_of(change: &Change, thing: Within) -> Outcome<Option<AccountId>> {
    match thing.lookup() {
        Ok(account) => Ok(Some(account)),
        Err((sql, values)) => Ok(change.row(sql, values).await?.map(|row| stored(&row, 0)).transpose()?),
    }
}

/// Locks the accounts of these things and of whoever asks by the notes' rights, in the order of their ids. What isn't
/// there is passed over: whoever looks next finds that out.
pub(super) async fn take<'a>(
    change: &Change,
    things: impl IntoIterator<Item = Within>,
    notes: impl IntoIterator<Item = &'a AuditNote>,
) -> Outcome<()> {
    let asking: Vec<_> = notes.into_iter().filter_map(|note| Within::of(note.authority)).collect();
    let mut accounts = BTreeSet::new();
    for thing in things.into_iter().chain(asking) {
        accounts.extend(account_of(change, thing).await?);
    }
    if !accounts.is_empty() {
        let sql = "SELECT id FROM accounts WHERE id = ANY($1) ORDER BY id FOR UPDATE";
        change.rows(sql, vec![array(accounts)]).await?;
    }
    Ok(())
}
