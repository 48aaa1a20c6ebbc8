//! The forms that register an application and that change one.

use std::sync::Arc;

use askama::Template;
use axum::{
    Router,
    extract::{Path, State},
    routing::get,
};
use claviger_manage::{ChangedClient, ClientRow, Refusal};
use claviger_model::{Ability, profile::Profile};
use http::{Response, StatusCode};

use super::{
    changeable,
    fields::{self, Problem, Typed},
    shown,
};
use crate::{
    Body,
    answer::{self, Stop, capitalised},
    form::Query,
    frame::Frame,
    once,
    operator::desk::{Desk, Operator, Place, PostedByOperator, Reader},
};

pub(super) fn routes() -> Router<Desk> {
    Router::new()
        .route("/applications/new", get(ask).post(register))
        .route("/applications/{id}/edit", get(ask_change).post(change))
}

/// The apis that let applications in.
pub(super) fn apis(desk: &Desk) -> impl Iterator<Item = &Arc<Profile>> {
    desk.site.apis().iter().map(|api| &api.profile).filter(|profile| profile.oauth.is_some())
}

#[derive(Template)]
#[template(path = "operator/applications/form.html")]
struct FormPage {
    frame: Frame,
    action: String,
    /// Where it is left to.
    back: String,
    /// Of an application that is there; what can't change is not asked then.
    is_change: bool,
    once: String,
    api: String,
    typed: Typed,
    /// The api's scopes, in its words.
    scopes: Vec<Choice>,
    problems: Vec<Problem>,
}

struct Choice {
    value: String,
    text: String,
    checked: bool,
}

impl FormPage {
    fn new(
        desk: &Desk,
        operator: &Operator,
        profile: &Profile,
        of: Option<&ClientRow>,
        typed: Typed,
    ) -> Self {
        let scopes = profile.scopes.iter().map(|(scope, text)| Choice {
            checked: typed.scopes.iter().any(|one| one == scope.as_str()),
            value: scope.to_string(),
            text: text.clone(),
        });
        let (title, action, back) = match of {
            Some(row) => {
                let place = format!("/applications/{}", row.id);
                (format!("Change {}", row.name), format!("{place}/edit"), place)
            }
            None => (
                "Register an application".to_owned(),
                "/applications/new".to_owned(),
                "/applications".to_owned(),
            ),
        };
        Self {
            frame: operator.frame(Place::Applications, &title),
            action,
            back,
            is_change: of.is_some(),
            once: desk.site.nonce(),
            api: profile.name.to_string(),
            scopes: scopes.collect(),
            typed,
            problems: Vec::new(),
        }
    }

    fn error(&self, field: &str) -> Option<&str> {
        self.problems.iter().find(|problem| problem.field == field).map(|problem| &*problem.text)
    }

    fn refused(self, problems: Vec<Problem>) -> Result<Response<Body>, Stop> {
        answer::page(StatusCode::UNPROCESSABLE_ENTITY, &Self { problems, ..self })
    }
}

/// For which api.
#[derive(Template)]
#[template(path = "operator/applications/choose.html")]
struct ChoosePage {
    frame: Frame,
    apis: Vec<(String, String)>,
}

async fn ask(
    State(desk): State<Desk>,
    Reader(operator): Reader,
    query: Query,
) -> Result<Response<Body>, Stop> {
    operator.by().require(Ability::Manage)?;
    let Some(profile) = named(&desk, query.get("api")) else {
        let apis = apis(&desk).map(|profile| (profile.name.to_string(), profile.title.clone())).collect();
        let frame = operator.frame(Place::Applications, "Register an application");
        return answer::page(StatusCode::OK, &ChoosePage { frame, apis });
    };
    answer::page(StatusCode::OK, &FormPage::new(&desk, &operator, profile, None, Typed::default()))
}

/// The api of this name, or the only one that lets applications in.
fn named<'a>(desk: &'a Desk, name: &str) -> Option<&'a Profile> {
    let mut all = apis(desk);
    if name.is_empty() {
        return all.next().filter(|_| all.next().is_none()).map(|profile| &**profile);
    }
    all.find(|profile| &*profile.name == name).map(|profile| &**profile)
}

async fn register(State(desk): State<Desk>, posted: PostedByOperator) -> Result<Response<Body>, Stop> {
    let PostedByOperator { operator, form } = &posted;
    operator.by().require(Ability::Manage)?;
    let profile = named(&desk, form.get("api")).ok_or_else(Stop::not_found)?;
    let typed = Typed::of(form);
    let page = |typed| FormPage::new(&desk, operator, profile, None, typed);
    let order = match typed.order(profile) {
        Ok(order) => order,
        Err(problems) => return page(typed).refused(problems),
    };
    let call = once::call(
        &desk.site,
        &operator.by(),
        form,
        &format!("/applications/new/{}", profile.name),
        &fields::NAMES,
    )?;
    match desk.site.manager().register_client(&operator.by(), order, Some(call)).await {
        Ok(issued) => shown::issued(&desk, operator, issued),
        Err(Refusal::Invalid(faults)) => page(typed).refused(fields::problems(&faults)),
        Err(Refusal::NotFound(_)) => {
            let text = "There is no such account of this API.".to_owned();
            page(typed).refused(vec![Problem { field: "account", text }])
        }
        // Sent again, it makes nothing and shows no secret.
        Err(Refusal::AlreadyCreated { id }) => {
            Ok(answer::go(&format!("/applications/{id}?done=registered-before")))
        }
        Err(refusal @ Refusal::IdempotencyMismatch) => {
            Err(Stop::new(StatusCode::CONFLICT, "This form was sent before")
                .saying(capitalised(&refusal.to_string())))
        }
        Err(other) => Err(other.into()),
    }
}

async fn ask_change(
    State(desk): State<Desk>,
    Reader(operator): Reader,
    Path(id): Path<String>,
) -> Result<Response<Body>, Stop> {
    let row = standing(&desk, &operator, &id).await?;
    let profile = named(&desk, &row.api).ok_or_else(Stop::not_found)?;
    answer::page(
        StatusCode::OK,
        &FormPage::new(&desk, &operator, profile, Some(&row), Typed::of_client(&row)),
    )
}

async fn change(
    State(desk): State<Desk>,
    Path(id): Path<String>,
    posted: PostedByOperator,
) -> Result<Response<Body>, Stop> {
    let PostedByOperator { operator, form } = &posted;
    let row = standing(&desk, operator, &id).await?;
    let profile = named(&desk, &row.api).ok_or_else(Stop::not_found)?;
    let before = Typed::of_client(&row);
    let typed = Typed { kind: before.kind, account: before.account, ..Typed::of(form) };
    let page = |typed| FormPage::new(&desk, operator, profile, Some(&row), typed);
    let done = answer::go(&format!("/applications/{}?done=saved", row.id));
    let patch = match typed.patch(&row) {
        Ok(Some(patch)) => patch,
        Ok(None) => return Ok(done),
        Err(problems) => return page(typed).refused(problems),
    };
    match desk.site.manager().patch_client(&operator.by(), row.id, patch).await {
        Ok(ChangedClient { receipt, .. }) if receipt.complete => Ok(done),
        Ok(ChangedClient { receipt, .. }) => {
            Ok(answer::go(&format!("/applications/{}?done=pending&receipt={}", row.id, receipt.seq)))
        }
        Err(Refusal::Invalid(faults)) => page(typed).refused(fields::problems(&faults)),
        Err(other) => Err(other.into()),
    }
}

/// An application that isn't revoked.
async fn standing(desk: &Desk, operator: &Operator, id: &str) -> Result<ClientRow, Stop> {
    let row = changeable(desk, operator, id).await?;
    let revoked =
        || Stop::new(StatusCode::CONFLICT, "This can't be done").saying("The application is revoked.");
    if row.revoked_at.is_none() { Ok(row) } else { Err(revoked()) }
}
