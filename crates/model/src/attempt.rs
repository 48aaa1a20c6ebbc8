//! One presentation of a credential, with its context.

use std::net::IpAddr;

use crate::{Environment, Scope};

/// What is known about the request a key was presented with. What isn't known is `None`, and a restriction on
/// something unknown refuses.
#[derive(Clone, Copy, Debug, Default)]
pub struct Attempt<'a> {
    /// The method, as sent.
    pub method: Option<&'a str>,
    /// The path as sent, without its query.
    pub path: Option<&'a str>,
    /// The caller's address, found through trusted proxies only.
    pub address: Option<IpAddr>,
    /// The `Referer` field's value.
    pub referrer: Option<&'a str>,
    /// The environment the place asked is tied to, if it is tied to one.
    pub environment: Option<Environment>,
    /// Scopes the asker demands beyond those of the route table.
    pub scopes: &'a [Scope],
}
