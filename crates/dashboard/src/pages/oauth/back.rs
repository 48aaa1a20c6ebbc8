//! The page that leads a browser back to an application.
//!
//! It is a page because browsers hold a form to the policy of the page it was on wherever its answer is redirected, be it the
//! question's or the sign-in page's, and an application may lead on from its address to another site. What a page leads to
//! is of no form.

use askama::Template;
use http::{HeaderValue, Response, StatusCode, header};

use crate::{
    Body,
    answer::{self, Stop},
    frame::Frame,
    site::ApiSite,
};

#[derive(Template)]
#[template(path = "oauth/back.html")]
struct BackPage<'a> {
    frame: Frame,
    place: &'a str,
}

/// Leads to `place`, which `manage` made of an address that the application registered: at once, and by a link where a browser
/// opens another program only if asked to.
pub(super) fn lead(api: &ApiSite, place: &str) -> Result<Response<Body>, Stop> {
    let frame = Frame::outside(Some(api), "Back to the application");
    let mut response = answer::page(StatusCode::OK, &BackPage { frame, place })?;
    let refresh = HeaderValue::try_from(format!("0;url={place}"));
    let refresh = refresh.map_err(|error| {
        tracing::error!(%error, "an application's address can't be sent");
        Stop::new(StatusCode::INTERNAL_SERVER_ERROR, "Something went wrong on our side")
    })?;
    response.headers_mut().insert(header::REFRESH, refresh);
    Ok(response)
}
