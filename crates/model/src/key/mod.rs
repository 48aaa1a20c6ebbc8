//! What a key looks like, how one is made, and what of it may be shown.

mod checksum;
mod format;
mod mint;

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

pub use checksum::Checksum;
pub use format::{Alphabet, Digested, FormatError, KeyFormat, Lookup, MIN_SECRET_BITS};

/// Which of an api's two worlds a key belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Environment {
    /// Real data.
    Live,
    /// Development and testing: told apart upstream, counted apart, never billable.
    Test,
}

impl Environment {
    /// `live` or `test`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Test => "test",
        }
    }
}

impl fmt::Display for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Environment {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "live" => Ok(Self::Live),
            "test" => Ok(Self::Test),
            _ => Err("must be live or test"),
        }
    }
}

/// Where a key is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyState {
    /// Judged by its restrictions.
    Active,
    /// Switched off; can be enabled again.
    Disabled,
    /// Ended for good.
    Revoked,
}

impl KeyState {
    /// `active`, `disabled` or `revoked`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Disabled => "disabled",
            Self::Revoked => "revoked",
        }
    }
}
