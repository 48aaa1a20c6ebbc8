//! The pages of the portal, one module for each family, and the router that leads to them.

mod audit;
mod keys;
mod links;
mod members;
mod oauth;
pub(crate) mod reports;
mod sessions;
mod sign_in;

pub(crate) use self::links::welcome;

use axum::{
    Router,
    extract::State,
    routing::{get, post},
};
use http::{HeaderMap, Method, Response, StatusCode, Uri};

use crate::{
    Body,
    answer::{self, Stop},
    assets, brand, oidc,
    site::Site,
    visit::{NoVisitor, Visitor},
};

pub(crate) fn router(site: Site) -> Router {
    Router::new()
        .route("/", get(first))
        .route("/assets/{name}", get(asset))
        .route("/brand/{name}", get(brand_file))
        .route("/csp-report", post(reports::take))
        .merge(audit::routes())
        .merge(keys::routes())
        .merge(links::routes())
        .merge(members::routes())
        .merge(oauth::routes())
        .merge(sessions::routes())
        .merge(sign_in::routes())
        .merge(oidc::routes())
        .fallback(async || Stop::not_found())
        .method_not_allowed_fallback(async |method: Method| {
            Stop::new(StatusCode::METHOD_NOT_ALLOWED, "This can't be done here")
                .saying(format!("There is no {method} of this page."))
        })
        .with_state(site)
}

async fn first(visitor: Result<Visitor, NoVisitor>) -> Response<Body> {
    match visitor {
        Ok(_) => answer::go("/keys"),
        // Nobody works on the first page: there is nothing to tell and nowhere to go on.
        Err(NoVisitor::SignedOut(_)) => answer::go("/sign-in"),
        Err(NoVisitor::Stop(stop)) => stop.into(),
    }
}

async fn asset(uri: Uri, headers: HeaderMap) -> Response<Body> {
    assets::serve(uri.path(), &headers)
}

async fn brand_file(State(site): State<Site>, uri: Uri) -> Response<Body> {
    brand::serve(site.apis().iter().map(|api| &api.brand), uri.path())
}
