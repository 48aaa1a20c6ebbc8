//! First characters → what is known of the secrets that begin so, by other systems' hashes. Some 400 bytes a secret, until
//! its first use.

use std::{collections::HashMap, sync::Arc};

use claviger_model::{Digest, foreign::ForeignSecret};
use parking_lot::RwLock;

/// Every secret that is known by a hash, by what stands in its digest's place.
#[derive(Default)]
pub(super) struct Foreign(RwLock<Inner>);

#[derive(Default)]
struct Inner {
    secrets: HashMap<Digest, Arc<ForeignSecret>>,
    found_by: HashMap<Box<str>, Vec<Digest>>,
}

impl Foreign {
    /// Takes what is known of a secret now; `None` where its digest is.
    pub(super) fn put(&self, stand_in: Digest, secret: Option<&Arc<ForeignSecret>>) {
        match secret {
            None => self.remove(&stand_in),
            Some(secret) => {
                let mut inner = self.0.write();
                inner.remove(&stand_in);
                inner.secrets.insert(stand_in, Arc::clone(secret));
                inner.found_by.entry(secret.lookup.clone()).or_default().push(stand_in);
            }
        }
    }

    /// Forgets a secret. Most that are asked to be forgotten are none of these.
    pub(super) fn remove(&self, stand_in: &Digest) {
        if self.0.read().secrets.contains_key(stand_in) {
            self.0.write().remove(stand_in);
        }
    }

    /// Those that begin so.
    pub(super) fn found_by(&self, lookup: &str) -> Vec<(Digest, Arc<ForeignSecret>)> {
        let inner = self.0.read();
        let Some(found) = inner.found_by.get(lookup) else { return Vec::new() };
        let secret = |stand_in: &Digest| Some((*stand_in, Arc::clone(inner.secrets.get(stand_in)?)));
        found.iter().filter_map(secret).collect()
    }

    /// What stands in the digests' places.
    pub(super) fn stand_ins(&self) -> Vec<Digest> {
        self.0.read().secrets.keys().copied().collect()
    }

    pub(super) fn len(&self) -> usize {
        self.0.read().secrets.len()
    }
}

impl Inner {
    fn remove(&mut self, stand_in: &Digest) {
        let Some(secret) = self.secrets.remove(stand_in) else { return };
        if let Some(found) = self.found_by.get_mut(&secret.lookup) {
            found.retain(|other| other != stand_in);
            if found.is_empty() {
                self.found_by.remove(&secret.lookup);
            }
        }
    }
}
