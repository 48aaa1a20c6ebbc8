//! Signing in by password, and signing out.

use askama::Template;
use axum::{
    Router,
    extract::{Path, State},
    routing::{get, post},
};
use claviger_manage::{MemberPermit, Refusal};
use http::{HeaderValue, Response, StatusCode, header};

use super::links::welcome_to;
use crate::{
    Body,
    answer::{self, Stop},
    cookie::Jar,
    form::Query,
    frame::Frame,
    site::{ApiSite, Site},
    visit::{Posted, PostedByStranger, Stranger},
    way_in::{can_be_kept, keep_place, own_place},
    words,
};

pub(super) fn routes() -> Router<Site> {
    Router::new()
        .route("/sign-in", get(show_only).post(try_only))
        .route("/sign-in/{api}", get(show_one).post(try_one))
        .route("/sign-out", post(sign_out))
        .route("/sign-out-everywhere", post(sign_out_everywhere))
}

/// What the sign-in page says of an api.
#[derive(Template)]
#[template(path = "sign_in/form.html")]
struct SignInPage {
    frame: Frame,
    action: String,
    passwords: bool,
    oidc: Option<OidcButton>,
    email: String,
    error: Option<String>,
    /// Where to go on.
    next: String,
}

struct OidcButton {
    href: String,
    label: String,
}

#[derive(Template)]
#[template(path = "sign_in/choose.html")]
struct ChoosePage {
    frame: Frame,
    apis: Vec<(String, String)>,
}

async fn show_only(
    State(site): State<Site>,
    query: Query,
    stranger: Stranger,
) -> Result<Response<Body>, Stop> {
    if let Some(api) = site.only_api() {
        return show(&site, api, &stranger, Shown::asked(&query));
    }
    let next = with_next(&Shown::asked(&query).next);
    let way = |api: &ApiSite| (format!("/sign-in/{}{next}", api.profile.name), api.profile.title.clone());
    let apis = site.apis().iter().map(way);
    let frame = Frame::outside(None, "Sign in").done(query.get("done"));
    answer::page(StatusCode::OK, &ChoosePage { frame, apis: apis.collect() })
}

async fn show_one(
    State(site): State<Site>,
    Path(api): Path<String>,
    query: Query,
    stranger: Stranger,
) -> Result<Response<Body>, Stop> {
    let api = site.api(&api).ok_or_else(Stop::not_found)?;
    show(&site, api, &stranger, Shown::asked(&query))
}

async fn try_only(State(site): State<Site>, posted: PostedByStranger) -> Result<Response<Body>, Stop> {
    attempt(&site, site.only_api().ok_or_else(Stop::not_found)?, posted).await
}

async fn try_one(
    State(site): State<Site>,
    Path(api): Path<String>,
    posted: PostedByStranger,
) -> Result<Response<Body>, Stop> {
    attempt(&site, site.api(&api).ok_or_else(Stop::not_found)?, posted).await
}

/// What the form is shown again with.
#[derive(Default)]
struct Shown {
    status: Option<StatusCode>,
    email: String,
    error: Option<String>,
    done: String,
    next: String,
}

impl Shown {
    fn asked(query: &Query) -> Self {
        let next = own_place(query.get("next")).unwrap_or_default().to_owned();
        let done = if can_be_kept(&next) { query.get("done") } else { "begin-again" };
        Self { done: done.to_owned(), next, ..Self::default() }
    }
}

/// The query that says where to go on, if anywhere.
fn with_next(next: &str) -> String {
    if next.is_empty() {
        return String::new();
    }
    let next: String = form_urlencoded::byte_serialize(next.as_bytes()).collect();
    format!("?next={next}")
}

fn show(site: &Site, api: &ApiSite, stranger: &Stranger, shown: Shown) -> Result<Response<Body>, Stop> {
    let mut frame = Frame::outside(Some(api), "Sign in").done(&shown.done);
    stranger.csrf().as_str().clone_into(&mut frame.csrf);
    let profile = &api.profile;
    let oidc = profile.sign_in.oidc.as_ref();
    let oidc = oidc.map(|oidc| OidcButton {
        href: format!("/sign-in/oidc/{}{}", profile.name, with_next(&shown.next)),
        label: oidc.label.clone(),
    });
    // Whoever asks for a one-time link comes back by it.
    let kept = keep_place(own_place(&shown.next), site.is_secure());
    let page = SignInPage {
        frame,
        action: format!("/sign-in/{}", profile.name),
        passwords: profile.sign_in.passwords,
        oidc,
        email: shown.email,
        error: shown.error,
        next: shown.next,
    };
    let mut response = answer::page(shown.status.unwrap_or(StatusCode::OK), &page)?;
    response.headers_mut().append(header::SET_COOKIE, kept);
    Ok(stranger.remember(site, response))
}

async fn attempt(site: &Site, api: &ApiSite, posted: PostedByStranger) -> Result<Response<Body>, Stop> {
    let PostedByStranger { stranger, form } = posted;
    let (email, password) = (form.get("email").trim(), form.get("password"));
    let name = &api.profile.name;
    let next = own_place(form.get("next"));
    let entered = site
        .manager()
        .enter_by_password(name, email, password, stranger.browser.clone(), stranger.request)
        .await;
    match entered {
        Ok(signed_in) => Ok(welcome_to(next.unwrap_or("/keys"), site, &signed_in)),
        Err(refusal @ Refusal::WrongPassword) => {
            let error = Some(answer::capitalised(&refusal.to_string()));
            let status = Some(StatusCode::UNPROCESSABLE_ENTITY);
            let next = next.unwrap_or_default().to_owned();
            show(
                site,
                api,
                &stranger,
                Shown { status, email: email.to_owned(), error, next, ..Shown::default() },
            )
        }
        Err(Refusal::TooManyAttempts { retry_after }) => {
            let seconds = retry_after.as_secs() + 1;
            let error = Some(format!("Too many attempts to sign in: try again in {}.", words::wait(seconds)));
            let status = Some(StatusCode::TOO_MANY_REQUESTS);
            let next = next.unwrap_or_default().to_owned();
            let shown = Shown { status, email: email.to_owned(), error, next, ..Shown::default() };
            let mut response = show(site, api, &stranger, shown)?;
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
            Ok(response)
        }
        Err(other) => Err(Stop::from(other).of_api(name)),
    }
}

#[derive(Template)]
#[template(path = "sign_in/out.html")]
struct SignedOutPage {
    frame: Frame,
    back: String,
    label: String,
}

/// Whoever came from another site is shown the way back: browsers refuse a form that another site's page answers.
fn signed_out(site: &Site, permit: &MemberPermit) -> Result<Response<Body>, Stop> {
    let mut response = match (permit.return_to(), site.api(permit.api())) {
        (Some(back), Some(api)) => {
            let frame = Frame::outside(Some(api), "Signed out");
            let label = format!("Back to {}", api.profile.title);
            answer::page(StatusCode::OK, &SignedOutPage { frame, back: back.to_owned(), label })?
        }
        _ => answer::go("/sign-in?done=signed-out"),
    };
    forget(site, &mut response);
    Ok(response)
}

/// Has the browser forget whose it was.
pub(super) fn forget(site: &Site, response: &mut Response<Body>) {
    let headers = response.headers_mut();
    headers.append(header::SET_COOKIE, Jar::Session.set("", 0, site.is_secure()));
    headers.insert("clear-site-data", HeaderValue::from_static("\"cache\", \"storage\""));
}

async fn sign_out(State(site): State<Site>, Posted { visitor, .. }: Posted) -> Result<Response<Body>, Stop> {
    site.manager().end_session(&visitor.by(), visitor.permit.session()).await?;
    signed_out(&site, &visitor.permit)
}

async fn sign_out_everywhere(
    State(site): State<Site>,
    Posted { visitor, .. }: Posted,
) -> Result<Response<Body>, Stop> {
    site.manager().end_own_sessions(&visitor.by()).await?;
    signed_out(&site, &visitor.permit)
}
