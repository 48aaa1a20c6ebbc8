//! One application: everything that is known of it, and its secret, which is shown once.

use askama::Template;
use axum::{
    Router,
    extract::{Path, State},
    routing::get,
};
use claviger_manage::{AuditFilter, IssuedClient, PageRequest};
use claviger_model::{Ability, ClientId, PlainKey, Scopes, oauth::ClientKind};
use http::{Response, StatusCode};

use crate::{
    Body,
    answer::{self, Stop},
    form::Query,
    frame::Frame,
    keys_in_words::done_word,
    operator::{
        desk::{self, Desk, Operator, Place, Reader},
        shown::{self, Addresses, EventLine, Named},
    },
    words::Time,
};

/// Events of the trail that are shown.
const EVENTS: usize = 20;

pub(super) fn routes() -> Router<Desk> {
    Router::new().route("/applications/{id}", get(show))
}

#[derive(Template)]
#[template(path = "operator/applications/show.html")]
struct ShowPage {
    frame: Frame,
    id: String,
    name: String,
    api: String,
    kind: ClientKind,
    verified: bool,
    introspects: bool,
    redirect_uris: Vec<String>,
    scopes: Option<Vec<String>>,
    account: Option<String>,
    issuer: Option<String>,
    created: Time,
    created_by: Named,
    revoked: Option<Time>,
    secrets: Vec<SecretLine>,
    events: Vec<EventLine>,
    trail: String,
    can_manage: bool,
    /// The place in the feed of what was done just now.
    receipt: Option<u64>,
}

struct SecretLine {
    number: u16,
    hint: String,
    created: Time,
    ends: Option<Time>,
}

async fn show(
    State(desk): State<Desk>,
    Reader(operator): Reader,
    Path(id): Path<String>,
    query: Query,
) -> Result<Response<Body>, Stop> {
    let id: ClientId = desk::id(&id)?;
    let (manager, by, now) = (desk.site.manager(), operator.by(), desk.site.now());
    let row = manager.show_client(&by, id).await?;
    let about = AuditFilter { subject: Some(id.to_string()), ..AuditFilter::default() };
    let events =
        manager.list_audit_newest_first(&by, about, PageRequest { after: None, limit: EVENTS }).await?;
    let names = Addresses::of(&desk, &operator, std::iter::once(row.created_by.as_str())).await?;
    let secrets = row.secrets.iter().map(|secret| SecretLine {
        number: secret.number,
        hint: secret.hint.clone(),
        created: Time::date(secret.created_at),
        ends: secret.ends_at.map(|at| Time::ago(at, now)),
    });
    let page = ShowPage {
        frame: operator.frame(Place::Applications, &row.name).done(query.get("done")),
        id: id.to_string(),
        api: row.api.to_string(),
        kind: row.kind,
        verified: row.verified,
        introspects: row.introspects,
        redirect_uris: row.redirect_uris.iter().map(|uri| uri.as_str().to_owned()).collect(),
        scopes: match &row.scopes {
            Scopes::All => None,
            Scopes::Listed(scopes) => Some(scopes.iter().map(ToString::to_string).collect()),
        },
        account: row.account.map(|account| account.to_string()),
        issuer: desk.site.api(&row.api).map(|api| manager.issuer(&api.profile)),
        created: Time::exact(row.created_at),
        created_by: names.name(&row.created_by),
        revoked: row.revoked_at.map(|at| Time::ago(at, now)),
        secrets: secrets.collect(),
        events: EventLine::list(&desk, &operator, &events.items).await?,
        trail: shown::link("/audit", &[("subject", &id.to_string())]),
        can_manage: operator.may(Ability::Manage),
        receipt: query.get("receipt").parse().ok(),
        name: row.name,
    };
    answer::page(StatusCode::OK, &page)
}

#[derive(Template)]
#[template(path = "operator/applications/secret.html")]
struct SecretPage {
    frame: Frame,
    id: String,
    name: String,
    issuer: Option<String>,
    plain: PlainKey,
    /// Until when the secret before works, where there is one.
    before: Option<Time>,
}

/// The answer to what was issued. The secret is in it and nowhere else.
pub(super) fn issued(desk: &Desk, operator: &Operator, issued: IssuedClient) -> Result<Response<Body>, Stop> {
    let IssuedClient { row, secret, receipt } = issued;
    let Some(plain) = secret else { return Ok(answer::go(&format!("/applications/{}", row.id))) };
    let before = row.secrets.get(1).and_then(|secret| secret.ends_at);
    let page = SecretPage {
        frame: operator
            .frame(Place::Applications, &format!("The secret of {}", row.name))
            .done(done_word(&receipt, "")),
        id: row.id.to_string(),
        issuer: desk.site.api(&row.api).map(|api| desk.site.manager().issuer(&api.profile)),
        plain,
        before: before.map(Time::exact),
        name: row.name,
    };
    answer::page(StatusCode::CREATED, &page)
}
