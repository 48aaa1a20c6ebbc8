//! What stood in the way of an attempt that passes because an api only observes.

use std::borrow::Cow;

use claviger_model::Denial;

use crate::Indeterminate;

/// Why an attempt would not have been allowed. There is no permit: nothing is proved of who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Objection {
    /// It would have been refused.
    Denied(Denial),
    /// It could not be decided, and would have been answered 503.
    Undecided(Indeterminate),
}

impl Objection {
    /// The denial's code, or `unavailable`.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Denied(denial) => denial.code().as_str(),
            Self::Undecided(_) => "unavailable",
        }
    }

    /// What was wrong, for the operator.
    pub fn detail(&self) -> Cow<'static, str> {
        match self {
            Self::Denied(denial) => denial.detail(),
            Self::Undecided(indeterminate) => indeterminate.to_string().into(),
        }
    }
}
