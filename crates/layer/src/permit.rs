//! What a node said of a request that it allowed.

use std::{fmt, sync::Arc, time::Duration};

use serde::{Deserialize, Deserializer, Serialize};

use crate::Scopes;

/// That a node allowed the request, and whose key it came with. Only the answer of a node makes one. Cheap to clone.
#[derive(Clone, Debug)]
pub struct RemotePermit(Arc<Facts>);

/// The same as the node writes it. Fields that aren't known here are those of later nodes.
#[derive(Debug, Deserialize)]
pub(crate) struct Facts {
    key_id: Box<str>,
    account_id: Box<str>,
    external_id: Option<Box<str>>,
    api: Box<str>,
    environment: Environment,
    scopes: Scopes,
    expires_at: Option<Box<str>>,
    #[serde(default)]
    limits: Box<[Limit]>,
}

/// What a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Environment {
    /// The real thing.
    Live,
    /// Trying out.
    Test,
}

/// Where a key stands with one of its limits, this request counted.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Limit {
    /// Its name.
    pub name: Box<str>,
    /// How many calls it has room for in all.
    pub limit: u64,
    /// How many it has room for now.
    pub remaining: u64,
    /// How long until there is room for one more, in whole seconds; zero where there is room for all.
    #[serde(deserialize_with = "seconds")]
    pub more_in: Duration,
}

fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    u64::deserialize(deserializer).map(Duration::from_secs)
}

impl RemotePermit {
    pub(crate) fn new(facts: Facts) -> Self {
        Self(Arc::new(facts))
    }

    /// The key's id, `key_…`; it stays the same when the key is rotated.
    pub fn key_id(&self) -> &str {
        &self.0.key_id
    }

    /// The id of the account whose key it is, `acc_…`.
    pub fn account_id(&self) -> &str {
        &self.0.account_id
    }

    /// Your own id for the account, if it has one.
    pub fn external_id(&self) -> Option<&str> {
        self.0.external_id.as_deref()
    }

    /// The api whose key it is: the one that was asked for.
    pub fn api(&self) -> &str {
        &self.0.api
    }

    /// What the key is for.
    pub fn environment(&self) -> Environment {
        self.0.environment
    }

    /// What the key may do.
    pub fn scopes(&self) -> &Scopes {
        &self.0.scopes
    }

    /// When the key expires, if it does: RFC 3339 in UTC, such as `2026-01-01T00:00:00Z`.
    pub fn expires_at(&self) -> Option<&str> {
        self.0.expires_at.as_deref()
    }

    /// Where the key stands with its limits; empty where it has none.
    pub fn limits(&self) -> &[Limit] {
        &self.0.limits
    }
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
