//! A new secret for an application; the old one works for a while.

use std::time::Duration;

use askama::Template;
use axum::{
    Router,
    extract::{Path, State},
    routing::get,
};
use claviger_manage::{ClientRow, Refusal};
use claviger_model::{oauth::ClientKind, parse_duration};
use http::{Response, StatusCode};

use super::{changeable, shown};
use crate::{
    Body,
    answer::{self, Stop},
    frame::Frame,
    operator::desk::{Desk, Operator, Place, PostedByOperator, Reader},
    words,
};

pub(super) fn routes() -> Router<Desk> {
    Router::new().route("/applications/{id}/rotate", get(ask).post(rotate))
}

/// How long the old secret may go on, beside what the profile says.
const OVERLAPS: [&str; 4] = ["0", "1h", "24h", "7d"];
/// What stands for the profile's own.
const USUAL: &str = "usual";

#[derive(Template)]
#[template(path = "operator/applications/rotate.html")]
struct RotatePage {
    frame: Frame,
    id: String,
    name: String,
    overlaps: Vec<(&'static str, String)>,
}

async fn ask(
    State(desk): State<Desk>,
    Reader(operator): Reader,
    Path(id): Path<String>,
) -> Result<Response<Body>, Stop> {
    let row = rotatable(&desk, &operator, &id).await?;
    let usual = desk.site.api(&row.api).map(|api| api.profile.keys.overlap).unwrap_or_default();
    let page = RotatePage {
        frame: operator.frame(Place::Applications, &format!("Rotate the secret of {}", row.name)),
        id: row.id.to_string(),
        name: row.name,
        overlaps: overlaps(usual),
    };
    answer::page(StatusCode::OK, &page)
}

async fn rotate(
    State(desk): State<Desk>,
    Path(id): Path<String>,
    posted: PostedByOperator,
) -> Result<Response<Body>, Stop> {
    let PostedByOperator { operator, form } = &posted;
    let row = rotatable(&desk, operator, &id).await?;
    let overlap = read(form.get("overlap"))?;
    shown::issued(
        &desk,
        operator,
        desk.site.manager().rotate_client(&operator.by(), row.id, overlap, None).await?,
    )
}

/// An application that has a secret.
async fn rotatable(desk: &Desk, operator: &Operator, id: &str) -> Result<ClientRow, Stop> {
    let row = changeable(desk, operator, id).await?;
    if row.revoked_at.is_some() {
        return Err(
            Stop::new(StatusCode::CONFLICT, "This can't be done").saying("The application is revoked.")
        );
    }
    if row.kind == ClientKind::Public {
        let detail = "a public application has no secret to rotate".to_owned();
        return Err(Refusal::Forbidden(detail).into());
    }
    Ok(row)
}

/// The overlap that was chosen, if it was among those offered; `None` for the profile's own.
fn read(chosen: &str) -> Result<Option<Duration>, Stop> {
    if chosen == USUAL {
        return Ok(None);
    }
    let offered = OVERLAPS.contains(&chosen);
    parse_duration(chosen).ok().filter(|_| offered).map(Some).ok_or_else(Stop::forged)
}

fn overlaps(usual: Duration) -> Vec<(&'static str, String)> {
    let label = |span: Duration| if span.is_zero() { "Not at all".to_owned() } else { words::span(span) };
    let others = OVERLAPS.into_iter().filter_map(|value| Some((value, parse_duration(value).ok()?)));
    let others = others.filter(|(_, span)| *span != usual).map(|(value, span)| (value, label(span)));
    std::iter::once((USUAL, format!("{}, as for keys", label(usual)))).chain(others).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_offered_is_taken() {
        let offered = overlaps(Duration::from_hours(24));
        assert!(offered.iter().all(|(value, _)| read(value).is_ok()));
        let labels: Vec<_> = offered.into_iter().map(|(_, label)| label).collect();
        assert_eq!(labels, ["1 day, as for keys", "Not at all", "1 hour", "7 days"]);
        assert_eq!((read("0").unwrap(), read(USUAL).unwrap()), (Some(Duration::ZERO), None));
        assert!(read("").is_err() && read("366d").is_err());
    }
}
