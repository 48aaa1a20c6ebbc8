//! That no decision can be reached, and what the node says of itself.

use claviger_model::{Help, Solver};

/// Why it can't be known whether a key works. It is answered 503, never 401: clients throw keys away on a 401.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Indeterminate {
    /// The keys are not loaded, or are being loaded anew.
    #[error("the keys are not loaded yet")]
    NotReady,
    /// For longer than the lease it wasn't confirmed that every change is known.
    #[error("it wasn't confirmed in time that every change of a key is known here")]
    LeaseLost,
    /// The key ends within the difference between the node's clock and the database's.
    #[error("the key ends at about now, and this node's clock differs from the database's")]
    Clock,
    /// The calls this node had of the key's quota are used, and whether there are more can't be asked.
    #[error("what is left of the key's quota can't be known now")]
    QuotaUnknown,
    /// The key may be one that is known by another system's hash, and it can't be checked now: too many are, or the api's
    /// pepper isn't there.
    #[error("whether it is a key that was brought by its hash can't be checked now")]
    FirstUse,
}

impl Indeterminate {
    /// Every reason, each at the place of its number.
    pub const ALL: [Self; 5] =
        [Self::NotReady, Self::LeaseLost, Self::Clock, Self::QuotaUnknown, Self::FirstUse];

    /// The reason as metrics spell it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotReady => "not_ready",
            Self::LeaseLost => "lease_lost",
            Self::Clock => "clock",
            Self::QuotaUnknown => "quota_unknown",
            Self::FirstUse => "first_use",
        }
    }

    /// What it means and what to do.
    pub const fn help(self) -> Help {
        let (title, meaning, solution) = match self {
            Self::NotReady => (
                "The node is still loading",
                "The node doesn't know the keys yet: it has just started, or loads them anew. It decides nothing until \
                 it has them all.",
                "Wait until `/readyz` answers 200, and have the proxy in front send requests to another node meanwhile. \
                 Where it lasts, the log says what the node waits for.",
            ),
            Self::LeaseLost => (
                "The node has lost its lease",
                "For longer than the lease the node couldn't confirm in the database that it knows every change, so a \
                 key may have been revoked without its knowledge. It comes back by itself.",
                "See that the node reaches the database, and the database takes writes. A longer `--lease` rides out a \
                 longer outage.",
            ),
            Self::Clock => (
                "The clocks differ too much for this key",
                "The key ends within the difference between the node's clock and the database's, so it can't be known \
                 whether it still lives. Other keys are decided.",
                "Set the clocks of the node and of the database right, by NTP.",
            ),
            Self::QuotaUnknown => (
                "What is left of the quota isn't known",
                "The calls that the node had reserved of this key's quota are used, and the database can't be asked for \
                 more. Keys without a quota are decided.",
                "See that the node reaches the database.",
            ),
            Self::FirstUse => (
                "A key's first use can't be checked now",
                "Keys that came by another system's hash are compared by it when they are first used. That takes time for \
                 each, and too many wait; or the profile doesn't name the other system's pepper. Other keys are decided.",
                "Where it lasts, see whether somebody guesses at keys: the denials of the api say from where. Keys by \
                 HMAC need `pepper_file` in the profile.",
            ),
        };
        Help { title, meaning, solution, solver: Solver::Operator }
    }
}

/// What a node can do for those who ask it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// Loading the keys, for the first time or anew: every answer is [`Indeterminate::NotReady`].
    Loading,
    /// Deciding.
    Ready,
    /// The node's own lease has run out: every answer is [`Indeterminate::LeaseLost`] until the feed is heard again.
    LeaseLost,
}
