//! A key in the words that members' and operators' pages share: its name, how it stands, what narrows it.

use claviger_manage::{KeyRow, Receipt};
use claviger_model::{
    KeyState, Restrictions, Scope, Scopes, Timestamp, operator_key_format,
    profile::Profile,
    restriction::{Endpoints, Networks, Quota, Quotas, Rate, Rates, Referrers},
    write_duration,
};

use crate::words;

/// A word about a key, with the kind that colours it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Badge {
    pub(crate) kind: &'static str,
    pub(crate) text: String,
}

impl Badge {
    pub(crate) fn new(kind: &'static str, text: impl Into<String>) -> Self {
        Self { kind, text: text.into() }
    }
}

/// What a key is called: its name, or its hint where it has none.
pub(crate) fn name_of(key: &KeyRow) -> &str {
    key.name.as_deref().unwrap_or_else(|| hint_of(key))
}

/// What is shown of a key's newest secret.
pub(crate) fn hint_of(key: &KeyRow) -> &str {
    key.secrets.first().map_or("", |secret| secret.hint.as_str())
}

/// How a key stands. Its life may have ended while its state says otherwise.
pub(crate) fn state_of(key: &KeyRow, now: Timestamp) -> Badge {
    match key.state {
        KeyState::Revoked => Badge::new("revoked", "Revoked"),
        _ if is_expired(key, now) => Badge::new("expired", "Expired"),
        KeyState::Disabled => Badge::new("disabled", "Disabled"),
        KeyState::Active => Badge::new("active", "Active"),
    }
}

pub(crate) fn is_expired(key: &KeyRow, now: Timestamp) -> bool {
    key.expires_at.is_some_and(|at| at <= now)
}

/// The permissions of a key: `All`, `None`, or the names of its scopes.
pub(crate) fn scopes_in_words(scopes: &Scopes) -> String {
    match scopes {
        Scopes::All => "All".to_owned(),
        Scopes::Listed(scopes) if scopes.is_empty() => "None".to_owned(),
        Scopes::Listed(scopes) => scopes.iter().map(Scope::as_str).collect::<Vec<_>>().join(", "),
    }
}

/// One kind of restriction: what pages call it, and its entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Allowed {
    /// The kind as the label of a field or a list.
    pub(crate) label: &'static str,
    /// One entry of the kind.
    pub(crate) one: &'static str,
    pub(crate) entries: Vec<String>,
}

/// What narrows a key, kind by kind; of kinds that don't, nothing.
pub(crate) fn allowed(restrictions: &Restrictions) -> Vec<Allowed> {
    let Restrictions { networks, referrers, endpoints, rates, quotas, observed } = restrictions;
    let label = |enforced, only_observed, is_observed| if is_observed { only_observed } else { enforced };
    let rates = rates.as_ref().map(|rates| Rates::iter(rates).map(rate_in_words).collect());
    let quotas = quotas.as_ref().map(|quotas| Quotas::iter(quotas).map(quota_in_words).collect());
    [
        (
            label("Allowed networks", "Allowed networks, not enforced yet", observed.networks),
            "network",
            networks.as_ref().map(Networks::to_texts),
        ),
        (
            label("Allowed websites", "Allowed websites, not enforced yet", observed.referrers),
            "website",
            referrers.as_ref().map(Referrers::to_texts),
        ),
        (
            label("Allowed endpoints", "Allowed endpoints, not enforced yet", observed.endpoints),
            "endpoint",
            endpoints.as_ref().map(Endpoints::to_texts),
        ),
        ("Rate limits", "rate limit", rates),
        ("Quotas", "quota", quotas),
    ]
    .into_iter()
    .filter_map(|(label, one, entries)| Some(Allowed { label, one, entries: entries? }))
    .collect()
}

fn rate_in_words(rate: &Rate) -> String {
    let at_once =
        if rate.burst() == rate.limit() { String::new() } else { format!(", {} at once", rate.burst()) };
    format!("{}: {} requests in {}{at_once}", rate.name(), rate.limit(), write_duration(rate.window()))
}

fn quota_in_words(quota: &Quota) -> String {
    format!("{}: {} requests a {}", quota.name(), quota.limit(), quota.per())
}

impl Allowed {
    /// The only entry itself, or how many there are.
    pub(crate) fn in_short(&self) -> String {
        match &*self.entries {
            [only] => only.clone(),
            entries => words::plural(i64::try_from(entries.len()).unwrap_or(i64::MAX), self.one),
        }
    }
}

/// Whether someone put a whole key where names are searched, and addresses remember it.
pub(crate) fn is_plain_key<'a>(text: &str, mut profiles: impl Iterator<Item = &'a Profile>) -> bool {
    profiles.any(|profile| profile.parse_key(text.as_bytes()).is_ok())
        || operator_key_format().parse(text.as_bytes()).is_ok()
}

/// The word of what was done that a change has earned: until it holds everywhere, another than `done`.
pub(crate) fn done_word(receipt: &Receipt, done: &'static str) -> &'static str {
    if receipt.complete { done } else { "pending" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permissions_and_restrictions_are_told_in_few_words() {
        let listed = |names: &[&str]| {
            Scopes::listed(names.iter().map(|name| name.parse().unwrap()).collect()).unwrap()
        };
        assert_eq!(scopes_in_words(&Scopes::All), "All");
        assert_eq!(scopes_in_words(&listed(&[])), "None");
        assert_eq!(scopes_in_words(&listed(&["b:write", "a:read"])), "a:read, b:write");
        let narrowed = serde_json::json!({
            "networks": ["10.0.0.0/8", "192.0.2.1"],
            "endpoints": ["GET /v1/users/**"],
            "rates": [{"name": "burst", "limit": 100, "window": "60s", "burst": 5}],
            "quotas": [{"name": "day", "limit": 5, "per": "day"}, {"name": "plan", "limit": 9, "per": "month"}],
        });
        let narrowed: Restrictions = serde_json::from_value(narrowed).unwrap();
        let short: Vec<_> = allowed(&narrowed).iter().map(Allowed::in_short).collect();
        let rate = "burst: 100 requests in 1m, 5 at once";
        assert_eq!(short, ["2 networks", "GET /v1/users/**", rate, "2 quotas"]);
        assert_eq!(allowed(&narrowed)[3].entries, ["day: 5 requests a day", "plan: 9 requests a month"]);
        assert!(allowed(&Restrictions::default()).is_empty());
    }

    #[test]
    fn a_change_is_done_where_every_node_has_it() {
        let receipt = |complete| Receipt {
            seq: 1,
            complete,
            via: if complete { "ack" } else { "pending" },
            guaranteed_by: None,
            nodes: Vec::new(),
            pending: Vec::new(),
        };
        assert_eq!(done_word(&receipt(true), "disabled"), "disabled");
        assert_eq!(done_word(&receipt(false), "disabled"), "pending");
    }
}
