//! The audit chain: how an event is hashed, and how a chain is checked.
//!
//! It reads and writes no database. Both databases keep the same bytes, so a chain can be moved between them.

use claviger_model::{AccountId, EventId, Timestamp};
use sha2::{Digest as _, Sha256};

use crate::{AuditNote, ChainCheck};

/// The hash before the first event.
pub(crate) const GENESIS: [u8; 32] = [0; 32];

/// Keeps hashes of this encoding apart from all other hashes, and from those of later encodings.
const DOMAIN: &[u8] = b"claviger audit event 1";

/// An event as the database has it, its detail as the text that was stored.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry<'a> {
    pub(crate) number: u64,
    pub(crate) id: EventId,
    pub(crate) at: Timestamp,
    pub(crate) actor: &'a str,
    pub(crate) action: &'a str,
    pub(crate) account: Option<AccountId>,
    pub(crate) subject: Option<&'a str>,
    pub(crate) request: Option<&'a str>,
    pub(crate) detail: &'a str,
}

impl<'a> Entry<'a> {
    /// The event that `note` becomes at this place.
    pub(crate) fn new(
        number: u64,
        note: &'a AuditNote,
        account: Option<AccountId>,
        subject: Option<&'a str>,
        detail: &'a str,
    ) -> Self {
        let AuditNote { id, at, actor, authority: _, action, request, detail: _ } = note;
        let request = request.as_deref();
        Self { number, id: *id, at: *at, actor, action, account, subject, request, detail }
    }

    /// SHA-256 over the previous hash and every field, each preceded by its length: no two events encode alike.
    pub(crate) fn hash(&self, previous: &[u8; 32]) -> [u8; 32] {
        let mut hasher = Fields(Sha256::new());
        hasher.field(DOMAIN);
        hasher.field(previous);
        hasher.field(&self.number.to_be_bytes());
        hasher.field(&self.id.to_bytes());
        hasher.field(&self.at.as_millis().to_be_bytes());
        hasher.field(self.actor.as_bytes());
        hasher.field(self.action.as_bytes());
        hasher.optional(self.account.map(AccountId::to_bytes).as_ref().map(<[u8; 16]>::as_slice));
        hasher.optional(self.subject.map(str::as_bytes));
        hasher.optional(self.request.map(str::as_bytes));
        hasher.field(self.detail.as_bytes());
        hasher.0.finalize().into()
    }
}

struct Fields(Sha256);

impl Fields {
    fn field(&mut self, bytes: &[u8]) {
        let length = u64::try_from(bytes.len()).expect("a length in memory fits 64 bits");
        self.0.update(length.to_be_bytes());
        self.0.update(bytes);
    }

    /// Absent and empty differ: one byte says which.
    fn optional(&mut self, bytes: Option<&[u8]>) {
        self.0.update([u8::from(bytes.is_some())]);
        self.field(bytes.unwrap_or_default());
    }
}

/// Where a chain ends: the number of its last event, and that event's hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) number: u64,
    pub(crate) hash: [u8; 32],
}

/// A walk along a chain, from its first event to a head that was read before.
#[derive(Debug)]
pub(crate) struct Walk {
    reached: Head,
    head: Head,
}

impl Walk {
    /// `newest` is the greatest number among the events when the head was read.
    pub(crate) fn towards(head: Head, newest: u64) -> Result<Self, ChainCheck> {
        if newest > head.number {
            return Err(broken(
                newest,
                format!("the chain ends at {}, yet there is this event", head.number),
            ));
        }
        Ok(Self { reached: Head { number: 0, hash: GENESIS }, head })
    }

    /// Where the walk ends: events that came later are no part of it.
    pub(crate) fn until(&self) -> u64 {
        self.head.number
    }

    /// The number of the last event that was found whole.
    pub(crate) fn reached(&self) -> u64 {
        self.reached.number
    }

    /// Takes the next event there is; the error says what is wrong with it.
    pub(crate) fn step(&mut self, entry: &Entry<'_>, hash: &[u8; 32]) -> Result<(), ChainCheck> {
        let expected = self.reached.number + 1;
        if entry.number != expected {
            return Err(broken(
                expected,
                format!("it is missing: after {} comes {}", expected - 1, entry.number),
            ));
        }
        if entry.hash(&self.reached.hash) != *hash {
            return Err(broken(
                entry.number,
                "its hash doesn't follow from what it says and the event before".to_owned(),
            ));
        }
        self.reached = Head { number: entry.number, hash: *hash };
        Ok(())
    }

    /// What was found, once there are no more events.
    pub(crate) fn end(self) -> ChainCheck {
        if self.reached.number < self.head.number {
            let missing = self.reached.number + 1;
            return broken(missing, format!("it is missing: the chain goes on to {}", self.head.number));
        }
        if self.reached.hash != self.head.hash {
            return broken(self.reached.number, "it is not the event the chain ended with".to_owned());
        }
        ChainCheck::Whole { events: self.reached.number, head: self.reached.hash }
    }
}

fn broken(number: u64, reason: String) -> ChainCheck {
    ChainCheck::Broken { number, reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(number: u64) -> Entry<'static> {
        Entry {
            number,
            id: EventId::from_bytes([1; 16]),
            at: Timestamp::from_millis(1_736_937_000_000),
            actor: "system",
            action: "key.issue",
            account: None,
            subject: None,
            request: None,
            detail: "{}",
        }
    }

    #[test]
    fn the_hash_of_an_event_never_changes_between_versions() {
        let hash = entry(1).hash(&GENESIS);
        let recorded = [
            0x06, 0x74, 0x6c, 0xf9, 0x30, 0xd6, 0xbe, 0x0d, 0x9c, 0xa1, 0x36, 0x41, 0xa1, 0xce, 0xa3, 0x4f,
            0xb3, 0xf0, 0xcd, 0x7a, 0xf9, 0xd3, 0x75, 0x5b, 0xb4, 0x3a, 0x85, 0x57, 0x9c, 0x34, 0x7e, 0xc3,
        ];
        assert_eq!(hash, recorded);
    }

    #[test]
    fn every_field_changes_the_hash() {
        let plain = entry(1);
        let account = Some(AccountId::from_bytes([2; 16]));
        let variants = [
            Entry { number: 2, ..plain },
            Entry { id: EventId::from_bytes([2; 16]), ..plain },
            Entry { at: Timestamp::from_millis(1_736_937_000_001), ..plain },
            Entry { actor: "systemk", action: "ey.issue", ..plain },
            Entry { actor: "operator:x", ..plain },
            Entry { action: "key.revoke", ..plain },
            Entry { account, ..plain },
            Entry { subject: Some(""), ..plain },
            Entry { request: Some(""), ..plain },
            Entry { detail: "{ }", ..plain },
        ];
        let mut hashes: Vec<_> = variants.iter().map(|entry| entry.hash(&GENESIS)).collect();
        hashes.push(plain.hash(&GENESIS));
        hashes.push(plain.hash(&[1; 32]));
        let all = hashes.len();
        hashes.sort_unstable();
        hashes.dedup();
        assert_eq!(hashes.len(), all);
    }

    #[test]
    fn a_walk_ends_whole_only_at_the_head() {
        let first = entry(1).hash(&GENESIS);
        let mut walk = Walk::towards(Head { number: 1, hash: first }, 1).unwrap();
        assert_eq!(walk.step(&entry(1), &first), Ok(()));
        assert_eq!(walk.end(), ChainCheck::Whole { events: 1, head: first });

        let empty = Walk::towards(Head { number: 0, hash: GENESIS }, 0).unwrap();
        assert_eq!(empty.end(), ChainCheck::Whole { events: 0, head: GENESIS });

        let cut = Walk::towards(Head { number: 1, hash: first }, 0).unwrap();
        assert!(matches!(cut.end(), ChainCheck::Broken { number: 1, .. }));
        let beyond = Walk::towards(Head { number: 1, hash: first }, 2).unwrap_err();
        assert!(matches!(beyond, ChainCheck::Broken { number: 2, .. }));
    }
}
