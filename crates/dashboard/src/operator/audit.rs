//! The audit trail, the newest first, and whether its chain holds.

use askama::Template;
use axum::{
    Router,
    extract::State,
    routing::{get, post},
};
use claviger_manage::{AuditFilter, ChainCheck, PageRequest};
use claviger_model::{AccountId, Digest};
use http::{Response, StatusCode};

use super::{
    desk::{Desk, Operator, Place, PostedByOperator, Reader},
    shown::{self, EventLine},
};
use crate::{
    Body,
    answer::{self, Stop},
    form::Query,
    frame::Frame,
    words,
};

const PER_PAGE: usize = 50;

pub(super) fn routes() -> Router<Desk> {
    Router::new().route("/audit", get(list)).route("/audit/check", post(check))
}

#[derive(Template)]
#[template(path = "operator/audit.html")]
struct AuditPage {
    frame: Frame,
    account: String,
    subject: String,
    request: String,
    error: Option<&'static str>,
    events: Vec<EventLine>,
    next: Option<String>,
    first: Option<String>,
    chain: Option<Chain>,
}

/// What walking the chain found.
enum Chain {
    Whole { events: String, head: String },
    Broken { number: u64, reason: String },
}

async fn list(
    State(desk): State<Desk>,
    Reader(operator): Reader,
    query: Query,
) -> Result<Response<Body>, Stop> {
    page(&desk, &operator, &query, None).await
}

/// Walks the whole chain.
async fn check(
    State(desk): State<Desk>,
    query: Query,
    posted: PostedByOperator,
) -> Result<Response<Body>, Stop> {
    let chain = match desk.site.manager().check_audit(&posted.operator.by()).await? {
        ChainCheck::Whole { events, head } => Chain::Whole {
            events: words::plural(i64::try_from(events).unwrap_or(i64::MAX), "event"),
            head: Digest::from_bytes(head).to_hex(),
        },
        ChainCheck::Broken { number, reason } => Chain::Broken { number, reason },
    };
    page(&desk, &posted.operator, &query, Some(chain)).await
}

async fn page(
    desk: &Desk,
    operator: &Operator,
    query: &Query,
    chain: Option<Chain>,
) -> Result<Response<Body>, Stop> {
    let field = |name| query.get(name).trim().to_owned();
    let (account, subject, request) = (field("account"), field("subject"), field("request"));
    let of_account: Option<AccountId> = account.parse().ok();
    let error = (!account.is_empty() && of_account.is_none())
        .then_some("The id of an account begins with acc_ and is 30 characters long.");
    let text = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
    let filter = AuditFilter { account: of_account, subject: text(&subject), request: text(&request) };
    let after: Option<u64> = query.get("cursor").parse().ok();
    let asked = PageRequest { after, limit: PER_PAGE };
    let (events, next) = if error.is_some() {
        (Vec::new(), None)
    } else {
        let page = desk.site.manager().list_audit_newest_first(&operator.by(), filter, asked).await?;
        (page.items, page.next)
    };
    let link = |cursor: &str| {
        let fields =
            [("account", &*account), ("subject", &subject), ("request", &request), ("cursor", cursor)];
        shown::link("/audit", &fields)
    };
    let shown = AuditPage {
        frame: operator.frame(Place::Audit, "Audit trail"),
        events: EventLine::list(desk, operator, &events).await?,
        next: next.map(|number| link(&number.to_string())),
        first: after.map(|_| link("")),
        account,
        subject,
        request,
        error,
        chain,
    };
    let status = if error.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    answer::page(status, &shown)
}
