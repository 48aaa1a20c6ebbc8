//! Settings → API keys: the list of keys, one key, and what can be done with it.

mod advice;
mod asked;
mod check;
mod detail;
mod edit;
mod endpoint;
mod fields;
mod list;
mod live;
mod new;
mod once;
mod reveal;
mod revoke;
mod rotate;
mod row;
mod secret;
mod shown;
mod snippets;
mod switch;

use axum::Router;
use claviger_manage::KeyRow;
use claviger_model::{
    KeyId, KeyState, MemberAbility, Restrictions, Scope, Scopes, Timestamp,
    profile::Storage,
    restriction::{Endpoints, Networks, Referrers},
};
use http::StatusCode;

use crate::{
    answer::Stop,
    site::{ApiSite, Site},
    visit::Visitor,
    words,
};

pub(super) fn routes() -> Router<Site> {
    Router::new()
        .merge(list::routes())
        .merge(live::routes())
        .merge(check::routes())
        .merge(endpoint::routes())
        .merge(new::routes())
        .merge(detail::routes())
        .merge(edit::routes())
        .merge(rotate::routes())
        .merge(revoke::routes())
        .merge(switch::routes())
        .merge(reveal::routes())
}

/// A word about a key, with the kind that colours it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Badge {
    kind: &'static str,
    text: String,
}

impl Badge {
    fn new(kind: &'static str, text: impl Into<String>) -> Self {
        Self { kind, text: text.into() }
    }
}

/// The key that a path names.
fn key_id(text: &str) -> Result<KeyId, Stop> {
    text.parse().ok().ok_or_else(Stop::not_found)
}

/// Refuses whose role doesn't include `ability`, before anything is shown that they couldn't use.
fn require(visitor: &Visitor, ability: MemberAbility) -> Result<(), Stop> {
    if visitor.may(ability) {
        return Ok(());
    }
    let text = format!("The role {} may not do this: ask an administrator.", visitor.permit.role().as_str());
    Err(Stop::new(StatusCode::FORBIDDEN, "You may not do this").saying(text).of_api(visitor.permit.api()))
}

/// Whether this visitor can see secrets of this api again.
fn can_reveal(api: &ApiSite, visitor: &Visitor) -> bool {
    api.profile.keys.storage == Storage::Sealed && visitor.may(MemberAbility::Reveal)
}

/// What a key is called: its name, or its hint where it has none.
fn name_of(key: &KeyRow) -> &str {
    key.name.as_deref().unwrap_or_else(|| hint_of(key))
}

/// What lists show of a key's newest secret.
fn hint_of(key: &KeyRow) -> &str {
    key.secrets.first().map_or("", |secret| secret.hint.as_str())
}

/// How a key stands. Its life may have ended while its state says otherwise.
fn state_of(key: &KeyRow, now: Timestamp) -> Badge {
    match key.state {
        KeyState::Revoked => Badge::new("revoked", "Revoked"),
        _ if is_expired(key, now) => Badge::new("expired", "Expired"),
        KeyState::Disabled => Badge::new("disabled", "Disabled"),
        KeyState::Active => Badge::new("active", "Active"),
    }
}

fn is_expired(key: &KeyRow, now: Timestamp) -> bool {
    key.expires_at.is_some_and(|at| at <= now)
}

/// The permissions of a key: `All`, `None`, or the names of its scopes.
fn scopes_in_words(scopes: &Scopes) -> String {
    match scopes {
        Scopes::All => "All".to_owned(),
        Scopes::Listed(scopes) if scopes.is_empty() => "None".to_owned(),
        Scopes::Listed(scopes) => scopes.iter().map(Scope::as_str).collect::<Vec<_>>().join(", "),
    }
}

/// What narrows a key, one short text for each kind: the only entry itself, or how many there are.
fn restrictions_in_words(restrictions: &Restrictions) -> Vec<String> {
    let Restrictions { networks, referrers, endpoints } = restrictions;
    [
        ("network", networks.as_ref().map(Networks::to_texts)),
        ("referrer", referrers.as_ref().map(Referrers::to_texts)),
        ("endpoint", endpoints.as_ref().map(Endpoints::to_texts)),
    ]
    .into_iter()
    .filter_map(|(kind, entries)| match &*entries? {
        [only] => Some(only.clone()),
        entries => Some(words::plural(i64::try_from(entries.len()).unwrap_or(i64::MAX), kind)),
    })
    .collect()
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
        });
        let narrowed: Restrictions = serde_json::from_value(narrowed).unwrap();
        assert_eq!(restrictions_in_words(&narrowed), ["2 networks", "GET /v1/users/**"]);
        assert!(restrictions_in_words(&Restrictions::default()).is_empty());
    }

    #[test]
    fn a_path_names_a_key_or_nothing() {
        assert!(key_id("key_00000000000000000000000000").is_ok());
        for text in ["", "key_", "acc_00000000000000000000000000", "key_0000000000000000000000000!"] {
            assert!(key_id(text).is_err(), "{text}");
        }
    }
}
