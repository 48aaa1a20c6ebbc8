//! `/problems/{code}`: what an error means, what to do and whom to ask, where a problem's type leads.

mod entries;
mod page;
#[cfg(test)]
mod reference;

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use claviger_manage::Manager;
use http::{
    HeaderMap, HeaderName,
    header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, VARY, X_FRAME_OPTIONS},
};

use self::page::Page;
use crate::{
    accept,
    page::Id,
    problem::{Code, Problem},
};

const HTML: &str = "text/html";
const MARKDOWN: &str = "text/markdown";
const PLAIN: &str = "text/plain";

/// What a page and its style say of themselves. It loads that, and can be told to do nothing else.
const STRICT: [(HeaderName, &str); 6] = [
    (
        CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
         require-trusted-types-for 'script'",
    ),
    (CACHE_CONTROL, "no-store"),
    (REFERRER_POLICY, "same-origin"),
    (X_FRAME_OPTIONS, "DENY"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
];

/// Explains an error by its code: a problem's, a denial's, or why no decision can be reached.
#[utoipa::path(get, path = "/problems/{code}", tag = "problems", params(("code" = String, Path)), security(()),
    responses((status = 200, description = "What it means, what to do and whom to ask; a page for browsers, Markdown for all others", content((String = "text/plain"), (String = "text/markdown"), (String = "text/html"))), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn explain(
    Id(code): Id<String>,
    State(manager): State<Manager>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let page = Page::of(&code, manager.apis().iter().map(|profile| &**profile));
    let page = page.ok_or_else(|| Problem::new(Code::NotFound, "no such error"))?;
    let media_type = accept::named(&headers, &[HTML, MARKDOWN, PLAIN]).unwrap_or(PLAIN);
    let text = if media_type == HTML { page.html() } else { page.markdown() };
    let fields = [(CONTENT_TYPE, format!("{media_type}; charset=utf-8")), (VARY, "Accept".to_owned())];
    Ok((STRICT, fields, text).into_response())
}

/// How the pages look.
pub(super) async fn style() -> Response {
    (STRICT, [(CONTENT_TYPE, "text/css; charset=utf-8")], include_str!("style.css")).into_response()
}
