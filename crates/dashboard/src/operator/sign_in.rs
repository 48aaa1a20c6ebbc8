//! Signing in by an operator key, which is checked and not kept, and signing out.

use askama::Template;
use axum::{
    Extension, Router,
    extract::State,
    routing::{get, post},
};
use claviger_model::Digest;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header, request::Parts};

use super::{
    desk::{self, Desk, PostedByOperator, Refused},
    transport,
};
use crate::{
    Body,
    answer::{self, Stop},
    cookie::Jar,
    form::Query,
    frame::Frame,
    portal::PeerAddress,
    visit::{PostedByStranger, Stranger},
};

pub(super) fn routes() -> Router<Desk> {
    Router::new().route("/sign-in", get(show).post(attempt)).route("/sign-out", post(sign_out))
}

#[derive(Template)]
#[template(path = "operator/sign_in.html")]
struct SignInPage {
    frame: Frame,
    error: Option<&'static str>,
}

fn form(
    desk: &Desk,
    stranger: &Stranger,
    done: &str,
    error: Option<&'static str>,
) -> Result<Response<Body>, Stop> {
    let mut frame = desk::outside("Sign in").done(done);
    stranger.csrf().as_str().clone_into(&mut frame.csrf);
    let status = if error.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    Ok(stranger.remember(&desk.site, answer::page(status, &SignInPage { frame, error })?))
}

async fn show(State(desk): State<Desk>, query: Query, stranger: Stranger) -> Result<Response<Body>, Stop> {
    form(&desk, &stranger, query.get("done"), None)
}

/// The address that is counted is the peer's: nobody is believed to speak for others here.
async fn attempt(
    State(desk): State<Desk>,
    Extension(PeerAddress(peer)): Extension<PeerAddress>,
    headers: HeaderMap,
    posted: PostedByStranger,
) -> Result<Response<Body>, Stop> {
    let PostedByStranger { stranger, form: sent } = posted;
    let (key, now) = (sent.get("key").trim().as_bytes(), desk.site.now());
    desk.attempts.take(peer.ip(), now).map_err(|wait| Stop {
        retry_after: Some(wait.as_secs() + 1),
        ..Stop::new(StatusCode::TOO_MANY_REQUESTS, "Too many attempts").saying("Try again in a while.")
    })?;
    let judged = desk.site.verifier().operator(key);
    if !matches!(judged, Ok(None)) {
        desk.attempts.give_back(peer.ip());
    }
    if judged.map_err(desk::unknowable)?.is_none() {
        let error = "This is not an operator key of this installation, or it is revoked.";
        return form(&desk, &stranger, "", Some(error));
    }
    let token = desk.sessions.begin(Digest::of(key), desk.site.entropy(), now);
    let mut response = answer::go("/accounts");
    let longest = super::session::LONGEST.as_secs();
    // The origin is checked: a browser that came by TLS keeps the session to it.
    let cookie = Jar::Operator.set(&token, longest, transport::sent_by_tls(&headers));
    response.headers_mut().append(header::SET_COOKIE, cookie);
    Ok(response)
}

async fn sign_out(
    State(desk): State<Desk>,
    parts: Parts,
    _posted: PostedByOperator,
) -> Result<Response<Body>, Refused> {
    if let Some(token) = desk::token(&parts) {
        desk.sessions.end(&token);
    }
    let mut response = answer::go("/sign-in?done=signed-out");
    let headers = response.headers_mut();
    for is_secure in [true, false] {
        headers.append(header::SET_COOKIE, Jar::Operator.set("", 0, is_secure));
    }
    headers.insert("clear-site-data", HeaderValue::from_static("\"cache\", \"storage\""));
    Ok(response)
}
