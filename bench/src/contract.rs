//! What every server of the race is asked and must check: one api, and keys that may do some of it, from some networks,
//! until some day.

use claviger_model::{Restrictions, Scopes, Timestamp, profile::Profile, restriction::Networks};

use crate::KeySet;

/// The api's name.
pub const API: &str = "orders";
/// What each key may do.
pub const SCOPES: [&str; 2] = ["orders:read", "orders:write"];
/// From where.
pub const NETWORKS: [&str; 2] = ["198.51.100.0/24", "203.0.113.0/24"];
/// What is asked for; it needs [`NEEDED`].
pub const PATH: &str = "/v1/orders/4711";
/// The scope that [`PATH`] needs.
pub const NEEDED: &str = SCOPES[0];
/// What no key may do.
pub const PATH_BEYOND: &str = "/v1/invoices/47";
/// Who asks.
pub const CALLER: &str = "203.0.113.7";
/// Who may not.
pub const ELSEWHERE: &str = "192.0.2.9";
/// Until when each key works: the first of January 2100.
const EXPIRES_AT: Timestamp = Timestamp::from_millis(4_102_444_800_000);

/// So many keys of the api; and the api's profile as text.
///
/// # Panics
/// Never: what is written here can be read.
pub fn contract(keys: u64) -> (KeySet, &'static str) {
    let text = include_str!("contract.toml");
    let profile = Profile::parse("contract.toml", text).expect("the api's profile can be read");
    let scopes = SCOPES.iter().map(|scope| scope.parse().expect("a scope")).collect();
    let scopes = Scopes::listed(scopes).expect("scopes that differ");
    let networks = Networks::parse(&NETWORKS).expect("networks");
    let restrictions = Restrictions { networks: Some(networks), ..Restrictions::default() };
    (KeySet { profile, keys, scopes, restrictions, expires_at: Some(EXPIRES_AT) }, text)
}
