//! One presentation of a credential with its context: what a node is asked about, and what makes two questions equal.

use std::{net::IpAddr, sync::Arc};

use serde::Serialize;

use crate::{Environment, plain_key::PlainKey};

/// An attempt. Two that are equal in every field get the same answer at the same time.
#[derive(Debug, PartialEq, Eq, Hash, Serialize)]
pub(crate) struct Attempt {
    /// What was presented; empty where nothing was.
    #[serde(serialize_with = "PlainKey::expose")]
    pub(crate) key: PlainKey,
    /// The api asked.
    pub(crate) api: Arc<str>,
    /// As sent.
    pub(crate) method: Box<str>,
    /// As sent, without its query; begins with a slash.
    pub(crate) path: Box<str>,
    /// The caller's; a key restricted to networks is refused where it isn't known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) address: Option<IpAddr>,
    /// The `Referer` field's value, where there is exactly one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) referrer: Option<Box<str>>,
    /// Those that are demanded beyond the profile's routes.
    pub(crate) scopes: Arc<[Box<str>]>,
    /// The only one taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) environment: Option<Environment>,
}

impl Attempt {
    /// At least as many bytes as it takes to write it down, each byte escaped: nothing is copied by growing.
    pub(crate) fn written_max(&self) -> usize {
        let texts = [&*self.api, &*self.method, &*self.path, self.referrer.as_deref().unwrap_or_default()];
        let scopes: usize = self.scopes.iter().map(|scope| scope.len() + 3).sum();
        256 + 6 * (self.key.len() + scopes + texts.iter().map(|text| text.len()).sum::<usize>())
    }
}
