//! One row of an import: what it may say of a key, and why it isn't taken.

mod read;
mod refusal;

use serde_json::Value;

use crate::{
    AccountState, Digest, Environment, KeyState, PlainKey, Restrictions, Scopes, Timestamp,
    foreign::ForeignSecret,
};

pub use read::{EARLIER_MAX, FIELDS, HINT_MAX, value_of_text};
pub use refusal::RowRefusal;

/// A key as another system has it. What is `None` isn't said: of a key that is here already it stays as it is.
#[derive(Debug)]
pub struct Row {
    /// The company's own id for the customer, or the id of an account that is here.
    pub account: String,
    /// The customer's name; the id where it isn't said.
    pub account_name: Option<String>,
    /// The company's own data about the customer, a JSON object.
    pub account_metadata: Option<Value>,
    /// Whether the customer's keys may work.
    pub account_state: Option<AccountState>,
    /// What the key is known by.
    pub secret: Secret,
    /// What lists show of it.
    pub hint: Option<String>,
    /// What a rotation replaced and still works, the newest first.
    pub earlier_secrets: Vec<EarlierSecret>,
    /// What it is for.
    pub name: Option<String>,
    /// The company's own id for it.
    pub external_id: Option<String>,
    /// The company's own data about it, a JSON object.
    pub metadata: Option<Value>,
    /// `live` or `test`.
    pub environment: Option<Environment>,
    /// What it may do.
    pub scopes: Option<Scopes>,
    /// What narrows it.
    pub restrictions: Option<Restrictions>,
    /// Where it is in its life.
    pub state: Option<KeyState>,
    /// When it was created.
    pub created_at: Option<Timestamp>,
    /// When it expires.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// When it was last used, but for the earlier secrets.
    pub last_used_at: Option<Timestamp>,
}

/// A secret that the key had before, and that works until its overlap ends.
#[derive(Debug)]
pub struct EarlierSecret {
    /// What it is known by.
    pub secret: Secret,
    /// What lists show of it.
    pub hint: Option<String>,
    /// When it was created.
    pub created_at: Option<Timestamp>,
    /// When its overlap ends.
    pub ends_at: Timestamp,
    /// When it was last used.
    pub last_used_at: Option<Timestamp>,
}

/// What a secret of an imported key is known by.
#[derive(Debug)]
pub enum Secret {
    /// The whole string that the customer holds. Only its digest is kept.
    Plain(PlainKey),
    /// What the other system kept of it.
    Digest(Digest),
    /// What the other system kept of it, where that says nothing of its digest.
    Foreign(ForeignSecret),
}

impl Secret {
    /// What tells it from those of the other rows.
    pub fn digest(&self) -> Digest {
        match self {
            Self::Plain(key) => key.digest(),
            Self::Digest(digest) => *digest,
            Self::Foreign(foreign) => foreign.stand_in(""),
        }
    }
}

#[cfg(test)]
mod tests;
