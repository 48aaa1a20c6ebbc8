//! One member, wherever they are one: who they are, and what the trail says of them.

use askama::Template;
use axum::{
    Router,
    extract::{Path, State},
    routing::get,
};
use claviger_manage::{AuditFilter, PageRequest, Refusal};
use claviger_model::MemberId;
use http::{Response, StatusCode};

use super::{
    desk::{self, Desk, Place, Reader},
    shown::{self, EventLine, MemberLine},
};
use crate::{
    Body,
    answer::{self, Stop},
    frame::Frame,
};

/// Events of the trail that are shown.
const EVENTS: usize = 20;

pub(super) fn routes() -> Router<Desk> {
    Router::new().route("/members/{id}", get(show))
}

#[derive(Template)]
#[template(path = "operator/member.html")]
struct MemberPage {
    frame: Frame,
    id: String,
    email: String,
    /// Id and name of the account.
    account: Option<(String, String)>,
    /// Of a removed member there is only what the trail says.
    member: Option<MemberLine>,
    events: Vec<EventLine>,
    trail: String,
}

async fn show(
    State(desk): State<Desk>,
    Reader(operator): Reader,
    Path(member): Path<String>,
) -> Result<Response<Body>, Stop> {
    let id: MemberId = desk::id(&member)?;
    let (manager, by) = (desk.site.manager(), operator.by());
    let email = manager.member_address(&by, id).await?.ok_or_else(Stop::not_found)?;
    let member = match manager.show_member(&by, id).await {
        Ok(member) => Some(member),
        Err(Refusal::NotFound(_)) => None,
        Err(other) => return Err(other.into()),
    };
    let filter = AuditFilter { subject: Some(id.to_string()), ..AuditFilter::default() };
    let request = PageRequest { after: None, limit: EVENTS };
    let events = manager.list_audit_newest_first(&by, filter, request).await?.items;
    let account = match (&member, events.first()) {
        (Some(member), _) => Some(member.account),
        (None, event) => event.and_then(|event| event.account),
    };
    let account = match account {
        Some(id) => Some((id.to_string(), manager.show_account(&by, id).await?.name)),
        None => None,
    };
    let shown = MemberPage {
        frame: operator.frame(Place::Accounts, &email),
        id: id.to_string(),
        email,
        account,
        member: member.as_ref().map(MemberLine::of),
        events: EventLine::list(&desk, &operator, &events).await?,
        trail: shown::link("/audit", &[("subject", &id.to_string())]),
    };
    answer::page(StatusCode::OK, &shown)
}
