//! That there is no permit, and what to answer.

use claviger_model::{Denial, Exceeded, Slot};
use claviger_verify::{Indeterminate, Objection};

/// Why a request isn't let in: the cause to answer for and, where a limit had no room, which one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoPermit {
    slot: Slot,
    exceeded: Option<Box<Exceeded>>,
}

impl NoPermit {
    /// The cause to answer for.
    pub const fn slot(&self) -> Slot {
        self.slot
    }

    /// The limit that had no room.
    pub fn exceeded(&self) -> Option<&Exceeded> {
        self.exceeded.as_deref()
    }
}

impl From<Slot> for NoPermit {
    fn from(slot: Slot) -> Self {
        Self { slot, exceeded: None }
    }
}

impl From<Objection> for NoPermit {
    fn from(objection: Objection) -> Self {
        match objection {
            Objection::Denied(denial) => denial.into(),
            Objection::Undecided(indeterminate) => indeterminate.into(),
        }
    }
}

impl From<Indeterminate> for NoPermit {
    fn from(indeterminate: Indeterminate) -> Self {
        match indeterminate {
            Indeterminate::NotReady
            | Indeterminate::LeaseLost
            | Indeterminate::Clock
            | Indeterminate::QuotaUnknown
            | Indeterminate::FirstUse => Slot::Unavailable.into(),
        }
    }
}

impl From<Denial> for NoPermit {
    fn from(denial: Denial) -> Self {
        let slot = denial.slot();
        let exceeded = match denial {
            Denial::Rate(exceeded) | Denial::Quota(exceeded) => Some(exceeded),
            _ => None,
        };
        Self { slot, exceeded }
    }
}
