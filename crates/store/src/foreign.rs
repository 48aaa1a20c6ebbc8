//! Secrets that came from other systems by hashes: what rows say of them, and what their first use leaves.

use std::sync::Arc;

use claviger_model::{
    Digest, KeyId,
    foreign::{ForeignHash, ForeignSecret},
};
use serde_json::json;

use crate::{AuditNote, ImportRow};

/// What a secret came as from another system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Brought {
    /// How the key begins.
    pub lookup: String,
    /// What it is compared by at its first use; `None` from then on.
    pub hash: Option<ForeignHash>,
}

/// A secret that the other system has by another hash now, and that wasn't used here yet.
#[derive(Debug)]
pub(crate) struct Rehashed {
    pub(crate) before: Digest,
    pub(crate) after: Digest,
    pub(crate) hash: ForeignHash,
}

impl Brought {
    /// What a row says. A hash that this version can't read is told, and finds nothing.
    pub(crate) fn read(lookup: Option<String>, hash: Option<&str>) -> Option<Self> {
        let lookup = lookup?;
        let hash = hash.and_then(|text| {
            let read = text.parse().inspect_err(|error| {
                tracing::error!(lookup, %error, "a key's hash can't be read, and the key isn't found by it");
            });
            read.ok()
        });
        Some(Self { lookup, hash })
    }

    /// What there is to know of it until its first use.
    pub(crate) fn unused(self) -> Option<Arc<ForeignSecret>> {
        Some(Arc::new(ForeignSecret { lookup: self.lookup.into(), hash: self.hash? }))
    }
}

impl From<&ForeignSecret> for Brought {
    fn from(ForeignSecret { lookup, hash }: &ForeignSecret) -> Self {
        Self { lookup: lookup.to_string(), hash: Some(hash.clone()) }
    }
}

impl ImportRow {
    /// What the key came as, where it came by a hash.
    pub(crate) fn foreign(&self) -> Option<&ForeignSecret> {
        match &self.row.secret {
            claviger_model::import::Secret::Foreign(foreign) => Some(foreign),
            claviger_model::import::Secret::Plain(_) | claviger_model::import::Secret::Digest(_) => None,
        }
    }
}

/// What the trail tells of keys that were used for the first time.
pub(crate) fn told(note: &AuditNote, keys: &[KeyId]) -> (AuditNote, Vec<String>) {
    let keys: Vec<String> = keys.iter().map(ToString::to_string).collect();
    (AuditNote { detail: json!({"keys": keys}), ..note.clone() }, keys)
}
