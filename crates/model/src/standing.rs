//! Where a key stands with its limits after an attempt: what headers and verify calls tell of it.

use std::time::Duration;

use crate::restriction::{LimitName, Per};

/// Where a key stands with all of its limits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standings {
    /// Rates first, then quotas, in the key's order.
    pub limits: Vec<Standing>,
    /// Whether a rate was judged by this node's share alone, because what the nodes share couldn't be asked.
    pub local: bool,
}

/// Where a key stands with one limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The limit's name.
    pub name: LimitName,
    /// What it is counted by.
    pub span: Span,
    /// Calls in that span.
    pub limit: u32,
    /// Calls there is room for now.
    pub remaining: u32,
    /// How long until there is room for one more than that. Zero where there is room for all.
    pub more_in: Duration,
}

/// What a limit is counted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span {
    /// A window that slides.
    Window(Duration),
    /// A period of the calendar.
    Period(Per),
}

/// That a limit had no room for an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exceeded {
    /// Which one; the one that has room last, where there are several.
    pub name: LimitName,
    /// How long until there is room in all of them.
    pub retry_after: Duration,
    /// Where the key stands.
    pub standings: Standings,
}

/// `span` in whole seconds, up: never earlier than it.
pub fn seconds_up(span: Duration) -> u64 {
    span.as_secs().saturating_add(u64::from(span.subsec_nanos() > 0))
}
