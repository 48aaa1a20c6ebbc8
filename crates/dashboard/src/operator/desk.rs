//! Who visits the operators' pages, and what these can reach.
//!
//! A handler that takes an [`Operator`] has one who is signed in; one that takes a [`Reader`] has one who may read; one
//! that takes a [`PostedByOperator`] has a form from one of this operator's own pages. Each request judges the operator
//! key anew: a session ends with it.

use std::{str::FromStr, sync::Arc};

use askama::Template;
use axum::{
    extract::{FromRef, FromRequest, FromRequestParts, Request},
    response::{Html, IntoResponse},
};
use claviger_manage::{Actor, By};
use claviger_model::{Ability, RequestId};
use claviger_verify::{Indeterminate, OperatorPermit};
use http::{Response, StatusCode, request::Parts};
use zeroize::Zeroizing;

use super::{attempts::Attempts, session::Sessions};
use crate::{
    Body,
    answer::{self, Stop},
    cookie::Jar,
    form::Form,
    frame::{Frame, NavLink, Who},
    site::Site,
    visit::{self, Csrf},
};

/// What the operators' pages can reach. Cheap to clone.
#[derive(Clone)]
pub(super) struct Desk {
    pub(super) site: Site,
    pub(super) sessions: Arc<Sessions>,
    pub(super) attempts: Arc<Attempts>,
}

impl FromRef<Desk> for Site {
    fn from_ref(desk: &Desk) -> Self {
        desk.site.clone()
    }
}

/// A signed-in operator, and the request by which they ask.
#[derive(Clone, Debug)]
pub(super) struct Operator {
    pub(super) permit: OperatorPermit,
    pub(super) csrf: Csrf,
    pub(super) request: RequestId,
}

/// The families of pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Accounts,
    Find,
    Apis,
    Applications,
    Operators,
    Nodes,
    Audit,
    /// None of them.
    Elsewhere,
}

const NAV: [(Place, &str, &str); 7] = [
    (Place::Accounts, "Accounts", "/accounts"),
    (Place::Find, "Find", "/find"),
    (Place::Apis, "APIs", "/apis"),
    (Place::Applications, "Applications", "/applications"),
    (Place::Operators, "Operators", "/operators"),
    (Place::Nodes, "Nodes", "/nodes"),
    (Place::Audit, "Audit trail", "/audit"),
];

impl Operator {
    /// Who asks, for the verbs of `manage`.
    pub(super) fn by(&self) -> By {
        By::new(Actor::Operator(self.permit.clone()), self.request)
    }

    pub(super) fn may(&self, ability: Ability) -> bool {
        self.permit.can(ability)
    }

    /// The layout around one of their pages.
    pub(super) fn frame(&self, place: Place, title: &str) -> Frame {
        let link = |(there, label, href): (_, &str, _)| NavLink {
            label: label.to_owned(),
            href,
            current: there == place,
        };
        Frame {
            nav: NAV.into_iter().map(link).collect(),
            who: Some(Who {
                email: self.permit.name().to_owned(),
                role: "operator",
                account: self.permit.abilities().to_string(),
            }),
            csrf: self.csrf.as_str().to_owned(),
            ..outside(title)
        }
    }
}

/// The layout around a page of someone who is not signed in.
pub(super) fn outside(title: &str) -> Frame {
    Frame { product: "Claviger".to_owned(), home: "/accounts", ..Frame::outside(None, title) }
}

/// It can't be known whether an operator key is good.
pub(super) fn unknowable(why: Indeterminate) -> Stop {
    Stop {
        retry_after: Some(2),
        ..Stop::new(StatusCode::SERVICE_UNAVAILABLE, "Not possible right now").saying(answer::capitalised(
            &format!("{why}: no operator key can be judged. Try again in a moment"),
        ))
    }
}

/// The id in a path. What can't be an id is not found, as what isn't there.
pub(super) fn id<T: FromStr>(text: &str) -> Result<T, Stop> {
    text.parse().ok().ok_or_else(Stop::not_found)
}

/// Why an operator gets another page than the one they asked for.
#[derive(Debug)]
pub(super) enum Refused {
    /// Nobody is signed in.
    SignedOut,
    /// The operator key may not read.
    CanNotRead(Box<Operator>),
    /// It can't be known, or the form is not ours.
    Stop(Stop),
}

impl From<Stop> for Refused {
    fn from(stop: Stop) -> Self {
        Self::Stop(stop)
    }
}

#[derive(Template)]
#[template(path = "operator/can_not_read.html")]
struct CanNotReadPage {
    frame: Frame,
    abilities: String,
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response<Body> {
        match self {
            Self::SignedOut => answer::go("/sign-in"),
            Self::Stop(stop) => stop.into(),
            Self::CanNotRead(operator) => {
                let frame = operator.frame(Place::Elsewhere, "This operator key can't read");
                let page = CanNotReadPage { frame, abilities: operator.permit.abilities().to_string() };
                match page.render() {
                    Ok(text) => (StatusCode::FORBIDDEN, Html(text)).into_response(),
                    Err(_) => Stop::new(StatusCode::FORBIDDEN, "You may not do this").into(),
                }
            }
        }
    }
}

/// What the browser holds as its session.
pub(super) fn token(parts: &Parts) -> Option<Zeroizing<String>> {
    Jar::Operator.read_either(&parts.headers).map(|token| Zeroizing::new(token.to_owned()))
}

impl FromRequestParts<Desk> for Operator {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, desk: &Desk) -> Result<Self, Refused> {
        let token = token(parts).ok_or(Refused::SignedOut)?;
        let digest = desk.sessions.look(&token, desk.site.now()).ok_or(Refused::SignedOut)?;
        match desk.site.verifier().operator_by_digest(&digest) {
            Ok(Some(permit)) => {
                Ok(Self { permit, csrf: Csrf::of(&token), request: visit::request_id(parts) })
            }
            Ok(None) => {
                desk.sessions.end(&token);
                Err(Refused::SignedOut)
            }
            Err(why) => Err(unknowable(why).into()),
        }
    }
}

/// An operator who may read: everything that is shown needs it.
#[derive(Debug)]
pub(super) struct Reader(pub(super) Operator);

impl FromRequestParts<Desk> for Reader {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, desk: &Desk) -> Result<Self, Refused> {
        let operator = Operator::from_request_parts(parts, desk).await?;
        if operator.may(Ability::Read) {
            Ok(Self(operator))
        } else {
            Err(Refused::CanNotRead(Box::new(operator)))
        }
    }
}

/// A form of a signed-in operator, from one of their own pages.
#[derive(Debug)]
pub(super) struct PostedByOperator {
    pub(super) operator: Operator,
    pub(super) form: Form,
}

impl FromRequest<Desk> for PostedByOperator {
    type Rejection = Refused;

    async fn from_request(request: Request, desk: &Desk) -> Result<Self, Refused> {
        let (mut parts, body) = request.into_parts();
        visit::require_own_origin(&desk.site, &parts.headers)?;
        let operator = Operator::from_request_parts(&mut parts, desk).await?;
        let form = Form::read(Request::from_parts(parts, body)).await?;
        if operator.csrf.is(form.get("csrf")) {
            Ok(Self { operator, form })
        } else {
            Err(Stop::forged().into())
        }
    }
}
