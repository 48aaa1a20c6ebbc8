//! The port through which hashes are computed, and what is found out by it.

use claviger_model::{Digest, KeyId, foreign::Scheme};

/// Computes other systems' hashes. Implemented by `hashes`.
pub trait HashCheck: Send + Sync {
    /// Whether `hash` is of `secret`, which was presented to the api; `None` where that can't be known, as without the
    /// api's pepper. It takes as long as the hash was made to take.
    fn is_of(&self, api: &str, hash: &Scheme, secret: &[u8]) -> Option<bool>;
}

/// A secret that was used here for the first time: what it was known by, and its digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FirstUse {
    /// The key.
    pub key: KeyId,
    /// Which of its secrets.
    pub secret: u16,
    /// What stood in the digest's place.
    pub stand_in: Digest,
    /// The digest.
    pub digest: Digest,
}
