//! The form that makes a key, and the answer that shows its secret.

use askama::Template;
use axum::{Router, extract::State, routing::get};
use claviger_manage::Refusal;
use claviger_model::MemberAbility;
use http::{Response, StatusCode};

use super::{
    fields::{self, Problem, Typed},
    once::{self, Made},
    require,
    secret::{self, Why},
    shown::Fields,
};
use crate::{
    Body,
    answer::{self, Stop, capitalised},
    frame::{Frame, Place},
    site::Site,
    visit::{Posted, Visitor},
};

pub(super) fn routes() -> Router<Site> {
    Router::new().route("/keys/new", get(ask).post(create))
}

#[derive(Template)]
#[template(path = "keys/new.html")]
struct NewPage<'a> {
    frame: Frame,
    once: String,
    submit: &'a str,
    form: Fields,
    /// Why no key can be made, whatever is typed.
    refused: Option<String>,
}

async fn ask(State(site): State<Site>, visitor: Visitor) -> Result<Response<Body>, Stop> {
    require(&visitor, MemberAbility::Manage)?;
    show(&site, &visitor, StatusCode::OK, &Typed::default(), Vec::new(), None)
}

fn show(
    site: &Site,
    visitor: &Visitor,
    status: StatusCode,
    typed: &Typed,
    problems: Vec<Problem>,
    refused: Option<String>,
) -> Result<Response<Body>, Stop> {
    let profile = &visitor.api(site)?.profile;
    let page = NewPage {
        frame: Frame::of(site, visitor, Place::Keys, &profile.dashboard.create),
        once: site.nonce(),
        submit: &profile.dashboard.submit,
        form: Fields::of_new(profile, typed, problems),
        refused,
    };
    answer::page(status, &page)
}

async fn create(State(site): State<Site>, posted: Posted) -> Result<Response<Body>, Stop> {
    let visitor = &posted.visitor;
    require(visitor, MemberAbility::Manage)?;
    let profile = &visitor.api(&site)?.profile;
    let typed = Typed::of(&posted.form);
    let unprocessable = StatusCode::UNPROCESSABLE_ENTITY;
    let order = match typed.order(profile, site.now()) {
        Ok(order) => order,
        Err(problems) => return show(&site, visitor, unprocessable, &typed, problems, None),
    };
    let call = once::call(&site, &posted, "/keys/new", &fields::NAMES)?;
    let issued = site.manager().issue_key(&visitor.by(), visitor.permit.account(), order, Some(call)).await;
    let refusal = match issued {
        Ok(issued) => {
            return secret::show(&site, visitor, &issued.key, &issued.plain, Why::Created(&issued.receipt));
        }
        Err(refusal) => refusal,
    };
    match refusal {
        Refusal::AlreadyCreated { id } => once::made_already(&site, visitor, &id, Made::Created).await,
        Refusal::IdempotencyMismatch => {
            let text = "This form was sent before, with something else in it. Nothing was created now: check it, and send it again.";
            show(&site, visitor, StatusCode::CONFLICT, &typed, Vec::new(), Some(text.to_owned()))
        }
        Refusal::TooManyKeys { .. } => {
            let text = capitalised(&refusal.to_string());
            show(&site, visitor, StatusCode::CONFLICT, &typed, Vec::new(), Some(text))
        }
        other => {
            let problems = fields::problems_of(other)?;
            show(&site, visitor, unprocessable, &typed, problems, None)
        }
    }
}
