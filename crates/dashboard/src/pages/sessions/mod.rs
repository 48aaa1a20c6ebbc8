//! Sign-ins: the browsers that are signed in, ending them, and changing one's own password.

mod browser;

use std::cmp::Reverse;

use askama::Template;
use axum::{
    Router,
    extract::{Path, State},
    routing::{get, post},
};
use claviger_manage::{PageRequest, Refusal, SessionRow, SignInMethod};
use claviger_model::{MemberAbility, SessionId};
use http::{Response, StatusCode};

use crate::{
    Body,
    answer::{self, Stop},
    form::Query,
    frame::{Frame, Place},
    site::Site,
    visit::{Posted, Visitor},
    words::Time,
};

/// Most sign-ins shown.
const SHOWN: usize = 500;

pub(super) fn routes() -> Router<Site> {
    Router::new()
        .route("/sessions", get(list))
        .route("/sessions/password", post(change_password))
        .route("/sessions/{id}/end", post(end))
}

#[derive(Template)]
#[template(path = "sessions/list.html")]
struct SessionsPage {
    frame: Frame,
    email: String,
    sessions: Vec<Session>,
    /// Whether others' are among them.
    of_all: bool,
    /// Whether there are more than are shown.
    cut_off: bool,
    password: Option<PasswordForm>,
}

/// A sign-in as the list shows it.
struct Session {
    id: String,
    is_this: bool,
    email: String,
    browser: String,
    method: &'static str,
    address: String,
    began: Time,
    seen: Time,
}

/// The form of one's own password, and what is wrong with what was sent.
#[derive(Default)]
struct PasswordForm {
    has_one: bool,
    current: Option<String>,
    new: Option<String>,
    again: Option<String>,
}

async fn list(State(site): State<Site>, query: Query, visitor: Visitor) -> Result<Response<Body>, Stop> {
    show(&site, &visitor, StatusCode::OK, query.get("done"), PasswordForm::default()).await
}

async fn show(
    site: &Site,
    visitor: &Visitor,
    status: StatusCode,
    done: &str,
    form: PasswordForm,
) -> Result<Response<Body>, Stop> {
    let permit = &visitor.permit;
    let page = PageRequest { after: None, limit: SHOWN };
    let found = site.manager().list_sessions_newest_first(&visitor.by(), permit.account(), page).await?;
    let mut rows = found.items;
    rows.sort_by_key(|row| (row.id != permit.session(), row.member != permit.member(), Reverse(row.seen_at)));
    let passwords = visitor.api(site)?.profile.sign_in.passwords;
    let page = SessionsPage {
        frame: Frame::of(site, visitor, Place::Sessions, "Sign-ins").done(done),
        email: permit.email().to_string(),
        sessions: rows.iter().map(|row| session(site, visitor, row)).collect(),
        of_all: visitor.may(MemberAbility::Members),
        cut_off: found.next.is_some(),
        password: passwords.then(|| PasswordForm { has_one: permit.has_password(), ..form }),
    };
    answer::page(status, &page)
}

fn session(site: &Site, visitor: &Visitor, row: &SessionRow) -> Session {
    let method = match row.method {
        SignInMethod::Link => "One-time link",
        SignInMethod::Password => "Password",
        SignInMethod::Oidc => "Identity provider",
    };
    let browser = row.agent.as_deref().filter(|agent| !agent.is_empty());
    Session {
        is_this: row.id == visitor.permit.session(),
        id: row.id.to_string(),
        email: row.email.to_string(),
        browser: browser.map_or_else(|| "Unknown".to_owned(), browser::in_words),
        method,
        address: row.address.map_or_else(|| "Unknown".to_owned(), |address| address.to_string()),
        began: Time::ago(row.created_at, site.now()),
        seen: Time::ago(row.seen_at, site.now()),
    }
}

async fn end(
    State(site): State<Site>,
    Path(id): Path<String>,
    Posted { visitor, .. }: Posted,
) -> Result<Response<Body>, Stop> {
    let id = id.parse::<SessionId>().or(Err(Stop::not_found()))?;
    match site.manager().end_session(&visitor.by(), id).await {
        Ok(()) => Ok(answer::go("/sessions?done=session-ended")),
        // Whether somebody else's session is there is not for everyone to know.
        Err(Refusal::Forbidden(_)) => Err(Stop::not_found()),
        Err(other) => Err(other.into()),
    }
}

async fn change_password(State(site): State<Site>, posted: Posted) -> Result<Response<Body>, Stop> {
    let Posted { visitor, form } = posted;
    let (current, new) = (form.get("current"), form.get("password"));
    let fault = if new == form.get("again") {
        match site.manager().change_own_password(&visitor.by(), current, new).await {
            Ok(()) => return Ok(answer::go("/sessions?done=password")),
            Err(refusal) => password_fault(refusal)?,
        }
    } else {
        let again = Some("The two are not the same: type the new password twice.".to_owned());
        PasswordForm { again, ..PasswordForm::default() }
    };
    show(&site, &visitor, StatusCode::UNPROCESSABLE_ENTITY, "", fault).await
}

/// What is wrong with which field.
fn password_fault(refusal: Refusal) -> Result<PasswordForm, Stop> {
    let form = PasswordForm::default();
    match refusal {
        Refusal::WrongPassword => {
            Ok(PasswordForm { current: Some("This is not your current password.".to_owned()), ..form })
        }
        Refusal::Invalid(faults) => Ok(PasswordForm { new: Some(answer::faults_of_it(&faults)), ..form }),
        other => Err(other.into()),
    }
}
