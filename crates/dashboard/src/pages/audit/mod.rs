//! The audit trail of an account: who did what, the newest first.

mod told;

use askama::Template;
use axum::{Router, extract::State, routing::get};
use claviger_manage::{AuditEvent, AuditFilter, Browse, KeyShow, KeyView, Page, PageRequest};
use claviger_model::{KeyId, MemberAbility};
use http::{Response, StatusCode};

use crate::{
    Body,
    answer::{self, Stop},
    form::Query,
    frame::{Frame, Place},
    site::Site,
    visit::Visitor,
};

pub(super) use told::{Names, Party, Told, tell};

/// Events a page.
const PER_PAGE: usize = 50;
/// Keys offered to filter by; any other key's own page leads here too.
const OFFERED: usize = 100;

pub(super) fn routes() -> Router<Site> {
    Router::new().route("/audit", get(show))
}

#[derive(Template)]
#[template(path = "audit/list.html")]
struct AuditPage {
    frame: Frame,
    events: Vec<Told>,
    keys: Vec<Offered>,
    newer: Option<String>,
    older: Option<String>,
}

/// A key to filter by.
struct Offered {
    id: String,
    name: String,
    chosen: bool,
}

async fn show(State(site): State<Site>, query: Query, visitor: Visitor) -> Result<Response<Body>, Stop> {
    let key = chosen(&site, &visitor, query.get("key")).await?;
    let subject = key.as_ref().map(|key| key.row.id.to_string());
    let filter = AuditFilter { subject: subject.clone(), ..AuditFilter::default() };
    let Leaf { events, newer, older } = leaf(&site, &visitor, filter, &query).await?;
    let names = Names::in_events(&site, &visitor, &events).await?;
    let now = site.now();
    let at = |way: &str, number: u64| match &subject {
        Some(key) => format!("/audit?key={key}&{way}={number}"),
        None => format!("/audit?{way}={number}"),
    };
    let page = AuditPage {
        frame: Frame::of(&site, &visitor, Place::Audit, "Audit trail"),
        events: events.iter().map(|event| tell(event, &names, now)).collect(),
        keys: offered(&site, &visitor, key.as_ref()).await?,
        newer: newer.map(|number| at("after", number)),
        older: older.map(|number| at("before", number)),
    };
    answer::page(StatusCode::OK, &page)
}

/// The key asked for, which is one of the account, or there is no such page.
async fn chosen(site: &Site, visitor: &Visitor, id: &str) -> Result<Option<KeyView>, Stop> {
    visitor_may_look(visitor)?;
    if id.is_empty() {
        return Ok(None);
    }
    let id = id.parse::<KeyId>().or(Err(Stop::not_found()))?;
    Ok(Some(site.manager().show_key(&visitor.by(), id).await?))
}

/// Asked before anything else, so that whose role may not see the trail learns nothing from the rest of the address.
fn visitor_may_look(visitor: &Visitor) -> Result<(), Stop> {
    if visitor.may(MemberAbility::Audit) {
        return Ok(());
    }
    let role = visitor.permit.role().as_str();
    Err(Stop::new(StatusCode::FORBIDDEN, "You may not do this")
        .saying(format!("The role {role} doesn't include the audit trail: ask an administrator.")))
}

/// The events of one page, the newest first, and where it goes on.
struct Leaf {
    events: Vec<AuditEvent>,
    newer: Option<u64>,
    older: Option<u64>,
}

async fn leaf(site: &Site, visitor: &Visitor, filter: AuditFilter, query: &Query) -> Result<Leaf, Stop> {
    let (by, manager) = (visitor.by(), site.manager());
    let number = |name: &str| query.get(name).parse::<u64>().ok();
    if let Some(after) = number("after") {
        let page = PageRequest { after: Some(after), limit: PER_PAGE };
        let Page { mut items, next } = manager.list_audit(&by, filter.clone(), page).await?;
        // Less than a page leads to the first one, which is whole.
        if items.len() == PER_PAGE {
            items.reverse();
            let older = items.last().map(|event| event.number);
            return Ok(Leaf { events: items, newer: next, older });
        }
    }
    let before = number("before").filter(|_| number("after").is_none());
    let page = PageRequest { after: before, limit: PER_PAGE };
    let Page { items, next } = manager.list_audit_newest_first(&by, filter, page).await?;
    let newer = items.first().map(|event| event.number).filter(|_| before.is_some());
    Ok(Leaf { events: items, newer, older: next })
}

async fn offered(site: &Site, visitor: &Visitor, chosen: Option<&KeyView>) -> Result<Vec<Offered>, Stop> {
    if !visitor.may(MemberAbility::Read) {
        return Ok(Vec::new());
    }
    let mut keys: Vec<KeyView> = chosen.cloned().into_iter().collect();
    for show in [KeyShow::Standing, KeyShow::Revoked] {
        if keys.len() >= OFFERED {
            break;
        }
        let browse = Browse { show, descending: true, per_page: OFFERED, ..Browse::default() };
        let found = site.manager().browse_keys(&visitor.by(), visitor.permit.account(), &browse).await?;
        let chosen = chosen.map(|key| key.row.id);
        keys.extend(found.keys.into_iter().filter(|key| Some(key.row.id) != chosen));
    }
    keys.truncate(OFFERED);
    let chosen = chosen.map(|key| key.row.id);
    Ok(keys
        .into_iter()
        .map(|key| Offered {
            id: key.row.id.to_string(),
            chosen: Some(key.row.id) == chosen,
            name: told::called_or_hint(key.row),
        })
        .collect())
}
