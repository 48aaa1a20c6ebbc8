//! Where an application sends a member's browser to ask for access (RFC 6749 §3.1), and where the member answers.
//!
//! What is asked for is in the query and is read anew for the answer: nothing that was decided travels with the page.

use axum::{
    Router,
    extract::{Path, State},
    routing::get,
};
use claviger_manage::{Astray, Pending};
use claviger_model::MemberAbility;
use http::{HeaderMap, Method, Response, StatusCode, Uri};

use super::{back, consent};
use crate::{
    Body,
    answer::{self, Stop},
    pages::sign_in::forget,
    site::{ApiSite, Site},
    visit::{self, NoVisitor, Posted, Visitor},
    way_in::{self, WayIn},
};

pub(super) fn routes() -> Router<Site> {
    Router::new()
        .route("/oauth/authorize", get(ask).post(decide))
        .route("/oauth/{api}/authorize", get(ask).post(decide))
}

type Signed<T> = Result<T, NoVisitor>;

async fn ask(
    State(site): State<Site>,
    api: Option<Path<String>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    visitor: Signed<Visitor>,
) -> Result<Response<Body>, Stop> {
    if method != Method::GET || visit::is_prefetch(&headers) {
        return Err(visit::not_now());
    }
    let api = api_of(&site, api.as_deref())?;
    let asked = read(&site, api, &uri).await?;
    let visitor = match member_of(api, &uri, visitor)? {
        Ok(visitor) => visitor,
        Err(way) => return Ok(answer::go(&way.href())),
    };
    let pending = match asked {
        Ok(pending) => pending,
        Err(place) => return back::lead(api, &place),
    };
    // Only to a person who follows a link is anything answered without a question.
    let is_page = headers.get("sec-fetch-dest").is_none_or(|dest| dest == "document");
    if is_page && site.manager().was_allowed(&visitor.permit, &pending).await? {
        return back::lead(api, &site.manager().allow(&visitor.by(), &pending).await?);
    }
    consent::page(api, &visitor, &pending)
}

async fn decide(
    State(site): State<Site>,
    api: Option<Path<String>>,
    uri: Uri,
    posted: Signed<Posted>,
) -> Result<Response<Body>, Stop> {
    let api = api_of(&site, api.as_deref())?;
    let (visitor, form) = match posted {
        Ok(Posted { visitor, form }) => (Ok(visitor), Some(form)),
        Err(reason) => (Err(reason), None),
    };
    let visitor = match member_of(api, &uri, visitor)? {
        Ok(visitor) => visitor,
        Err(way) => return Ok(answer::go(&way.href())),
    };
    let pending = match read(&site, api, &uri).await? {
        Ok(pending) => pending,
        Err(place) => return back::lead(api, &place),
    };
    match form.as_ref().map(|form| form.get("answer")) {
        Some("allow") if visitor.may(MemberAbility::Manage) => {
            back::lead(api, &site.manager().allow(&visitor.by(), &pending).await?)
        }
        Some("cancel") => back::lead(api, &pending.denied()),
        Some("leave") => leave(&site, api, &uri, &visitor).await,
        _ => consent::page(api, &visitor, &pending),
    }
}

/// Signs out, for somebody else to answer.
async fn leave(site: &Site, api: &ApiSite, uri: &Uri, visitor: &Visitor) -> Result<Response<Body>, Stop> {
    site.manager().end_session(&visitor.by(), visitor.permit.session()).await?;
    let mut response = answer::go(&way(WayIn::default(), api, uri)?.href());
    forget(site, &mut response);
    Ok(response)
}

/// The api that is asked for, by its name or as the only one, where applications are let in.
fn api_of<'a>(site: &'a Site, name: Option<&String>) -> Result<&'a ApiSite, Stop> {
    let api = match name {
        Some(name) => site.api(name),
        None => site.only_api(),
    };
    let nowhere =
        "No application can ask for access here. Tell whoever made it that its address for this is wrong.";
    let stop = || Stop::new(StatusCode::NOT_FOUND, "There is no such page").saying(nowhere);
    let api = api.ok_or_else(stop)?;
    if api.profile.oauth.is_some() { Ok(api) } else { Err(stop().of_api(&api.profile.name)) }
}

/// What is asked for; or the address at which the application is told what is wrong with it. Who it is that asks is known
/// then, and where else it is our own page that says so.
async fn read(site: &Site, api: &ApiSite, uri: &Uri) -> Result<Result<Pending, String>, Stop> {
    let query = uri.query().unwrap_or_default();
    match site.manager().pending(&api.profile, query.as_bytes()).await? {
        Ok(pending) => Ok(Ok(pending)),
        Err(Astray::Back(place)) => Ok(Err(place)),
        Err(Astray::Here(why)) => {
            let stop = Stop::new(StatusCode::BAD_REQUEST, "This application can't ask for access");
            Err(stop.saying(format!("{why} You can close this page.")).of_api(&api.profile.name))
        }
    }
}

/// The member who is asked; or the way to become one, where nobody is signed in, or somebody is to another api.
///
/// It comes before anything else is said to the application: an address that anybody could register is gone on to by
/// whoever knows this site alone (RFC 9700 §4.11.2).
fn member_of(api: &ApiSite, uri: &Uri, visitor: Signed<Visitor>) -> Result<Result<Visitor, WayIn>, Stop> {
    match visitor {
        Ok(visitor) if *visitor.permit.api() == api.profile.name => Ok(Ok(visitor)),
        Ok(_) => way(WayIn::default(), api, uri).map(Err),
        Err(NoVisitor::SignedOut(reason)) => way(reason, api, uri).map(Err),
        Err(NoVisitor::Stop(stop)) => Err(stop),
    }
}

/// The way to the sign-in page of the api, and back to the same question.
fn way(reason: WayIn, api: &ApiSite, uri: &Uri) -> Result<WayIn, Stop> {
    let name = &api.profile.name;
    let place = way_in::sent_place(&format!("/oauth/{name}/authorize"), uri.query());
    let place = place.ok_or_else(|| {
        Stop::new(StatusCode::URI_TOO_LONG, "The application asks in too many words")
            .saying("Its request is too long to be kept while you sign in. Sign in first, then begin again at the application.")
            .of_api(name)
    })?;
    Ok(reason.leading(name, place))
}
