//! All applications, in the order of their registration.

use askama::Template;
use axum::{Router, extract::State, routing::get};
use claviger_manage::{ClientFilter, ClientRow, PageRequest};
use claviger_model::{Ability, ClientId};
use http::{Response, StatusCode};

use crate::{
    Body,
    answer::{self, Stop},
    form::Query,
    frame::Frame,
    operator::{
        desk::{Desk, Place, Reader},
        shown,
    },
    words::Time,
};

/// Applications a page.
const PER_PAGE: usize = 50;

pub(super) fn routes() -> Router<Desk> {
    Router::new().route("/applications", get(list))
}

#[derive(Template)]
#[template(path = "operator/applications/list.html")]
struct ListPage {
    frame: Frame,
    /// The apis that let applications in.
    apis: Vec<String>,
    api: String,
    shows_revoked: bool,
    /// The same list with or without those that were revoked.
    other: String,
    applications: Vec<Line>,
    next: Option<String>,
    first: Option<String>,
    can_manage: bool,
}

struct Line {
    id: String,
    name: String,
    api: String,
    kind: &'static str,
    verified: bool,
    is_revoked: bool,
    created: Time,
}

impl Line {
    fn of(row: &ClientRow) -> Self {
        Self {
            id: row.id.to_string(),
            name: row.name.clone(),
            api: row.api.to_string(),
            kind: row.kind.as_str(),
            verified: row.verified,
            is_revoked: row.revoked_at.is_some(),
            created: Time::date(row.created_at),
        }
    }
}

async fn list(
    State(desk): State<Desk>,
    Reader(operator): Reader,
    query: Query,
) -> Result<Response<Body>, Stop> {
    let (api, shows_revoked) = (query.get("api").to_owned(), query.get("show") == "revoked");
    let named = Some(&*api).filter(|api| !api.is_empty());
    let filter = ClientFilter { api: named.map(Into::into), include_revoked: shows_revoked };
    let after: Option<ClientId> = query.get("cursor").parse().ok();
    let request = PageRequest { after, limit: PER_PAGE };
    let page = desk.site.manager().list_clients(&operator.by(), filter, request).await?;
    let link = |show, cursor: &str| {
        shown::link("/applications", &[("api", &api), ("show", show), ("cursor", cursor)])
    };
    let (show, other) = if shows_revoked { ("revoked", "") } else { ("", "revoked") };
    let shown = ListPage {
        frame: operator.frame(Place::Applications, "Applications"),
        apis: super::register::apis(&desk).map(|profile| profile.name.to_string()).collect(),
        shows_revoked,
        other: link(other, ""),
        applications: page.items.iter().map(Line::of).collect(),
        next: page.next.map(|id| link(show, &id.to_string())),
        first: after.map(|_| link(show, "")),
        can_manage: operator.may(Ability::Manage),
        api,
    };
    answer::page(StatusCode::OK, &shown)
}
