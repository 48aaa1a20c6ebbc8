//! What an error's code means, what to do about it, and whom to ask: the pages of errors.
//!
//! Each closed list of codes has its own, by an exhaustive match beside which no code is without one.

mod denials;
mod oauth;
mod slots;

/// What is said of a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Help {
    /// The error in a few words, without a full stop.
    pub title: &'static str,
    /// What it means.
    pub meaning: &'static str,
    /// What to do.
    pub solution: &'static str,
    /// Who can do that.
    pub solver: Solver,
}

/// Who can do something about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Solver {
    /// Who runs the program that calls an api with a key.
    Caller,
    /// Who answers for the key: the account's people.
    Owner,
    /// Who wrote a program that calls the management API, or an application.
    Developer,
    /// Who runs this installation.
    Operator,
}

impl Solver {
    /// Who that is.
    pub const fn in_words(self) -> &'static str {
        match self {
            Self::Caller => "whoever runs the program that called",
            Self::Owner => "the key's owner: an administrator or developer of the account",
            Self::Developer => "whoever wrote the program that called",
            Self::Operator => "whoever runs Claviger here",
        }
    }

    /// Whom they ask where that doesn't help, and with what.
    pub const fn asks(self) -> &'static str {
        match self {
            Self::Caller => {
                "The key's owner, with the request's id (`X-Request-Id`): \"Key not working?\" on their page says why."
            }
            Self::Owner => {
                "The api's support, with the request's id (`X-Request-Id`) and never with the key."
            }
            Self::Developer => "Whoever runs Claviger here, with the request's id (`X-Request-Id`).",
            Self::Operator => {
                "`claviger doctor`, with the flags of `serve`; then the log, which has the request's id; then who runs the \
                 database or the machine."
            }
        }
    }
}
