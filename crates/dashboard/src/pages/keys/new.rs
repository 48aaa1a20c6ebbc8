//! The form that makes a key, and the answer that shows its secret.

use askama::Template;
use axum::{Router, extract::State, routing::get};
use claviger_manage::{Browse, Refusal};
use claviger_model::MemberAbility;
use http::{Response, StatusCode};

use super::{
    fields::{self, Problem, Typed},
    list::{bound_reached, full_in_words},
    once::{self, Made},
    require,
    secret::{self, Why},
    shown::Fields,
};
use crate::{
    Body,
    answer::{self, Stop},
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
    /// The account has as many keys as it may have: there is nothing to type.
    is_full: bool,
}

async fn ask(State(site): State<Site>, visitor: Visitor) -> Result<Response<Body>, Stop> {
    require(&visitor, MemberAbility::Manage)?;
    let profile = &visitor.api(&site)?.profile;
    let browse = Browse { per_page: 1, ..Browse::default() };
    let found = site.manager().browse_keys(&visitor.by(), visitor.permit.account(), &browse).await?;
    if let Some(max) = bound_reached(profile, &found) {
        let refused = Some(full_in_words(max, &profile.dashboard.revoke));
        let page = NewPage {
            is_full: true,
            ..NewPage::new(&site, &visitor, &Typed::default(), Vec::new(), refused)?
        };
        return answer::page(StatusCode::CONFLICT, &page);
    }
    show(&site, &visitor, StatusCode::OK, &Typed::default(), Vec::new(), None)
}

impl<'a> NewPage<'a> {
    fn new(
        site: &'a Site,
        visitor: &Visitor,
        typed: &Typed,
        problems: Vec<Problem>,
        refused: Option<String>,
    ) -> Result<Self, Stop> {
        let profile = &visitor.api(site)?.profile;
        Ok(Self {
            frame: Frame::of(site, visitor, Place::Keys, &profile.dashboard.create),
            once: site.nonce(),
            submit: &profile.dashboard.submit,
            form: Fields::of_new(profile, typed, problems),
            refused,
            is_full: false,
        })
    }
}

fn show(
    site: &Site,
    visitor: &Visitor,
    status: StatusCode,
    typed: &Typed,
    problems: Vec<Problem>,
    refused: Option<String>,
) -> Result<Response<Body>, Stop> {
    answer::page(status, &NewPage::new(site, visitor, typed, problems, refused)?)
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
    let call = crate::once::call(&site, &visitor.by(), &posted.form, "/keys/new", &fields::NAMES)?;
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
        Refusal::TooManyKeys { max } => {
            let text = full_in_words(max, &profile.dashboard.revoke);
            show(&site, visitor, StatusCode::CONFLICT, &typed, Vec::new(), Some(text))
        }
        other => {
            let problems = fields::problems_of(other)?;
            show(&site, visitor, unprocessable, &typed, problems, None)
        }
    }
}
