//! The page that shows a key's secret: the answer to the form that made it, or that asked to see it again.

use askama::Template;
use claviger_manage::{KeyView, Receipt};
use claviger_model::PlainKey;
use http::{HeaderValue, Response, StatusCode, header};

use super::{
    can_reveal,
    snippets::{self, ReadyHeader, Snippet},
};
use crate::{
    Body,
    answer::{self, Stop},
    frame::{Frame, Place},
    keys_in_words::name_of,
    site::Site,
    visit::Visitor,
    words::Time,
};

/// Why a secret is shown.
#[derive(Clone, Copy, Debug)]
pub(super) enum Why<'a> {
    Created(&'a Receipt),
    Rotated(&'a Receipt),
    Revealed,
}

#[derive(Template)]
#[template(path = "keys/secret.html")]
struct SecretPage<'a> {
    frame: Frame,
    plain: &'a PlainKey,
    id: String,
    name: String,
    variable: &'a str,
    is_revealed: bool,
    /// Whether this visitor can see the secret again.
    is_kept: bool,
    standing: Option<Standing>,
    old: Option<Old>,
    ready: Option<ReadyHeader>,
    snippets: Vec<Snippet>,
    /// What stands in them for the address of the api, where it isn't known.
    stand_in: Option<&'static str>,
}

/// How far the change has come.
enum Standing {
    Everywhere,
    By(Time),
    OnItsWay,
}

/// What becomes of the secret before.
enum Old {
    Works(Time),
    Ended,
}

/// Hands the secret over, this once.
pub(super) fn show(
    site: &Site,
    visitor: &Visitor,
    key: &KeyView,
    plain: &PlainKey,
    why: Why<'_>,
) -> Result<Response<Body>, Stop> {
    let api = visitor.api(site)?;
    let profile = &api.profile;
    let name = name_of(&key.row);
    let (status, title, receipt) = match why {
        Why::Created(receipt) => (StatusCode::CREATED, format!("{name} is ready"), Some(receipt)),
        Why::Rotated(receipt) => (StatusCode::CREATED, format!("{name} has a new key"), Some(receipt)),
        Why::Revealed => (StatusCode::OK, name.to_owned(), None),
    };
    let page = SecretPage {
        frame: Frame::of(site, visitor, Place::Keys, &title),
        plain,
        id: key.row.id.to_string(),
        name: name.to_owned(),
        variable: &profile.env_var,
        is_revealed: matches!(why, Why::Revealed),
        is_kept: can_reveal(api, visitor),
        standing: receipt.map(Standing::of),
        old: if matches!(why, Why::Rotated(_)) { old(site, key) } else { None },
        ready: profile.dashboard.shows_header.then(|| snippets::ready_header(profile, plain)),
        snippets: snippets::snippets(profile, key.row.environment, plain),
        stand_in: snippets::stand_in(profile, key.row.environment),
    };
    let mut response = answer::page(status, &page)?;
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

impl Standing {
    fn of(receipt: &Receipt) -> Self {
        match receipt.guaranteed_by {
            _ if receipt.complete => Self::Everywhere,
            Some(at) => Self::By(Time::exact(at)),
            None => Self::OnItsWay,
        }
    }
}

/// What becomes of the secret that was the current one until now.
fn old(site: &Site, key: &KeyView) -> Option<Old> {
    let ends_at = key.row.secrets.get(1)?.ends_at?;
    Some(if ends_at > site.now() { Old::Works(Time::exact(ends_at)) } else { Old::Ended })
}
