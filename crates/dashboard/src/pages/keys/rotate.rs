//! The form that gives a key a new secret, and the answer that shows it.

use std::time::Duration;

use askama::Template;
use axum::{
    Router,
    extract::{Path, State},
    routing::get,
};
use claviger_manage::{KeyView, Refusal, Rotation};
use claviger_model::{KeyState, MemberAbility, parse_duration};
use http::{Response, StatusCode};

use super::{
    key_id,
    once::{self, Made},
    require,
    secret::{self, Why},
};
use crate::{
    Body,
    answer::{self, Stop, capitalised},
    frame::{Frame, Place},
    keys_in_words::name_of,
    site::Site,
    visit::{Posted, Visitor},
    words::plural,
};

pub(super) fn routes() -> Router<Site> {
    Router::new().route("/keys/{id}/rotate", get(ask).post(rotate))
}

/// How long the old secret may go on, beside what the profile says.
const OVERLAPS: [&str; 4] = ["0", "1h", "24h", "7d"];
/// What stands for the profile's own.
const USUAL: &str = "usual";

#[derive(Template)]
#[template(path = "keys/rotate.html")]
struct RotatePage {
    frame: Frame,
    id: String,
    name: String,
    once: String,
    overlaps: Vec<Overlap>,
    error: Option<&'static str>,
    refused: Option<String>,
}

/// A choice of how long the old secret goes on.
struct Overlap {
    value: &'static str,
    label: String,
    text: &'static str,
    checked: bool,
}

async fn ask(
    State(site): State<Site>,
    Path(id): Path<String>,
    visitor: Visitor,
) -> Result<Response<Body>, Stop> {
    let key = site.manager().show_key(&visitor.by(), key_id(&id)?).await?;
    require(&visitor, MemberAbility::Manage)?;
    if key.row.state == KeyState::Revoked {
        return Err(Refusal::Revoked.into());
    }
    answer::page(StatusCode::OK, &RotatePage::new(&site, &visitor, &key, USUAL)?)
}

impl RotatePage {
    fn new(site: &Site, visitor: &Visitor, key: &KeyView, chosen: &str) -> Result<Self, Stop> {
        let name = name_of(&key.row);
        let usual = visitor.api(site)?.profile.keys.overlap;
        Ok(Self {
            frame: Frame::of(site, visitor, Place::Keys, &format!("Rotate {name}")),
            id: key.row.id.to_string(),
            name: name.to_owned(),
            once: site.nonce(),
            overlaps: overlaps(usual, chosen),
            error: None,
            refused: None,
        })
    }
}

async fn rotate(
    State(site): State<Site>,
    Path(id): Path<String>,
    posted: Posted,
) -> Result<Response<Body>, Stop> {
    let visitor = &posted.visitor;
    let by = visitor.by();
    let key = site.manager().show_key(&by, key_id(&id)?).await?;
    require(visitor, MemberAbility::Manage)?;
    let chosen = posted.form.get("overlap");
    let Some(rotation) = read(chosen) else {
        let page = RotatePage::new(&site, visitor, &key, USUAL)?;
        let error = Some("Choose one of these.");
        return answer::page(StatusCode::UNPROCESSABLE_ENTITY, &RotatePage { error, ..page });
    };
    let call =
        crate::once::call(&site, &by, &posted.form, &format!("/keys/{}/rotate", key.row.id), &["overlap"])?;
    let refused = match site.manager().rotate_key(&by, key.row.id, rotation, Some(call)).await {
        Ok(issued) => {
            return secret::show(&site, visitor, &issued.key, &issued.plain, Why::Rotated(&issued.receipt));
        }
        Err(Refusal::AlreadyCreated { id }) => {
            return once::made_already(&site, visitor, &id, Made::Rotated).await;
        }
        Err(Refusal::IdempotencyMismatch) => {
            "This form was sent before, with another choice. Nothing was changed now: look at the key, and send it again if it should be rotated once more.".to_owned()
        }
        Err(refusal @ Refusal::Revoked) => capitalised(&refusal.to_string()),
        Err(other) => return Err(other.into()),
    };
    let page = RotatePage::new(&site, visitor, &key, chosen)?;
    answer::page(StatusCode::CONFLICT, &RotatePage { refused: Some(refused), ..page })
}

/// The rotation that was chosen, if it was among those offered.
fn read(chosen: &str) -> Option<Rotation> {
    if chosen == USUAL {
        return Some(Rotation { overlap: None });
    }
    let offered = OVERLAPS.contains(&chosen);
    let overlap = parse_duration(chosen).ok().filter(|_| offered)?;
    Some(Rotation { overlap: Some(overlap) })
}

fn overlaps(usual: Duration, chosen: &str) -> Vec<Overlap> {
    let text =
        if usual.is_zero() { "The old key is refused at once." } else { "Time to update your programs." };
    let first = Overlap { value: USUAL, label: in_words(usual), text, checked: chosen == USUAL };
    let others = OVERLAPS.into_iter().filter_map(|value| {
        let span = parse_duration(value).ok().filter(|span| *span != usual)?;
        let (label, text) = if span.is_zero() {
            (
                "It leaked: refuse the old key at once".to_owned(),
                "Programs that still use it fail until they are updated.",
            )
        } else {
            (in_words(span), "")
        };
        Some(Overlap { value, label, text, checked: chosen == value })
    });
    std::iter::once(first).chain(others).collect()
}

/// `24 hours`, `7 days`; the usual word for a day that is an overlap is in hours.
fn in_words(span: Duration) -> String {
    let seconds = i64::try_from(span.as_secs()).unwrap_or(i64::MAX);
    match seconds {
        0 => "At once".to_owned(),
        _ if seconds % 86_400 == 0 && seconds > 86_400 => plural(seconds / 86_400, "day"),
        _ if seconds % 3600 == 0 => plural(seconds / 3600, "hour"),
        _ if seconds % 60 == 0 => plural(seconds / 60, "minute"),
        _ => plural(seconds, "second"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_overlap_is_offered_once() {
        let labels = |usual: u64| {
            let offered = overlaps(Duration::from_secs(usual), USUAL);
            assert!(offered.iter().all(|one| read(one.value).is_some()));
            offered.into_iter().map(|one| one.label).collect::<Vec<_>>()
        };
        let leaked = "It leaked: refuse the old key at once";
        assert_eq!(labels(86_400), ["24 hours", leaked, "1 hour", "7 days"]);
        assert_eq!(labels(0), ["At once", "1 hour", "24 hours", "7 days"]);
        assert_eq!(labels(5400), ["90 minutes", leaked, "1 hour", "24 hours", "7 days"]);
    }

    #[test]
    fn only_what_is_offered_is_taken() {
        assert_eq!(read(USUAL).unwrap().overlap, None);
        assert_eq!(read("0").unwrap().overlap, Some(Duration::ZERO));
        for chosen in ["", "366d", "2h", "-1h"] {
            assert!(read(chosen).is_none(), "{chosen}");
        }
    }
}
