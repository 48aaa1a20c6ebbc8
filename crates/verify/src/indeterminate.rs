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
}

impl Indeterminate {
    /// Every reason, each at the place of its number.
    pub const ALL: [Self; 4] = [Self::NotReady, Self::LeaseLost, Self::Clock, Self::QuotaUnknown];

    /// The reason as metrics spell it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotReady => "not_ready",
            Self::LeaseLost => "lease_lost",
            Self::Clock => "clock",
            Self::QuotaUnknown => "quota_unknown",
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
