//! One-time links: signing in by one, and setting a password by one.

use askama::Template;
use axum::{
    Router,
    extract::{Path, State},
    routing::get,
};
use claviger_manage::{LinkPurpose, OneTimeToken, Refusal, SignedIn};
use http::{HeaderMap, Method, Response, StatusCode, header};

use crate::{
    Body,
    answer::{self, Stop},
    cookie::Jar,
    frame::Frame,
    site::Site,
    visit::{self, PostedByStranger, Stranger},
    way_in::keep_place,
};

pub(super) fn routes() -> Router<Site> {
    Router::new()
        .route("/link/{token}", get(sign_in))
        .route("/invitation/{token}", get(show_invitation).post(accept_invitation))
        .route("/password/{token}", get(show_password).post(accept_password))
}

/// Leads a browser that just signed in by way of elsewhere to where it wanted to go, or to its keys.
pub(crate) fn welcome(next: Option<&str>, site: &Site, signed_in: &SignedIn) -> Response<Body> {
    // What an application asks for one api is nothing to whoever signed in to another.
    let own = format!("/oauth/{}/", signed_in.permit.api());
    let is_own = |next: &&str| !next.starts_with("/oauth/") || next.starts_with(&own);
    welcome_to(next.filter(is_own).unwrap_or("/keys"), site, signed_in)
}

/// Leads a browser that just signed in to `place` of this site.
pub(super) fn welcome_to(place: &str, site: &Site, signed_in: &SignedIn) -> Response<Body> {
    let mut response = answer::go(place);
    let secure = site.is_secure();
    let headers = response.headers_mut();
    // The session itself may end earlier.
    let lasts = signed_in.permit.expires_at().as_millis().saturating_sub(site.now().as_millis());
    let seconds = u64::try_from(lasts / 1000).unwrap_or_default();
    headers.append(header::SET_COOKIE, Jar::Session.set(signed_in.token.expose(), seconds, secure));
    headers.append(header::SET_COOKIE, Jar::BeforeSession.set("", 0, secure));
    headers.append(header::SET_COOKIE, keep_place(None, secure));
    response
}

fn read(token: &str) -> Result<OneTimeToken, Stop> {
    OneTimeToken::read(token).ok_or_else(no_such_link)
}

fn no_such_link() -> Stop {
    Stop::new(StatusCode::GONE, "This link doesn't work")
        .saying("It may have been cut short when it was copied, or be too old. Ask for a new one.")
}

fn stopped(refusal: Refusal) -> Stop {
    match refusal {
        Refusal::NotFound(_) => no_such_link(),
        other => other.into(),
    }
}

/// Signs in. Only a person who follows the link uses it up: a program that looks at what it is about doesn't.
async fn sign_in(
    State(site): State<Site>,
    Path(token): Path<String>,
    method: Method,
    headers: HeaderMap,
    stranger: Stranger,
) -> Result<Response<Body>, Stop> {
    if method != Method::GET || visit::is_prefetch(&headers) {
        return Err(visit::not_now());
    }
    let Stranger { next, browser, request, .. } = stranger;
    let entered = site.manager().enter_by_link(&read(&token)?, browser, request).await;
    Ok(welcome(next.as_deref(), &site, &entered.map_err(stopped)?))
}

#[derive(Template)]
#[template(path = "links/password.html")]
struct PasswordPage {
    frame: Frame,
    is_invitation: bool,
    account: String,
    email: String,
    wrong: Wrong,
}

/// What is wrong with which field.
#[derive(Default)]
struct Wrong {
    password: Option<String>,
    again: Option<String>,
}

async fn show_invitation(
    site: State<Site>,
    token: Path<String>,
    stranger: Stranger,
) -> Result<Response<Body>, Stop> {
    show(LinkPurpose::Invitation, &site, &token, &stranger, Wrong::default()).await
}

async fn show_password(
    site: State<Site>,
    token: Path<String>,
    stranger: Stranger,
) -> Result<Response<Body>, Stop> {
    show(LinkPurpose::Password, &site, &token, &stranger, Wrong::default()).await
}

async fn accept_invitation(
    site: State<Site>,
    token: Path<String>,
    posted: PostedByStranger,
) -> Result<Response<Body>, Stop> {
    accept(LinkPurpose::Invitation, &site, &token, posted).await
}

async fn accept_password(
    site: State<Site>,
    token: Path<String>,
    posted: PostedByStranger,
) -> Result<Response<Body>, Stop> {
    accept(LinkPurpose::Password, &site, &token, posted).await
}

async fn show(
    purpose: LinkPurpose,
    site: &Site,
    token: &str,
    stranger: &Stranger,
    wrong: Wrong,
) -> Result<Response<Body>, Stop> {
    let link = site.manager().look_at_link(purpose, &read(token)?).await.map_err(stopped)?;
    let is_invitation = purpose == LinkPurpose::Invitation;
    let title = if is_invitation { "Accept your invitation" } else { "Choose a new password" };
    let mut frame = Frame::outside(site.api(&link.api), title);
    stranger.csrf().as_str().clone_into(&mut frame.csrf);
    let is_wrong = wrong.password.is_some() || wrong.again.is_some();
    let status = if is_wrong { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let email = link.member.email.to_string();
    let shown = PasswordPage { frame, is_invitation, account: link.account_name, email, wrong };
    Ok(stranger.remember(site, answer::page(status, &shown)?))
}

async fn accept(
    purpose: LinkPurpose,
    site: &Site,
    token: &str,
    posted: PostedByStranger,
) -> Result<Response<Body>, Stop> {
    let PostedByStranger { stranger, form } = posted;
    let password = form.get("password");
    if password != form.get("again") {
        let again = Some("The two are not the same: type the new password twice.".to_owned());
        return show(purpose, site, token, &stranger, Wrong { again, ..Wrong::default() }).await;
    }
    let browser = stranger.browser.clone();
    match site.manager().accept_link(purpose, &read(token)?, password, browser, stranger.request).await {
        Ok(signed_in) => Ok(welcome(stranger.next.as_deref(), site, &signed_in)),
        Err(Refusal::Invalid(faults)) => {
            let details = faults.iter().map(|fault| answer::capitalised(&format!("it {}", fault.detail)));
            let password = Some(details.collect::<Vec<_>>().join(" "));
            show(purpose, site, token, &stranger, Wrong { password, ..Wrong::default() }).await
        }
        Err(other) => Err(stopped(other)),
    }
}
