//! Why a row isn't taken.

use crate::{denial::Malformation, foreign::HashError};

/// Why a row isn't taken: for whoever sent it. No text of it repeats what the row says, which may be a key in the wrong
/// column.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RowRefusal {
    /// Something in it can't be read, or can't be taken.
    #[error("{field}: {detail}")]
    Malformed {
        /// The field, or `row` for all of it.
        field: &'static str,
        /// What is wrong and what to do.
        detail: String,
    },
    /// A digest that isn't SHA-256.
    #[error(
        "digest: is no SHA-256, which is 64 hexadecimal digits or 32 bytes in Base64; another hash goes into hash, with \
         lookup"
    )]
    UnknownHash,
    /// A hash that can't be checked, or only at too high a cost.
    #[error("hash: {0}")]
    Hash(HashError),
    /// A plain key that the api's profile would refuse.
    #[error("key: isn't of a format of this api ({}): add its format to the profile", .0.detail())]
    Format(Malformation),
    /// A key that can be guessed.
    #[error(
        "key: too easy to guess: have it replaced, or allow weak keys and limit it by a rate of its own or of the profile"
    )]
    Weak,
    /// An earlier row has the same key.
    #[error("an earlier row has the same key")]
    Duplicate,
    /// The same key belongs to somebody else here.
    #[error("the key belongs to another account here")]
    OtherAccount,
    /// The secret is one of another key's here.
    #[error("the secret is another key's here")]
    OtherKey,
    /// The secret is none of a customer's key here.
    #[error("the secret belongs to an operator or an application here")]
    Taken,
    /// Another key of the account has this external id.
    #[error("external_id: another key of the account has it")]
    ExternalIdTaken,
    /// The key was revoked here.
    #[error("the key was revoked here, and stays so")]
    Revoked,
    /// The key was disabled here.
    #[error("the key was disabled here, and stays so until it is enabled here")]
    Disabled,
    /// The key got another secret here.
    #[error("the key was rotated here: this is one of its earlier secrets")]
    Replaced,
    /// One of its earlier secrets isn't taken, counted from 1.
    #[error("earlier secret {place}: {why}")]
    Earlier {
        /// Which of them.
        place: usize,
        /// Why not.
        why: Box<RowRefusal>,
    },
}

impl RowRefusal {
    /// A field that can't be read or taken.
    pub fn malformed(field: &'static str, detail: impl Into<String>) -> Self {
        Self::Malformed { field, detail: detail.into() }
    }

    /// The same, of an earlier secret of the row.
    #[must_use]
    pub fn of_earlier(self, place: usize) -> Self {
        Self::Earlier { place, why: Box::new(self) }
    }

    /// The reason's name.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Malformed { .. } => "malformed",
            Self::UnknownHash | Self::Hash(HashError::Unknown) => "unknown_hash",
            Self::Hash(HashError::Costly(_)) => "costly_hash",
            Self::Format(_) => "format",
            Self::Weak => "weak",
            Self::Duplicate => "duplicate",
            Self::OtherAccount => "other_account",
            Self::OtherKey | Self::Taken => "taken",
            Self::ExternalIdTaken => "external_id_taken",
            Self::Revoked => "revoked",
            Self::Disabled => "disabled",
            Self::Replaced => "replaced",
            Self::Earlier { why, .. } => why.code(),
        }
    }
}
