//! The audit trail outside of a database: one JSON value a line, each event with its hash, and the chain's head last.
//!
//! Whoever has such a file can walk the chain without the database, and tell by a head that was kept elsewhere whether
//! the chain still has it.

use std::io::{self, BufRead, Read as _};

use claviger_model::{AccountId, Digest, EventId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    AuditEvent,
    audit::{Entry, GENESIS},
    words::to_json,
};

/// Longest line, in bytes. What an event tells came in one call, which has 4 MiB at most, and may be longer as it is kept.
const LINE_MAX: usize = 32 << 20;

/// A line of an exported trail.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Line {
    End { head: TrailHead },
    Event(Box<Told>),
}

/// Where a chain ended when it was exported.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrailHead {
    /// The number of the last event; 0 where there is none.
    pub number: u64,
    /// The hash of that event in hexadecimal digits.
    pub hash: String,
}

/// An event, with the field names of the management API.
#[derive(Debug, Deserialize)]
struct Told {
    number: u64,
    id: EventId,
    at: Timestamp,
    actor: String,
    action: String,
    account_id: Option<AccountId>,
    subject: Option<String>,
    request_id: Option<String>,
    detail: Value,
    hash: String,
}

/// What is wrong with an exported trail.
#[derive(Debug, thiserror::Error)]
pub enum TrailError {
    /// It isn't one of its lines.
    #[error(
        "line {line} is no event of an exported trail ({detail}): export it anew with `claviger audit export`"
    )]
    Unreadable {
        /// Counted from 1.
        line: u64,
        /// What JSON says of it.
        detail: String,
    },
    /// It is longer than any event.
    #[error(
        "line {line} is longer than {} MiB, which no event of an exported trail is: export it anew with \
         `claviger audit export`",
        LINE_MAX >> 20
    )]
    TooLong {
        /// Counted from 1.
        line: u64,
    },
    /// The lines can't be read.
    #[error("the lines can't be read")]
    Source(#[from] io::Error),
    /// The chain doesn't hold.
    #[error("event {number}: {reason}. The file was changed, or lines of it are missing")]
    Broken {
        /// The event that doesn't follow.
        number: u64,
        /// Why.
        reason: String,
    },
    /// The last line isn't there.
    #[error(
        "the chain's head is missing at its end: the file is not whole, export it anew with `claviger audit export`"
    )]
    NoHead,
}

/// The lines of an exported trail. However long one is, no more of it is held than an event may have.
#[derive(Debug)]
pub struct TrailLines<R> {
    input: R,
    line: Vec<u8>,
    number: u64,
}

impl<R: BufRead> TrailLines<R> {
    /// The lines of `input`.
    pub fn of(input: R) -> Self {
        Self { input, line: Vec::new(), number: 0 }
    }

    /// The next line, if there is one.
    pub fn read(&mut self) -> Result<Option<&[u8]>, TrailError> {
        self.line.clear();
        self.number += 1;
        let longest = LINE_MAX as u64 + 1;
        let read = (&mut self.input).take(longest).read_until(b'\n', &mut self.line)?;
        if self.line.last() == Some(&b'\n') {
            self.line.pop();
        }
        if self.line.len() > LINE_MAX {
            return Err(TrailError::TooLong { line: self.number });
        }
        Ok((read > 0).then_some(&*self.line))
    }
}

/// Walks an exported trail, line by line.
#[derive(Debug)]
pub struct TrailWalk {
    line: u64,
    number: u64,
    hash: [u8; 32],
    ended: bool,
}

impl Default for TrailWalk {
    fn default() -> Self {
        Self { line: 0, number: 0, hash: GENESIS, ended: false }
    }
}

impl TrailWalk {
    /// Takes the next line: an event that follows from those before, or `None` at the head.
    pub fn step(&mut self, line: &[u8]) -> Result<Option<AuditEvent>, TrailError> {
        self.line += 1;
        if self.ended {
            return Err(self.unreadable("it comes after the chain's head"));
        }
        let read = serde_json::from_slice(line).map_err(|error| self.unreadable(&error.to_string()))?;
        let told = match read {
            Line::Event(told) => told,
            Line::End { head } if head == self.head() => {
                self.ended = true;
                return Ok(None);
            }
            Line::End { head } => {
                let reason = format!("the chain goes on to {} with the hash {}", head.number, head.hash);
                return Err(TrailError::Broken { number: self.number, reason });
            }
        };
        if told.number != self.number + 1 {
            let reason = format!("it comes after {}", self.number);
            return Err(TrailError::Broken { number: told.number, reason });
        }
        let event = told.after(&self.hash).map_err(|number| TrailError::Broken {
            number,
            reason: "its hash doesn't follow from what it says and the event before".to_owned(),
        })?;
        (self.number, self.hash) = (event.number, event.hash);
        Ok(Some(event))
    }

    /// Where the walk stands.
    pub fn head(&self) -> TrailHead {
        TrailHead { number: self.number, hash: Digest::from_bytes(self.hash).to_hex() }
    }

    /// The head, once there are no more lines.
    pub fn end(self) -> Result<TrailHead, TrailError> {
        if self.ended { Ok(self.head()) } else { Err(TrailError::NoHead) }
    }

    fn unreadable(&self, detail: &str) -> TrailError {
        TrailError::Unreadable { line: self.line, detail: detail.to_owned() }
    }
}

impl Told {
    /// The event, if it follows from the one with this hash; its number otherwise.
    fn after(self, previous: &[u8; 32]) -> Result<AuditEvent, u64> {
        let Self { number, id, at, actor, action, account_id: account, subject, request_id: request, .. } =
            self;
        let detail = to_json(&self.detail);
        let entry = Entry {
            number,
            id,
            at,
            actor: &actor,
            action: &action,
            account,
            subject: subject.as_deref(),
            request: request.as_deref(),
            detail: &detail,
        };
        let hash = entry.hash(previous);
        if Digest::from_bytes(hash).to_hex() != self.hash {
            return Err(number);
        }
        Ok(AuditEvent { number, id, at, actor, action, account, subject, request, detail: self.detail, hash })
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufReader, Cursor};

    use super::*;

    #[test]
    fn a_line_that_does_not_end_is_read_no_further_than_an_event_may_be_long() {
        let endless = BufReader::new(io::repeat(b' '));
        let mut lines = TrailLines::of(Cursor::new("first\n\nthird\n").chain(endless));
        assert_eq!(lines.read().unwrap(), Some(&b"first"[..]));
        assert_eq!(lines.read().unwrap(), Some(&b""[..]));
        assert_eq!(lines.read().unwrap(), Some(&b"third"[..]));
        let refused = lines.read().unwrap_err();
        assert!(refused.to_string().starts_with("line 4 is longer than 32 MiB"), "{refused}");
    }

    #[test]
    fn the_longest_line_is_read_with_its_end_or_without() {
        for end in ["", "\n"] {
            let longest = format!("{}{end}", "a".repeat(LINE_MAX));
            let mut lines = TrailLines::of(Cursor::new(longest));
            assert_eq!(lines.read().unwrap().map(<[u8]>::len), Some(LINE_MAX));
            assert!(lines.read().unwrap().is_none());
        }
    }
}
