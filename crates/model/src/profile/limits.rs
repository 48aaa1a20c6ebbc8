//! The limits of keys that have none of their own, and what callers are told of limits.

use crate::{
    Environment,
    restriction::{Quotas, Rates},
};

/// What an api says of limits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LimitRules {
    /// By which header fields callers are told where they stand.
    pub headers: LimitHeaders,
    /// What live keys without rates, or without quotas, of their own get.
    pub live: DefaultLimits,
    /// The same for test keys.
    pub test: DefaultLimits,
}

/// The limits of keys that have none of their own; each kind by itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DefaultLimits {
    /// For keys without rates.
    pub rates: Option<Rates>,
    /// For keys without quotas.
    pub quotas: Option<Quotas>,
}

/// By which header fields callers are told where they stand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum LimitHeaders {
    /// `RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers-11), with every limit.
    #[default]
    Standard,
    /// Numbers under names of the api's own, of the limit that has the least room.
    Own {
        /// The field with the limit, in lower case.
        limit: Option<String>,
        /// The field with what remains.
        remaining: Option<String>,
        /// The field with the seconds until there is more.
        reset: Option<String>,
    },
    /// None. `Retry-After` is sent all the same.
    Silent,
}

impl LimitRules {
    /// The limits of keys of `environment` that have none of their own.
    pub fn defaults(&self, environment: Environment) -> &DefaultLimits {
        match environment {
            Environment::Live => &self.live,
            Environment::Test => &self.test,
        }
    }
}
