//! Settings → API keys: the list of keys, one key, and what can be done with it.

mod advice;
mod asked;
mod check;
mod conflict;
mod denied;
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
use claviger_model::{KeyId, MemberAbility, profile::Storage};
use http::StatusCode;

use crate::{
    answer::Stop,
    site::{ApiSite, Site},
    visit::Visitor,
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

/// What the api's own documents call the place where its keys are.
fn place_of_keys(api: &ApiSite) -> &str {
    api.profile.dashboard.place.last().map_or("API keys", String::as_str)
}

/// Whether this visitor can see secrets of this api again.
fn can_reveal(api: &ApiSite, visitor: &Visitor) -> bool {
    api.profile.keys.storage == Storage::Sealed && visitor.may(MemberAbility::Reveal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_a_key_or_nothing() {
        assert!(key_id("key_00000000000000000000000000").is_ok());
        for text in ["", "key_", "acc_00000000000000000000000000", "key_0000000000000000000000000!"] {
            assert!(key_id(text).is_err(), "{text}");
        }
    }
}
