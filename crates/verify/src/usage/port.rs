//! The port through which counts leave.

use std::{net::IpAddr, sync::Arc};

use async_trait::async_trait;
use claviger_model::{DenialCode, Environment, KeyId, RequestId, Timestamp};

/// How an attempt ended, as it is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Outcome {
    /// A permit was given.
    Allowed,
    /// It was denied for this reason.
    Denied(DenialCode),
    /// It would have been denied for this reason, which was only observed: it passed.
    Observed(DenialCode),
}

/// What an observed denial is counted as, in the order of the codes.
const OBSERVED: [&str; DenialCode::ALL.len()] = [
    "observed_missing",
    "observed_malformed",
    "observed_unknown",
    "observed_revoked",
    "observed_disabled",
    "observed_expired",
    "observed_environment",
    "observed_scope",
    "observed_network",
    "observed_referrer",
    "observed_endpoint",
    "observed_rate",
    "observed_quota",
];

impl Outcome {
    /// The code of a denial that was only observed, by how it is counted.
    pub fn observed_code(counted_as: &str) -> Option<&str> {
        counted_as.strip_prefix("observed_")
    }

    /// Every outcome, each at its [`index`](Self::index).
    pub(super) const ALL: [Self; 1 + 2 * DenialCode::ALL.len()] = {
        let codes = DenialCode::ALL;
        let mut all = [Self::Allowed; 1 + 2 * DenialCode::ALL.len()];
        let mut code = 0;
        while code < codes.len() {
            all[1 + code] = Self::Denied(codes[code]);
            all[1 + codes.len() + code] = Self::Observed(codes[code]);
            code += 1;
        }
        all
    };

    /// Its place in [`ALL`](Self::ALL).
    pub(super) const fn index(self) -> usize {
        match self {
            Self::Allowed => 0,
            Self::Denied(code) => 1 + code as usize,
            Self::Observed(code) => 1 + DenialCode::ALL.len() + code as usize,
        }
    }

    /// `allowed`, the denial's code, or that behind `observed_`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Denied(code) => code.as_str(),
            Self::Observed(code) => OBSERVED[code as usize],
        }
    }
}

/// One secret of one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SecretRef {
    /// The key.
    pub key: KeyId,
    /// Which of its secrets, counted from 1.
    pub secret: u16,
}

/// Attempts that are counted together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Bucket {
    /// The api asked.
    pub api: Arc<str>,
    /// The secret presented, if it is known.
    pub secret: Option<SecretRef>,
    /// The environment of the key, if what was presented has one.
    pub environment: Option<Environment>,
    /// Days since 1970-01-01, UTC.
    pub day: i64,
    /// How they ended.
    pub outcome: Outcome,
}

/// When, from where and for what a secret last worked.
#[derive(Clone, Debug)]
pub struct LastUse {
    /// The secret.
    pub secret: SecretRef,
    /// When.
    pub at: Timestamp,
    /// From which address, if it was known.
    pub address: Option<IpAddr>,
    /// For which method and path, if they were known: `GET /v1/users`, without the query, at most 256 bytes.
    pub endpoint: Option<Box<str>>,
}

/// A denied attempt, kept for the key's owner and the operator.
#[derive(Clone, Debug)]
pub struct DeniedAttempt {
    /// The api asked.
    pub api: Arc<str>,
    /// The key, if what was presented is known.
    pub key: Option<KeyId>,
    /// When.
    pub at: Timestamp,
    /// The request, as the caller was told it.
    pub request: RequestId,
    /// Why.
    pub code: DenialCode,
    /// The sentence of the denial.
    pub detail: Box<str>,
    /// From which address, if it was known.
    pub address: Option<IpAddr>,
    /// For which method and path, if they were known.
    pub endpoint: Option<Box<str>>,
}

/// What was gathered since the last flush.
#[derive(Clone, Debug, Default)]
pub struct UsageBatch {
    /// Counts to add.
    pub counts: Vec<(Bucket, u64)>,
    /// Last uses, at most one a secret.
    pub last_uses: Vec<LastUse>,
    /// Denied attempts, oldest first.
    pub denials: Vec<DeniedAttempt>,
}

impl UsageBatch {
    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty() && self.last_uses.is_empty() && self.denials.is_empty()
    }
}

/// Which batch of which process this is: a batch delivered twice counts once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchId {
    /// The process that gathered it.
    pub incarnation: [u8; 16],
    /// Counted from 1 within the process.
    pub number: u64,
}

/// The batch could not be kept; it may be offered again under the same id.
#[derive(Debug, thiserror::Error)]
#[error("usage can't be written: {0}")]
pub struct SinkError(pub String);

/// Where counts go. Implemented by the store.
#[async_trait]
pub trait UsageSink: Send + Sync {
    /// Adds a batch, once, however often it is offered.
    async fn add(&self, id: BatchId, batch: &UsageBatch) -> Result<(), SinkError>;
}
