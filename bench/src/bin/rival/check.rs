//! What a service that keeps its keys in a database checks of a request, and what it tells of one that may pass.

use std::net::IpAddr;

use claviger_bench::{HostClock, NEEDED};
use claviger_model::Clock as _;
use ipnet::IpNet;
use sha2::{Digest as _, Sha256};

/// What a row says of a key and its account.
pub struct Row {
    pub key_id: String,
    pub account_id: String,
    pub external_id: String,
    pub environment: String,
    /// Separated by spaces, as the networks are.
    pub scopes: String,
    pub networks: String,
    /// Milliseconds since 1970, as all times.
    pub expires_at: Option<i64>,
    pub revoked_at: Option<i64>,
    pub is_suspended: bool,
}

/// Where rows are.
pub trait Keys: Clone + Send + Sync + 'static {
    /// The row of the key with this digest.
    fn find(&self, digest: [u8; 32]) -> impl Future<Output = anyhow::Result<Option<Row>>> + Send;
}

/// A request that a key was presented with.
pub struct Attempt<'a> {
    pub key: &'a str,
    pub method: &'a str,
    pub path: &'a str,
    pub address: Option<IpAddr>,
}

/// The row of the key, or why it may not.
pub async fn check(keys: &impl Keys, attempt: &Attempt<'_>) -> anyhow::Result<Result<Row, &'static str>> {
    let digest = Sha256::digest(attempt.key.as_bytes()).into();
    Ok(keys.find(digest).await?.ok_or("unknown").and_then(|row| match refusal(&row, attempt) {
        Some(code) => Err(code),
        None => Ok(row),
    }))
}

fn refusal(row: &Row, attempt: &Attempt<'_>) -> Option<&'static str> {
    let now = HostClock.now().as_millis();
    if row.revoked_at.is_some_and(|at| at <= now) {
        Some("revoked")
    } else if row.is_suspended {
        Some("disabled")
    } else if row.expires_at.is_some_and(|at| at <= now) {
        Some("expired")
    } else if !needed_scope(attempt).is_some_and(|needed| row.scopes.split(' ').any(|scope| scope == needed))
    {
        Some("scope")
    } else if !attempt.address.is_some_and(|address| contains(&row.networks, address)) {
        Some("network")
    } else {
        None
    }
}

fn needed_scope(attempt: &Attempt<'_>) -> Option<&'static str> {
    let is_order = attempt.path == "/v1/orders" || attempt.path.starts_with("/v1/orders/");
    match attempt.method {
        "GET" if is_order => Some(NEEDED),
        "POST" if attempt.path == "/v1/orders" => Some("orders:write"),
        "GET" if attempt.path.starts_with("/v1/invoices/") => Some("invoices:read"),
        _ => None,
    }
}

fn contains(networks: &str, address: IpAddr) -> bool {
    networks
        .split(' ')
        .filter_map(|network| network.parse().ok())
        .any(|network: IpNet| network.contains(&address))
}
